"""An Engine.IO connection that is open: heartbeats, upgrades, payloads, frames."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event

sys.path.insert(0, str(Path(__file__).parent))

from engineio_server import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    EngineServer,
    Packet,
    Session,
    WebSocketPeer,
    frame,
    message,
    packets_of,
)
from recording_client import TRANSPORTS, RecordingClient, recording, until

from wireswarm.net.engineio import EngineConnection
from wireswarm.net.http import http_connection
from wireswarm.net.origin import parse_base_url
from wireswarm.net.route import Route
from wireswarm.net.stamps import PROGRAM_CLOCK
from wireswarm.net.tls import TlsSettings
from wireswarm.net.transport import EngineRequest
from wireswarm.sample import Counter, Failure, Reason

SILENT = Failure(Reason.DEADLINE, "the server was silent for longer than its ping interval and timeout")


def echo(session: Session) -> None:
    """Acknowledge every event with its own values."""
    session.accept()
    while True:
        packet = session.receive()
        assert isinstance(packet, str)
        if packet.startswith("42"):
            id_, _, values = packet[2:].partition("[")
            values = values.partition(",")[2] or "]"
            if id_:
                session.send(f"43{id_}[{values}")


def lost(client: RecordingClient, failure: Failure) -> None:
    """Wait until an idle connection is lost, which is one failure and one disconnect."""
    until(lambda: client.failures)
    assert client.failures == [("disconnect", failure)]
    assert client.counted(Counter.SIO_DISCONNECTS) == 1
    assert (client.connected, client.namespaces) == (False, {})


@pytest.mark.parametrize("transports", TRANSPORTS)
class TestHeartbeat:
    def test_every_ping_is_answered_with_what_it_carries(self, transports: str) -> None:
        done = Event()

        def script(session: Session) -> None:
            session.accept()
            session.send("2", "2x")
            session.send("2")
            session.send("2ü")
            until(lambda: len(session.pongs) == 4)
            done.set()

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            assert done.wait(5)
            assert server.session.pongs == ["3", "3x", "3", "3ü"]
            assert client.failures == []
            assert client.names == ["connect"]

    def test_pings_in_time_keep_a_connection_and_one_that_is_late_does_not_end_it(self, transports: str) -> None:
        """Intervals of 0.25 + 0.2 s in place of 25 + 20: a ping after 0.35 s stands for one that is 10 s late."""
        done = Event()

        def script(session: Session) -> None:
            session.accept()
            for pause in (0.25, 0.35, 0.05, 0.35):
                gevent.sleep(pause)
                session.send("2")
            done.set()

        settings = {"pingInterval": 250, "pingTimeout": 200}
        with EngineServer(script, **settings) as server, recording(server.url, transports=transports) as client:
            client.connect()
            done.wait(5)
            until(lambda: len(server.session.pongs) == 4)
            assert client.connected
            assert client.failures == []

    def test_silence_ends_it_after_interval_and_timeout_and_not_before(self, transports: str) -> None:
        moments: list[float] = []

        def script(session: Session) -> None:
            session.accept()
            gevent.sleep(0.1)
            session.send("2")
            moments.append(time.monotonic())
            session.ended()

        settings = {"pingInterval": 250, "pingTimeout": 200}
        with EngineServer(script, **settings) as server, recording(server.url, transports=transports) as client:
            client.connect()
            lost(client, SILENT)
            assert 0.45 <= time.monotonic() - moments[0] < 0.75

    def test_a_call_that_waits_for_a_silent_server_fails_with_the_connection(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.expect('420["a"]')
            session.ended()

        settings = {"pingInterval": 250, "pingTimeout": 200}
        with EngineServer(script, **settings) as server, recording(server.url, transports=transports) as client:
            client.connect()
            assert client.try_call("a").failure == SILENT
            assert client.names == ["connect", "a"]

    def test_whatever_arrives_is_a_sign_of_life(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept()
            for number in range(12):
                gevent.sleep(0.1)
                session.send(f'42["tick",{number}]')

        settings = {"pingInterval": 250, "pingTimeout": 200}
        with EngineServer(script, **settings) as server, recording(server.url, transports=transports) as client:
            client.connect()
            until(lambda: client.counted(Counter.SIO_RECEIVED) == 12)
            assert client.failures == []

    def test_noops_and_pongs_mean_nothing(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.send("6", "3", "6", "3x")
            session.expect('420["a"]')
            session.send("6", '430["b"]')

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            assert client.call("a") == "b"


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


class TestPolling:
    def test_one_post_at_a_time_and_what_comes_meanwhile_goes_into_the_next(self) -> None:
        """That no two GETs or POSTs are under way is a rule of the server's; see `engineio_server`."""
        with EngineServer(echo) as server, recording(server.url, transports="polling") as client:
            client.connect()
            server.session.hold_posts.clear()
            calls = [gevent.spawn(client.call, "a", number) for number in range(40)]
            until(lambda: len(server.session.received) > 1)
            first = len(server.session.received)
            gevent.sleep(0.05)
            assert len(server.session.received) == first < 40
            server.session.hold_posts.set()
            assert [call.get() for call in calls] == list(range(40))
            posts = [packets_of(r.body) for r in server.requests if r.method == "POST"]

        assert [packet for post in posts for packet in post][1:] == [f'42{n}["a",{n}]' for n in range(40)]
        assert len(posts) < 10

    @pytest.mark.parametrize("limit", [100, 1000])
    def test_no_payload_is_larger_than_the_server_takes(self, limit: int) -> None:
        texts = ["x" * size for size in (80, 1, 50, 49, 30, 10, 79, 2) * 4]
        with (
            EngineServer(echo, maxPayload=limit) as server,
            recording(server.url, transports="polling") as client,
        ):
            client.connect()
            calls = [gevent.spawn(client.call, "a", text) for text in texts]
            assert [call.get() for call in calls] == texts
            sizes = [len(r.body) for r in server.requests if r.method == "POST"]

        assert max(sizes) <= limit
        assert len(sizes) < len(texts)

    def test_a_packet_that_is_larger_by_itself_goes_alone(self) -> None:
        with (
            EngineServer(echo, maxPayload=100) as server,
            recording(server.url, transports="polling") as client,
        ):
            client.connect()
            calls = [gevent.spawn(client.call, "a", text) for text in ("s", "x" * 500, "t")]
            assert [call.get() for call in calls] == ["s", "x" * 500, "t"]
            posts = [packets_of(r.body) for r in server.requests if r.method == "POST"]
        assert [len(post) for post in posts if any(len(packet) > 100 for packet in post)] == [1]

    def test_binary_is_base64_in_order_behind_its_packet(self) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.expect('452-0["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', b"\x1e\0", b"")
            session.send(
                '462-0[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]', b"one\x1e", bytes(range(256))
            )

        with EngineServer(script) as server, recording(server.url, transports="polling") as client:
            client.connect()
            assert client.call("a", (b"\x1e\0", b"")) == (bytes(range(256)), b"one\x1e")
            body = next(r.body for r in server.requests if b"45" in r.body)

        assert body.split(b"\x1e")[1:] == [b"b" + base64.b64encode(b"\x1e\0"), b"b"]

    def test_a_packet_and_its_attachments_may_come_in_different_payloads(self) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.expect('420["a"]')
            session.send('461-0[{"_placeholder":true,"num":0}]')
            session.send("6", "2")
            session.send(b"late")

        with EngineServer(script) as server, recording(server.url, transports="polling") as client:
            client.connect()
            assert client.call("a") == b"late"

    def test_several_packets_in_one_payload_all_count_in_order(self) -> None:
        numbers: list[int] = []

        def script(session: Session) -> None:
            session.accept()
            session.send(*(f'42["tick",{number}]' for number in range(500)))

        with EngineServer(script) as server, recording(server.url, transports="polling") as client:
            client.on("tick", numbers.append)
            client.connect()
            until(lambda: len(numbers) == 500)
        assert numbers == list(range(500))

    @pytest.mark.parametrize(
        "body",
        [b"", b"\x1e", b"<html>", b"4", b"9", b"2\x1e", b"b?", b"bAAA", b"\xff", b'42["a"]\x1e\x1e', b"0{}", b"7x"],
    )
    def test_a_payload_that_is_none_ends_the_connection(self, body: bytes) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.expect('420["a"]')
            session.send_payload(body)

        with EngineServer(script) as server, recording(server.url, transports="polling") as client:
            client.connect()
            failure = client.try_call("a").failure
            assert failure is not None
            assert failure.reason is Reason.PROTOCOL
            assert client.names == ["connect", "a"]
            assert not client.connected

    def test_answers_that_end_their_connections_cost_new_ones_and_nothing_else(self) -> None:
        with (
            EngineServer(echo, polling_fields=(b"X-Any: 1",), close_posts=True) as server,
            recording(server.url, transports="polling") as client,
        ):
            client.connect()
            for number in range(5):
                gevent.sleep(0.02)  # what was used a moment ago is used again without a look at it
                assert client.call("a", number) == number
            assert client.failures == []
        assert server.accepted > 5

    def test_a_large_payload_of_the_server_is_whole(self) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.expect('420["a"]')
            session.send('461-0[{"_placeholder":true,"num":0}]', b"z" * 3_000_000)

        with EngineServer(script) as server, recording(server.url, transports="polling") as client:
            client.connect()
            assert client.call("a") == b"z" * 3_000_000


