"""What a Socket.IO client lives through: heartbeats, silence, a return, a process that is busy, TLS."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gevent
import pytest
from locust import task
from locust.env import Environment

sys.path.insert(0, str(Path(__file__).parent))

from certificates import Authority
from engineio_server import EngineServer, Session, echo
from recording_client import TRANSPORTS, RecordingClient, recording, until
from scripted_server import Peer as Connection
from scripted_server import ScriptedServer, answer, hold_up
from socketio_peers import Peer

from wireswarm import ConfigurationError, Reconnect, RequestFailed, SocketIOUser
from wireswarm.net.guard import GUARD
from wireswarm.sample import Counter, Failure, Reason

SERVERS = [("node", 0.5), ("python", 1)]
"""Real servers, and the seconds between their pings: python-engineio knows only whole ones."""


@pytest.fixture
def start() -> Iterator[Callable[..., Peer]]:
    """Starts servers of one's own."""
    with ExitStack() as stack:

        def begin(name: str, *arguments: float) -> Peer:
            running = Peer(name, *arguments)
            stack.callback(running.stop)
            return running

        yield begin


@pytest.fixture
def connect() -> Iterator[Callable[..., list[RecordingClient]]]:
    """Connects a client over each of the transports."""
    with ExitStack() as stack:

        def begin(url: str, **settings: Any) -> list[RecordingClient]:
            clients = [stack.enter_context(recording(url, transports=how, **settings)) for how in TRANSPORTS]
            for client in clients:
                client.connect()
            return clients

        yield begin


Start = Callable[..., Peer]
Connect = Callable[..., list[RecordingClient]]


@pytest.mark.parametrize(("name", "interval"), SERVERS)
def test_pings_are_answered_while_the_client_is_idle(
    start: Start, connect: Connect, name: str, interval: float
) -> None:
    clients = connect(start(name, interval, interval).url)

    gevent.sleep(3.2 * interval)

    for client in clients:
        assert client.call("echo", "alive") == "alive"
        assert client.failures == []


@pytest.mark.parametrize(("name", "interval"), SERVERS)
def test_a_server_that_falls_silent_is_lost_not_earlier_than_it_said(
    start: Start, connect: Connect, name: str, interval: float
) -> None:
    own = start(name, interval, interval)
    clients = connect(own.url)
    os.kill(own.process.pid, signal.SIGSTOP)
    began = time.monotonic()

    for client in clients:
        until(lambda client=client: client.failures)

        assert 0.9 * interval < time.monotonic() - began < 5  # one ping may have been under way
        silent = Failure(Reason.DEADLINE, "the server was silent for longer than its ping interval and timeout")
        assert client.failures == [("disconnect", silent)]
        assert not client.connected


def test_a_wrong_path_is_one_clear_failure(start: Start) -> None:
    url = start("python").url
    for transports in TRANSPORTS:
        with recording(url, transports=transports, socketio_path="elsewhere") as client:
            began = time.monotonic()
            failure = client.try_connect().failure

            assert failure is not None
            assert failure.reason is Reason.STATUS
            assert time.monotonic() - began < 5
            assert client.names == ["connect"]


@pytest.mark.parametrize("transports", TRANSPORTS)
def test_a_lost_connection_comes_back_by_itself_where_that_is_wanted(start: Start, transports: str) -> None:
    policy = Reconnect(initial=0.05, maximum=0.1)
    with recording(start("python").url, transports=transports, reconnect=policy) as client:
        client.connect()
        before = client.sid

        client.emit("cut")
        until(lambda: client.connected and client.sid != before)

        assert client.call("echo", 1) == 1
        attempts = client.counted(Counter.SIO_RECONNECTS)
        assert attempts >= 1
        assert client.names.count("connect") == 1 + attempts
        assert client.counted(Counter.SIO_DISCONNECTS) == client.names.count("disconnect") == 1


@pytest.mark.parametrize("timeout", [None, 0.2])
def test_an_answer_is_timed_by_its_arrival_whatever_else_the_process_does(start: Start, timeout: float | None) -> None:
    """Also where it was there in time, but the process had no time to look before the deadline."""
    with recording(start("python").url) as client:
        client.connect()
        call = gevent.spawn(client.call, "slow", 50, timeout=timeout)
        gevent.sleep(0)

        hold_up(0.4)
        call.get()

        sample = client.recorder.samples[-1]
        assert 0.049 < sample.service_ns / 1e9 < 0.19
        assert sample.read - sample.done > 0.1e9


def test_no_byte_goes_to_a_host_that_is_not_allowed() -> None:
    with ScriptedServer(lambda peer: None) as other, recording(other.url) as client:
        GUARD.allow_only(["elsewhere.example"])
        try:
            with pytest.raises(ConfigurationError, match="not one of the allowed hosts"):
                client.connect()
        finally:
            GUARD.allow_only([])
        assert other.accepted == 0


def test_a_plain_server_that_keeps_the_connection_is_one_clear_failure() -> None:
    def plain(peer: Connection) -> None:
        while peer.request():
            peer.send(answer(b"<html>hello</html>"))

    with ScriptedServer(plain) as other:
        for transports in TRANSPORTS:
            with recording(other.url, transports=transports) as client:
                failure = client.try_connect().failure
                assert failure is not None
                assert failure.reason is (Reason.STATUS if transports == "websocket" else Reason.PROTOCOL)
                assert client.names == ["connect"]


def test_a_large_message_to_a_server_that_reads_slowly_arrives_whole() -> None:
    def slow(session: Session) -> None:
        session.accept()
        gevent.sleep(0.3)
        session.ended()

    with EngineServer(slow) as other, recording(other.url) as client:
        client.connect()
        client.emit("big", bytes(20_000_000))
        client.disconnect()
        until(lambda: not other.peers)
        assert client.failures == []
        assert [len(packet) for packet in other.session.received[-3:]] == [20_000_000, len("41"), len("1")]


@pytest.mark.parametrize("transports", TRANSPORTS)
def test_tls_is_verified_and_carries_it_all(transports: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    data = {"text": "ü" * 40_000, "bytes": "x" * 300_000}
    with EngineServer(echo, tls=authority.sign("good", "127.0.0.1").server_context()) as server:
        with recording(server.url, transports=transports) as stranger:
            failure = stranger.try_connect().failure
            assert failure is not None
            assert failure.reason is Reason.TLS
            assert server.requests == []
        for settings in ({"ca_file": authority.path}, {"insecure": True}):
            with recording(server.url, transports=transports, **settings) as client:
                client.connect()
                assert client.call("hey", data) == data
                assert client.recorder.samples[-1].done <= client.recorder.samples[-1].read


def test_a_users_connection_ends_with_the_user(start: Start) -> None:
    server = start("python")

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
    sids = [greenlet.args[0].client.sid for greenlet in runner.user_greenlets]
    runner.quit()

    names = {(kind, name) for kind, name, _ in seen}
    assert names == {("SIO", "connect"), ("SIO", "echo"), ("SIO", "never")}
    assert all((error is not None) is (name == "never") for _, name, error in seen)
    assert all(isinstance(error, RequestFailed) for _, name, error in seen if name == "never")
    assert len(sids) == 2
    with recording(server.url) as watcher:
        watcher.connect()
        until(lambda: set(sids) <= set(watcher.call("gone") or ()))
