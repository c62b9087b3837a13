"""Socket.IO packets: what is written, what is read, and what is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.errors import RemoteProtocolError, UsageError
from wireswarm.wire.socketio import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    MAX_BINARY_BYTES,
    RESERVED,
    Assembly,
    Packet,
    decode,
    encode_ack,
    encode_connect,
    encode_disconnect,
    encode_event,
    fill,
    prefix_of,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
WITH_BYTES = st.recursive(
    st.integers(0, 9) | st.binary(max_size=8) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
NAMES = st.text(min_size=1, max_size=10).filter(lambda name: name not in RESERVED)
SPACES = st.just("/") | st.text("abc/-ü", max_size=6).map(lambda text: "/" + text)


def received(packet: bytes, attachments: list[bytes]) -> Packet:
    """A packet as the other side puts it together."""
    found = decode(packet)
    if not found.attachments:
        return found
    assembly = Assembly(found, len(packet))
    *others, last = attachments
    for attachment in others:
        assert assembly.add(attachment) is None
    whole = assembly.add(last)
    assert whole is not None
    assert assembly.size == len(packet) + sum(map(len, attachments))
    return whole


class TestWriting:
    @pytest.mark.parametrize(
        ("written", "packet"),
        [
            (encode_connect(b"", None), b"40"),
            (encode_connect(b"/admin,", {"token": "x"}), b'40/admin,{"token":"x"}'),
            (encode_disconnect(b""), b"41"),
            (encode_disconnect(b"/admin,"), b"41/admin,"),
            (encode_event(b"", b"", "hey", None), (b'42["hey"]', [])),
            (encode_event(b"", b"", "hey", ()), (b'42["hey"]', [])),
            (encode_event(b"", b"", "hey", 1), (b'42["hey",1]', [])),
            (encode_event(b"", b"7", "hey", [1]), (b'427["hey",[1]]', [])),
            (encode_event(b"/a,", b"7", 'h"y', (1, "x")), (b'42/a,7["h\\"y",1,"x"]', [])),
            (encode_event(b"", b"", "b", b"\1"), (b'451-["b",{"_placeholder":true,"num":0}]', [b"\1"])),
            (
                encode_event(b"/a,", b"3", "b", (b"\1", [bytearray(b"\2"), 5])),
                (b'452-/a,3["b",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1},5]]', [b"\1", b"\2"]),
            ),
            (encode_ack(b"", 5, ()), (b"435[]", [])),
            (encode_ack(b"/a,", 5, ("x", 1)), (b'43/a,5["x",1]', [])),
            (encode_ack(b"", 5, (memoryview(b"\1"),)), (b'461-5[{"_placeholder":true,"num":0}]', [b"\1"])),
        ],
    )
    def test_packets_are_those_of_the_protocols_document(self, written: object, packet: object) -> None:
        assert written == packet

    @given(SPACES, st.none() | st.integers(0, 10**9), NAMES, WITH_BYTES)
    def test_an_event_can_be_read_again(self, space: str, number: int | None, name: str, data: Any) -> None:
        id_ = b"" if number is None else b"%d" % number
        packet = received(*encode_event(prefix_of(space), id_, name, data))

        assert packet == Packet(EVENT, space, number, [name, data])

    @given(SPACES, st.integers(0, 10**9), st.lists(WITH_BYTES, max_size=4).map(tuple))
    def test_an_ack_can_be_read_again(self, space: str, number: int, values: tuple[Any, ...]) -> None:
        assert received(*encode_ack(prefix_of(space), number, values)) == Packet(ACK, space, number, list(values))

    @pytest.mark.parametrize("data", [{1, 2}, object(), {"a": {b"key": 1}}, 2**70])
    def test_what_has_no_json_form_is_a_mistake_of_the_caller(self, data: Any) -> None:
        with pytest.raises(UsageError, match="packet's data"):
            encode_event(b"", b"", "hey", data)

    def test_bytes_are_no_part_of_what_a_connect_says(self) -> None:
        with pytest.raises(UsageError, match="packet's data"):
            encode_connect(b"", {"token": b"x"})

    @pytest.mark.parametrize("name", sorted(RESERVED))
    def test_some_names_are_the_protocols_own(self, name: str) -> None:
        with pytest.raises(UsageError, match="cannot be named"):
            encode_event(b"", b"", name, None)

    @pytest.mark.parametrize("namespace", ["", "admin", "/a,b"])
    def test_a_namespace_has_a_form(self, namespace: str) -> None:
        with pytest.raises(UsageError, match="is no namespace"):
            prefix_of(namespace)


class TestReading:
    @pytest.mark.parametrize(
        ("text", "packet"),
        [
            (b'40{"sid":"x"}', Packet(CONNECT, "/", None, {"sid": "x"})),
            (b'40/admin,{"sid":"x"}', Packet(CONNECT, "/admin", None, {"sid": "x"})),
            (b"41", Packet(DISCONNECT, "/", None, None)),
            (b"41/admin,", Packet(DISCONNECT, "/admin", None, None)),
            (b"41/admin", Packet(DISCONNECT, "/admin", None, None)),
            (b'42["a"]', Packet(EVENT, "/", None, ["a"])),
            (b'42[1,{"b":"c"}]', Packet(EVENT, "/", None, [1, {"b": "c"}])),
            (b'42/a-1,12["a",[]]', Packet(EVENT, "/a-1", 12, ["a", []])),
            (b"4312[]", Packet(ACK, "/", 12, [])),
            (b'44{"message":"no"}', Packet(CONNECT_ERROR, "/", None, {"message": "no"})),
            (b'44/a,"no"', Packet(CONNECT_ERROR, "/a", None, "no")),
            (
                b'451-/a,7["b",{"_placeholder":true,"num":0}]',
                Packet(EVENT, "/a", 7, ["b", {"_placeholder": True, "num": 0}], 1),
            ),
            (b"460-7[]", Packet(ACK, "/", 7, [])),
        ],
    )
    def test_packets_are_read(self, text: bytes, packet: Packet) -> None:
        assert decode(text) == packet

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"4",
            b"47",
            b"4x",
            b"32",
            b"40",  # of a server of an older protocol
            b"40{}",
            b'40{"sid":5}',
            b'405{"sid":"x"}',
            b"41{}",
            b"415",
            b"42",
            b"42[]",
            b"42{}",
            b"42[{}]",
            b'42["connect"]',
            b'42["disconnect",1]',
            b"42[",
            b'42["a"]x',
            b'42["\xff"]',
            b'42/\xff,["a"]',
            b'421-["a"]',
            b'45["a"]',
            b'45-["a"]',
            b'45x-["a"]',
            b'459999999-["a"]',
            b"43[]",
            b"435",
            b"435{}",
            b"44",
            b"44[]",
            b"445{}",
            b"46[]",
            b"461-[]",
            b'4299999999999999999999["a"]',
        ],
    )
    def test_what_the_protocol_does_not_allow_is_refused(self, text: bytes) -> None:
        with pytest.raises(RemoteProtocolError, match=r"a Socket\.IO packet"):
            decode(text)

    @given(st.binary(max_size=40))
    def test_nothing_else_ever_comes_of_any_bytes(self, junk: bytes) -> None:
        for text in (junk, b"42" + junk, b"451-" + junk):
            with suppress(RemoteProtocolError):
                decode(text)

    @given(JSON)
    def test_data_is_read_as_json_has_it(self, value: Any) -> None:
        assert decode(b'42["a",' + json.dumps(value).encode() + b"]").data == ["a", value]


class TestAttachments:
    @pytest.mark.parametrize("number", [1, -1, "0", None, True, 0.0])
    def test_a_placeholder_without_an_attachment_is_refused(self, number: Any) -> None:
        with pytest.raises(RemoteProtocolError, match="refers to an attachment"):
            fill(["a", {"_placeholder": True, "num": number}], [b"x"])

    @pytest.mark.parametrize(
        "data", [{"_placeholder": False, "num": 0}, {"_placeholder": "true", "num": 0}, {"num": 0}]
    )
    def test_what_only_looks_like_a_placeholder_stays(self, data: Any) -> None:
        assert fill([data], [b"x"]) == [data]

    def test_an_attachment_may_be_used_twice(self) -> None:
        placeholder = {"_placeholder": True, "num": 0}

        assert fill([placeholder, {"a": placeholder}], [b"x"]) == [b"x", {"a": b"x"}]

    def test_there_is_a_limit_for_all_of_them_together(self) -> None:
        assembly = Assembly(Packet(EVENT, "/", None, ["a"], 3), 10)
        assembly.add(bytes(MAX_BINARY_BYTES - 10))

        with pytest.raises(RemoteProtocolError, match="attachments are larger than"):
            assembly.add(b"x")

    def test_data_that_is_nested_too_deeply_is_refused(self) -> None:
        data: Any = b"x"
        for _ in range(100_000):
            data = [data]

        with pytest.raises(RemoteProtocolError, match="nested too deeply"):
            Assembly(Packet(EVENT, "/", None, data, 1), 10).add(b"x")
