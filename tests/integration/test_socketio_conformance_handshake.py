"""How a Socket.IO connection begins: what the client asks for, and what it makes of every answer."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import gevent
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engineio_server import (
    BINARY,
    HANDSHAKE,
    TEXT,
    EngineServer,
    Request,
    Session,
    WebSocketPeer,
    frame,
    message,
    payload,
)
from recording_client import TRANSPORTS, RecordingClient, recording, until
from scripted_server import Peer, ScriptedServer, answer

from wireswarm.sample import Counter, Failure, Reason, SocketPhases

CONNECT_NAME = "connect"


def opening(**other: object) -> str:
    """An Engine.IO handshake; None leaves a key out."""
    return "0" + json.dumps({name: value for name, value in {**HANDSHAKE, **other}.items() if value is not None})


WRONG_OPENINGS = {
    "no JSON": '0{"sid":"x"',
    "no object": "0[]",
    "nothing": "0",
    "no sid": opening(sid=None),
    "an empty sid": opening(sid=""),
    "a sid that is no text": opening(sid=5),
    "no interval": opening(pingInterval=None),
    "no timeout": opening(pingTimeout=None),
    "an interval of 0": opening(pingInterval=0),
    "a negative timeout": opening(pingTimeout=-1),
    "a timeout in text": opening(pingTimeout="20000"),
    "upgrades that are no list": opening(upgrades="websocket"),
    "a payload of 0 bytes": opening(maxPayload=0),
    "a ping": "2",
    "a message": '40{"sid":"x"}',
    "a close": "1",
    "a noop": "6",
    "an unknown type": "9",
}


def failed_connect(client: RecordingClient, within: float = 2.0, **options: object) -> Failure:
    """Connect, which must fail, as one sample and at once; and leave nothing behind."""
    began = time.monotonic()
    outcome = client.try_connect(**options)
    assert time.monotonic() - began < within
    assert outcome.failure is not None
    assert client.failures == [(CONNECT_NAME, outcome.failure)]
    assert len(client.recorder.samples) == 1
    assert (client.connected, client.namespaces, client.sid, client.transport) == (False, {}, None, None)
    assert client.counted(Counter.SIO_DISCONNECTS) == client.recorder.abandonments == 0
    return outcome.failure


def says(data: bytes) -> Callable[[Peer], None]:
    """A server that says one thing, whatever it is asked, and waits for the client to go."""

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(data)
        peer.end()

    return script


def says_in_websocket(*frames: bytes) -> Callable[[Peer], None]:
    """A server that accepts a WebSocket, and says these frames."""

    def script(peer: Peer) -> None:
        websocket = WebSocketPeer(peer, pytest.fail)
        websocket.switch(Request(peer.head()))
        peer.send(b"".join(frames))
        while websocket.packet() is not None:
            pass

    return script


@pytest.mark.parametrize("transports", TRANSPORTS)
class TestConnecting:
    def test_it_is_one_sample_with_its_parts(self, transports: str) -> None:
        with EngineServer() as server, recording(server.url, transports=transports) as client:
            client.connect()

            assert (client.connected, client.namespaces) == (True, {"/": "socket-/"})
            assert (client.sid, client.transport) == ("socket-/", transports.rpartition(",")[2])
            (sample,) = client.recorder.samples
            assert (sample.type, sample.name, sample.failure) == ("SIO", "connect", None)
            assert isinstance(sample.phases, SocketPhases)
            assert sample.phases.open > 0 < sample.phases.namespace
            assert (sample.phases.upgrade > 0) is ("," in transports)
            assert sum(sample.phases) == sample.service_ns
            assert sample.request_bytes == len("40")

    def test_every_request_names_the_protocol_the_transport_and_the_session(self, transports: str) -> None:
        """The server's own rules check each request; see `engineio_server`."""

        def script(session: Session) -> None:
            session.accept()
            session.expect('420["a"]')
            session.send("430[]")

        with (
            EngineServer(script, sid="a/b+c=&ü") as server,
            recording(server.url, transports=transports, query={"v": "1 &2"}, headers={"X-Own": "x"}) as client,
        ):
            client.connect(headers={"Origin": "http://here"})
            client.call("a")

        host = server.url.removeprefix("http://")
        for request in server.requests:
            assert request.path == "/socket.io/"
            assert request.query["v"] == "1 &2"
            found = [request.fields[name] for name in ("host", "x-own", "origin")]
            assert found == [host, "x", "http://here"]
        if "polling" in transports:
            assert {request.query.get("sid") for request in server.requests[1:]} == {"a/b+c=&ü"}
        assert {request.is_websocket for request in server.requests[1:]} == {
            "websocket": set(),
            "polling": {False},
            "polling,websocket": {False, True},
        }[transports]

    def test_another_path_is_asked_for(self, transports: str) -> None:
        with (
            EngineServer() as server,
            recording(f"{server.url}/base", transports=transports, socketio_path="/own/io/") as client,
        ):
            client.connect()

        assert {request.path for request in server.requests} == {"/base/own/io/"}

    def test_a_handshake_with_little_in_it_and_one_with_more_are_right(self, transports: str) -> None:
        for changes in ({"maxPayload": None}, {"upgrades": [], "more": {"x": 1}}, {"pingInterval": 0.5e3}):
            with EngineServer(**changes) as server, recording(server.url, transports=transports) as client:
                client.connect()
                assert client.connected

    def test_a_server_that_accepts_nothing_is_given_up_at_the_deadline(self, transports: str) -> None:
        with EngineServer(Session.ended) as server, recording(server.url, transports=transports) as client:
            failure = failed_connect(client, timeout=0.3)

        assert failure == Failure(Reason.DEADLINE, "no answer to the namespace connect within the deadline")
        assert client.recorder.samples[0].service_ns / 1e9 == pytest.approx(0.3, rel=0.1, abs=0.1)

    def test_nobody_listens(self, transports: str) -> None:
        with EngineServer() as server:
            url = server.url
        with recording(url, transports=transports) as client:
            assert failed_connect(client).reason is Reason.REFUSED

    def test_a_server_that_says_nothing_is_given_up_at_the_deadline(self, transports: str) -> None:
        with ScriptedServer(lambda peer: peer.end()) as server, recording(server.url, transports=transports) as client:
            assert failed_connect(client, timeout=0.3).reason is Reason.DEADLINE

    @pytest.mark.parametrize(
        ("end", "reasons"),
        [(Peer.close, {Reason.CLOSED, Reason.RESET}), (Peer.reset, {Reason.RESET})],
        ids=["close", "reset"],
    )
    def test_a_connection_that_ends_before_the_answer(
        self, transports: str, end: Callable[[Peer], None], reasons: set[Reason]
    ) -> None:
        def script(peer: Peer) -> None:
            peer.head()
            end(peer)

        with ScriptedServer(script) as server, recording(server.url, transports=transports) as client:
            assert failed_connect(client).reason in reasons
        assert server.accepted == 1

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (b"400 Bad Request", b'{"code":0,"message":"Transport unknown"}'),
            (b"401 Unauthorized", b""),
            (b"403 Forbidden", b'{"code":4,"message":"Forbidden"}'),
            (b"404 Not Found", b"<html>not here</html>"),
            (b"500 Internal Server Error", b""),
            (b"503 Service Unavailable", b"later"),
            (b"301 Moved Permanently", b""),
            (b"307 Temporary Redirect", b""),
        ],
    )
    def test_another_status_is_one_failure_and_no_redirect_is_followed(
        self, transports: str, status: bytes, body: bytes
    ) -> None:
        data = answer(body, b"Location: /elsewhere", status=status)
        with ScriptedServer(says(data)) as server, recording(server.url, transports=transports) as client:
            failure = failed_connect(client)

        what = "the WebSocket handshake" if transports == "websocket" else "a polling GET"
        assert failure == Failure(Reason.STATUS, f"{what} was answered with status {int(status[:3])}")
        assert client.recorder.samples[0].status == int(status[:3])
        assert server.accepted == 1

    def test_a_plain_server_is_one_clear_failure(self, transports: str) -> None:
        page = answer(b"<!doctype html><html><body>hello</body></html>", b"Content-Type: text/html")
        with ScriptedServer(says(page)) as server, recording(server.url, transports=transports) as client:
            failure = failed_connect(client)

        assert failure == (
            Failure(Reason.STATUS, "the WebSocket handshake was answered with status 200")
            if transports == "websocket"
            else Failure(Reason.PROTOCOL, "the server does not answer with an Engine.IO 4 handshake")
        )

    def test_what_is_no_http_is_one_clear_failure(self, transports: str) -> None:
        with (
            ScriptedServer(says(b"220 mail.example ESMTP\r\n\r\n")) as server,
            recording(server.url, transports=transports) as client,
        ):
            assert failed_connect(client).reason is Reason.PROTOCOL

    def test_the_credentials_of_a_second_connect_are_the_new_ones(self, transports: str) -> None:
        tokens = iter(["one", "two"])
        found: list[object] = []

        def script(session: Session) -> None:
            packet = session.receive()
            found.append(packet)
            session.send('40{"sid":"y"}')
            session.ended()

        for _ in range(2):
            with EngineServer(script) as server, recording(server.url, transports=transports) as client:
                client.connect(auth=lambda: {"token": next(tokens)})

        assert found == ['40{"token":"one"}', '40{"token":"two"}']

    def test_a_disconnect_says_goodbye_and_a_client_can_connect_again(self, transports: str) -> None:
        farewells: list[list[object]] = []

        def script(session: Session) -> None:
            session.accept()
            farewells.append(list(session.ended()))

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            client.disconnect()
            until(lambda: farewells)
            client.connect()
            client.disconnect()
            until(lambda: len(farewells) == 2)
            assert farewells == [["41", "1"]] * 2
            assert client.names == ["connect"] * 2
            assert client.failures == []


