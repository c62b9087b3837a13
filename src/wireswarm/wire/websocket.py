"""WebSocket frames (RFC 6455) from a client's side, without I/O: the handshake, masking, fragments, control frames."""

from __future__ import annotations

import base64
import hashlib
from random import getrandbits
from typing import Final

from wireswarm.errors import RemoteProtocolError
from wireswarm.wire.http1 import Response

try:
    from websockets.speedups import apply_mask  # 40 times as fast as Python for a megabyte
except ImportError:  # pragma: no cover - platforms for which the package has no compiled wheel
    from websockets.utils import apply_mask

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

NORMAL: Final = 1000
PROTOCOL_ERROR: Final = 1002
INVALID_DATA: Final = 1007
TOO_BIG: Final = 1009

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""A longer message, in one frame or in several, ends the connection with 1009."""

Message = tuple[int, bytes]
"""An opcode, and the payload: of a whole message, or of a control frame."""

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MASKED: Final = 0x80
_FINAL: Final = 0x80
_CLOSE_CODES: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
_CONTROL_BYTES: Final = 125


class WebSocketError(RemoteProtocolError):
    """The server sent what RFC 6455 does not allow; `code` is what the connection is to be closed with (7.4.1)."""

    def __init__(self, message: str, code: int = PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.code = code


def new_key() -> bytes:
    """A `Sec-WebSocket-Key`: 16 bytes in base64. It is no secret, and only must not repeat."""
    return base64.b64encode(getrandbits(128).to_bytes(16, "little"))


def accept_for(key: bytes) -> str:
    """The `Sec-WebSocket-Accept` that answers a key (section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode("ascii")


def handshake_fields(key: bytes) -> bytes:
    """The field lines of an opening handshake. No extensions are offered, so frames are never compressed."""
    return b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n" % key


def check_handshake(response: Response, key: bytes) -> None:
    """Check the answer to an opening handshake, whose status is 101 (section 4.1).

    Raises:
        RemoteProtocolError: it does not accept the handshake, or answers to something else.
    """
    fields = response.headers
    connection = {option.strip().lower() for option in fields.get("connection", "").split(",")}
    if fields.get("upgrade", "").strip().lower() != "websocket" or "upgrade" not in connection:
        raise RemoteProtocolError("the answer to the WebSocket handshake switches to another protocol")
    if fields.get("sec-websocket-accept", "") != accept_for(key):
        raise RemoteProtocolError("the answer to the WebSocket handshake has a wrong Sec-WebSocket-Accept")
    if fields.get("sec-websocket-extensions") or fields.get("sec-websocket-protocol"):
        raise RemoteProtocolError("the server uses a WebSocket extension or subprotocol that it was not offered")


def frame(opcode: int, payload: bytes) -> bytes:
    """A whole message, or a control frame, as one masked frame. On the hot path (`bench/socketio_emits.py`)."""
    # The mask keeps scripts in browsers from writing what proxies take for HTTP (10.3); nothing here is such a script.
    mask = getrandbits(32).to_bytes(4, "little")
    length = len(payload)
    if length < 126:
        return b"%c%c%b%b" % (_FINAL | opcode, _MASKED | length, mask, apply_mask(payload, mask))
    size = b"\xfe" + length.to_bytes(2, "big") if length < 65536 else b"\xff" + length.to_bytes(8, "big")
    return b"%c%b%b%b" % (_FINAL | opcode, size, mask, apply_mask(payload, mask))


def close_frame(code: int = NORMAL) -> bytes:
    """A close frame with that code, and without a reason."""
    return frame(CLOSE, code.to_bytes(2, "big"))


class FrameReader:
    """Puts the frames that a server sends together to messages.

    `feed` returns what the bytes complete. Where something is wrong, `error` says what, after the messages before it;
    nothing may be fed after that.
    """

    __slots__ = ("_buffer", "_fragments", "_limit", "_need", "_opcode", "_size", "error")

    def __init__(self, limit: int = MAX_MESSAGE_BYTES) -> None:
        """Make a reader.

        Args:
            limit: the longest message that is taken, in bytes.
        """
        self._limit = limit
        self._buffer: bytearray | None = None
        self._need = 0
        """So many bytes must be there before another look at the buffer is worth it."""
        self._fragments: list[bytes] | None = None
        self._opcode = 0
        self._size = 0
        self.error: WebSocketError | None = None

    def feed(self, data: bytes) -> list[Message]:
        """Take the next bytes. On the hot path."""
        if self._buffer is None:
            # One short text message in one piece: nearly all that an acknowledgement ever is.
            if self._fragments is None and data[:1] == b"\x81" and len(data) > 1 and data[1] == len(data) - 2 < 126:
                payload = data[2:]
                if payload.isascii():
                    return [(TEXT, payload)]
        else:
            self._buffer += data
            if len(self._buffer) < self._need:
                return []
            data = bytes(self._buffer)
            self._buffer = None
        messages: list[Message] = []
        try:
            rest = self._read(data, messages)
        except WebSocketError as error:
            self.error = error
        else:
            if rest:
                self._buffer = bytearray(rest)
        return messages

    def _read(self, data: bytes, messages: list[Message]) -> bytes:
        at, end = 0, len(data)
        while True:
            self._need = 2
            if end - at < 2:
                return data[at:]
            first, second = data[at], data[at + 1]
            length, start = second, at + 2
            if length > 125:
                width = 2 if length == 126 else 8
                self._check_head(first, second)
                self._need = 2 + width
                if end - start < width:
                    return data[at:]
                length, start = int.from_bytes(data[start : start + width], "big"), start + width
                if length < (126 if width == 2 else 65536):
                    raise WebSocketError("a WebSocket frame's length takes more bytes than it needs")
            else:
                self._check_head(first, second)
            if length + self._size > self._limit:
                raise WebSocketError(f"a WebSocket message is larger than {self._limit} bytes", TOO_BIG)
            self._need = start - at + length
            stop = start + length
            if stop > end:
                return data[at:]
            message = self._frame(first, data[start:stop])
            if message is not None:
                messages.append(message)
            at = stop

    def _check_head(self, first: int, second: int) -> None:
        if first & 0x70:
            raise WebSocketError("a WebSocket frame has a reserved bit set")
        if second & _MASKED:
            raise WebSocketError("a WebSocket frame of the server is masked")
        opcode = first & 0x0F
        if opcode >= CLOSE:
            if not first & _FINAL:
                raise WebSocketError("a WebSocket control frame is fragmented")
            if second > _CONTROL_BYTES:
                raise WebSocketError("a WebSocket control frame is longer than 125 bytes")
            if opcode > PONG:
                raise WebSocketError("a WebSocket frame has an unknown opcode")
        elif opcode > BINARY:
            raise WebSocketError("a WebSocket frame has an unknown opcode")
        elif (opcode == CONTINUATION) is (self._fragments is None):
            raise WebSocketError("a WebSocket message is continued that was not begun, or begun within another")

    def _frame(self, first: int, payload: bytes) -> Message | None:
        opcode = first & 0x0F
        if opcode >= CLOSE:
            if opcode == CLOSE:
                _check_close(payload)
            return opcode, payload
        if not first & _FINAL:
            if self._fragments is None:
                self._fragments, self._opcode = [], opcode
            self._fragments.append(payload)
            self._size += len(payload)
            return None
        if self._fragments is not None:
            payload, opcode = b"".join([*self._fragments, payload]), self._opcode
            self._fragments, self._size = None, 0
        if opcode == TEXT and not payload.isascii():
            _check_utf8(payload)
        return opcode, payload


def _check_close(payload: bytes) -> None:
    if not payload:
        return
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or (code not in _CLOSE_CODES and not 3000 <= code <= 4999):
        raise WebSocketError("a WebSocket close frame has no valid code")
    _check_utf8(payload[2:])


def _check_utf8(payload: bytes) -> None:
    try:
        payload.decode()
    except UnicodeDecodeError:
        raise WebSocketError("a WebSocket text is not UTF-8", INVALID_DATA) from None
