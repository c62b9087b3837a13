"""Runs one contender and measures it from outside: what the server counted, and what its process used."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import psutil
from cases import Case
from contenders import CONTENDERS, ContenderError, Job, read_report
from progress import Progress
from slow_server import SlowServer

CLIENT_CORE: Final = 0
SERVER_CORE: Final = 1
START_SECONDS: Final = 60.0
END_SECONDS: Final = 60.0
AFTER_SECONDS: Final = 2.0
"""A contender goes on for so long after the window, so that no window has its end in it."""

Times = dict[str, dict[str, float]]
"""Whose clock (`reported`, `program`, `server`), and p50, p99 in milliseconds and the count by it."""


@dataclass(frozen=True)
class Window:
    """What was seen from outside, of load in full swing."""

    requests_per_second: float
    cpu_percent: float
    cpu_us_per_request: float
    peak_memory_mb: float
    others_percent: float
    """How much of the contender's core, or of the servers', somebody else used, other virtual machines included. Above
    a few percent, the figures are not to be trusted."""
    server_percent: float = 0.0
    """How much of their core the servers used. Near 100, what is measured is them; 0 where it was not looked at."""


@dataclass(frozen=True)
class Held:
    """Connections that were open and did nothing."""

    users: int
    kb_per_user: float
    """What each user of those beyond the case's `fewer_users` added to the process; of all of it, where there are
    none."""
    dropped: int
    fewest_pongs: int
    """How often the connection that did so least has answered the server's ping."""


@dataclass(frozen=True)
class Measurement:
    """One contender in one round."""

    contender: str
    round: int
    window: Window
    times: dict[str, Times] = field(default_factory=dict)
    """Response times: `busy`, and in the case `clock` also `alone`."""
    held: Held | None = None
    """In cases of the shape `held`."""


class Server(Protocol):
    """What the contenders are raced against, and who counts what they do."""

    @property
    def ca_file(self) -> Path | None:
        """Who vouches for it."""

    def address(self, *, tls: bool) -> str:
        """Where it listens."""

    def requests(self) -> int:
        """How much it has done so far of what the case counts."""

    def refused(self) -> list[str]:
        """What it has refused so far."""

    def processes(self) -> list[psutil.Process]:
        """All that it runs."""


@dataclass(frozen=True)
class Bench:
    """The servers that run, and who is told how far it is."""

    server: Server
    progress: Progress
    slow: SlowServer | None = None
    """For cases of the shape `clock`."""

    def server_processes(self) -> list[psutil.Process]:
        """All that is meant to run on the servers' core."""
        return self.server.processes() + ([] if self.slow is None else [psutil.Process(self.slow.pid)])


def measure(name: str, case: Case, number: int, seconds: float, bench: Bench) -> Measurement:
    """Run one contender for one round.

    Raises:
        ContenderError: it did not do its work.
    """
    times: dict[str, Times] = {}
    if case.shape == "clock":
        _, times["alone"] = _run(name, case, seconds, bench, users=1)
    window, times["busy"] = _run(name, case, seconds, bench, users=case.users)
    return Measurement(name, number, window, times if times["busy"] else {})


def _run(name: str, case: Case, seconds: float, bench: Bench, *, users: int) -> tuple[Window, Times]:
    slow = bench.slow if case.shape == "clock" else None
    with tempfile.TemporaryDirectory() as folder:
        job = Job(
            case,
            bench.server.address(tls=case.tls),
            users,
            case.warm_up + seconds + AFTER_SECONDS,
            Path(folder),
            bench.server.ca_file,
            "" if slow is None else slow.url,
        )
        refused, answered = len(bench.server.refused()), bench.server.requests()
        count = bench.server.requests if slow is None else lambda: int(slow.times()["count"])
        with running(name, job) as process:
            wait_until_it_works(process, count, at_least=100 if slow is None else 5)
            bench.progress.wait(case.warm_up, f"{name}: warm-up")
            if slow is not None:
                slow.reset()
            window = watch(psutil.Process(process.pid), seconds, bench, name)
            truth = {} if slow is None else {"server": slow.times()}
            if bench.server.refused()[refused:]:
                raise ContenderError("answers that were no success, such as: " + bench.server.refused()[refused])
            report = end(name, process, job)
            if slow is None:
                _compare(report["requests"], bench.server.requests() - answered, users)
    return window, (report["times"] | truth if case.shape != "throughput" else {})


