"""Socket.IO over minutes: the intervals of a real server, one of whose pings is late."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path

import gevent
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

import engineio_server
import scripted_server
from engineio_server import EngineServer, Session
from recording_client import TRANSPORTS, recording, until

from wireswarm.sample import Counter, Failure, Reason

INTERVAL, TIMEOUT = 25.0, 20.0
"""Seconds, as python-socketio and `socket.io` have them."""
PATIENCE = 300.0
"""Seconds that the servers of this test wait for what comes next."""


def test_a_connection_is_given_up_after_interval_and_timeout_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pings after 25 s, and 10 s late after 35 s, keep it; one that is 35 s late comes 15 s after its end."""
    for module in (engineio_server, scripted_server):
        monkeypatch.setattr(module, "PATIENCE", PATIENCE)
    pinged: dict[str, float] = {}

    def script(session: Session) -> None:
        session.accept()
        for pause in (INTERVAL, INTERVAL + 10):
            gevent.sleep(pause)
            session.send("2")
            pinged[session.server.url] = time.monotonic()
        session.expect('420["still there?"]')
        session.send('430["yes"]')
        pinged[session.server.url] = time.monotonic()
        session.ended()

    with ExitStack() as stack:
        clients = {}
        for transports in TRANSPORTS:
            server = stack.enter_context(EngineServer(script))
            client = stack.enter_context(recording(server.url, transports=transports))
            client.connect()
            clients[server] = client
        until(lambda: all(len(server.session.pongs) == 2 for server in clients), 2 * INTERVAL + 30)
        for client in clients.values():
            assert client.call("still there?") == "yes"
        waiting = {server: gevent.spawn(client.try_call, "never", timeout=120) for server, client in clients.items()}
        for server, task in waiting.items():
            failure = task.get(timeout=60).failure
            ended = time.monotonic()
            assert failure == Failure(
                Reason.DEADLINE, "the server was silent for longer than its ping interval and timeout"
            )
            assert INTERVAL + TIMEOUT <= ended - pinged[server.url] < INTERVAL + TIMEOUT + 2, clients[server].transports
        for client in clients.values():
            assert client.names == ["connect", "still there?", "never"]
            assert client.counted(Counter.SIO_DISCONNECTS) == 1
            assert not client.connected
