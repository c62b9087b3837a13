"""Socket.IO clients against python-socketio's own server, over both transports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from locust import task
from locust.env import Environment

sys.path.insert(0, str(Path(__file__).parent))

from certificates import Authority
from scripted_server import Peer, ScriptedServer, answer, hold_up

from wireswarm import ConfigurationError, Reconnect, RequestFailed, SocketIOClient, SocketIOUser
from wireswarm.net.guard import GUARD
from wireswarm.sample import Counter, Failure, Reason, Sample, SocketPhases
from wireswarm.wire.websocket import accept_for

SERVER = Path(__file__).with_name("socketio_server.py")
TRANSPORTS = ["websocket", "polling", "polling,websocket"]


class Recorder:
    """Implements `wireswarm.clients.owner.Reporter`."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.counted: dict[Counter, int] = {}
        self.abandonments = 0

    def report(self, sample: Sample, response: object, error: object, url: str) -> None:
        self.samples.append(sample)

    def count(self, counter: Counter, amount: int = 1) -> None:
        self.counted[counter] = self.counted.get(counter, 0) + amount

    def abandoned(self) -> None:
        self.abandonments += 1

    def refused(self, error: ConfigurationError) -> None:
        raise error

    @property
    def failures(self) -> list[Failure]:
        return [sample.failure for sample in self.samples if sample.failure is not None]


class Server:
    """A running server; see `socketio_server.py`."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen([sys.executable, str(SERVER), *arguments], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        with gevent.Timeout(30):
            self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    """Starts servers of one's own."""
    servers: list[Server] = []

    def begin(*arguments: str) -> Server:
        servers.append(Server(*arguments))
        return servers[-1]

    yield begin
    for running in servers:
        running.stop()


@pytest.fixture
def make() -> Iterator[Callable[..., SocketIOClient]]:
    """Makes clients that note what they report in `client._reporter`, and are closed."""
    clients: list[SocketIOClient] = []

    def client(url: str, **settings: Any) -> SocketIOClient:
        made = SocketIOClient(url, **{"timeout": 10, **settings})
        made._reporter = Recorder()
        clients.append(made)
        return made

    yield client
    for made in clients:
        made.close()


def reports(client: SocketIOClient) -> Recorder:
    assert isinstance(client._reporter, Recorder)
    return client._reporter


def until(condition: Callable[[], object]) -> None:
    """Wait for something that nothing tells of."""
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0.01)


