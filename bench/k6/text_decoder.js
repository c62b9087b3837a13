// protobufjs wants a TextDecoder, which k6 does not have; it is asked for strings of 64 bytes and more only.
globalThis.TextDecoder ??= class {
  decode(bytes) {
    return decodeURIComponent(escape(String.fromCharCode(...bytes)));
  }
};
