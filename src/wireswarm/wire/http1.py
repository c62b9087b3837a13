"""HTTP/1.1 as a client speaks it (RFC 9112), without I/O.

`request_line` and `field_lines` make the constant part of a request once per endpoint; `ResponseReader` turns the
bytes of a connection into responses. The reader is on the hot path (`bench/http_throughput.py`): a response that
arrives in one piece, with a Content-Length, costs one search, one regular expression and two slices; fields that no one
asks for are not parsed.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from wireswarm.errors import RemoteProtocolError, UsageError

MAX_HEAD_BYTES: Final = 64 * 1024
"""A response head larger than this is a protocol error: nothing sane sends one, and it must not fill the memory."""

MAX_BODY_BYTES: Final = 256 * 1024 * 1024
"""A response body larger than this is a protocol error."""

MAX_LINE_BYTES: Final = 4096
"""A chunk's size line, with its extensions, and a trailer may each be this long."""

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: [^\r\n]*)?(?=\r\n)")
# Every field that decides where the message ends. `name:` admits no space before the colon (RFC 9112, 5.1); one that
# has it is matched all the same, so that it can be refused instead of overlooked.
_FRAMING: Final = re.compile(
    rb"\r\n(content-length|transfer-encoding|connection)([ \t]*):[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE
)
_FIELD_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_FIELD_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")
_TARGET: Final = re.compile(r"/[\x21-\x7e]*\Z")
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;|\Z)")
_NO_BODY_STATUSES: Final = frozenset({204, 304})
_COMPLETE: Final = -2
_BODY_TOO_LARGE: Final = "the answer's body is larger than 256 MiB"
_NOT_HTTP: Final = "the answer does not start with an HTTP/1 status line"


class Headers(Mapping[str, str]):
    """A response's fields: names case-insensitive, several lines of one name joined with ", " (RFC 9110, 5.3).

    Parsed from the raw head when first asked for.
    """

    __slots__ = ("_fields",)

    def __init__(self, head: bytes) -> None:
        fields: dict[str, list[str]] = {}
        # An obsolete line folding is a space to whoever reads the value (RFC 9112, 5.2).
        unfolded = re.sub(rb"\r\n[ \t]+", b" ", head)
        for line in unfolded.split(b"\r\n")[1:]:
            name, colon, value = line.partition(b":")
            if colon:
                fields.setdefault(name.decode("latin-1").lower(), []).append(value.strip(b" \t").decode("latin-1"))
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._fields[name.lower()])

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields

    def get_all(self, name: str) -> list[str]:
        """Every line of that name, in order, for fields that must not be joined (Set-Cookie)."""
        return list(self._fields.get(name.lower(), ()))


class Head(NamedTuple):
    """What a response's head says about the message: its status and where its body ends (RFC 9112, 6.3)."""

    status: int
    length: int | None
    """The body's length; None where it is chunked or ends with the connection."""
    chunked: bool
    keep_alive: bool


class Response:
    """A complete response."""

    __slots__ = ("_headers", "body", "head", "keep_alive", "status")

    def __init__(self, status: int, head: bytes, body: bytes, keep_alive: bool) -> None:
        self.status = status
        self.head = head
        """Status line and fields as they came, without the empty line."""
        self.body = body
        self.keep_alive = keep_alive
        """Whether the connection can carry another request."""
        self._headers: Headers | None = None

    @property
    def headers(self) -> Headers:
        """The fields, parsed when first asked for."""
        if self._headers is None:
            self._headers = Headers(self.head)
        return self._headers

    @property
    def text(self) -> str:
        """The body as UTF-8, with what is not UTF-8 replaced."""
        return self.body.decode("utf-8", "replace")

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"


