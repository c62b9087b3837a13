"""WebSocket frames as a client writes and reads them (RFC 6455)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.errors import RemoteProtocolError
from wireswarm.wire.http1 import Response
from wireswarm.wire.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    FrameReader,
    accept_for,
    check_handshake,
    close_frame,
    frame,
    handshake_fields,
    new_key,
)

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # the example of section 1.3

CONTROL = st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125))
WHOLE = st.one_of(
    st.tuples(st.just(TEXT), st.text(max_size=200).map(str.encode)), st.tuples(st.just(BINARY), st.binary(max_size=300))
)


def served(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A frame as a server sends it."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 65536:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    return bytes([opcode | (0x80 if final else 0)]) + length + payload


def unmasked(data: bytes) -> tuple[int, bytes, bytes]:
    """First byte and payload of a client's frame, and what comes behind it."""
    assert data[1] & 0x80, "a client's frame is masked"
    length, at = data[1] & 0x7F, 2
    if length > 125:
        width = 2 if length == 126 else 8
        length, at = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
    mask, payload = data[at : at + 4], data[at + 4 : at + 4 + length]
    assert len(payload) == length
    return data[0], bytes(b ^ mask[i % 4] for i, b in enumerate(payload)), data[at + 4 + length :]


def read(data: bytes, *, limit: int = 1 << 20, step: int = 0) -> tuple[list[tuple[int, bytes]], int | None]:
    """What a reader makes of bytes, in pieces of one length, and the code of its error."""
    reader = FrameReader(limit)
    messages: list[tuple[int, bytes]] = []
    step = step or len(data) or 1
    for at in range(0, len(data), step):
        messages += reader.feed(data[at : at + step])
        if reader.error is not None:
            return messages, reader.error.code
    return messages, None


class TestHandshake:
    def test_the_accept_is_that_of_the_rfc(self) -> None:
        assert accept_for(KEY) == ACCEPT

    def test_the_fields_offer_no_extension(self) -> None:
        fields = handshake_fields(KEY)

        assert b"Sec-WebSocket-Version: 13\r\n" in fields
        assert b"Sec-WebSocket-Key: " + KEY + b"\r\n" in fields
        assert b"xtensions" not in fields

    def test_keys_are_16_bytes_and_differ(self) -> None:
        assert len({new_key() for _ in range(100)}) == 100
        assert len(new_key()) == 24

    def test_an_acceptance_is_accepted_whatever_its_case(self) -> None:
        check_handshake(answer("uPgRaDe: WebSocket", "connection: keep-alive, UPGRADE"), KEY)

    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            (("Upgrade: h2c", "Connection: Upgrade"), "another protocol"),
            (("Upgrade: websocket",), "another protocol"),
            (("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Extensions: x"), "extension"),
            (("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Protocol: x"), "extension"),
        ],
    )
    def test_anything_else_is_refused(self, fields: tuple[str, ...], why: str) -> None:
        with pytest.raises(RemoteProtocolError, match=why):
            check_handshake(answer(*fields), KEY)

    def test_another_accept_is_refused(self) -> None:
        with pytest.raises(RemoteProtocolError, match="wrong Sec-WebSocket-Accept"):
            check_handshake(answer("Upgrade: websocket", "Connection: Upgrade"), new_key())


def answer(*fields: str) -> Response:
    lines = ["HTTP/1.1 101 X", f"Sec-WebSocket-Accept: {ACCEPT}", *fields]
    return Response(101, "\r\n".join(lines).encode(), b"", False)


class TestWriting:
    @pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536])
    def test_every_length_has_the_shortest_form(self, size: int) -> None:
        written = frame(BINARY, bytes(size))

        assert unmasked(written) == (0x82, bytes(size), b"")
        assert len(written) == size + (6 if size < 126 else 8 if size < 65536 else 14)

    @given(st.binary(max_size=1000))
    def test_masking_can_be_undone(self, payload: bytes) -> None:
        assert unmasked(frame(TEXT, payload)) == (0x81, payload, b"")

    def test_masks_differ(self) -> None:
        assert len({frame(TEXT, b"the same") for _ in range(50)}) > 45

    def test_a_close_has_its_code(self) -> None:
        assert unmasked(close_frame(1009)) == (0x88, b"\x03\xf1", b"")