def websocket_of(session: Session) -> WebSocketPeer:
    """The session's WebSocket."""
    assert session.websocket is not None
    return session.websocket


class TestFrames:
    def answered(self, *frames: bytes, step: int = 0) -> Any:
        """What a call returns that is answered with these frames; cut into pieces of so many bytes."""

        def script(session: Session) -> None:
            session.accept()
            session.expect('420["a"]')
            data = b"".join(frames)
            for at in range(0, len(data), step or len(data)):
                websocket_of(session).peer.send(data[at : at + (step or len(data))])
                gevent.sleep(0)
            session.ended()

        with EngineServer(script) as server, recording(server.url) as client:
            client.connect()
            outcome = client.try_call("a", timeout=5)
            assert client.names == ["connect", "a"]
            client.disconnect()
            until(lambda: not server.peers)
            self.code = websocket_of(server.session).close_code
        return outcome.failure or outcome.message

    @pytest.mark.parametrize("step", [0, 1, 3])
    @pytest.mark.parametrize("size", [0, 1, 120, 126, 200])
    def test_frames_of_all_lengths_in_pieces(self, size: int, step: int) -> None:
        assert self.answered(message(f'430["{"x" * size}"]'), step=step) == "x" * size

    @pytest.mark.parametrize("size", [65_400, 65_536, 1_000_000])
    def test_large_frames(self, size: int) -> None:
        assert self.answered(message(f'430["{"x" * size}"]')) == "x" * size
        assert self.answered(message('461-0[{"_placeholder":true,"num":0}]'), message(b"y" * size)) == b"y" * size

    @pytest.mark.parametrize("step", [0, 1])
    def test_fragments_with_control_frames_in_between_are_one_message(self, step: int) -> None:
        text = '430["äöü"]'.encode()
        frames = [frame(TEXT, text[:7], final=False), frame(PING, b"p"), frame(0, b"", final=False)]
        frames += [frame(0, text[7:8], final=False), frame(PONG, b""), frame(0, text[8:])]
        assert self.answered(*frames, step=step) == "äöü"

    def test_fragments_of_binary_messages_are_one(self) -> None:
        head = message('461-0[{"_placeholder":true,"num":0}]')
        assert self.answered(head, frame(BINARY, b"on", final=False), frame(0, b"e")) == b"one"

    def test_a_ping_of_websocket_is_answered_with_its_payload(self) -> None:
        pongs: list[tuple[int, bytes] | None] = []

        def upgrade(session: Session, websocket: WebSocketPeer) -> bool:
            assert websocket.packet() == "2probe"
            websocket.peer.send(frame(PING, b"") + frame(PING, b"x" * 125))
            pongs.extend(websocket.frame() for _ in range(2))
            websocket.send("1")
            return False

        with (
            EngineServer(upgrade=upgrade) as server,
            recording(server.url, transports="polling,websocket") as client,
        ):
            client.connect()
        assert pongs == [(PONG, b""), (PONG, b"x" * 125)]

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            (frame(TEXT, b"6", masked=True), 1002),
            (frame(TEXT, b"6", reserved=0x40), 1002),
            (frame(TEXT, b"6", reserved=0x10), 1002),
            (frame(0x3, b"6"), 1002),
            (frame(0x7, b"6"), 1002),
            (frame(0xB, b""), 1002),
            (frame(0xF, b""), 1002),
            (frame(PING, b"", final=False), 1002),
            (frame(PING, b"x" * 126), 1002),
            (frame(0, b"6"), 1002),
            (frame(TEXT, b"6", final=False) + frame(TEXT, b"6"), 1002),
            (frame(TEXT, b"6", final=False) + frame(BINARY, b"6", final=False), 1002),
            (frame(TEXT, b"\xc3\x28"), 1007),
            (frame(TEXT, b'42["\xed\xa0\x80"]'), 1007),
            (frame(TEXT, b"6\xc3", final=False) + frame(0, b"x"), 1007),
            (frame(CLOSE, b"\x03"), 1002),
            (frame(CLOSE, b"\x03\xed"), 1002),
            (frame(CLOSE, b"\x03\xe8\xff"), 1007),
            (b"\x81\x7e\x00\x01a", 1002),
            (b"\x82\x7f" + (20_000_000).to_bytes(8, "big"), 1009),
            (
                b"\x02\x7f"
                + (16_000_000).to_bytes(8, "big")
                + b"x" * 16_000_000
                + b"\x80\x7f"
                + (10**6).to_bytes(8, "big"),
                1009,
            ),
            (frame(TEXT, b""), 1002),
            (frame(TEXT, b"7"), 1002),
            (frame(TEXT, b"b6"), 1002),
            (frame(TEXT, b"5"), 1002),
            (frame(BINARY, b"x"), 1002),
        ],
    )
    def test_what_a_server_must_not_send_ends_it_with_a_code(self, wrong: bytes, code: int) -> None:
        failure = self.answered(wrong)
        assert isinstance(failure, Failure)
        assert failure.reason is Reason.PROTOCOL
        assert self.code == code

    @pytest.mark.parametrize(
        ("payload", "message"),
        [
            (b"", "connection closed by the server"),
            (b"\x03\xe8", "connection closed by the server"),
            (b"\x03\xe9going away", "connection closed by the server"),
            (b"\x03\xf3", "connection closed by the server, with WebSocket code 1011"),
            (b"\x03\xf0policy", "connection closed by the server, with WebSocket code 1008"),
            (b"\x0f\xa0", "connection closed by the server, with WebSocket code 4000"),
        ],
    )
    def test_a_close_of_the_server_is_answered_and_says_why(self, payload: bytes, message: str) -> None:
        assert self.answered(frame(CLOSE, payload)) == Failure(Reason.CLOSED, message)
        assert self.code == 1000
