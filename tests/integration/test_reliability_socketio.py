"""Socket.IO under faults: servers that die, a herd that comes back, certificates that do not verify, secrets."""

from __future__ import annotations

import json
import secrets
import signal
import sys
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import gevent
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from certificates import DAY, Authority
from engineio_server import EngineServer, Session
from locust_process import LocustProcess, Target, failures, free_port, reported, write
from recording_client import TRANSPORTS, recording, until

from wireswarm import RequestFailed
from wireswarm.sample import Counter, Failure, Reason

NOT_CONNECTED = Failure(Reason.CLOSED, "not connected")
SOCKETS = 500
DOWN = 5.0
"""Seconds for which the target of the herd is away."""


@pytest.mark.parametrize("transports", TRANSPORTS)
class TestDeath:
    """Of the target, while the client waits for it."""

    def test_pending_calls_fail_within_a_second_with_one_sample_each(
        self, transports: str, start_target: Callable[..., Target]
    ) -> None:
        target = start_target()
        with recording(target.url, transports=transports) as client:
            client.connect("/custom")
            names = [f"call {number}" for number in range(5)]
            calls = [gevent.spawn(client.try_call, "nobody", 1, namespace="/custom", name=name) for name in names]
            waits = [gevent.spawn(client.try_emit_and_wait, "a", reply="b", namespace="/custom", name="wait")]
            gevent.sleep(0)
            assert client.call("message-with-ack", 1, namespace="/custom", name="call") == 1
            began = time.monotonic()
            target.process.send_signal(signal.SIGKILL)  # type: ignore[attr-defined]
            gevent.joinall([*calls, *waits], timeout=5)

            assert time.monotonic() - began < 1
            assert {task.value.failure.reason for task in [*calls, *waits]} <= {
                Reason.CLOSED,
                Reason.RESET,
                Reason.REFUSED,
            }
            gevent.sleep(0.05)
            assert Tally(client.names) == Tally(["connect /custom", "call", *names, "wait"])
            assert client.counted(Counter.SIO_DISCONNECTS) == 1
            assert client.recorder.abandonments == 0

    def test_nothing_is_dropped_silently_while_it_is_down(self, transports: str) -> None:
        def script(session: Session) -> None:
            session.accept()
            session.expect('42["gone"]')
            session.reset()

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            client.connect()
            client.emit("gone")
            until(lambda: not client.connected)
            with pytest.raises(RequestFailed, match="not connected"):
                client.emit("a", 1)
            with pytest.raises(RequestFailed, match="not connected"):
                client.call("b", 1)
            with pytest.raises(RequestFailed, match="not connected"):
                client.emit_and_wait("c", reply="d")
            with pytest.raises(RequestFailed, match="not connected"):
                client.wait_for("e")
            until(lambda: "disconnect" in client.names)

            assert client.counted(Counter.SIO_EMITTED) == 1
            assert sorted(client.names) == ["a", "b", "c -> d", "connect", "disconnect", "wait e"]
            assert [f for name, f in client.failures if name != "disconnect"] == [NOT_CONNECTED] * 4

    @pytest.mark.parametrize("end", [Session.close, Session.reset, lambda session: session.send("1")])
    @pytest.mark.parametrize("state", ["asked for the namespace", "idle", "call", "wait", "binary half way"])
    def test_in_every_state(self, transports: str, end: Callable[[Session], None], state: str) -> None:
        def script(session: Session) -> None:
            if state != "asked for the namespace":
                session.accept()
            if state in {"call", "binary half way"}:
                session.receive()
            if state == "binary half way":
                session.send('461-0[{"_placeholder":true,"num":0}]')
            if state == "wait":
                session.expect('42["a"]')
            session.receive() if state == "asked for the namespace" else gevent.sleep(0.02)
            end(session)

        with EngineServer(script) as server, recording(server.url, transports=transports) as client:
            began = time.monotonic()
            failed = client.try_connect().failure
            if state == "idle":
                until(lambda: client.failures)
            elif state == "wait":
                failed = client.try_emit_and_wait("a", reply="b").failure
            elif state != "asked for the namespace":
                failed = client.try_call("a").failure
            assert time.monotonic() - began < 1
            name = {"asked for the namespace": "connect", "idle": "disconnect", "wait": "a -> b"}.get(state, "a")
            assert [found for found, _ in client.failures] == [name]
            assert client.failures[0][1].reason in {Reason.CLOSED, Reason.RESET}
            assert failed is None or failed == client.failures[0][1]
            assert client.names == (["connect"] if name == "connect" else ["connect", name])
            assert client.counted(Counter.SIO_DISCONNECTS) == (name != "connect")
            assert not client.connected