@pytest.mark.parametrize("wrong", WRONG_OPENINGS.values(), ids=WRONG_OPENINGS)
class TestWrongOpenings:
    def test_polling(self, wrong: str) -> None:
        with (
            ScriptedServer(says(answer(wrong.encode()))) as server,
            recording(server.url, transports="polling,websocket") as client,
        ):
            assert failed_connect(client).reason is Reason.PROTOCOL
        assert server.accepted == 1

    def test_websocket(self, wrong: str) -> None:
        with (
            ScriptedServer(says_in_websocket(message(wrong))) as server,
            recording(server.url) as client,
        ):
            assert failed_connect(client).reason is (Reason.CLOSED if wrong == "1" else Reason.PROTOCOL)
        assert server.accepted == 1


@pytest.mark.parametrize(
    "body", [b"", b"\x1e", b"0", b"b" + b"AAAA", opening().encode() + b"\x1e", opening().encode() + b"\x1e9", b"\xff"]
)
def test_a_payload_that_is_none_does_not_open_a_connection(body: bytes) -> None:
    with ScriptedServer(says(answer(body))) as server, recording(server.url, transports="polling") as client:
        assert failed_connect(client).reason is Reason.PROTOCOL


def test_the_packets_behind_the_handshake_in_its_payload_count() -> None:
    pongs: list[bytes] = []

    def script(peer: Peer) -> None:
        while data := peer.request():
            request = Request(data)
            if request.method == "POST":
                pongs.append(request.body)
                peer.send(answer(b"ok"))
            else:
                peer.send(answer(payload(opening(), "2now") if "sid" not in request.query else b"6"))
                if "sid" in request.query:
                    gevent.sleep(0.05)

    with ScriptedServer(script) as server, recording(server.url, transports="polling") as client:
        client.try_connect(timeout=0.3)

    assert b"\x1e".join(pongs).split(b"\x1e")[:2] == [b"3now", b"40"]


