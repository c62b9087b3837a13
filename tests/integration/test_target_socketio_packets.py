"""The reference target as a server of Socket.IO 5: each case of the official suite, and some more.

See https://github.com/socketio/socket.io/tree/main/docs, `socket.io-protocol/v5-test-suite`. The target has answers to
the events that the suite sends, see `wireswarm.target.echo`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Under `--import-mode=importlib` the tests' own helpers are on no path.
sys.path.insert(0, str(Path(__file__).parent))

from raw_engineio import Address, Polling, WebSocket, connect, open_websocket

Start = Callable[..., Any]


@pytest.fixture
def address(target: Any) -> Iterator[Address]:
    """A target whose heartbeats are too rare to be met."""
    target.reset()
    yield target.address
    assert target.errors() == ""


@pytest.fixture
def beating(start_target: Start) -> Iterator[Address]:
    """A target that pings often, and waits long for the answer."""
    target = start_target(sio_ping_interval="50ms", sio_ping_timeout="30s")
    yield target.address
    assert target.errors() == ""


def greeted(address: Address, payload: str = "") -> WebSocket:
    session = connect(address, payload)
    assert session.receive() == f'42["auth",{payload or "{}"}]'
    return session


@pytest.mark.parametrize(("namespace", "prefix"), [("", ""), ("/custom", "/custom,")])
@pytest.mark.parametrize("payload", ["", '{"token":"123"}'])
def test_connecting(address: Address, namespace: str, prefix: str, payload: str) -> None:
    with open_websocket(address) as session:
        session.send(f"40{prefix if payload else namespace}{payload}")
        answer = str(session.receive())
        assert answer.startswith(f"40{prefix}{{")
        handshake = json.loads(answer[2 + len(prefix) :])
        assert list(handshake) == ["sid"]
        assert isinstance(handshake["sid"], str)
        assert session.receive() == f'42{prefix}["auth",{payload or "{}"}]'


def test_several_namespaces_have_identifiers_of_their_own(address: Address) -> None:
    with open_websocket(address) as session:
        session.send("40", "40/custom,")
        answers = [str(session.receive()) for _ in range(4)]
        assert answers[1::2] == ['42["auth",{}]', '42/custom,["auth",{}]']
        assert answers[0].removeprefix("40") != answers[2].removeprefix("40/custom,")


def test_an_unknown_namespace(target: Any) -> None:
    target.reset()
    with open_websocket(target.address) as session:
        session.send("40/random")
        assert session.receive() == '44/random,{"message":"Invalid namespace"}'
        session.send("40")
        assert str(session.receive()).startswith("40{")
    assert target.counters() == {
        "SIO connect": {"received": 1, "answered": 1},
        "SIO other": {"received": 1, "answered": 1},
    }


def test_connecting_twice(address: Address) -> None:
    with greeted(address) as session:
        session.send("40")
        assert session.receive() == '44{"message":"Already connected"}'
        session.send('42["message",1]')
        assert session.receive() == '42["message-back",1]'


@pytest.mark.parametrize("packet", ["4abc", "4", "49", '44{"message":"x"}', "40[]", '40"x"', "4{}", "451-[]"])
def test_a_handshake_that_is_invalid(address: Address, packet: str) -> None:
    with open_websocket(address) as session:
        session.send(packet)
        assert session.rest() in ([], ["1"])


def test_a_connection_to_no_namespace_is_given_up(start_target: Start) -> None:
    address = start_target(sio_connect_timeout="200ms").address
    with connect(address) as connected, open_websocket(address) as session:
        connected.receive()
        assert session.rest() == ["1"]
        connected.send('42["message"]')
        assert connected.receive() == '42["message-back"]'


# Disconnect of Socket.IO


def test_disconnecting_leaves_the_connection(beating: Address) -> None:
    with greeted(beating) as session:
        session.send("41")
        assert session.receive() == "2"


def test_disconnecting_from_one_of_two_namespaces(address: Address) -> None:
    with greeted(address) as session:
        session.send("40/custom")
        assert str(session.receive()).startswith("40/custom,{")
        assert session.receive() == '42/custom,["auth",{}]'
        session.send("41/custom,", '42/custom,["message","lost"]', '42["message","kept"]')
        assert session.receive() == '42["message-back","kept"]'
        session.send("40/custom")
        assert str(session.receive()).startswith("40/custom,{")


# Events of Socket.IO


@pytest.mark.parametrize("values", ['1,"2",{"3":[true]}', "null", '"ü\\n"', '{"_placeholder":false}'])
def test_an_event(address: Address, values: str) -> None:
    with greeted(address) as session:
        session.send(f'42["message",{values}]')
        assert json.loads(str(session.receive())[2:]) == ["message-back", *json.loads(f"[{values}]")]


def test_an_event_of_another_namespace(address: Address) -> None:
    with open_websocket(address) as session:
        session.send("40/custom,")
        session.receive()
        session.receive()
        session.send('42/custom,["message",1]', '42/custom,7["message-with-ack",2]')
        assert [session.receive(), session.receive()] == ['42/custom,["message-back",1]', "43/custom,7[2]"]


def test_an_acknowledgement(address: Address) -> None:
    with greeted(address) as session:
        session.send('42456["message-with-ack",1,"2",{"3":[false]}]', '420["message-with-ack"]')
        assert session.receive() == '43456[1,"2",{"3":[false]}]'
        assert session.receive() == "430[]"


def test_what_is_asked_for_is_acknowledged(address: Address) -> None:
    with greeted(address) as session:
        session.send('421["message","x"]', '422["nonsense","x"]', '423["message-with-ack"]')
        assert [session.receive() for _ in range(3)] == ['42["message-back","x"]', "431[]", "433[]"]


PLACEHOLDERS = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'


@pytest.mark.parametrize(
    ("sent", "received"),
    [("452-", f'452-["message-back",{PLACEHOLDERS}]'), ("452-789", f"462-789[{PLACEHOLDERS}]")],
)
def test_binary_attachments(address: Address, sent: str, received: str) -> None:
    event = "message" if received.startswith("45") else "message-with-ack"
    with greeted(address) as session:
        session.send(f'{sent}["{event}",{PLACEHOLDERS}]', b"\1\2\3", b"\4\5\6")
        assert [session.receive() for _ in range(3)] == [received, b"\1\2\3", b"\4\5\6"]


def test_binary_attachments_by_polling(address: Address) -> None:
    with Polling(address) as session:
        session.open()
        session.post("40")
        answers = session.get()[1].split("\x1e")
        assert (answers[0][:3], answers[1:]) == ("40{", ['42["auth",{}]'])
        session.post(f'452-["message",{PLACEHOLDERS}]\x1ebAQID')
        session.post("bBAUG")
        assert session.get() == (200, f'452-["message-back",{PLACEHOLDERS}]\x1ebAQID\x1ebBAUG')


def test_10_000_binary_events_come_back_whole_and_in_order(address: Address) -> None:
    with greeted(address) as session:
        number = 0
        for size in range(100):
            batch: list[str | bytes] = []
            for count in (1, 2, 3, 4, 5) * 20:
                places = ",".join(f'{{"_placeholder":true,"num":{place}}}' for place in range(count))
                batch.append(f'45{count}-["message",{number},{places}]')
                batch += [os.urandom(size) for _ in range(count)]
                number += 1
            session.send(*batch)
            for expected in batch:
                if isinstance(expected, str):
                    expected = expected.replace('"message"', '"message-back"')  # noqa: PLW2901
                assert session.receive() == expected
        assert number == 10_000


@pytest.mark.parametrize(
    "packets",
    [
        ["4abc"],
        ["42{}"],
        ["42[]"],
        ["42[1]"],
        ["42"],
        ['42abc["message-with-ack",1,"2",{"3":[false]}]'],
        ['42["connect"]'],
        ['42["disconnect"]'],
        ["42" + "[" * 100_000],
        ["43[1]"],
        ["431{}"],
        ["41{}"],
        # Binary without, instead of, and in the middle of what announces it.
        [b"\1"],
        ['451-["message",{"_placeholder":true,"num":0}]', '42["message",1]'],
        ['451-["message",{"_placeholder":true,"num":1}]', b"\1"],
        ['451-["message",{"_placeholder":true,"num":"x"}]', b"\1"],
        ['4565-["message"]'],
        ['4599999999999999-["message"]'],
        ['421-["message"]'],
    ],
)
def test_invalid_packets_end_the_connection(address: Address, packets: list[str | bytes]) -> None:
    with greeted(address) as session:
        session.send(*packets)
        assert session.rest() in ([], ["1"])
    with greeted(address) as session:
        session.send('42["message","as before"]')
        assert session.receive() == '42["message-back","as before"]'


@pytest.mark.parametrize("depth", [100, 300, 400, 500, 900])
def test_deep_values_come_back_or_end_the_connection(address: Address, depth: int) -> None:
    values = "[" * depth + "]" * depth
    with greeted(address) as session:
        session.send(f'42["message",{values}]')
        assert session.receive() in (
            {f'42["message-back",{values}]'} if depth == 100 else {f'42["message-back",{values}]', "1", None}
        )


def test_events_after_a_disconnect_are_ignored(address: Address) -> None:
    with greeted(address) as session:
        session.send("41", '421["message-with-ack",1]', '451-2["message-with-ack",{"_placeholder":true,"num":0}]', b"x")
        session.send("40")
        assert str(session.receive()).startswith("40{")


def test_acknowledgements_that_nobody_asked_for_are_ignored(address: Address) -> None:
    with greeted(address) as session:
        session.send("431[]", '461-2[{"_placeholder":true,"num":0}]', b"x", '42["message"]')
        assert session.receive() == '42["message-back"]'