def connections_to(port: int) -> int:
    """The TCP connections of this machine to a port, of those who connected."""
    suffix = f":{port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[2].endswith(suffix) and line[3] == "01" for line in lines)


@pytest.mark.slow
def test_a_herd_comes_back_spread_out_and_leaves_nothing_behind(start_target: Callable[..., Target]) -> None:
    port = free_port()
    first = start_target(port=port)
    with ExitStack() as stack:
        clients = [stack.enter_context(recording(first.url, reconnect=True)) for _ in range(SOCKETS)]
        gevent.joinall([gevent.spawn(client.connect) for client in clients], raise_error=True)
        assert connections_to(port) == SOCKETS

        first.process.kill()  # type: ignore[attr-defined]
        first.process.wait()  # type: ignore[attr-defined]
        gone = time.time()
        gevent.sleep(DOWN)
        start_target(port=port)
        up = time.time()
        until(lambda: sum(client.connected for client in clients) >= 0.99 * SOCKETS, 30)

        assert connections_to(port) >= 0.99 * SOCKETS
        attempts = sorted(
            sample.sent / 1e9
            for client in clients
            for sample in client.recorder.samples
            if sample.name == "connect" and sample.sent / 1e9 > gone
        )
        seconds = [sum(at <= other < at + 1 for other in attempts) for at in attempts]
        assert max(seconds) <= 0.2 * len(attempts)
        assert len(attempts) == sum(client.counted(Counter.SIO_RECONNECTS) for client in clients)
        assert any(at > up for at in attempts)
        for client in clients:
            assert Tally(client.names)["disconnect"] == 1
            assert client.counted(Counter.SIO_DISCONNECTS) == 1
    until(lambda: connections_to(port) == 0, 5)


REASONS = {
    "expired": "certificate does not verify: certificate has expired",
    "other_host": "certificate does not verify: it is for another host",
    "self_signed": "certificate does not verify: self-signed certificate",
    "unknown_authority": "certificate does not verify: unable to get local issuer certificate",
}

TLS_LOCUSTFILE = """
from locust import task
from wireswarm import SocketIOClient, SocketIOUser


class Visitor(SocketIOUser):
    host = "https://nowhere.invalid"
    ca_file = {ca_file!r}
    insecure = {insecure}
{clients}

    @task
    def visit(self):
        for name in {names!r}:
            client = getattr(self, name)
            if client.try_connect(name=name).ok:
                client.try_call("hey", name=name + " call")
                client.disconnect()
"""


def acknowledge(session: Session) -> None:
    """One call."""
    session.accept()
    session.expect('420["hey"]')
    session.send("430[]")


class TlsServers:
    """One https server for every kind of certificate, and one whose certificate is right."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        authority, stranger = Authority(folder), Authority(folder, "stranger")
        self.ca_file = str(authority.path)
        pairs = {
            "good": authority.sign("good", "127.0.0.1"),
            "expired": authority.sign("expired", "127.0.0.1", since=-3 * DAY, until=-DAY),
            "other_host": authority.sign("other_host", "elsewhere.example"),
            "self_signed": Authority(folder, "itself").sign("self_signed", "127.0.0.1", itself=True),
            "unknown_authority": stranger.sign("unknown_authority", "127.0.0.1"),
        }
        self.servers = {
            name: stack.enter_context(EngineServer(acknowledge, tls=pair.server_context()))
            for name, pair in pairs.items()
        }

    def locustfile(self, folder: Path, transports: str, *, insecure: bool) -> Path:
        """A class with a client for every server."""
        clients = "\n".join(
            f"    {name} = SocketIOClient({server.url!r}, transports={transports!r})"
            for name, server in self.servers.items()
        )
        names = list(self.servers)
        return write(
            folder, TLS_LOCUSTFILE.format(ca_file=self.ca_file, insecure=insecure, clients=clients, names=names)
        )


@pytest.fixture
def tls_servers(tmp_path: Path) -> Iterator[TlsServers]:
    with ExitStack() as stack:
        yield TlsServers(stack, tmp_path)


@pytest.mark.parametrize("transports", ["websocket", "polling"])
@pytest.mark.parametrize("insecure", [False, True])
def test_wrong_certificates_fail_by_default_and_the_opt_out_is_named(
    transports: str, insecure: bool, tls_servers: TlsServers, tmp_path: Path
) -> None:
    report = tmp_path / "run"
    path = tls_servers.locustfile(tmp_path, transports, insecure=insecure)
    with LocustProcess(path, "--headless", "--iterations", 2, "--json-file", report) as run:
        assert run.end() == (0 if insecure else 1), run.output

    good = set(tls_servers.servers) if insecure else {"good"}
    assert {name for name, server in tls_servers.servers.items() if server.requests} == good
    assert failures(report) == ({} if insecure else {f"SIO {name}": 2 for name in REASONS})
    assert reported(report) == {f"SIO {name}": 2 for name in tls_servers.servers} | {
        f"SIO {name} call": 2 for name in good
    }
    noted = [line for line in run.lines if "TLS certificates are not verified by" in line]
    names = [f"Visitor.{name}" for name in tls_servers.servers]
    assert all(name in line for line in noted for name in names)
    assert len(noted) == (2 if insecure else 0), run.output
    for message in () if insecure else REASONS.values():
        assert message in run.output


SECRETS_LOCUSTFILE = """
import os
from locust import constant, task
from wireswarm import BearerToken, SocketIOClient, SocketIOUser