def test_what_comes_right_behind_a_websocket_handshake_is_not_lost() -> None:
    def script(peer: Peer) -> None:
        request = Request(peer.head())
        sent: list[bytes] = []
        websocket = WebSocketPeer(peer, pytest.fail)
        peer.sock, real = _Collector(sent), peer.sock
        websocket.switch(request)
        peer.sock = real
        peer.send(b"".join(sent) + message(opening()) + message("2early"))
        assert websocket.packet() == "3early"
        assert websocket.packet() == "40"
        websocket.send('40{"sid":"y"}')
        while websocket.packet() is not None:
            pass

    with ScriptedServer(script) as server, recording(server.url) as client:
        client.connect()
        assert client.sid == "y"


class _Collector:
    """Stands in for a socket, and keeps what is sent."""

    def __init__(self, sent: list[bytes]) -> None:
        self._sent = sent

    def sendall(self, data: bytes) -> None:
        self._sent.append(data)


def test_a_websocket_handshake_that_comes_in_pieces_is_one() -> None:
    def script(peer: Peer) -> None:
        request = Request(peer.head())
        sent: list[bytes] = []
        websocket = WebSocketPeer(peer, pytest.fail)
        peer.sock, real = _Collector(sent), peer.sock
        websocket.switch(request)
        peer.sock = real
        for byte in b"HTTP/1.1 103 Early Hints\r\n\r\n" + b"".join(sent) + message(opening()):
            peer.send(bytes([byte]))
            gevent.sleep(0)
        websocket.packet()
        websocket.send('40{"sid":"y"}')
        while websocket.packet() is not None:
            pass

    with ScriptedServer(script) as server, recording(server.url) as client:
        client.connect()
        assert client.sid == "y"


