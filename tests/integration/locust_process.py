"""Locust as its users start it: a process of its own, whose output can be awaited, and which leaves nobody behind."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import urlencode

import gevent
from gevent.event import Event

CHATER = Path(__file__).resolve().parents[2] / "locustfiles" / "chater.py"

PATIENCE = 60
"""Seconds that anything may take, on a machine that is busy with other tests. Nothing that works takes so long."""


class Target(Protocol):
    """What a test needs of the reference target; see the fixtures."""

    url: str

    def counters(self) -> dict[str, dict[str, int]]: ...

    def reset(self) -> None: ...


class LocustProcess:
    """A running `locust`. All that it starts is one process group, which is gone at the end of the `with`."""

    def __init__(
        self,
        locustfile: Path | str,
        *options: object,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] = (sys.executable, "-m", "locust"),
        cwd: Path | None = None,
    ) -> None:
        self._command = [*command, "-f", str(locustfile), *map(str, options)]
        # What is set for the developer's own runs is not meant for these.
        ours = ("LOCUST_", "WIRESWARM_", "TEST_", "TARGET_", "EATER_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        # So that a locustfile of a test's own can build on the suite.
        path = os.pathsep.join([str(CHATER.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
        # What a locustfile prints has to come when it is printed.
        self._environment = {**inherited, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self._cwd = cwd
        self._news = Event()
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment,
            cwd=self._cwd,
            start_new_session=True,
        )
        self._reader = gevent.spawn(self._read)
        return self

    def __exit__(self, *_: object) -> None:
        if self.alive():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=PATIENCE)
        self._reader.join(timeout=PATIENCE)
        self.process.stdout.close()  # type: ignore[union-attr]

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(line.rstrip("\n"))
            self._news.set()

    @property
    def output(self) -> str:
        """Everything that it and its children have written so far."""
        return "\n".join(self.lines)

    def line(self, pattern: str, count: int = 1) -> re.Match[str]:
        """Wait until that many lines match; returns the last of them."""
        with gevent.Timeout(PATIENCE, AssertionError(f"not within {PATIENCE} s: {pattern}\n{self.output}")):
            while True:
                self._news.clear()
                found = [match for match in map(re.compile(pattern).search, list(self.lines)) if match]
                if len(found) >= count:
                    return found[count - 1]
                assert not self._reader.dead, f"it ended without {pattern!r}:\n{self.output}"
                self._news.wait(1)

    def spawned(self) -> None:
        """Wait until the users run; a master says so in other words where a worker's report is late."""
        self.line("All users spawned|Spawning is complete")

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is true that no line of output tells."""
        with gevent.Timeout(PATIENCE, AssertionError(f"not within {PATIENCE} s:\n{self.output}")):
            while not condition():
                assert not self._reader.dead, f"it ended:\n{self.output}"
                gevent.sleep(0.05)

    def end(self) -> int:
        """Wait until it has ended, with every process that it started; returns the exit code."""
        code = self.process.wait(timeout=PATIENCE)
        # Its children hold the other end of the pipe.
        self._reader.join(timeout=PATIENCE)
        assert self._reader.dead, f"processes were left behind:\n{self.output}"
        assert not self.alive(), f"processes were left behind:\n{self.output}"
        return code

    def alive(self) -> bool:
        """Whether any process of its group is left."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def signal(self, number: signal.Signals, *, whole_group: bool = False) -> None:
        """Send a signal, to all of its processes as a terminal does, or to it alone."""
        if whole_group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)


class Web:
    """Locust's web UI, as a browser uses it."""

    def __init__(self, port: int) -> None:
        self._port = port

    def is_up(self) -> bool:
        """Whether it takes connections."""
        try:
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        except OSError:
            return False
        return True

    def get(self, path: str) -> str:
        """A page."""
        return self._ask("GET", path)

    def swarm(self, **form: object) -> None:
        """Start a test."""
        assert json.loads(self._ask("POST", "/swarm", urlencode(form)))["success"]

    def stop(self) -> None:
        """Stop the test."""
        self._ask("POST", "/stop")

    def result(self) -> tuple[str, int]:
        """The state of the test, and how many requests there were; up to two seconds old."""
        stats = json.loads(self.get("/stats/requests"))
        return stats["state"], sum(e["num_requests"] for e in stats["stats"] if e["name"] == "Aggregated")

    def _ask(self, method: str, path: str, body: str | None = None) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        assert response.status == 200, text
        return text


def refused(process: LocustProcess) -> list[str]:
    """Assert that a run was refused before it began; returns what it said."""
    assert process.end() == 2, process.output
    assert not [line for line in process.lines if "Traceback" in line], process.output
    return process.lines


def reported(path: Path) -> Counter[str]:
    """The requests by endpoint of a run with `--json-file path`, flows apart."""
    return _counts(path, lambda entry: entry["method"] != "FLOW", "num_requests")


def failures(path: Path) -> Counter[str]:
    """The failed requests and flows by endpoint of a run with `--json-file path`."""
    return +_counts(path, lambda entry: True, "num_failures")


def flows(path: Path) -> int:
    """The flows of a run with `--json-file path`."""
    return _counts(path, lambda entry: entry["method"] == "FLOW", "num_requests").total()


def _counts(path: Path, wanted: Any, field: str) -> Counter[str]:
    entries = json.loads(path.with_name(f"{path.name}.json").read_text("utf-8"))
    return Counter({f"{entry['method']} {entry['name']}": entry[field] for entry in entries if wanted(entry)})


def received(counters: Mapping[str, Mapping[str, int]]) -> Counter[str]:
    """The requests by endpoint that the target has received."""
    return Counter({endpoint: count["received"] for endpoint, count in counters.items()})


def _ports() -> Iterator[int]:
    """Ports below those that the system gives out by itself, of each process that shares the tests its own."""
    first, size = 16384, 1024
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 15
    begin = random.randrange(size)  # another run of the tests may be under way
    return itertools.cycle(first + worker * size + (begin + index) % size for index in range(size))


_PORTS = _ports()


def free_port() -> int:
    """A port of the loopback address that nobody listens on, nor will before it is used."""
    while True:
        port = next(_PORTS)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def master_port() -> tuple[str, ...]:
    """Options for a master, its workers, or both in one command with `--processes`, on a port of their own."""
    port = str(free_port())
    return "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--master-port", port


QUICK_CHATER = """
import chater
from locust import constant

chater.ChaterUser.FullFlow.think_time = 0.01


class Quick(chater.ChaterUser):
    wait_time = constant(0.01)
"""
"""The Chater suite without the pauses that people make."""

SINGLE_CALLS = (
    "GET /alcohol_latest",
    "POST /alcohol_range",
    "POST /eater_auth",
    "POST /feedback",
    "POST /get_food_custom_date",
    "POST /set_language",
)
"""The requests of the Chater suite that are a task each."""


def write(folder: Path, text: str, name: str = "locustfile.py") -> Path:
    """Write a locustfile."""
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def chater_iterations(path: Path) -> int:
    """How many flows and tasks of the Chater suite a run with `--json-file path` has done."""
    requests = reported(path)
    return flows(path) + sum(requests[name] for name in SINGLE_CALLS)
