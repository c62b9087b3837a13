"""Engine.IO handshakes and payloads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.errors import RemoteProtocolError
from wireswarm.wire.engineio import (
    MAX_PAYLOAD,
    SEPARATOR,
    Handshake,
    decode_payload,
    encode_binary,
    parse_handshake,
    take_payload,
)

OFFERED: dict[str, Any] = {
    "sid": "abc",
    "upgrades": ["websocket"],
    "pingInterval": 25000,
    "pingTimeout": 20000,
    "maxPayload": 1000,
}
TEXT = st.text(st.characters(exclude_characters="\x1e", codec="utf-8"), max_size=20).map(
    lambda text: b"4" + text.encode()
)


def opening(**changes: Any) -> bytes:
    """A handshake with some of its fields changed; None takes one out."""
    fields = {name: value for name, value in {**OFFERED, **changes}.items() if value is not None}
    return b"0" + json.dumps(fields).encode()


def test_a_handshake_is_read() -> None:
    handshake = parse_handshake(opening())

    assert handshake == Handshake("abc", ("websocket",), 25.0, 20.0, 1000)
    assert handshake.patience == 45.0


def test_a_handshake_may_leave_out_what_has_a_default() -> None:
    assert parse_handshake(opening(upgrades=None, maxPayload=None)) == Handshake("abc", (), 25.0, 20.0, MAX_PAYLOAD)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"2",
        b"0",
        b"0[]",
        b"0{",
        b"<html>",
        opening(sid=None),
        opening(sid=""),
        opening(sid=5),
        opening(upgrades="websocket"),
        opening(pingInterval=None),
        opening(pingInterval=0),
        opening(pingTimeout="20"),
        opening(pingTimeout=True),
        opening(maxPayload=-1),
    ],
)
def test_what_is_no_handshake_is_refused(packet: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"does not answer with an Engine\.IO 4 handshake"):
        parse_handshake(packet)


@given(st.lists(st.one_of(TEXT.map(lambda t: (False, t)), st.binary(max_size=20).map(lambda b: (True, b))), min_size=1))
def test_a_payload_comes_as_it_was_sent(packets: list[tuple[bool, bytes]]) -> None:
    body = SEPARATOR.join(encode_binary(data) if binary else data for binary, data in packets)

    assert decode_payload(body) == packets


def test_a_payload_of_the_protocols_document() -> None:
    assert decode_payload(b"4hello\x1e2\x1e4world\x1ebAQIDBA==") == [
        (False, b"4hello"),
        (False, b"2"),
        (False, b"4world"),
        (True, b"\x01\x02\x03\x04"),
    ]


@pytest.mark.parametrize("body", [b"", b"7", b"hello", b"4a\x1e", b"4a\x1e\x1e4b", b"b!", b"bAQ", b"4\xff", b"<html>"])
def test_what_is_no_payload_is_refused(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"Engine\.IO"):
        decode_payload(body)


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=20), st.integers(1, 200))
def test_payloads_keep_to_the_limit_as_far_as_packets_can_be_told_apart(packets: list[bytes], limit: int) -> None:
    left, sent = list(packets), []
    while left:
        count = take_payload(left, limit)
        body = SEPARATOR.join(left[:count])
        assert count == 1 or len(body) <= limit
        assert count == len(left) or len(body) + 1 + len(left[count]) > limit, "one more would have had room"
        sent += left[:count]
        del left[:count]
    assert sent == packets
