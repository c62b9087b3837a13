"""Connections that are held and do nothing: what one more costs, and whether all of them stay."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from cases import BARE_SOCKET, BARE_USER, Case
from contenders import SPAWN_RATE, ContenderError, Job
from measure import START_SECONDS, Bench, Held, Measurement, Window, end, running, watch
from socketio_server import SocketIOServer

RUN_SECONDS: Final = 3600.0
"""Longer than any case; a contender is told to end when it has been looked at."""


@dataclass(frozen=True)
class _Look:
    """A contender that has all its users."""

    memory_kb: float
    window: Window
    dropped: int
    fewest_pongs: int


def hold(name: str, case: Case, number: int, seconds: float, bench: Bench) -> Measurement:
    """Have a contender hold its connections, and with `fewer_users` before that a smaller number of them.

    Raises:
        ContenderError: it did not do its work.
    """
    few = _look(name, case, seconds, bench, users=case.fewer_users).memory_kb if case.fewer_users else 0.0
    look = _look(name, case, seconds, bench, users=case.users)
    kb = (look.memory_kb - few) / (case.users - case.fewer_users)
    return Measurement(name, number, look.window, held=Held(case.users, kb, look.dropped, look.fewest_pongs))


def _look(name: str, case: Case, seconds: float, bench: Bench, *, users: int) -> _Look:
    server = bench.server
    assert isinstance(server, SocketIOServer)
    with tempfile.TemporaryDirectory() as folder:
        job = Job(case, server.address(tls=False), users, RUN_SECONDS, Path(folder))
        with running(name, job) as process:
            _wait_for_all(name, process, server, job)
            bench.progress.wait(case.warm_up, f"{name}: warm-up")
            ended = server.counts()["ended"]
            window = watch(psutil.Process(process.pid), seconds, bench, name)
            memory = psutil.Process(process.pid).memory_info().rss / 1024
            counts = server.counts()
            process.send_signal(signal.SIGTERM)
            end(name, process, job)
    return _Look(memory, window, counts["ended"] - ended, counts["fewest_pongs"])


def _wait_for_all(name: str, process: subprocess.Popen[bytes], server: SocketIOServer, job: Job) -> None:
    # The connections are those of the server; what it does not count is nobody's handshake.
    give_up = time.monotonic() + START_SECONDS + job.users / SPAWN_RATE
    connections = 0 if name in {BARE_USER, BARE_SOCKET} else job.users
    while not job.spawned.exists() or server.counts()["open"] < connections:
        if process.poll() is not None:
            raise ContenderError("it ended early")
        if time.monotonic() > give_up:
            raise ContenderError(f"{server.counts()['open']} of {job.users} users had connected in the end")
        time.sleep(0.2)
