"""HTTP/1.1 as a client speaks it (RFC 9112), without I/O.

`request_line` and `field_lines` make the constant part of a request once per endpoint; `ResponseReader` turns the
bytes of a connection into responses. The reader is on the hot path (`bench/http_throughput.py`): a response that
arrives in one piece, with a Content-Length, costs one search, one regular expression and two slices, and the expression
only where its head differs from the one before; fields that no one asks for are not parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from wireswarm.errors import RemoteProtocolError, UsageError
from wireswarm.wire.http1_body import BODY_TOO_LARGE, BodyReader, ChunkedBody, CloseBody, LengthBody
from wireswarm.wire.jsons import loads

MAX_HEAD_BYTES: Final = 64 * 1024
"""A response head larger than this is a protocol error: nothing sane sends one, and it must not fill the memory."""

_VERSIONS: Final = frozenset({b"HTTP/1.1 ", b"HTTP/1.0 "})
_STATUSES: Final = {b"%d" % status: status for status in range(100, 1000)}
# Every field that decides where the message ends, with the lines that its value is folded over (RFC 9112, 5.2), CRs
# included. `name:` admits no space before the colon (RFC 9112, 5.1); one that has it is matched all the same, so that
# it can be refused instead of overlooked.
_FRAMING: Final = re.compile(
    rb"\n(content-length|transfer-encoding|connection)([ \t]*):([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE
)
_BLANK: Final = b" \t\r\n"
_FIELD_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_FIELD_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")
_TARGET: Final = re.compile(r"/[\x21-\x7e]*\Z")
_NO_BODY_STATUSES: Final = frozenset({101, 204, 304})
_MAX_LENGTH_DIGITS: Final = 18
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

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            RemoteProtocolError: it is none.
        """
        return loads(self.body)

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
        UsageError: method or target have a character that HTTP does not allow.
    """
    if not _FIELD_NAME.match(method):  # both are tokens (RFC 9110, 9.1)
        raise UsageError(f"{method!r} is not an HTTP method")
    if not _TARGET.match(target):
        raise UsageError(f"{target!r} is not a request target: it starts with / and is percent-encoded ASCII")
    return f"{method} {target} HTTP/1.1\r\n".encode("ascii")


def parse_head(head: bytes) -> Head:
    """Read status and framing from a response's head (status line and fields, without the empty line).

    Raises:
        RemoteProtocolError: not an HTTP/1 status line, or framing fields that are malformed or contradict each other
            (RFC 9112, 6.3): guessing where such a message ends would take one response for another.
    """
    status = _STATUSES.get(head[9:12])
    if status is None or head[:9] not in _VERSIONS or head[12:13] not in b" \r":
        raise RemoteProtocolError(_NOT_HTTP)
    _check_line_ends(head)
    keep_alive = current = head[7:8] == b"1"
    length: bytes | None = None
    codings: bytes | None = None
    closes = status == 101  # what follows is another protocol (RFC 9110, 15.2.2)
    for name, space, value in _FRAMING.findall(head):
        if space:
            raise RemoteProtocolError("the answer has white space between a header's name and its colon")
        kind = len(name)  # 10 Connection, 14 Content-Length, 17 Transfer-Encoding
        if kind == 14:
            length = value if length is None else length + b"," + value
        elif kind == 17:
            codings = value if codings is None else codings + b"," + value
        else:
            options = value.lower()
            closes = closes or b"close" in options
            keep_alive = keep_alive or b"keep-alive" in options
    keep_alive = keep_alive and not closes  # whatever else is said (RFC 9112, 9.3)
    if codings is not None:
        if codings.strip(_BLANK).lower() != b"chunked":
            raise RemoteProtocolError("the answer has a transfer coding other than chunked")
        # Where both Transfer-Encoding and Content-Length are given, the first one counts, and the connection is not
        # used again; nor is it where HTTP/1.0 names a coding that it does not have (RFC 9112, 6.1 and 6.3).
        return Head(status, None, True, keep_alive and current and length is None)
    return Head(status, None if length is None else _content_length(length), False, keep_alive)


def _check_line_ends(head: bytes) -> None:
    # A recipient may take a bare LF for a line's end (RFC 9112, 2.2); whoever does may see other fields than we do.
    if head.count(b"\n") != head.count(b"\r\n"):
        raise RemoteProtocolError("the answer has a line that does not end with CR LF")


def _content_length(value: bytes) -> int:
    digits = value.strip(_BLANK)
    if b"," in digits:
        # The same number several times over is still one (RFC 9110, 8.6).
        digits, *others = {part.strip(_BLANK) for part in digits.split(b",")}
        if others:
            digits = b""
    if not digits.isdigit():
        raise RemoteProtocolError("the answer's Content-Length is not one number")
    if len(digits) > _MAX_LENGTH_DIGITS:
        raise RemoteProtocolError(BODY_TOO_LARGE)
    return int(digits)


# Of CONNECT, those that are a success (RFC 9112, 6.3); after the others the connection is closed.
_NO_BODY_METHODS: Final = frozenset({"HEAD", "CONNECT"})
_SOME_HEAD: Final = b"HTTP/1.1 200 OK"
_SOME_PARSED: Final = parse_head(_SOME_HEAD)


class ResponseReader:
    """Reads the responses of one connection, one after the other.

    `begin` names the method that is about to be answered; `feed` takes what arrived and returns the response once it
    is complete; `eof` says that nothing more will come. Interim 1xx responses are read and dropped (RFC 9110, 15.2).
    """

    __slots__ = ("_body", "_buffer", "_head", "_is_without_body", "_raw_head")

    def __init__(self) -> None:
        self._buffer = b""
        self._raw_head = _SOME_HEAD
        """The head that was read last; a busy server repeats it until its Date changes."""
        self._head = _SOME_PARSED
        """What that head says."""
        self._body: BodyReader | None = None
        """Reads the body, between a head and the body's end."""
        self._is_without_body = False

    def begin(self, method: str) -> None:
        """Expect the answer to a request with that method."""
        self._is_without_body = method in _NO_BODY_METHODS

    @property
    def started(self) -> bool:
        """Whether any byte of the next response has arrived."""
        return self._body is not None or bool(self._buffer)

    def feed(self, data: bytes) -> Response | None:
        """Take the next bytes.

        Returns:
            The complete response, or None where more bytes are needed. Bytes after the response make the connection
            unusable (nobody asked for them), so such a response has `keep_alive` False.

        Raises:
            RemoteProtocolError: the bytes are not HTTP/1.1.
        """
        if self._body is not None:
            return self._read_body(self._body, data)
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        return self._read_head(data)

    def eof(self) -> Response | None:
        """The peer closed its side.

        Returns:
            The response, where its body ends with the connection; None where no byte of a response had arrived.

        Raises:
            RemoteProtocolError: the response was cut short.
        """
        if isinstance(self._body, CloseBody):
            return self._finish(self._body, keep_alive=False)
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
            raw_head = data[:end]
            if raw_head != self._raw_head:
                self._head = parse_head(raw_head)
                self._raw_head = raw_head
            status, length, chunked, keep_alive = self._head
            if status >= 200 or status == 101:
                break
            data = data[end + 4 :]
        if self._is_without_body or status in _NO_BODY_STATUSES:
            length = 0
        start = end + 4
        if length is not None and len(data) == start + length:  # all of it in one piece: the common case
            return Response(status, raw_head, data[start:], keep_alive)
        self._body = LengthBody(length) if length is not None else ChunkedBody() if chunked else CloseBody()
        return self._read_body(self._body, data[start:])

    def _read_body(self, body: BodyReader, data: bytes) -> Response | None:
        rest = body.feed(data)
        if rest is None:
            return None
        return self._finish(body, keep_alive=self._head.keep_alive and not rest)

    def _finish(self, body: BodyReader, *, keep_alive: bool) -> Response:
        self._body = None
        return Response(self._head.status, self._raw_head, b"".join(body.parts), keep_alive)


def _check_head_so_far(data: bytes) -> None:
    # Garbage is noticed at once, not when the deadline ends the wait for its end.
    if len(data) > MAX_HEAD_BYTES + 3:  # three of the four bytes that end it
        raise RemoteProtocolError("the answer's head is larger than 64 KiB")
    if data[:7] != b"HTTP/1."[: len(data)]:
        raise RemoteProtocolError(_NOT_HTTP)
    _check_line_ends(data)