@pytest.mark.parametrize("transports", TRANSPORTS)
class TestTransports:
    def test_a_connect_is_measured_by_its_phases(
        self, server: Server, make: Callable[..., SocketIOClient], transports: str
    ) -> None:
        client = make(server.url, transports=transports)

        client.connect(["/", "/admin"])

        (sample,) = reports(client).samples
        assert isinstance(sample.phases, SocketPhases)
        assert all(part > 0 for part in (sample.phases.open, sample.phases.namespace))
        assert (sample.phases.upgrade > 0) is ("," in transports)
        assert client.transport == transports.rpartition(",")[2]
        assert client.sid != client.sid_of("/admin")
        assert client.call("who")["transport"] == client.transport

    def test_calls_carry_text_and_bytes_both_ways(
        self, server: Server, make: Callable[..., SocketIOClient], transports: str
    ) -> None:
        client = make(server.url, transports=transports)
        client.connect(["/", "/admin"])

        for data in (
            "ü",
            {"a": [1, None, "\x1e"]},
            b"\0\xff",
            {"x": [b"one", {"y": b"two"}]},
            "x" * 50_000,
            b"y" * 70_000,
        ):
            assert client.call("echo", data) == data
            assert client.call("echo", data, namespace="/admin") == data
        assert client.call("echo", ("a", b"b", 3)) == ("a", b"b", 3)
        assert client.call("echo") is None
        assert reports(client).failures == []
        assert len(reports(client).samples) == 15

    def test_events_are_answers_and_questions(
        self, server: Server, make: Callable[..., SocketIOClient], transports: str
    ) -> None:
        client = make(server.url, transports=transports)
        client.on("question", lambda question: (question, b"yes"))
        client.connect(auth={"greet": "you"})

        assert client.emit_and_wait("ping", {"n": 1}, reply="pong", match=lambda d: d["n"] == 1)["n"] == 1
        assert client.call("ask", {"q": b"?"}) == ({"q": b"?"}, b"yes")

    def test_many_events_come_in_order_and_are_measured(
        self, server: Server, make: Callable[..., SocketIOClient], transports: str
    ) -> None:
        client = make(server.url, transports=transports)
        client.connect()
        numbers: list[int] = []
        client.on("tick", lambda data: numbers.append(data["number"]))
        client.on_push("tick", lambda data: data["at"])

        client.call("push", 300)
        until(lambda: len(numbers) == 300)

        assert numbers == list(range(300))
        pushes = [sample for sample in reports(client).samples if sample.name == "push tick"]
        assert len(pushes) == 300
        assert all(0 < sample.service_ns < 2e9 for sample in pushes)

    def test_many_greenlets_share_a_connection(
        self, server: Server, make: Callable[..., SocketIOClient], transports: str
    ) -> None:
        client = make(server.url, transports=transports)
        client.connect()
        data = [{"n": n, "b": bytes([n]) * n} for n in range(40)]

        with gevent.Timeout(20):
            tasks = [gevent.spawn(client.call, "echo", item) for item in data]
            assert [task.get() for task in tasks] == data

    def test_the_server_ends_it(self, server: Server, make: Callable[..., SocketIOClient], transports: str) -> None:
        client = make(server.url, transports=transports)
        for how in ("kick", "cut"):
            client.connect()
            began = time.monotonic()

            assert client.try_call("never", timeout=0.1).failure is not None
            call = gevent.spawn(client.try_call, "never")
            client.emit(how)

            failure = call.get().failure
            assert failure is not None
            assert failure.reason is Reason.CLOSED
            assert time.monotonic() - began < 5
            assert not client.connected
        assert [s.name for s in reports(client).samples] == ["connect", "never", "never"] * 2
        assert reports(client).counted[Counter.SIO_DISCONNECTS] == 2

    def test_disconnecting_tells_the_server(
        self, server: Server, make: Callable[..., SocketIOClient], transports: str
    ) -> None:
        watcher, client = make(server.url), make(server.url, transports=transports)
        watcher.connect()
        client.connect()
        sid = client.sid

        client.disconnect()

        until(lambda: sid in (watcher.call("gone") or ()))
        assert reports(client).failures == []

    def test_a_refused_namespace_is_one_clear_failure(
        self, server: Server, make: Callable[..., SocketIOClient], transports: str
    ) -> None:
        client = make(server.url, transports=transports)

        outcome = client.try_connect(["/", "/picky"], auth={"token": "wrong"})

        assert outcome.failure == Failure(Reason.CONNECT_ERROR, "namespace /picky refused: not authorized")
        assert len(reports(client).samples) == 1
        client.connect("/picky", auth={"token": "let-me-in"})
        assert client.call("echo", 1, namespace="/picky") == 1

    def test_a_wrong_path_and_a_plain_server_are_one_clear_failure_each(
        self, server: Server, make: Callable[..., SocketIOClient], transports: str
    ) -> None:
        def plain(peer: Peer) -> None:
            peer.request()
            peer.send(answer(b"<html>hello</html>"))
            peer.end()

        with ScriptedServer(plain) as other:
            for url, path, reasons in (
                (server.url, "elsewhere", {Reason.STATUS}),
                (other.url, "socket.io", {Reason.STATUS, Reason.PROTOCOL}),
            ):
                client = make(url, transports=transports, socketio_path=path)
                began = time.monotonic()

                failure = client.try_connect().failure

                assert failure is not None
                assert failure.reason in reasons
                assert time.monotonic() - began < 5
                assert len(reports(client).samples) == 1
                client.close()

    def test_a_server_that_is_killed_fails_calls_at_once(
        self, start: Callable[..., Server], make: Callable[..., SocketIOClient], transports: str
    ) -> None:
        own = start()
        client = make(own.url, transports=transports)
        client.connect()
        call = gevent.spawn(client.try_call, "never")
        gevent.sleep(0.1)
        began = time.monotonic()

        own.process.kill()

        failure = call.get(timeout=5).failure
        assert failure is not None
        assert failure.reason in {Reason.CLOSED, Reason.RESET, Reason.REFUSED}
        assert time.monotonic() - began < 1
        assert [s.name for s in reports(client).samples] == ["connect", "never"]


