"""Runs the steps of `wireswarm capacity`, each as a load test of its own in a process of its own.

A process per step costs two seconds of start. It buys that each step begins with a fresh generator and no request
under way, that `--processes` and everything else works as in any run, and that what the rest of the program says of a
run, such as whether its numbers can be trusted, is said of each step.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from wireswarm.capacity import Reading, Request, Size
from wireswarm.errors import ConfigurationError
from wireswarm.reports.saved import write_file

USAGE_ERROR: Final = 2

_SPAWN_PER_S: Final = 100.0
"""Users that a step starts per second at least; above that, half as many as are to arrive."""
_PATIENCE_S: Final = 120.0
"""What starting, logging in, the last answers and the reports may take together, beside the arrivals."""
_STOP_S: Final = 15.0
_LOOK_S: Final = 0.5


class StepError(Exception):
    """A step could not be run; says why."""


class Plan(NamedTuple):
    """What one step is to be."""

    number: int
    rate: float
    size: Size


class Steps:
    """Runs steps of one search."""

    def __init__(self, locustfile: Path, arguments: Sequence[str], criteria: Sequence[str], folder: Path) -> None:
        """Prepare.

        Args:
            locustfile: what to run.
            arguments: further ones for Locust, the same for every step.
            criteria: what a step is judged by.
            folder: for what the steps leave behind.
        """
        self._locustfile = locustfile
        self._arguments = list(arguments)
        self._criteria = list(criteria)
        self._folder = folder

    def check(self, rate: float, users: int) -> list[str]:
        """What is wrong with such a run; empty where it can start. Nothing is sent."""
        command = [sys.executable, "-m", "wireswarm", "locust", *self._options(rate, users), "--check"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if not done.returncode:
            return []
        found = _problems(done.stderr)
        return found or [f"{self._locustfile}: cannot be checked (exit code {done.returncode})"]

    def run(self, plan: Plan, progress: Callable[[float], None]) -> Reading:
        """Run a step.

        Args:
            plan: the step.
            progress: called now and then with the seconds since its start.

        Raises:
            ConfigurationError: it was refused.
            StepError: it did not come to its end.
        """
        name = f"{plan.number:02}-{_told(plan.rate)}"
        output, log = self._folder / f"{name}.reading.json", self._folder / f"{name}.log"
        asked = self._folder / f"{name}.request.json"
        request = Request(criteria=self._criteria, window_s=plan.size.window_s, output=str(output))
        write_file(asked, msgspec.json.encode(request))
        command = [sys.executable, "-m", "wireswarm.commands.capacity_step", str(asked)]
        command += self._options(plan.rate, plan.size.users)
        command += ["-t", f"{plan.size.seconds}s", "--summary", str(self.summary(plan))]
        patience = plan.size.seconds + plan.size.users / _spawn_rate(plan.rate, plan.size.users) + _PATIENCE_S
        code = run_step(command, log, patience, progress)
        if not output.is_file():
            problems = _problems(log.read_text("utf-8", "replace")) if code == USAGE_ERROR else []
            if problems:
                raise ConfigurationError(problems)
            raise StepError(f"the step at {_told(plan.rate)}/s ended with {code} and measured nothing; see {log}")
        return msgspec.json.decode(output.read_bytes(), type=Reading)

    def summary(self, plan: Plan) -> Path:
        """Where a step's summary is."""
        return self._folder / f"{plan.number:02}-{_told(plan.rate)}.json"

    def _options(self, rate: float, users: int) -> list[str]:
        ours = ["-f", str(self._locustfile), *self._arguments, "--headless", "--arrival-rate", f"{_told(rate)}/s"]
        return [*ours, "-u", str(users), "-r", _told(_spawn_rate(rate, users))]


def _problems(output: str) -> list[str]:
    """Why a run was refused: our lines about it, or the last one, such as that of Locust's own parser."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return [line.removeprefix("error: ") for line in lines if line.startswith("error: ")] or lines[-1:]


def _spawn_rate(rate: float, users: int) -> float:
    return min(float(users), max(_SPAWN_PER_S, rate / 2))


def _told(rate: float) -> str:
    return f"{rate:.6f}".rstrip("0").rstrip(".")


def run_step(command: Sequence[str], log: Path, patience: float, progress: Callable[[float], None]) -> int:
    """Run a process and all that it starts to its end. However this ends, nothing of it is left.

    Args:
        command: what to run.
        log: gets what it writes.
        patience: seconds that it may take.
        progress: called now and then with the seconds since its start.

    Returns:
        Its exit code.

    Raises:
        StepError: it took too long.
    """
    began = time.monotonic()
    with log.open("wb") as file:
        # A session of its own: a Ctrl-C is for us, who end it in order.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        while time.monotonic() - began < patience:
            progress(time.monotonic() - began)
            try:
                return process.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                continue
        raise StepError(f"a step did not end within {patience:.0f} s; see {log}")
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C does not wait
            process.kill()
            process.wait()
    if process.returncode < 0:  # it could not end its workers
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
