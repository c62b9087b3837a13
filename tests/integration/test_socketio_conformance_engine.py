"""An Engine.IO connection that is open: heartbeats, upgrades, payloads, frames."""

from __future__ import annotations

import base64
import sys
import time
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
    Session,
    WebSocketPeer,
    echo,
    frame,
    message,
    packets_of,
)
from recording_client import TRANSPORTS, RecordingClient, recording, until
from scripted_server import hold_up

from wireswarm.sample import Counter, Failure, Reason

SILENT = Failure(Reason.DEADLINE, "the server was silent for longer than its ping interval and timeout")


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


@pytest.mark.parametrize("end", [False, True])
def test_a_process_that_was_held_up_looks_at_what_has_come_before_it_speaks_of_silence(end: bool) -> None:
    """Over WebSocket; for polling, HTTP does the same."""

    def script(session: Session) -> None:
        session.accept()
        gevent.sleep(0.05)
        session.reset() if end else session.send("2")
        hold_up(0.6)
        gevent.sleep(0.3)
        if not end:
            session.send('42["there",1]')
            session.ended()

    with EngineServer(script, pingInterval=250, pingTimeout=200) as server, recording(server.url) as client:
        client.connect()
        if end:
            until(lambda: client.failures)
        else:
            assert client.wait_for("there") == 1
        assert client.reasons == ([("disconnect", Reason.RESET)] if end else [])


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
            (frame(TEXT, b'0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'), 1002),
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
