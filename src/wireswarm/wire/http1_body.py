"""The bodies of HTTP/1.1 responses, without I/O: they end after a length, in chunks, or with the connection.

See RFC 9112, 6.3 for which of them a response has, which `wireswarm.wire.http1` decides.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Final

from wireswarm.errors import RemoteProtocolError

MAX_BODY_BYTES: Final = 256 * 1024 * 1024
"""A response body larger than this is a protocol error."""

MAX_LINE_BYTES: Final = 4096
"""A chunk's size line, with its extensions, and a trailer may each be this long."""

MAX_TRAILER_BYTES: Final = 64 * 1024
"""All trailers together may be this long."""

BODY_TOO_LARGE: Final = "the answer's body is larger than 256 MiB"

_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\Z")
_COMPLETE: Final = -2


class BodyReader(ABC):
    """Where a body ends, and its pieces so far in `parts`."""

    __slots__ = ("_size", "parts")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._size = 0

    @abstractmethod
    def feed(self, data: bytes) -> bytes | None:
        """Take the next bytes; returns those behind the body's end, or None where it has not ended yet."""

    def _keep(self, data: bytes) -> None:
        self.parts.append(data)
        self._size += len(data)
        if self._size > MAX_BODY_BYTES:
            raise RemoteProtocolError(BODY_TOO_LARGE)


class LengthBody(BodyReader):
    """A body of known length."""

    __slots__ = ("_length",)

    def __init__(self, length: int) -> None:
        super().__init__()
        if length > MAX_BODY_BYTES:
            raise RemoteProtocolError(BODY_TOO_LARGE)
        self._length = length

    def feed(self, data: bytes) -> bytes | None:
        """See `BodyReader.feed`."""
        left = self._length - self._size
        self._keep(data[:left])
        return data[left:] if self._size == self._length else None


class CloseBody(BodyReader):
    """A body that ends with the connection."""

    __slots__ = ()

    def feed(self, data: bytes) -> bytes | None:
        """See `BodyReader.feed`."""
        self._keep(data)
        return None


class ChunkedBody(BodyReader):
    """A chunked body (RFC 9112, 7.1). Chunk extensions and trailers are read and dropped."""

    __slots__ = ("_left", "_pending", "_trailer_size")

    def __init__(self) -> None:
        super().__init__()
        self._pending = b""
        self._left = 0
        """Data bytes of the current chunk that are still to come, and its line end; 0 where a size line is due."""
        self._trailer_size = -1
        """Bytes of trailer lines so far; -1 before the last chunk."""

    def feed(self, data: bytes) -> bytes | None:
        """See `BodyReader.feed`."""
        if self._pending:
            data, self._pending = self._pending + data, b""
        at = 0
        while at < len(data):
            if self._left:
                step = self._read_data(data, at)
            else:
                step = self._read_line(data, at)
                if self._trailer_size == _COMPLETE:
                    return data[step:]
            if step == at:
                self._pending = data[at:]
                break
            at = step
        return None

    def _read_data(self, data: bytes, at: int) -> int:
        if self._left > 2:
            piece = data[at : at + self._left - 2]
            self._keep(piece)
            self._left -= len(piece)
            return at + len(piece)
        if len(data) - at < 2:
            return at
        if data[at : at + 2] != b"\r\n":
            raise RemoteProtocolError("the answer has a chunk that is longer than its size says")
        self._left = 0
        return at + 2

    def _read_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\r\n", at)
        length = (len(data) - 1 if end < 0 else end) - at  # without the CR, which may be there already
        if length > MAX_LINE_BYTES or self._trailer_size > MAX_TRAILER_BYTES:
            raise RemoteProtocolError("the answer has a chunk size line or trailers that are too large")
        if end < 0:
            return at
        if self._trailer_size >= 0:
            self._trailer_size = self._trailer_size + length + 2 if length else _COMPLETE
            return end + 2
        match = _CHUNK_SIZE.match(data, at, end)
        if match is None:
            raise RemoteProtocolError("the answer has a chunk size that is not a hexadecimal number")
        size = int(match[1], 16)
        if size > MAX_BODY_BYTES:
            raise RemoteProtocolError(BODY_TOO_LARGE)
        if size:
            self._left = size + 2
        else:
            self._trailer_size = 0
        return end + 2