@contextmanager
def running(name: str, job: Job) -> Iterator[subprocess.Popen[bytes]]:
    """A contender at work, on its core.

    Raises:
        ContenderError: one that the block raised, with what the contender said.
    """
    contender = CONTENDERS[name]
    output = job.folder / "output.txt"
    with (
        output.open("wb") as file,
        subprocess.Popen(
            ["taskset", "-c", str(CLIENT_CORE), *contender.command(job)],
            env=job.environment() | dict(contender.variables),
            stdout=file,
            stderr=file,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        except ContenderError as error:
            said = output.read_text(encoding="utf-8", errors="replace").strip()
            raise ContenderError(f"{error}\n{said[-2000:]}".strip()) from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def wait_until_it_works(process: subprocess.Popen[bytes], count: Callable[[], int], *, at_least: int) -> None:
    """Wait until the server has counted something.

    Raises:
        ContenderError: it did not in time.
    """
    before = count()
    give_up = time.monotonic() + START_SECONDS
    while count() - before < at_least:
        if process.poll() is not None:
            raise ContenderError("it ended early")
        if time.monotonic() > give_up:
            raise ContenderError(f"it made no load within {START_SECONDS:.0f} s")
        time.sleep(0.1)


def end(name: str, process: subprocess.Popen[bytes], job: Job) -> dict[str, Any]:
    """Wait until a contender has ended, and return what it said.

    Raises:
        ContenderError: it did not end well, or reports failures.
    """
    try:
        status = process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        raise ContenderError(f"it did not end within {END_SECONDS:.0f} s") from None
    report = read_report(CONTENDERS[name], job)
    if status:
        raise ContenderError(f"it ended with status {status}")
    return report


def _compare(counted: int, answered: int, users: int) -> None:
    # A user's last request may have been cut off by the end of the run.
    if abs(counted - answered) > users:
        raise ContenderError(f"it counted {counted}, and the server {answered}")


class _Moment(NamedTuple):
    """What the counters say at one moment: requests, and seconds of CPU."""

    at: float
    requests: float
    contender: float
    servers: float
    client_core: float
    server_core: float

    @classmethod
    def now(cls, process: psutil.Process, bench: Bench) -> _Moment:
        cores = [times.user + times.nice + times.system + times.steal for times in psutil.cpu_times(percpu=True)]
        servers = sum(_cpu_seconds(server) for server in bench.server_processes())
        count = bench.server.requests()
        return cls(time.perf_counter(), count, _cpu_seconds(process), servers, cores[CLIENT_CORE], cores[SERVER_CORE])


def watch(process: psutil.Process, seconds: float, bench: Bench, name: str) -> Window:
    """What a contender does in so many seconds."""
    first = _Moment.now(process, bench)
    bench.progress.wait(seconds, f"{name}: measuring")
    passed = _Moment(*(after - before for after, before in zip(_Moment.now(process, bench), first, strict=True)))
    others = max(passed.client_core - passed.contender, passed.server_core - passed.servers, 0.0)
    return Window(
        requests_per_second=passed.requests / passed.at,
        cpu_percent=passed.contender / passed.at * 100,
        cpu_us_per_request=passed.contender / passed.requests * 1e6 if passed.requests else 0.0,
        peak_memory_mb=_peak_memory(process) / 1e6,
        others_percent=others / passed.at * 100,
        server_percent=passed.servers / passed.at * 100,
    )


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _peak_memory(process: psutil.Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