NAMES = ("PAYLOAD", "QUERY", "HEADER", "TOKEN", "COOKIE")
PAYLOAD, QUERY, HEADER, TOKEN, COOKIE = (os.environ[f"TEST_{name}"] for name in NAMES)


class Secretive(SocketIOUser):
    wait_time = constant(0.02)
    auth = BearerToken.from_env("TEST_TOKEN")
    client = SocketIOClient(
        query={"access_token": QUERY}, headers={"X-Api-Key": HEADER}, transports=%(transports)r
    )

    def ask(self, namespace):
        self.client.connect(namespace, auth={"token": PAYLOAD}, headers={"Cookie": "session=" + COOKIE}, timeout=2)
        self.client.call("message-with-ack", {"password": PAYLOAD}, namespace=namespace, max_time=1)

    @task(3)
    def work(self):
        self.ask("/custom")
        judge = lambda answer: f"{TOKEN} was not accepted"
        self.client.try_call("message-with-ack", {"password": PAYLOAD}, check=judge, namespace="/custom")
        self.client.disconnect()

    @task
    def lie(self):
        self.ask("/nowhere")

    @task
    def wrong_path(self):
        self.client.socketio_path = "elsewhere"
        try:
            self.ask("/custom")
        finally:
            self.client.socketio_path = "socket.io"

    @task
    def late(self):
        self.client.connect("/custom", auth=lambda: {"token": PAYLOAD})
        self.client.call("nobody listens", {"password": PAYLOAD}, namespace="/custom", timeout=0.05)

    @task
    def stumble(self):
        raise ValueError(f"{TOKEN} was not accepted; tried with /?access_token={QUERY}, {{'X-Api-Key': {HEADER!r}}}")
"""


@pytest.mark.parametrize("transports", ["websocket", "polling"])
def test_no_secret_of_a_connection_is_in_what_a_run_writes(
    transports: str, start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target = start_target(error_rate=0.3)
    names = ("PAYLOAD", "QUERY", "HEADER", "TOKEN", "COOKIE")
    environment = {f"TEST_{name}": f"canary-{secrets.token_hex(12)}" for name in names}
    path = tmp_path / "run"
    options = ("--headless", "--loglevel", "DEBUG", "-u", 4, "-r", 4, "-t", "4s", "-s", 5, "--host", target.url)
    files = ("--csv", path, "--csv-full-history", "--html", f"{path}.html", "--logfile", f"{path}.log")
    more = ("--json-file", path, "--report", f"{path}-report.html", "--summary", f"{path}-summary.json")
    locustfile = write(tmp_path, SECRETS_LOCUSTFILE % {"transports": transports})
    with LocustProcess(locustfile, *options, *files, *more, environment=environment) as run:
        assert run.end() == 1, run.output
    texts = {p.name: p.read_text("utf-8") for p in tmp_path.iterdir() if p.suffix != ".py" and p.is_file()}
    texts["output"] = run.output

    assert set(texts) >= {"run.html", "run.json", "run.log", "run_failures.csv", "run-report.html", "run-summary.json"}
    for what, text in texts.items():
        for secret in environment.values():
            assert secret not in text, f"{what}: {text[max(0, text.index(secret) - 200) :][:400]}"
    failed = {entry["name"] for entry in json.loads(texts["run.json"]) if entry["num_failures"]}
    assert failed >= {"connect /custom", "connect /nowhere", "/custom nobody listens", "/custom message-with-ack"}
    assert "*** was not accepted" in texts["run_failures.csv"]
    assert "*** was not accepted; tried with" in texts["run_exceptions.csv"]