def field_line(name: str, value: str) -> bytes:
    r"""One field line, with its line end.

    Raises:
        UsageError: the name or value has a character that would end the line or is not allowed (RFC 9110, 5.5 and
            5.6.2). The value is not in the message, since it may be a credential.
    """
    if not _FIELD_NAME.match(name):
        raise UsageError(f"{name!r} is not a header name (RFC 9110, section 5.6.2)")
    if not _FIELD_VALUE.match(value):
        raise UsageError(f"the value of header {name} has a line break or another character that HTTP does not allow")
    return f"{name}: {value}\r\n".encode("latin-1")


def field_lines(fields: Iterable[tuple[str, str]]) -> bytes:
    """Field lines for names and values; see `field_line`."""
    return b"".join(field_line(name, value) for name, value in fields)


def request_line(method: str, target: str) -> bytes:
    """The first line of a request, with its line end.

    Args:
        method: the HTTP method, upper case.
        target: path and query, already percent-encoded (RFC 9112, 3.2.1).

    Raises:
        UsageError: the target has a character that HTTP does not allow.
    """
    if not _TARGET.match(target):
        raise UsageError(f"{target!r} is not a request target: it starts with / and is percent-encoded ASCII")
    return f"{method} {target} HTTP/1.1\r\n".encode("ascii")


def parse_head(head: bytes) -> Head:
    """Read status and framing from a response's head (status line and fields, the last one with its line end).

    Raises:
        RemoteProtocolError: not an HTTP/1 status line, or framing fields that are malformed or contradict each other
            (RFC 9112, 6.3): guessing where such a message ends would take one response for another.
    """
    line = _STATUS_LINE.match(head)
    if line is None:
        raise RemoteProtocolError(_NOT_HTTP)
    keep_alive = line[1] == b"1"
    lengths: set[bytes] = set()
    codings = b""
    for name, space, value in _FRAMING.findall(head):
        if space:
            raise RemoteProtocolError("the answer has white space between a header's name and its colon")
        kind = len(name)  # 10 Connection, 14 Content-Length, 17 Transfer-Encoding
        if kind == 14:
            lengths.update(part.strip(b" \t") for part in value.split(b","))
        elif kind == 17:
            codings = codings + b"," + value if codings else value
        else:
            options = value.lower()
            if b"close" in options:
                keep_alive = False
            elif b"keep-alive" in options and line[1] == b"0":
                keep_alive = True
    status = int(line[2])
    if codings:
        return _head_with_codings(status, codings, keep_alive=keep_alive and not lengths)
    if not lengths:
        return Head(status, None, chunked=False, keep_alive=keep_alive)
    length = lengths.pop()
    if lengths or not length.isdigit() or len(length) > 15:
        raise RemoteProtocolError("the answer's Content-Length is not one number")
    return Head(status, int(length), chunked=False, keep_alive=keep_alive)


def _head_with_codings(status: int, codings: bytes, *, keep_alive: bool) -> Head:
    # Where both Transfer-Encoding and Content-Length are given, the first one counts, and the connection is not used
    # again (RFC 9112, 6.1 and 6.3).
    names = [coding.strip(b" \t").lower() for coding in codings.split(b",")]
    if names != [b"chunked"]:
        raise RemoteProtocolError("the answer has a transfer coding other than chunked")
    return Head(status, None, chunked=True, keep_alive=keep_alive)


