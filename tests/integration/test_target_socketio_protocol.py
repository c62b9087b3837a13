"""The reference target as a server of Engine.IO 4: each case of the official suite, and some more.

See https://github.com/socketio/socket.io/tree/main/docs, `engine.io-protocol/v4-test-suite`. For Socket.IO, see
`test_target_socketio_packets.py`. The target has answers to what the suites send, see `wireswarm.target.echo`.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Under `--import-mode=importlib` the tests' own helpers are on no path.
sys.path.insert(0, str(Path(__file__).parent))

from raw_engineio import Address, Polling, WebSocket

Start = Callable[..., Any]

PATHS = ["/engine.io/", "/socket.io/"]
NO_SUCH_SESSION = (400, '{"code":1,"message":"Session ID unknown"}')
TOO_LONG = (413, '{"error":"the body is longer than 1000000 bytes"}')
BAD_REQUEST = (400, '{"code":3,"message":"Bad request"}')


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


@pytest.fixture
def impatient(start_target: Start) -> Iterator[Address]:
    """A target that soon takes a client for dead."""
    target = start_target(sio_ping_interval="300ms", sio_ping_timeout="500ms")
    yield target.address
    assert target.errors() == ""


# Handshake of Engine.IO


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_the_handshake(start_target: Start, path: str, transport: str) -> None:
    address = start_target(sio_ping_interval="300ms", sio_ping_timeout="200ms").address
    if transport == "polling":
        with Polling(address, path) as session:
            handshake = session.open()
    else:
        with WebSocket(address, path=path) as session:
            opening = session.receive()
        assert isinstance(opening, str)
        assert opening[0] == "0"
        handshake = json.loads(opening[1:])
    sid = handshake.pop("sid")
    assert isinstance(sid, str)
    assert len(sid) >= 20
    assert handshake == {
        "upgrades": ["websocket"] if transport == "polling" else [],
        "pingInterval": 300,
        "pingTimeout": 200,
        "maxPayload": 1_000_000,
    }


def test_the_default_times(address: Address) -> None:
    with Polling(address) as session:
        handshake = session.open()
    assert (handshake["pingInterval"], handshake["pingTimeout"]) == (25_000, 20_000)


@pytest.mark.parametrize("path", [*PATHS, "/socket.io"])
@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("transport={}", 5, "Unsupported protocol version"),
        ("EIO=abc&transport={}", 5, "Unsupported protocol version"),
        ("EIO=3&transport={}", 5, "Unsupported protocol version"),
        ("EIO=4", 0, "Transport unknown"),
        ("EIO=4&transport=abc", 0, "Transport unknown"),
        ("EIO=4&transport={}&sid=abc", 1, "Session ID unknown"),
    ],
)
def test_a_handshake_that_is_none(address: Address, path: str, query: str, code: int, message: str) -> None:
    expected = json.dumps({"code": code, "message": message}, separators=(",", ":"))
    with Polling(address, path) as session:
        assert session.get(query.format("polling")) == (400, expected)
    with WebSocket(address, query.format("websocket"), path) as socket:
        assert (socket.status, socket.body) == (400, expected.encode())
        assert socket.receive() is None


@pytest.mark.parametrize("path", PATHS)
def test_a_transport_in_the_wrong_clothes(address: Address, path: str) -> None:
    with Polling(address, path) as session:
        assert session.get("EIO=4&transport=websocket") == BAD_REQUEST
    with WebSocket(address, "EIO=4&transport=polling", path) as socket:
        assert socket.status == 400


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_only_a_get_opens_a_session(address: Address, path: str, method: str) -> None:
    with Polling(address, path) as session:
        session.request(method)
        assert session.answer() == (400, '{"code":2,"message":"Bad handshake method"}')


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_session_knows_no_other_methods(address: Address, method: str) -> None:
    with Polling(address, "/engine.io/") as session:
        session.open()
        session.request(method)
        assert session.answer() == BAD_REQUEST
        assert session.post("4a") == (200, "ok")


@pytest.mark.parametrize("path", ["/", "/socketio/", "/socket.io/more/", "/_target/counters", "/health"])
def test_a_websocket_elsewhere(target: Any, path: str) -> None:
    target.reset()
    with WebSocket(target.address, path=path) as socket:
        assert (socket.status, socket.body) == (404, b'{"error":"no such path"}')
    assert target.counters() == {"other": {"received": 1, "answered": 1}}
    assert target.errors() == ""


def test_browsers_of_other_origins_are_let_in(address: Address) -> None:
    connection = http.client.HTTPConnection(*address, timeout=10)
    for method, status in (("OPTIONS", 200), ("GET", 200)):
        headers = {"Origin": "http://elsewhere:5173", "Access-Control-Request-Headers": "x-a"}
        connection.request(method, "/socket.io/?EIO=4&transport=polling", headers=headers)
        response = connection.getresponse()
        response.read()
        assert response.status == status
        assert response.headers["Access-Control-Allow-Origin"] == "http://elsewhere:5173"
        assert response.headers["Access-Control-Allow-Credentials"] == "true"
    connection.close()


# Messages of Engine.IO


@pytest.mark.parametrize(
    "body",
    [
        "4hello",
        "4test1\x1e4test2\x1e4test3",
        "4hello\x1ebAQIDBA==",
        "b\x1e4",
        '4{"a": 1}\x1e4123\x1e4"x"',
        "\x1e".join(f"4{number}" for number in range(100)),
        "4" + "ü" * 100_000,
    ],
)
def test_payloads_by_polling(address: Address, body: str) -> None:
    with Polling(address, "/engine.io/") as session:
        session.open()
        assert session.post(body) == (200, "ok")
        assert session.get() == (200, body)


@pytest.mark.parametrize("message", ["4hello", '4{"a": 1}', "4", "4" + "ü" * 100_000, bytes(range(256)), b""])
def test_messages_by_websocket(address: Address, message: str | bytes) -> None:
    with WebSocket(address, path="/engine.io/") as session:
        session.receive()
        session.send(message)
        assert session.receive() == message


@pytest.mark.parametrize("body", ["abc", "", "4a\x1e", "4a\x1e7", "2", "5", "0{}", "b%%%", "4a\x1e\x1e4b"])
def test_packets_that_are_none_end_a_polling_session(address: Address, body: str) -> None:
    with Polling(address, "/engine.io/") as session:
        session.open()
        assert session.post(body) == BAD_REQUEST
        assert session.get() == NO_SUCH_SESSION


def test_a_body_that_is_no_text_ends_it(address: Address) -> None:
    with Polling(address, "/engine.io/") as session:
        session.open()
        session._connection.request("POST", f"/engine.io/?EIO=4&transport=polling&sid={session.sid}", b"4\xff")
        assert session.answer() == BAD_REQUEST
        assert session.get() == NO_SUCH_SESSION


@pytest.mark.parametrize("message", ["abc", "", "7", "2", "2probe", "5", "0"])
def test_packets_that_are_none_end_a_websocket(address: Address, message: str) -> None:
    with WebSocket(address, path="/engine.io/") as session:
        session.receive()
        session.send(message)
        assert session.rest() == []


@pytest.mark.parametrize("length", [1_000_000, 1_000_001])
def test_the_largest_payload(address: Address, length: int) -> None:
    fits = length <= 1_000_000
    packet = "4".ljust(length, "x")
    with Polling(address, "/engine.io/") as session:
        session.open()
        assert session.post(packet) == ((200, "ok") if fits else TOO_LONG)
        assert session.get() == ((200, packet) if fits else NO_SUCH_SESSION)
    with WebSocket(address, path="/engine.io/") as socket:
        socket.receive()
        socket.send(packet)
        assert socket.receive() == (packet if fits else None)


@pytest.mark.parametrize("path", PATHS)
def test_a_second_poll_ends_the_session(address: Address, path: str) -> None:
    with Polling(address, path) as session:
        session.open()
        with session.second() as second:
            session.request("GET")
            second.pass_by()
            assert second.get() == BAD_REQUEST
            assert session.answer() == (200, "1")
            assert second.get() == NO_SUCH_SESSION


def test_a_second_post_ends_the_session(address: Address) -> None:
    with Polling(address, "/engine.io/") as session:
        session.open()
        with session.second() as second:
            # Announced, and not complete when the other one comes.
            session._connection.putrequest("POST", f"/engine.io/?EIO=4&transport=polling&sid={session.sid}")
            session._connection.putheader("Content-Length", "2")
            session._connection.endheaders(b"4")
            second.pass_by()
            assert second.post("4b") == BAD_REQUEST
            assert second.get() == NO_SUCH_SESSION


@pytest.mark.parametrize("path", PATHS)
def test_a_poll_that_is_given_up_ends_the_session(address: Address, path: str) -> None:
    with Polling(address, path) as session:
        session.open()
        with session.second() as second:
            session.request("GET")
            second.pass_by()
            session._connection.close()
            assert second.get()[0] == 400
            assert second.get() == NO_SUCH_SESSION


# Heartbeat of Engine.IO


@pytest.mark.parametrize("path", PATHS)
def test_pings_by_polling(beating: Address, path: str) -> None:
    with Polling(beating, path) as session:
        session.open()
        for _ in range(3):
            assert session.get() == (200, "2")
            assert session.post("3") == (200, "ok")


@pytest.mark.parametrize("path", PATHS)
def test_pings_by_websocket(beating: Address, path: str) -> None:
    begin = time.monotonic()
    with WebSocket(beating, path=path) as session:
        session.receive()
        for _ in range(3):
            assert session.receive() == "2"
            session.send("3")
        assert time.monotonic() - begin > 0.14


def test_without_a_pong_there_is_no_other_ping(beating: Address) -> None:
    with WebSocket(beating, path="/engine.io/") as session, WebSocket(beating, path="/engine.io/") as other:
        session.receive()
        other.receive()
        assert session.receive() == "2"
        for _ in range(3):
            assert other.receive() == "2"
            other.send("3")
        session.send("4after")
        assert session.receive() == "4after"


@pytest.mark.parametrize("path", PATHS)
def test_a_client_that_is_silent_is_given_up(impatient: Address, path: str) -> None:
    begin = time.monotonic()
    with Polling(impatient, path) as polling, WebSocket(impatient, path=path) as socket:
        polling.open()
        opened = time.monotonic()
        # No sooner, and no later than that.
        assert socket.rest()[-2:] == ["2", "1"]
        assert 0.8 < time.monotonic() - begin < 8
        time.sleep(max(0.0, opened + 1 - time.monotonic()))
        assert polling.get() == NO_SUCH_SESSION


def test_a_poll_ends_with_the_session(impatient: Address) -> None:
    with Polling(impatient, "/engine.io/") as session:
        session.open()
        assert session.get() == (200, "2")
        assert session.get() == (200, "1")
        assert session.get() == NO_SUCH_SESSION


# Close of Engine.IO


@pytest.mark.parametrize("path", PATHS)
def test_a_client_closes_a_polling_session(address: Address, path: str) -> None:
    with Polling(address, path) as session:
        session.open()
        with session.second() as second:
            session.request("GET")
            second.pass_by()
            assert second.post("1") == (200, "ok")
            assert session.answer() == (200, "6")
        assert session.get() == NO_SUCH_SESSION
        assert session.post("4a") == NO_SUCH_SESSION


@pytest.mark.parametrize("path", PATHS)
def test_a_client_closes_a_websocket(address: Address, path: str) -> None:
    with WebSocket(address, path=path) as session:
        session.receive()
        session.send("1")
        assert session.rest() == []


# Upgrade of Engine.IO


def upgrade(address: Address, sid: str, path: str) -> WebSocket:
    """A WebSocket that has probed."""
    socket = WebSocket(address, f"EIO=4&transport=websocket&sid={sid}", path)
    assert socket.status == 101
    socket.send("2probe")
    assert socket.receive() == "3probe"
    return socket


def test_an_upgrade(address: Address) -> None:
    with Polling(address, "/engine.io/") as session:
        session.open()
        with upgrade(address, session.sid, "/engine.io/") as socket:
            assert session.get() == (200, "6")
            socket.send("5", "4hello")
            assert socket.receive() == "4hello"


def test_an_upgrade_ends_the_poll_that_waits(address: Address) -> None:
    with Polling(address, "/engine.io/") as session:
        session.open()
        with session.second() as second:
            session.request("GET")
            second.pass_by()
            with upgrade(address, session.sid, "/engine.io/") as socket:
                assert session.answer() == (200, "6")
                socket.send("5", "4hello")
                assert socket.receive() == "4hello"


def test_what_is_sent_during_an_upgrade_comes_after_it(address: Address) -> None:
    with Polling(address, "/engine.io/") as session:
        session.open()
        with upgrade(address, session.sid, "/engine.io/") as socket:
            assert session.post("4during") == (200, "ok")
            socket.send("5")
            assert socket.receive() == "4during"


@pytest.mark.parametrize("instead", ["5", "4a", "2", "3probe", b"2probe"])
def test_a_probe_that_is_none_leaves_the_session_at_polling(address: Address, instead: str | bytes) -> None:
    with Polling(address, "/engine.io/") as session:
        session.open()
        with WebSocket(address, f"EIO=4&transport=websocket&sid={session.sid}", "/engine.io/") as socket:
            socket.send(instead)
            assert socket.rest() == []
        assert session.post("4hello") == (200, "ok")
        assert session.get() == (200, "4hello")


def test_an_upgrade_that_is_given_up_leaves_the_session_at_polling(address: Address) -> None:
    with Polling(address, "/engine.io/") as session:
        session.open()
        with upgrade(address, session.sid, "/engine.io/") as socket:
            socket.send("4not yet")
            assert socket.rest() == []
        assert session.post("4hello") == (200, "ok")
        assert session.get() == (200, "4hello")


@pytest.mark.parametrize("path", PATHS)
def test_after_an_upgrade_polls_are_refused(address: Address, path: str) -> None:
    with Polling(address, path) as session:
        session.open()
        with upgrade(address, session.sid, path) as socket:
            socket.send("5")
            session.pass_by()
            assert session.get() == BAD_REQUEST
            assert session.post("4a") == BAD_REQUEST
            socket.send("40" if path == "/socket.io/" else "4hello")
            assert str(socket.receive())[0] == "4"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("complete", [True, False])
def test_a_session_has_one_websocket(address: Address, path: str, complete: bool) -> None:
    with Polling(address, path) as session:
        session.open()
        with upgrade(address, session.sid, path) as socket:
            if complete:
                socket.send("5")
                session.pass_by()
            with WebSocket(address, f"EIO=4&transport=websocket&sid={session.sid}", path) as second:
                assert second.status == 101
                assert second.rest() == []
            if not complete:
                socket.send("5")
            socket.send("40" if path == "/socket.io/" else "4hello")
            assert str(socket.receive())[0] == "4"
