"""`wireswarm.wire.http1`: every text is read whole, byte by byte, in arbitrary pieces, and with bytes behind it."""

from __future__ import annotations

import sys
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.errors import RemoteProtocolError, UsageError
from wireswarm.wire.http1 import (
    MAX_HEAD_BYTES,
    Head,
    Headers,
    Response,
    ResponseReader,
    field_line,
    field_lines,
    parse_head,
    request_line,
)
from wireswarm.wire.http1_body import (
    MAX_BODY_BYTES,
    MAX_LINE_BYTES,
    MAX_TRAILER_BYTES,
    ChunkedBody,
    CloseBody,
)


class Case(NamedTuple):
    wire: bytes
    body: bytes = b""
    status: int = 200
    keep_alive: bool = True
    method: str = "GET"
    until_close: bool = False


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

ANSWERS = {
    "a length": Case(OK + b"Content-Length: 5\r\n\r\nhello", b"hello"),
    "a length of zero": Case(OK + b"Content-Length: 0\r\n\r\n"),
    "a length in odd letters and blanks": Case(OK + b"cOnTeNt-LeNgTh:\t 5 \t\r\n\r\nhello", b"hello"),
    "the same length twice": Case(OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
    "the same length in a list": Case(OK + b"Content-Length: 5, 5\r\n\r\nhello", b"hello"),
    "a folded length": Case(OK + b"Content-Length:\r\n  5\r\n\r\nhello", b"hello"),
    "a length with a line break in the body": Case(
        OK + b"Content-Length: 8\r\n\r\n\r\n\r\n\r\n\r\n", b"\r\n\r\n\r\n\r\n"
    ),
    "a field whose name contains another": Case(
        OK + b"X-Content-Length: 9\r\nContent-Length: 2\r\nContent-Length-X: 7\r\n\r\nhi", b"hi"
    ),
    "no reason phrase": Case(b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    "no blank behind the status": Case(b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", b"hi"),
    "a status that is not known": Case(b"HTTP/1.1 799 Eh?\r\nContent-Length: 0\r\n\r\n", status=799),
    "one chunk": Case(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    "no chunk": Case(CHUNKED + b"0\r\n\r\n"),
    "several chunks": Case(CHUNKED + b"1\r\nh\r\n00a\r\n0123456789\r\n3\r\n\r\n\r\r\n0\r\n\r\n", b"h0123456789\r\n\r"),
    "chunk sizes in both cases": Case(
        CHUNKED + b"A\r\n0123456789\r\nb\r\n0123456789a\r\n000\r\n\r\n", b"0123456789" * 2 + b"a"
    ),
    "chunk extensions": Case(CHUNKED + b'5;a=b;c="d e"\r\nhello\r\n0 \t;last\r\n\r\n', b"hello"),
    "trailers": Case(CHUNKED + b"5\r\nhello\r\n0\r\nExpires: never\r\nX: y\r\n\r\n", b"hello"),
    "chunked in odd letters": Case(OK + b"transfer-encoding:\tChunked \r\n\r\n2\r\nhi\r\n0\r\n\r\n", b"hi"),
    "a folded coding": Case(OK + b"Transfer-Encoding:\r\n\tchunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", b"hi"),
    "chunked and a length": Case(
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"hello",
        keep_alive=False,
    ),
    "chunked under HTTP/1.0": Case(
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"hi",
        keep_alive=False,
    ),
    "until the connection ends": Case(OK + b"\r\nhello", b"hello", keep_alive=False, until_close=True),
    "nothing until the connection ends": Case(OK + b"X: y\r\n\r\n", keep_alive=False, until_close=True),
    "HTTP/1.0 until the connection ends": Case(
        b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello", keep_alive=False, until_close=True
    ),
    "HTTP/1.0 with a length": Case(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", b"hi", keep_alive=False),
    "HTTP/1.0 kept alive": Case(
        b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nhi", b"hi", keep_alive=True
    ),
    "HTTP/1.0 closed and kept alive": Case(
        b"HTTP/1.0 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi",
        b"hi",
        keep_alive=False,
    ),
    "close": Case(OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi", b"hi", keep_alive=False),
    "close among others": Case(OK + b"Connection: Foo, CLOSE\r\nContent-Length: 0\r\n\r\n", keep_alive=False),
    "another connection option": Case(OK + b"Connection: Upgrade\r\nContent-Length: 0\r\n\r\n"),
    "100 before it": Case(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi", b"hi"),
    "100 and 103 before it": Case(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        + OK
        + b"Content-Length: 2\r\n\r\nhi",
        b"hi",
    ),
    "1xx with a length and close": Case(
        b"HTTP/1.1 102 Processing\r\nContent-Length: 7\r\nConnection: close\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n"
    ),
    "101": Case(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", status=101, keep_alive=False),
    "204": Case(b"HTTP/1.1 204 No Content\r\n\r\n", status=204),
    "204 with a length": Case(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", status=204),
    "205 with a length": Case(b"HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n", status=205),
    "205 chunked": Case(b"HTTP/1.1 205 Reset\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", status=205),
    "304 with a length": Case(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", status=304),
    "304 chunked": Case(b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", status=304),
    "HEAD with a length": Case(OK + b"Content-Length: 500\r\n\r\n", method="HEAD"),
    "HEAD with a length beyond the limit": Case(OK + b"Content-Length: 999999999999\r\n\r\n", method="HEAD"),
    "HEAD chunked": Case(OK + b"Transfer-Encoding: chunked\r\n\r\n", method="HEAD"),
    "HEAD without framing": Case(OK + b"\r\n", method="HEAD"),
}

BOUNDED = {name: case for name, case in ANSWERS.items() if not case.until_close}

REFUSED = {
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer does not start with an HTTP/1 status line"),
    "HTTP/2": (b"HTTP/2 200\r\n\r\n", "the answer does not start with an HTTP/1 status line"),
    "HTTP/1.2": (b"HTTP/1.2 200 OK\r\n\r\n", "the answer does not start with an HTTP/1 status line"),
    "nothing but empty lines": (b"\r\n\r\n", "the answer does not start with an HTTP/1 status line"),
    "an empty line first": (b"\r\n" + OK + b"\r\n", "the answer does not start with an HTTP/1 status line"),
    "two digits": (b"HTTP/1.1 20 OK\r\n\r\n", "the answer does not start with an HTTP/1 status line"),
    "four digits": (b"HTTP/1.1 2000 OK\r\n\r\n", "the answer does not start with an HTTP/1 status line"),
    "status 099": (b"HTTP/1.1 099 OK\r\n\r\n", "the answer does not start with an HTTP/1 status line"),
    "a status of letters": (b"HTTP/1.1 abc OK\r\n\r\n", "the answer does not start with an HTTP/1 status line"),
    "two blanks": (b"HTTP/1.1  200 OK\r\n\r\n", "the answer does not start with an HTTP/1 status line"),
    "a status line that ends with LF": (
        b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        "the answer has a line that does not end with CR LF",
    ),
    "a field that ends with LF": (
        OK + b"X: y\nContent-Length: 0\r\n\r\n",
        "the answer has a line that does not end with CR LF",
    ),
    "only LF": (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "the answer has a line that does not end with CR LF"),
    "a blank before the colon": (
        OK + b"Content-Length : 5\r\n\r\nhello",
        "the answer has white space between a header's name and its colon",
    ),
    "a tab before the colon": (
        OK + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
        "the answer has white space between a header's name and its colon",
    ),
    "two lengths": (
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "the answer's Content-Length is not one number",
    ),
    "two lengths in a list": (OK + b"Content-Length: 5, 6\r\n\r\n", "the answer's Content-Length is not one number"),
    "an empty length": (OK + b"Content-Length:\r\n\r\n", "the answer's Content-Length is not one number"),
    "a negative length": (OK + b"Content-Length: -1\r\n\r\n", "the answer's Content-Length is not one number"),
    "a length with a sign": (OK + b"Content-Length: +5\r\n\r\n", "the answer's Content-Length is not one number"),
    "a hexadecimal length": (OK + b"Content-Length: 0x5\r\n\r\n", "the answer's Content-Length is not one number"),
    "a length with a blank": (OK + b"Content-Length: 5 5\r\n\r\n", "the answer's Content-Length is not one number"),
    "a length with a bare CR": (OK + b"Content-Length: 5\r6\r\n\r\n", "the answer's Content-Length is not one number"),
    "a length that is folded in two": (
        OK + b"Content-Length: 5\r\n 6\r\n\r\n",
        "the answer's Content-Length is not one number",
    ),
    "a length beyond the limit": (
        OK + b"Content-Length: 268435457\r\n\r\n",
        "the answer's body is larger than 256 MiB",
    ),
    "a length of very many digits": (
        OK + b"Content-Length: 1" + b"0" * 5000 + b"\r\n\r\n",
        "the answer's body is larger than 256 MiB",
    ),
    "gzip as a transfer coding": (
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        "the answer has a transfer coding other than chunked",
    ),
    "no transfer coding": (OK + b"Transfer-Encoding:\r\n\r\n", "the answer has a transfer coding other than chunked"),
    "chunked twice": (
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "the answer has a transfer coding other than chunked",
    ),
    "identity": (
        OK + b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nhi",
        "the answer has a transfer coding other than chunked",
    ),
    "no chunk size": (CHUNKED + b"\r\nhello\r\n", "the answer has a chunk size that is not a hexadecimal number"),
    "a chunk size of letters": (CHUNKED + b"xyz\r\n", "the answer has a chunk size that is not a hexadecimal number"),
    "a negative chunk size": (CHUNKED + b"-5\r\n", "the answer has a chunk size that is not a hexadecimal number"),
    "a chunk size with 0x": (CHUNKED + b"0x5\r\n", "the answer has a chunk size that is not a hexadecimal number"),
    "a chunk size with a bare LF": (
        CHUNKED + b"5\nhello\r\n",
        "the answer has a chunk size that is not a hexadecimal number",
    ),
    "a chunk extension with a bare LF": (
        CHUNKED + b"5;a\nhello\r\n",
        "the answer has a chunk size that is not a hexadecimal number",
    ),
    "a chunk beyond the limit": (CHUNKED + b"10000001\r\n", "the answer's body is larger than 256 MiB"),
    "a chunk that is too long": (
        CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n",
        "the answer has a chunk that is longer than its size says",
    ),
    "a chunk that ends with LF": (
        CHUNKED + b"5\r\nhello\n\n0\r\n\r\n",
        "the answer has a chunk that is longer than its size says",
    ),
    "a chunk size line without end": (
        CHUNKED + b"5;" + b"x" * MAX_LINE_BYTES,
        "the answer has a chunk size line or trailers that are too large",
    ),
    "a trailer without end": (
        CHUNKED + b"0\r\nX: " + b"x" * MAX_LINE_BYTES,
        "the answer has a chunk size line or trailers that are too large",
    ),
    "trailers without end": (
        CHUNKED + b"0\r\n" + b"X: y\r\n" * (MAX_TRAILER_BYTES // 6 + 2),
        "the answer has a chunk size line or trailers that are too large",
    ),
    "a head without end": (OK + b"X: " + b"x" * MAX_HEAD_BYTES, "the answer's head is larger than 64 KiB"),
    "a head that is too large": (
        OK + b"X: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n",
        "the answer's head is larger than 64 KiB",
    ),
}

answers = pytest.mark.parametrize("case", ANSWERS.values(), ids=ANSWERS)
refused = pytest.mark.parametrize(("wire", "message"), REFUSED.values(), ids=REFUSED)


def read(pieces: list[bytes], method: str, *, until_close: bool) -> Response:
    """Feed a reader; every piece but the last one must leave it asking for more."""
    reader = ResponseReader()
    reader.begin(method)
    response = None
    for piece in pieces:
        assert response is None, "the response was complete before its last piece"
        response = reader.feed(piece)
    if until_close:
        assert response is None
        response = reader.eof()
    assert response is not None, "the response is not complete after its last piece"
    assert not reader.started
    return response


def assert_is(response: Response, case: Case) -> None:
    found = response.status, response.body, response.keep_alive
    assert found == (case.status, case.body, case.keep_alive)


def cut(text: bytes, at: list[int]) -> list[bytes]:
    ends = sorted({i for i in at if 0 < i < len(text)})
    return [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]


@answers
def test_an_answer_in_one_piece(case: Case) -> None:
    assert_is(read([case.wire], case.method, until_close=case.until_close), case)


@answers
def test_an_answer_byte_by_byte(case: Case) -> None:
    pieces = [case.wire[i : i + 1] for i in range(len(case.wire))]
    assert_is(read(pieces, case.method, until_close=case.until_close), case)


@pytest.mark.parametrize("case", BOUNDED.values(), ids=BOUNDED)
@pytest.mark.parametrize("behind", [b"\x00", OK, b"x" * 100_000], ids=["a byte", "a status line", "much"])
def test_bytes_behind_an_answer_end_the_connection(case: Case, behind: bytes) -> None:
    response = read([case.wire + behind], case.method, until_close=False)
    assert_is(response, case._replace(keep_alive=False))


@given(case=st.sampled_from(list(ANSWERS.values())), at=st.lists(st.integers(1, 200)))
def test_an_answer_in_any_pieces_is_the_answer_in_one_piece(case: Case, at: list[int]) -> None:
    assert_is(read(cut(case.wire, at), case.method, until_close=case.until_close), case)


@given(cases=st.lists(st.sampled_from(list(BOUNDED.values())), min_size=2, max_size=5))
def test_one_reader_reads_one_answer_after_the_other(cases: list[Case]) -> None:
    reader = ResponseReader()
    for case in cases:
        reader.begin(case.method)
        for piece in cut(case.wire, [7, 30]):
            response = reader.feed(piece)
        assert response is not None
        assert_is(response, case)


@pytest.mark.parametrize("name", [n for n, c in BOUNDED.items() if not c.wire.startswith(b"HTTP/1.1 1")])
def test_an_answer_that_ends_too_soon_is_cut_short(name: str) -> None:
    case = ANSWERS[name]
    for end in range(1, len(case.wire)):
        reader = ResponseReader()
        reader.begin(case.method)
        assert reader.feed(case.wire[:end]) is None
        with pytest.raises(RemoteProtocolError, match=r"^the answer was cut short$"):
            reader.eof()


def test_a_head_is_cut_short_even_if_its_body_would_end_with_the_connection() -> None:
    reader = ResponseReader()
    reader.begin("GET")
    assert reader.feed(OK + b"X: y\r\n") is None
    with pytest.raises(RemoteProtocolError, match="cut short"):
        reader.eof()


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["at once", "after 100"])
def test_a_connection_that_ends_before_the_answer_is_no_answer(before: bytes) -> None:
    reader = ResponseReader()
    reader.begin("GET")
    if before:
        assert reader.feed(before) is None
    assert reader.eof() is None


@refused
def test_refused_in_one_piece(wire: bytes, message: str) -> None:
    reader = ResponseReader()
    reader.begin("GET")
    with pytest.raises(RemoteProtocolError) as caught:
        reader.feed(wire)
    assert str(caught.value) == message


@refused
def test_refused_byte_by_byte(wire: bytes, message: str) -> None:
    reader = ResponseReader()
    reader.begin("GET")
    step = max(1, len(wire) // 200)
    pieces = [wire[at : at + step] for at in range(0, len(wire), step)]
    with pytest.raises(RemoteProtocolError) as caught:
        assert not any(reader.feed(piece) for piece in pieces)
    assert str(caught.value) == message


def test_garbage_is_refused_at_its_first_wrong_byte() -> None:
    reader = ResponseReader()
    assert reader.feed(b"HTT") is None
    with pytest.raises(RemoteProtocolError):
        reader.feed(b"L")


def test_the_largest_head_is_read_in_one_piece_and_in_many() -> None:
    head = OK + b"Content-Length: 0\r\nX: "
    wire = head + b"x" * (MAX_HEAD_BYTES - len(head)) + b"\r\n\r\n"
    assert read([wire], "GET", until_close=False).status == 200
    assert read([wire[:-1], wire[-1:]], "GET", until_close=False).status == 200


def test_the_longest_chunk_extension_is_read_in_one_piece_and_in_many() -> None:
    line = b"2;" + b"x" * (MAX_LINE_BYTES - 2)
    wire = CHUNKED + line + b"\r\nhi\r\n0\r\n\r\n"
    at = len(CHUNKED + line)
    for pieces in ([wire], [wire[: at + 1], wire[at + 1 :]]):
        assert read(pieces, "GET", until_close=False).body == b"hi"


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    feed_anything(data)


@given(
    case=st.sampled_from(list(ANSWERS.values())),
    at=st.integers(0, 200),
    put=st.binary(max_size=3),
    gone=st.integers(0, 3),
)
def test_damaged_answers_are_read_or_refused(case: Case, at: int, put: bytes, gone: int) -> None:
    feed_anything(case.wire[:at] + put + case.wire[at + gone :])


@given(st.binary(max_size=60))
def test_arbitrary_chunks_are_read_or_refused(data: bytes) -> None:
    feed_anything(CHUNKED + data)


def feed_anything(data: bytes) -> None:
    """No exception but the one; and the same outcome in one piece and in two."""
    outcomes = []
    for pieces in ([data], cut(data, [len(data) // 2])):
        reader = ResponseReader()
        reader.begin("GET")
        response = None
        try:
            for piece in pieces:
                response = response or reader.feed(piece)
            ended = response or reader.eof()
            outcomes.append(ended and (ended.status, ended.body))
        except RemoteProtocolError:
            outcomes.append("refused")
    assert outcomes[0] == outcomes[1]


def test_a_reader_has_started_from_the_first_byte_to_the_last() -> None:
    reader = ResponseReader()
    assert not reader.started
    for piece in (b"H", b"TTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"h"):
        assert reader.feed(piece) is None
        assert reader.started
    assert reader.feed(b"i") is not None
    assert not reader.started


@pytest.mark.parametrize(
    ("head", "end"),
    [(OK + b"Content-Length: 1000\r\n\r\n", b""), (CHUNKED + b"3e8\r\n", b"\r\n0\r\n\r\n")],
    ids=["length", "chunked"],
)
def test_nothing_of_a_finished_body_stays_in_the_reader(head: bytes, end: bytes) -> None:
    # The connections of idle users would hold on to the last body of each.
    reader = ResponseReader()
    piece = bytes(1000)
    references = sys.getrefcount(piece)
    assert reader.feed(head) is None
    response = reader.feed(piece)
    response = reader.feed(end) if end else response
    assert response is not None
    assert response.body == piece
    del response
    assert sys.getrefcount(piece) == references


def test_a_body_without_length_is_refused_beyond_the_limit() -> None:
    body = CloseBody()
    piece = bytes(MAX_BODY_BYTES // 4)
    for _ in range(4):
        assert body.feed(piece) is None
    with pytest.raises(RemoteProtocolError, match=r"^the answer's body is larger than 256 MiB$"):
        body.feed(b"x")


def test_chunks_are_refused_beyond_the_limit_together() -> None:
    body = ChunkedBody()
    piece = b"8000000\r\n" + bytes(0x8000000) + b"\r\n"
    assert body.feed(piece) is None
    assert body.feed(piece) is None
    with pytest.raises(RemoteProtocolError, match=r"^the answer's body is larger than 256 MiB$"):
        body.feed(b"1\r\nx")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"HTTP/1.1 200 OK", Head(200, None, False, True)),
        (b"HTTP/1.0 404 Not Found", Head(404, None, False, False)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7", Head(200, 7, False, True)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b", Head(200, None, True, True)),
    ],
)
def test_parse_head(head: bytes, expected: Head) -> None:
    assert parse_head(head) == expected


class TestHeaders:
    HEAD = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nset-cookie: a=1\r\nX-Many: one\r\nx-many:  two \t\r\n"
        b"Set-Cookie: b=2\r\n"
        b"X-Folded: first\r\n \t second\r\nX-Empty:\r\nno colon\r\nX-Latin: caf\xe9\r\nX-Colons: a:b:c"
    )

    @pytest.fixture
    def headers(self) -> Headers:
        return Headers(self.HEAD)

    @pytest.mark.parametrize("name", ["Content-Type", "content-type", "CONTENT-TYPE"])
    def test_names_have_no_case(self, headers: Headers, name: str) -> None:
        assert headers[name] == "text/plain"
        assert headers.get(name) == "text/plain"
        assert name in headers

    def test_lines_of_one_name_are_joined(self, headers: Headers) -> None:
        assert headers["X-Many"] == "one, two"

    def test_lines_of_one_name_can_be_had_one_by_one(self, headers: Headers) -> None:
        assert headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        assert headers.get_all("Cookie") == []

    def test_a_folded_line_is_one_value(self, headers: Headers) -> None:
        assert headers["x-folded"] == "first second"

    def test_odd_values(self, headers: Headers) -> None:
        assert (headers["x-empty"], headers["x-latin"], headers["x-colons"]) == ("", "café", "a:b:c")

    def test_what_is_not_there(self, headers: Headers) -> None:
        assert "X-Other" not in headers
        assert 1 not in headers
        assert headers.get("X-Other") is None
        with pytest.raises(KeyError):
            headers["X-Other"]

    def test_it_is_a_mapping_of_lower_case_names(self, headers: Headers) -> None:
        assert list(headers) == [
            "content-type",
            "set-cookie",
            "x-many",
            "x-folded",
            "x-empty",
            "x-latin",
            "x-colons",
        ]
        assert len(headers) == 7
        assert dict(headers)["x-many"] == "one, two"


class TestResponse:
    def test_headers_are_parsed_once(self) -> None:
        response = Response(200, b"HTTP/1.1 200 OK\r\nA: b", b"", True)
        assert response.headers["a"] == "b"
        assert response.headers is response.headers

    def test_text_replaces_what_is_not_utf8(self) -> None:
        assert Response(200, b"", "naïve".encode() + b"\xff", True).text == "naïve\N{REPLACEMENT CHARACTER}"

    def test_its_repr_does_not_show_the_body(self) -> None:
        assert repr(Response(404, b"HTTP/1.1 404 No", b"secret", True)) == "<Response 404, 6 bytes>"


class TestRequests:
    def test_a_request_line(self) -> None:
        assert request_line("GET", "/a%20b?c=d") == b"GET /a%20b?c=d HTTP/1.1\r\n"

    @pytest.mark.parametrize(
        "target", ["", "a", "http://host/", "/a b", "/a\r\nX: y", "/a\n", "/\x7f", "/é", "*", "/a\x00"]
    )
    def test_a_target_that_is_none(self, target: str) -> None:
        with pytest.raises(UsageError, match="is not a request target: it starts with / and is percent-encoded ASCII"):
            request_line("GET", target)

    @pytest.mark.parametrize("method", ["", "GET ", "G\r\nX: y", "GET /x HTTP/1.1\r\nX:", "GÉT"])
    def test_a_method_that_is_none(self, method: str) -> None:
        with pytest.raises(UsageError, match="is not an HTTP method"):
            request_line(method, "/")

    def test_field_lines(self) -> None:
        assert field_lines([("A", "b c\td"), ("X-Empty", "")]) == b"A: b c\td\r\nX-Empty: \r\n"
        assert field_lines([]) == b""

    def test_a_latin_1_value(self) -> None:
        assert field_line("A", "caf\xe9") == b"A: caf\xe9\r\n"

    @pytest.mark.parametrize("value", ["a\r\nInjected: b", "a\nInjected: b", "a\r", "a\n", "\x00", "a\x7f", "€"])
    def test_a_value_that_is_none_is_not_repeated(self, value: str) -> None:
        with pytest.raises(UsageError) as caught:
            field_line("X-Key", value)
        assert str(caught.value) == (
            "the value of header X-Key has a line break or another character that HTTP does not allow"
        )

    @pytest.mark.parametrize("name", ["", "A b", "A:", "A\r\nInjected", "A\n", "É", "A\x00"])
    def test_a_name_that_is_none(self, name: str) -> None:
        with pytest.raises(UsageError, match=r"is not a header name \(RFC 9110, section 5.6.2\)"):
            field_line(name, "x")