class TestReading:
    @given(st.lists(st.one_of(WHOLE, CONTROL), max_size=8), st.integers(1, 40))
    def test_messages_come_as_they_were_sent_however_they_are_cut(
        self, messages: list[tuple[int, bytes]], step: int
    ) -> None:
        data = b"".join(served(opcode, payload) for opcode, payload in messages)

        assert read(data, step=step) == (messages, None)
        assert read(data) == (messages, None)

    @given(st.lists(st.binary(max_size=20), min_size=2, max_size=6), CONTROL, st.integers(1, 9))
    def test_fragments_become_one_message_with_control_frames_in_between(
        self, parts: list[bytes], control: tuple[int, bytes], step: int
    ) -> None:
        first, *middle, last = parts
        data = served(BINARY, first, final=False)
        data += b"".join(served(CONTINUATION, part, final=False) + served(*control) for part in middle)
        data += served(CONTINUATION, last)

        assert read(data, step=step) == ([control] * len(middle) + [(BINARY, b"".join(parts))], None)

    def test_a_character_may_be_cut_by_a_fragment(self) -> None:
        one, two = "ö".encode()[:1], "ö".encode()[1:]

        assert read(served(TEXT, one, final=False) + served(CONTINUATION, two)) == ([(TEXT, "ö".encode())], None)

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"\x91\x00", 1002),  # RSV3
            (b"\xc1\x00", 1002),  # RSV1: compressed, which was not offered
            (b"\x81\x81\x00\x00\x00\x00a", 1002),  # masked
            (b"\x83\x00", 1002),  # opcodes that do not exist
            (b"\x8b\x00", 1002),
            (b"\x09\x00", 1002),  # a fragmented ping
            (b"\x89\x7e\x00\x7e" + bytes(126), 1002),  # a long one
            (b"\x80\x00", 1002),  # a continuation of nothing
            (served(TEXT, b"a", final=False) + served(TEXT, b"b"), 1002),
            (b"\x81\x7e\x00\x05hello", 1002),  # lengths in more bytes than they need
            (b"\x81\x7f" + (5).to_bytes(8, "big") + b"hello", 1002),
            (served(TEXT, b"\xff"), 1007),
            (served(TEXT, b"a", final=False) + served(CONTINUATION, b"\xc3"), 1007),
            (served(BINARY, bytes(2000))[:4], 1009),
            (served(BINARY, bytes(600), final=False) + served(CONTINUATION, bytes(600)), 1009),
            (b"\x82\x7f" + b"\xff" * 8, 1009),
            (served(CLOSE, b"\x03"), 1002),
            (served(CLOSE, (1005).to_bytes(2, "big")), 1002),
            (served(CLOSE, (1000).to_bytes(2, "big") + b"\xff"), 1007),
        ],
    )
    def test_what_the_rfc_does_not_allow_is_an_error_with_its_code_after_what_came_before(
        self, data: bytes, code: int
    ) -> None:
        before = served(TEXT, b"hello")

        for step in (0, 1, 3):
            messages, found = read(before + data, limit=1000, step=step)
            assert messages == [(TEXT, b"hello")]
            assert found == code

    def test_a_message_of_just_the_limit_is_taken(self) -> None:
        assert read(served(BINARY, bytes(1000)), limit=1000) == ([(BINARY, bytes(1000))], None)

    @pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x03\xe8bye", (3000).to_bytes(2, "big")])
    def test_a_close_is_read(self, payload: bytes) -> None:
        assert read(served(CLOSE, payload)) == ([(CLOSE, payload)], None)