RIGHT = {"Upgrade": "websocket", "Connection": "Upgrade"}


@pytest.mark.parametrize(
    "fields",
    [
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": "c29tZXRoaW5nIGVsc2U="},
        {"Upgrade": "websocket", "Connection": "Upgrade"},
        {"Upgrade": "h2c", "Connection": "Upgrade"},
        {"Connection": "Upgrade"},
        {"Upgrade": "websocket", "Connection": "close"},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Extensions": "permessage-deflate"},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Protocol": "chat"},
    ],
)
def test_a_wrong_answer_to_the_websocket_handshake_is_one_failure(fields: Mapping[str, str]) -> None:
    def script(peer: Peer) -> None:
        request = Request(peer.head())
        sent: list[bytes] = []
        websocket = WebSocketPeer(peer, pytest.fail)
        peer.sock, real = _Collector(sent), peer.sock
        websocket.switch(request)
        peer.sock = real
        accept = next(line for line in b"".join(sent).split(b"\r\n") if b"Accept" in line)
        lines = [f"{name}: {value}".encode() for name, value in fields.items()]
        if len(fields) == 3 and "Sec-WebSocket-Accept" not in fields:
            lines.append(accept)
        peer.send(b"\r\n".join([b"HTTP/1.1 101 Switching Protocols", *lines, b"", b""]))
        peer.end()

    with ScriptedServer(script) as server, recording(server.url) as client:
        assert failed_connect(client).reason is Reason.PROTOCOL
    assert server.accepted == 1


@pytest.mark.parametrize(
    "wrong",
    [frame(BINARY, b"x"), frame(TEXT, b"\xff"), frame(TEXT, b"0", masked=True), frame(0x3, b""), b"\x88\x02\x03\xe9"],
    ids=["binary", "no UTF-8", "masked", "opcode", "close"],
)
def test_a_wrong_first_frame_is_one_failure(wrong: bytes) -> None:
    with ScriptedServer(says_in_websocket(wrong)) as server, recording(server.url) as client:
        failure = failed_connect(client)
    assert failure.reason is (Reason.CLOSED if wrong[0] == 0x88 else Reason.PROTOCOL)


def test_an_answer_to_the_websocket_handshake_without_end_is_given_up() -> None:
    with ScriptedServer(says(b"HTTP/1.1 101 X\r\nX-Long: " + b"x" * 70_000)) as server, recording(server.url) as client:
        assert failed_connect(client) == Failure(Reason.PROTOCOL, "the answer's head is larger than 64 KiB")


def test_a_handshake_that_is_larger_than_the_kernel_takes_at_once_is_sent_whole() -> None:
    with EngineServer() as server, recording(server.url) as client:
        client.connect(headers={"X-Long": "x" * 5_000_000})
        assert client.connected
        assert len(server.requests[0].fields["x-long"]) == 5_000_000
