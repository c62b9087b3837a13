"""Compressed bodies: the content codings of HTTP (RFC 9110, section 8.4.1).

An answer is whatever the target sends, so it is decompressed in steps that end at a limit: a kilobyte can become a
gigabyte. That decides the libraries: `zlib`, `zstd` and `brotli` (from 1.2) can stop in the middle, and tell a body
that is damaged from one that is too large. `cramjam` cannot, for these; of snappy the size is known beforehand.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Final, Protocol

import brotli  # type: ignore[import-untyped]  # it has no stubs
import cramjam

from wireswarm.errors import RemoteProtocolError, UsageError

# A Python that was built without libzstd has neither module; it does without this one coding.
try:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
except ImportError:
    _HAS_ZSTD = False
else:
    _HAS_ZSTD = True

MAX_CODINGS: Final = 5
"""An answer with more codings in a row is a protocol error: each of them can take as long as the largest body."""

_GZIP_LEVEL: Final = 6
_BROTLI_QUALITY: Final = 4  # brotli's own 11 is for what is compressed once and kept
_ZSTD_LEVEL: Final = 3
# Windows above 8 MiB are not allowed in HTTP (RFC 9659), and a decoder would have to reserve them.
_ZSTD_WINDOW_LOG: Final = 23
# A decoder copies what it was fed and did not use. In small steps a body of many tiny members does not cost its square.
_INPUT_STEP: Final = 64 * 1024
# brotli doubles its buffer until it exceeds what it was told, so it is told little at a time.
_BROTLI_STEP: Final = 1024 * 1024


class _Decoder(Protocol):
    # One gzip member, zlib stream or zstd frame.
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: memoryview, max_length: int, /) -> bytes: ...


def decompress(body: bytes, codings: str, *, limit: int) -> bytes:
    """An answer's body as it was before the codings of its Content-Encoding were applied.

    An empty body is empty under any coding: answers to HEAD, with status 304, or of length 0 often name one.

    Args:
        body: the body as it came.
        codings: the field's value, such as `gzip`; of several, the last one was applied last.
        limit: the most bytes that decompressing may give, at every stage.

    Raises:
        RemoteProtocolError: the body is cut short, fails its check or has something behind its end; it is larger than
            the limit; or a coding is not one of those in `ACCEPT_ENCODING`, `x-gzip`, `snappy` and `identity`.
    """
    if not body:
        return body
    names = [part.strip(" \t").lower() for part in codings.split(",")]
    names = [name for name in names if name and name != "identity"]
    if len(names) > MAX_CODINGS:
        raise RemoteProtocolError(f"the answer has more than {MAX_CODINGS} content codings")
    for name in reversed(names):
        decoder = _DECODERS.get(name)
        if decoder is None:
            raise RemoteProtocolError(f"the answer has a content coding other than {ACCEPT_ENCODING}")
        body = decoder(body, limit) if body else body
    return body


def compress(body: bytes, coding: str) -> bytes:
    """A request's body in one of the codings `gzip`, `deflate`, `br`, `zstd` and `snappy`.

    The same bytes become the same bytes: nothing of the time or the machine is in them. The levels are those that
    servers use for what they make on the fly. `snappy` is the block format without framing, as Prometheus remote write
    has it.

    Raises:
        UsageError: another coding.
    """
    encoder = _ENCODERS.get(coding)
    if encoder is None:
        raise UsageError(f"{coding!r} is not a content coding to compress with: {', '.join(_ENCODERS)}")
    return encoder(body)


def _damaged(coding: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"the answer's {coding} body is damaged")


def _too_large(coding: str, limit: int) -> RemoteProtocolError:
    size = f"{limit >> 20} MiB" if limit and not limit % (1 << 20) else f"{limit} bytes"
    return RemoteProtocolError(f"the answer's {coding} body is larger than {size} when decompressed")


def _gunzip(body: bytes, limit: int) -> bytes:
    # One member after the other is one body (RFC 1952, section 2.2).
    return _decode(body, "gzip", limit, lambda: zlib.decompressobj(31), several=True)


def _inflate(body: bytes, limit: int) -> bytes:
    # The coding is the zlib format (RFC 9110, section 8.4.1.2), but some servers send the deflate data alone. The
    # header's check bits (RFC 1950, section 2.2) tell: no encoder's deflate data begins with bytes that pass.
    is_zlib = body[0] & 0x0F == 8 and len(body) > 1 and (body[0] << 8 | body[1]) % 31 == 0
    return _decode(body, "deflate", limit, lambda: zlib.decompressobj(15 if is_zlib else -15), several=False)


def _unzstd(body: bytes, limit: int) -> bytes:
    # Frames, some of them to be skipped, in a row are one body (RFC 8878, section 3.1).
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    return _decode(body, "zstd", limit, lambda: zstd.ZstdDecompressor(options=options), several=True)


def _decode(body: bytes, coding: str, limit: int, new: Callable[[], _Decoder], *, several: bool) -> bytes:
    view = memoryview(body)
    parts: list[bytes] = []
    size = at = 0
    decoder = new()
    while at < len(view):
        if decoder.eof:
            if not several:
                raise _damaged(coding)
            decoder = new()
        step = view[at : at + _INPUT_STEP]
        try:
            part = decoder.decompress(step, limit + 1 - size)
        except _ERRORS as error:
            if "too much memory" in str(error):
                raise RemoteProtocolError(f"the answer's {coding} body needs a window above 8 MiB (RFC 9659)") from None
            raise _damaged(coding) from None
        parts.append(part)
        size += len(part)
        if size > limit:
            raise _too_large(coding, limit)
        at += len(step) - len(decoder.unused_data)
    if not decoder.eof:
        raise _damaged(coding)
    return b"".join(parts)


def _unbrotli(body: bytes, limit: int) -> bytes:
    decoder = brotli.Decompressor()
    parts: list[bytes] = []
    size = 0
    while not decoder.is_finished():
        try:
            part = decoder.process(body, output_buffer_limit=min(limit + 1 - size, _BROTLI_STEP))
        except brotli.error:
            raise _damaged("br") from None
        if not part and not decoder.is_finished():
            raise _damaged("br")
        parts.append(part)
        size += len(part)
        if size > limit:
            raise _too_large("br", limit)
        body = b""  # it was taken whole, the first time
    return b"".join(parts)


def _unsnappy(body: bytes, limit: int) -> bytes:
    # The first bytes say how much will come out, and nothing is allocated before they were looked at.
    try:
        if cramjam.snappy.decompress_raw_len(body) > limit:
            raise _too_large("snappy", limit)
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError:
        raise _damaged("snappy") from None


_ERRORS: tuple[type[Exception], ...] = (zlib.error,)
_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {"gzip": _gunzip, "deflate": _inflate, "br": _unbrotli}
_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: zlib.compress(body, _GZIP_LEVEL, 31),
    "deflate": lambda body: zlib.compress(body, _GZIP_LEVEL, 15),
    "br": lambda body: bytes(brotli.compress(body, quality=_BROTLI_QUALITY)),
    "snappy": lambda body: bytes(cramjam.snappy.compress_raw(body)),
}
if _HAS_ZSTD:
    _ERRORS += (zstd.ZstdError,)
    _DECODERS["zstd"] = _unzstd
    _ENCODERS["zstd"] = lambda body: zstd.compress(body, _ZSTD_LEVEL)

ACCEPT_ENCODING: Final = ", ".join(_DECODERS)
"""What an Accept-Encoding field can offer, of the codings that are registered for HTTP."""

# Not offered: an old alias (RFC 9110, section 8.4.1.3), and what Prometheus remote read answers with.
_DECODERS |= {"x-gzip": _gunzip, "snappy": _unsnappy}