@pytest.mark.parametrize("transports", TRANSPORTS)
def test_pings_are_answered_while_the_client_is_idle(
    start: Callable[..., Server], make: Callable[..., SocketIOClient], transports: str
) -> None:
    client = make(start("1", "1").url, transports=transports)
    client.connect()

    gevent.sleep(3.5)

    assert client.call("echo", "alive") == "alive"
    assert reports(client).failures == []


@pytest.mark.parametrize("transports", TRANSPORTS)
def test_a_server_that_falls_silent_is_lost_not_earlier_than_it_said(
    start: Callable[..., Server], make: Callable[..., SocketIOClient], transports: str
) -> None:
    own = start("1", "1")
    client = make(own.url, transports=transports)
    client.connect()
    os.kill(own.process.pid, signal.SIGSTOP)
    began = time.monotonic()

    until(lambda: not client.connected)

    assert 0.9 < time.monotonic() - began < 3  # one ping may have been under way
    until(lambda: reports(client).failures)
    assert [failure.reason for failure in reports(client).failures] == [Reason.DEADLINE]


def test_an_answer_is_timed_by_its_arrival_whatever_else_the_process_does(
    server: Server, make: Callable[..., SocketIOClient]
) -> None:
    client = make(server.url)
    client.connect()
    call = gevent.spawn(client.call, "slow", 0.05)
    gevent.sleep(0)

    hold_up(0.2)
    call.get()

    sample = reports(client).samples[-1]
    assert 0.049 < sample.service_ns / 1e9 < 0.1
    assert sample.read - sample.done > 0.05e9


def test_headers_and_payload_reach_the_server(server: Server, make: Callable[..., SocketIOClient]) -> None:
    client = make(server.url, headers={"Origin": "http://here"}, query={"v": "1 2"})

    client.connect(auth={"user": "me"}, headers={"Cookie": "a=b"})

    found = client.call("who")
    assert found["auth"] == {"user": "me"}
    assert (found["headers"]["origin"], found["headers"]["cookie"]) == ("http://here", "a=b")
    assert found["query"] == "EIO=4&v=1+2&transport=websocket"


def test_a_lost_connection_comes_back_by_itself_where_that_is_wanted(
    start: Callable[..., Server], make: Callable[..., SocketIOClient]
) -> None:
    client = make(start().url, reconnect=Reconnect(initial=0.05, maximum=0.1))
    client.connect()
    before = client.sid

    client.emit("cut")
    until(lambda: client.connected and client.sid != before)

    assert client.call("echo", 1) == 1
    assert reports(client).counted[Counter.SIO_RECONNECTS] >= 1


def test_no_byte_goes_to_a_host_that_is_not_allowed(make: Callable[..., SocketIOClient]) -> None:
    with ScriptedServer(lambda peer: None) as other:
        GUARD.allow_only(["elsewhere.example"])
        try:
            with pytest.raises(ConfigurationError, match="not one of the allowed hosts"):
                make(other.url).connect()
        finally:
            GUARD.allow_only([])
        assert other.accepted == 0


OPENING = b'0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'


def accept(peer: Peer) -> None:
    """Open a WebSocket, an Engine.IO connection and a namespace on it, as a server does."""
    key = next(line.split(b": ")[1] for line in peer.head().split(b"\r\n") if b"-Key" in line)
    peer.send(
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"
        % accept_for(key).encode()
    )
    peer.send(text(OPENING))
    assert peer.sock.recv(100)[1] == 0x82  # the client's CONNECT
    peer.send(text(b'40{"sid":"y"}'))


def text(packet: bytes) -> bytes:
    """A short text frame."""
    return b"\x81%c%b" % (len(packet), packet)


def close_code(frame: bytes) -> int | None:
    """The code of a client's close frame."""
    if frame[:2] != b"\x88\x82":
        return None
    return int.from_bytes(bytes(byte ^ mask for byte, mask in zip(frame[6:8], frame[2:4], strict=True)), "big")