class ResponseReader:
    """Reads the responses of one connection, one after the other.

    `begin` names the method that is about to be answered; `feed` takes what arrived and returns the response once it
    is complete; `eof` says that nothing more will come. Interim 1xx responses are read and dropped (RFC 9110, 15.2).
    """

    __slots__ = ("_body", "_buffer", "_head", "_is_head_request", "_raw_head")

    def __init__(self) -> None:
        self._buffer = b""
        self._head: Head | None = None
        self._raw_head = b""
        self._body: BodyReader = LengthBody(0)
        self._is_head_request = False

    def begin(self, method: str) -> None:
        """Expect the answer to a request with that method."""
        self._is_head_request = method == "HEAD"

    @property
    def started(self) -> bool:
        """Whether any byte of the next response has arrived."""
        return bool(self._buffer) or self._head is not None

    def feed(self, data: bytes) -> Response | None:
        """Take the next bytes.

        Returns:
            The complete response, or None where more bytes are needed. Bytes after the response make the connection
            unusable (nobody asked for them), so such a response has `keep_alive` False.

        Raises:
            RemoteProtocolError: the bytes are not HTTP/1.1.
        """
        if self._head is not None:
            return self._read_body(self._head, data)
        if self._buffer:
            data = self._buffer + data
        return self._read_head(data)

    def eof(self) -> Response | None:
        """The peer closed its side.

        Returns:
            The response, where its body ends with the connection; None where no byte of a response had arrived.

        Raises:
            RemoteProtocolError: the response was cut short.
        """
        if self._head is not None and isinstance(self._body, CloseBody):
            return self._finish(self._head, keep_alive=False)
        if self.started:
            raise RemoteProtocolError("the answer was cut short")
        return None

    def _read_head(self, data: bytes) -> Response | None:
        while True:
            end = data.find(b"\r\n\r\n")
            if end < 0 or end > MAX_HEAD_BYTES:
                self._buffer = data
                _check_head_so_far(data)
                return None
            head = parse_head(data[: end + 2])
            if head.status >= 200 or head.status == 101:
                break
            data = data[end + 4 :]
        body_start = end + 4
        length = head.length
        if self._is_head_request or head.status in _NO_BODY_STATUSES or head.status == 101:
            length = 0
        if length is not None and len(data) == body_start + length:  # all of it in one piece: the common case
            self._buffer = b""
            return Response(head.status, data[:end], data[body_start:], head.keep_alive)
        self._head, self._raw_head, self._buffer = head, data[:end], b""
        self._body = LengthBody(length) if length is not None else ChunkedBody() if head.chunked else CloseBody()
        return self._read_body(head, data[body_start:])

    def _read_body(self, head: Head, data: bytes) -> Response | None:
        rest = self._body.feed(data)
        if rest is None:
            return None
        return self._finish(head, keep_alive=head.keep_alive and not rest)

    def _finish(self, head: Head, *, keep_alive: bool) -> Response:
        response = Response(head.status, self._raw_head, b"".join(self._body.parts), keep_alive)
        self._head, self._raw_head = None, b""
        return response


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
            raise RemoteProtocolError(_BODY_TOO_LARGE)


class LengthBody(BodyReader):
    """A body of known length."""

    __slots__ = ("_length",)

    def __init__(self, length: int) -> None:
        super().__init__()
        if length > MAX_BODY_BYTES:
            raise RemoteProtocolError(_BODY_TOO_LARGE)
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
        length = (len(data) if end < 0 else end) - at
        if length > MAX_LINE_BYTES or self._trailer_size > MAX_HEAD_BYTES:
            raise RemoteProtocolError("the answer has a chunk size line or trailers that are too large")
        if end < 0:
            return at
        if self._trailer_size >= 0:
            self._trailer_size = self._trailer_size + length if length else _COMPLETE
            return end + 2
        match = _CHUNK_SIZE.match(data, at, end)
        if match is None:
            raise RemoteProtocolError("the answer has a chunk size that is not a hexadecimal number")
        size = int(match[1], 16)
        if size > MAX_BODY_BYTES:
            raise RemoteProtocolError(_BODY_TOO_LARGE)
        if size:
            self._left = size + 2
        else:
            self._trailer_size = 0
        return end + 2


def _check_head_so_far(data: bytes) -> None:
    # Garbage is noticed at once, not when the deadline ends the wait for its end.
    if len(data) > MAX_HEAD_BYTES:
        raise RemoteProtocolError("the answer's head is larger than 64 KiB")
    if data[:7] != b"HTTP/1."[: len(data)]:
        raise RemoteProtocolError(_NOT_HTTP)
