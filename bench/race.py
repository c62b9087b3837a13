"""The command of a benchmark: which cases are run, in which order, and where the results go."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from cases import CASES, Case
from contenders import CONTENDERS, SPAWN_RATE, ContenderError
from holding import hold
from measure import AFTER_SECONDS, Bench, Measurement, measure
from progress import Progress
from report import Results, path_of, render, save

RESULTS: Final = Path(__file__).resolve().parent / "results"
START_AND_END_SECONDS: Final = 2.0
"""About what a contender takes to start and to end, for the estimate of the whole time."""


@dataclass(frozen=True)
class Plan:
    """One case as it will be run."""

    case: Case
    rounds: int
    seconds: float
    present: list[str]
    missing: list[str]

    @property
    def total(self) -> float:
        """How many seconds it will take, about."""
        runs = self.rounds * len(self.present) * (2 if self.case.shape == "clock" or self.case.fewer_users else 1)
        spawning = self.case.users / SPAWN_RATE
        return runs * (spawning + self.case.warm_up + self.seconds + AFTER_SECONDS + START_AND_END_SECONDS)


def plan(case: Case, rounds: int | None, seconds: float | None) -> Plan:
    """What of a case can be run here."""
    present = [name for name in case.contenders if CONTENDERS[name].version()]
    missing = [name for name in case.contenders if name not in present]
    return Plan(case, rounds or case.rounds, seconds or case.seconds, present, missing)


def run(planned: Plan, bench: Bench, server_version: str) -> Results:
    """Race the contenders of one case. One that fails is left out from then on."""
    versions = list(dict.fromkeys([str(CONTENDERS[name].version()) for name in planned.present] + [server_version]))
    results = Results(planned.case.name, planned.rounds, planned.seconds, machine(), versions)
    results.missing = {name: CONTENDERS[name].install for name in planned.missing}
    for number in range(1, planned.rounds + 1):
        for name in planned.present:
            if name in results.failed:
                continue
            bench.progress.step(f"{planned.case.name}, round {number} of {planned.rounds}: {name}")
            try:
                take = hold if planned.case.shape == "held" else measure
                measurement = take(name, planned.case, number, planned.seconds, bench)
            except ContenderError as error:
                results.failed[name] = str(error)
                bench.progress.done(f"FAILED: {error}")
            else:
                results.measurements.append(measurement)
                bench.progress.done(_said(measurement, planned.case))
    results.measurements = [m for m in results.measurements if m.contender not in results.failed]
    return results


def machine() -> str:
    """What it is measured on."""
    models = {
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    }
    processor = " and ".join(sorted(models)) or platform.machine()
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{processor}, {os.cpu_count()} cores, Linux {kernel}, Python {platform.python_version()}"


def _said(measurement: Measurement, case: Case) -> str:
    if measurement.held is None:
        return f"{measurement.window.requests_per_second:,.0f} {case.unit}/s"
    return f"{measurement.held.kb_per_user:.1f} KB, {measurement.window.cpu_percent:.1f} % of a core"


def options(description: str, cases: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--case", choices=[*cases, "all"], default=cases[0])
    parser.add_argument("--rounds", type=int, help="instead of the case's own number")
    parser.add_argument("--seconds", type=float, help="of each measurement, instead of the case's own")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--render", action="store_true", help="measure nothing, write tables and pictures again")
    return parser.parse_args()


def race(
    description: str,
    protocol: Literal["http", "socketio"],
    server_version: Callable[[], str],
    serve: Callable[[], AbstractContextManager[Callable[[Case, Progress], Bench]]],
) -> None:
    """Race the contenders of the chosen cases and write the results.

    Args:
        description: of the command.
        protocol: whose cases.
        server_version: which server it is.
        serve: runs the servers, and tells what is looked at in a case.
    """
    there = {name: case for name, case in CASES.items() if case.protocol == protocol}
    arguments = options(description, list(there))
    cases = [case for name, case in there.items() if arguments.case in {name, "all"}]
    if arguments.render:
        for path in [path_of(arguments.output, case) for case in cases]:
            if path.exists():
                print(render(path))
        return
    plans = [plan(case, arguments.rounds, arguments.seconds) for case in cases]
    progress = Progress(sum(planned.total for planned in plans))
    failed = False
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # what was started is ended, however this ends
    with serve() as bench_of:
        for planned in plans:
            results = run(planned, bench_of(planned.case, progress), server_version())
            print(f"\n{save(results, arguments.output)}")
            failed = failed or bool(results.failed)
    sys.exit(1 if failed else 0)