def test_a_large_message_to_a_server_that_reads_slowly_arrives_whole(make: Callable[..., SocketIOClient]) -> None:
    received = 0

    def slow(peer: Peer) -> None:
        nonlocal received
        accept(peer)
        gevent.sleep(0.3)
        received = len(peer.end())

    with ScriptedServer(slow) as other:
        client = make(other.url)
        client.connect()
        client.emit("big", b"x" * 20_000_000)
        client.disconnect()
        until(lambda: received)

    assert received > 20_000_000
    assert reports(client).failures == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (b"\xc1\x01a", 1002),
        (b"\x81\x81\x00\x00\x00\x00a", 1002),
        (b"\x81\x01\xff", 1007),
        (b"\x82\x7f" + (1 << 30).to_bytes(8, "big"), 1009),
        (text(b"9"), 1002),
        (text(b'42["a"'), 1002),
        (text(b"430[x]"), 1002),
        (b"\x82\x01a", 1002),
        (text(OPENING), 1002),
    ],
)
def test_what_no_protocol_allows_ends_the_connection_with_its_code(
    make: Callable[..., SocketIOClient], wrong: bytes, code: int
) -> None:
    codes: list[int | None] = []

    def script(peer: Peer) -> None:
        accept(peer)
        peer.sock.recv(100)  # a call
        peer.send(wrong)
        codes.append(close_code(peer.end()))

    with ScriptedServer(script) as other:
        client = make(other.url)
        client.connect()
        failure = client.try_call("hey").failure

    assert failure is not None
    assert failure.reason is Reason.PROTOCOL
    assert codes == [code]
    assert [sample.name for sample in reports(client).samples] == ["connect", "hey"]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda peer: peer.reset(), Reason.RESET),
        (lambda peer: peer.close(), Reason.CLOSED),
        (lambda peer: peer.send(b"\x88\x02\x03\xe9"), Reason.CLOSED),
        (lambda peer: peer.send(text(b"1")), Reason.CLOSED),
        (lambda peer: peer.send(text(b"41")), Reason.CLOSED),
    ],
)
def test_every_end_of_an_idle_connection_is_one_failure(
    make: Callable[..., SocketIOClient], end: Callable[[Peer], object], reason: Reason
) -> None:
    def script(peer: Peer) -> None:
        accept(peer)
        gevent.sleep(0.05)
        end(peer)
        if peer.sock.fileno() >= 0:
            peer.end()

    with ScriptedServer(script) as other:
        client = make(other.url)
        client.connect()
        until(lambda: reports(client).failures)

    assert [failure.reason for failure in reports(client).failures] == [reason]
    assert reports(client).counted[Counter.SIO_DISCONNECTS] == 1
    assert not client.connected


def test_tls_is_verified_and_carries_it_all(
    make: Callable[..., SocketIOClient], tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = Authority(tmp_path_factory.mktemp("certificates"))

    def script(peer: Peer) -> None:
        accept(peer)
        while peer.sock.recv(100)[:1] == b"\x81":
            peer.send(text(b'430["ok"]'))

    with ScriptedServer(script, tls=authority.sign("good", "127.0.0.1").server_context()) as other:
        refused = make(other.url).try_connect()
        client = make(other.url, ca_file=authority.path)
        client.connect()
        assert client.call("hey") == "ok"
        assert reports(client).samples[-1].done <= reports(client).samples[-1].read
        client.close()
        careless = make(other.url, insecure=True)
        careless.connect()
        careless.close()

    assert refused.failure is not None
    assert refused.failure.reason is Reason.TLS


def test_a_users_connection_ends_with_the_user(server: Server, make: Callable[..., SocketIOClient]) -> None:
    class Caller(SocketIOUser):
        host = server.url

        def on_start(self) -> None:
            self.client.connect()

        @task
        def ask(self) -> None:
            assert self.client.call("echo", 5) == 5
            self.client.call("never", timeout=0.05)

    environment = Environment(user_classes=[Caller])
    seen: list[tuple[str, str, object]] = []
    environment.events.request.add_listener(
        lambda request_type, name, exception, **_: seen.append((request_type, name, exception))
    )
    runner = environment.create_local_runner()
    runner.start(2, spawn_rate=100)
    until(lambda: len(seen) > 12)
    sids = [user.client.sid for user in _users(runner)]
    runner.quit()

    names = {(kind, name) for kind, name, _ in seen}
    assert names == {("SIO", "connect"), ("SIO", "echo"), ("SIO", "never")}
    assert all((error is not None) is (name == "never") for _, name, error in seen)
    assert all(isinstance(error, RequestFailed) for _, name, error in seen if name == "never")
    watcher = make(server.url)
    watcher.connect()
    assert len(sids) == 2
    until(lambda: set(sids) <= set(watcher.call("gone") or ()))


def _users(runner: Any) -> list[Any]:
    return [greenlet.args[0] for greenlet in runner.user_greenlets]
