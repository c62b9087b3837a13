"""The upgrade of an Engine.IO connection from polling to WebSocket: how it goes, and how it does not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

sys.path.insert(0, str(Path(__file__).parent))

from engineio_server import CLOSE, TEXT, EngineServer, Packet, Session, WebSocketPeer, echo, frame
from recording_client import recording, until

from wireswarm.net.engineio import EngineConnection
from wireswarm.net.http import http_connection
from wireswarm.net.origin import parse_base_url
from wireswarm.net.route import Route
from wireswarm.net.stamps import PROGRAM_CLOCK
from wireswarm.net.tls import TlsSettings
from wireswarm.net.transport import EngineRequest
from wireswarm.sample import Failure, Reason


class Events:
    """Implements `wireswarm.net.engineio.EngineEvents`."""

    def __init__(self) -> None:
        self.messages: list[Packet] = []
        self.failures: list[Failure] = []

    def message(self, packet: bytes, stamp: int, read: int) -> None:
        self.messages.append(packet.decode())

    def attachment(self, data: bytes, stamp: int, read: int) -> None:
        self.messages.append(data)

    def lost(self, failure: Failure) -> None:
        self.failures.append(failure)

    def alive(self) -> None:
        pass


def engine_request(url: str, *transports: str) -> EngineRequest:
    """What opens an Engine.IO connection."""
    origin = parse_base_url(url).origin
    route = Route(origin, PROGRAM_CLOCK, TlsSettings())
    fields = f"Host: {origin.authority}\r\n".encode()
    return EngineRequest(route, "/socket.io/?EIO=4&transport=", fields, transports, http_connection)


class TestUpgrade:
    def test_it_is_probed_and_polling_ends_before_the_websocket_takes_over(self) -> None:
        with EngineServer(echo) as server, recording(server.url, transports="polling,websocket") as client:
            client.connect()
            assert client.call("a", 1) == 1
            assert client.transport == "websocket"
            requests = [(r.method, r.is_websocket) for r in server.requests]

        assert requests[0] == ("GET", False)
        assert requests.count(("GET", True)) == 1
        assert ("POST", False) not in requests
        assert server.session.received[:1] == ["40"]  # neither probe nor upgrade is left for the session

    @pytest.mark.parametrize("offered", [[], ["webtransport"]])
    def test_one_that_is_not_offered_is_not_tried(self, offered: list[str]) -> None:
        with (
            EngineServer(echo, upgrades=offered) as server,
            recording(server.url, transports="polling,websocket") as client,
        ):
            client.connect()
            assert client.call("a", 1) == 1
            assert client.transport == "polling"
        assert not any(request.is_websocket for request in server.requests)
        assert client.recorder.samples[0].phases.upgrade == 0  # type: ignore[union-attr]

    @pytest.mark.parametrize("transports", ["polling", "websocket"])
    def test_one_that_is_not_wanted_is_not_tried(self, transports: str) -> None:
        with EngineServer(echo) as server, recording(server.url, transports=transports) as client:
            client.connect()
            assert client.call("a", 1) == 1
        assert {request.is_websocket for request in server.requests} == {transports == "websocket"}

    def test_packets_during_an_upgrade_are_neither_lost_nor_reordered(self) -> None:
        """The server speaks by polling until the client says `5`, and from then on by WebSocket, as it has to."""
        sent: list[str] = []

        def say(session: Session, *packets: str) -> None:
            sent.extend(packets)
            session.send(*packets)

        def upgrade(session: Session, websocket: WebSocketPeer) -> None:
            say(session, "4a")
            assert websocket.packet() == "2probe"
            say(session, "4b", "4c")
            websocket.send("3probe")
            say(session, "4d")
            gevent.sleep(0.02)
            say(session, "4e")
            session.end_polls()
            assert websocket.packet() == "5"
            say(session, "4f")  # is still in the outbox of polling
            session.use_websocket(websocket)
            say(session, "4g")

        events = Events()
        engine = EngineConnection(events)
        with EngineServer(lambda session: None, upgrade=upgrade) as server:
            engine.open(engine_request(server.url, "polling", "websocket"), 5, 5)
            until(lambda: len(events.messages) == 7)
            engine.close()

        assert events.messages == sent
        assert events.failures == []

    def test_what_is_sent_during_an_upgrade_is_neither_lost_nor_reordered(self) -> None:
        def upgrade(session: Session, websocket: WebSocketPeer) -> None:
            session.hold_posts.clear()
            assert websocket.packet() == "2probe"
            websocket.send("3probe")
            session.end_polls()
            gevent.sleep(0.1)
            session.hold_posts.set()
            assert websocket.packet() == "5"
            session.use_websocket(websocket)

        engine = EngineConnection(Events())
        sent = [f"4{number}" for number in range(40)]
        with EngineServer(lambda session: None, upgrade=upgrade) as server:
            opening = gevent.spawn(engine.open, engine_request(server.url, "polling", "websocket"), 5, 5)
            until(lambda: engine.opened)
            for packet in sent:
                engine.send(packet.encode())
                gevent.sleep(0.005)
            opening.get()
            until(lambda: len(server.session.received) == len(sent))
            received = list(server.session.received)
            engine.close()

        assert received == sent

    def test_pings_during_an_upgrade_are_answered_once_each(self) -> None:
        def upgrade(session: Session, websocket: WebSocketPeer) -> None:
            session.send("2one")
            assert websocket.packet() == "2probe"
            session.send("2two")
            websocket.send("3probe")
            session.send("2three")
            session.end_polls()
            while (found := websocket.packet()) != "5":
                assert found is not None
            session.use_websocket(websocket)
            session.send("2four")

        with (
            EngineServer(echo, upgrade=upgrade) as server,
            recording(server.url, transports="polling,websocket") as client,
        ):
            client.connect()
            until(lambda: len(server.session.pongs) == 4)
            assert client.call("a", 1) == 1
            assert client.transport == "websocket"
            assert sorted(server.session.pongs) == ["3four", "3one", "3three", "3two"]

    @pytest.mark.parametrize(
        "fail",
        [
            lambda session, websocket: websocket.send("3wrong"),
            lambda session, websocket: websocket.send("2probe"),
            lambda session, websocket: websocket.send("4a"),
            lambda session, websocket: websocket.send(b"3probe"),
            lambda session, websocket: websocket.send("1"),
            lambda session, websocket: websocket.peer.send(frame(TEXT, b"3probe", masked=True)),
            lambda session, websocket: websocket.peer.send(frame(CLOSE, b"\x03\xe8")),
            lambda session, websocket: websocket.peer.close(),
            lambda session, websocket: websocket.peer.reset(),
        ],
        ids=["wrong", "ping", "message", "binary", "close", "masked", "websocket close", "FIN", "RST"],
    )
    def test_a_probe_that_fails_leaves_it_at_polling(self, fail: Callable[[Session, WebSocketPeer], None]) -> None:
        def upgrade(session: Session, websocket: WebSocketPeer) -> bool:
            assert websocket.packet() == "2probe"
            fail(session, websocket)
            return False

        with (
            EngineServer(echo, upgrade=upgrade) as server,
            recording(server.url, transports="polling,websocket") as client,
        ):
            client.connect()
            assert client.transport == "polling"
            assert [client.call("a", number) for number in range(3)] == [0, 1, 2]
            assert client.failures == []

    def test_a_probe_that_is_never_answered_costs_the_connect_timeout_and_leaves_it_at_polling(self) -> None:
        def upgrade(session: Session, websocket: WebSocketPeer) -> bool:
            while websocket.packet() is not None:
                pass
            return False

        with (
            EngineServer(echo, upgrade=upgrade) as server,
            recording(server.url, transports="polling,websocket", connect_timeout=0.3) as client,
        ):
            client.connect()
            assert client.transport == "polling"
            assert client.call("a", 1) == 1
            assert 0.3 <= client.recorder.samples[0].service_ns / 1e9 < 1

    def test_a_server_that_keeps_the_last_poll_is_given_up_at_the_deadline(self) -> None:
        def upgrade(session: Session, websocket: WebSocketPeer) -> bool:
            assert websocket.packet() == "2probe"
            websocket.send("3probe")
            assert websocket.packet() is None
            return False

        with (
            EngineServer(echo, upgrade=upgrade) as server,
            recording(server.url, transports="polling,websocket") as client,
        ):
            failure = client.try_connect(timeout=0.4).failure
            assert failure == Failure(Reason.DEADLINE, "the polling requests were not answered before the upgrade")
            assert len(client.recorder.samples) == 1

    def test_a_connection_that_ends_during_the_upgrade_is_one_failure(self) -> None:
        def upgrade(session: Session, websocket: WebSocketPeer) -> bool:
            assert websocket.packet() == "2probe"
            session.send("1")
            assert websocket.packet() is None
            return False

        with (
            EngineServer(lambda session: None, upgrade=upgrade) as server,
            recording(server.url, transports="polling,websocket", connect_timeout=0.5) as client,
        ):
            failure = client.try_connect().failure
            assert failure is not None
            assert failure.reason is Reason.CLOSED
            assert client.names == ["connect"]
            assert not client.connected

    def test_a_connection_that_ends_between_probe_and_upgrade_is_one_failure(self) -> None:
        def upgrade(session: Session, websocket: WebSocketPeer) -> bool:
            assert websocket.packet() == "2probe"
            websocket.send("3probe")
            gevent.sleep(0.02)
            session.send("1")
            assert websocket.packet() is None
            return False

        with (
            EngineServer(lambda session: None, upgrade=upgrade) as server,
            recording(server.url, transports="polling,websocket") as client,
        ):
            assert client.try_connect().failure == Failure(Reason.CLOSED, "connection closed by the server")
            assert client.names == ["connect"]

    @pytest.mark.parametrize("answers", [False, True], ids=["probe", "last poll"])
    def test_a_task_that_is_killed_meanwhile_leaves_no_connection(self, answers: bool) -> None:
        reached = Event()

        def upgrade(session: Session, websocket: WebSocketPeer) -> bool:
            assert websocket.packet() == "2probe"
            if answers:
                websocket.send("3probe")
                gevent.sleep(0.02)
            reached.set()
            assert websocket.packet() is None
            return False

        with (
            EngineServer(lambda session: None, upgrade=upgrade) as server,
            recording(server.url, transports="polling,websocket") as client,
        ):
            task = gevent.spawn(client.connect)
            reached.wait(5)
            task.kill()
            server.session.over()  # the connections of polling end with an answer, as nobody reads them any more
            until(lambda: not server.peers)

            assert client.recorder.abandonments == 1
            assert client.names == []

    def test_a_large_message_waits_until_the_server_reads_on(self) -> None:
        size = 10_000_000

        def slow(session: Session) -> None:
            session.accept()
            session.expect('451-["big",{"_placeholder":true,"num":0}]')
            assert len(session.receive()) == size

        with EngineServer(slow) as server, recording(server.url, transports="polling,websocket") as client:
            client.connect()
            client.emit("big", bytes(size))
            assert client.transport == "websocket"
            until(lambda: server.session.received[-1:] == [bytes(size)])
            assert client.failures == []
