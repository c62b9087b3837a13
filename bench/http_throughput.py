"""What one core of a load generator does, ours beside the others, in one run.

    make bench                                   # the case `small`; all of them: make bench ARGS="--case all"
    make bench ARGS="--case tls --rounds 3 --seconds 4"

nginx with one worker is pinned to one core; the contenders run in turn on the other, several rounds. What they did is
counted by the server over a window that begins after a warm-up, so that all are measured alike. The cases are in
`cases.py`. Writes `http_<case>.md`, `.json` and `.svg` to `bench/results/`.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import nginx
from cases import CASES, Case
from contenders import CONTENDERS, ContenderError
from measure import AFTER_SECONDS, SERVER_CORE, Bench, measure
from progress import Progress
from report import Results, render, save
from slow_server import slow_server

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
        runs = self.rounds * len(self.present) * (2 if self.case.shape == "clock" else 1)
        return runs * (self.case.warm_up + self.seconds + AFTER_SECONDS + START_AND_END_SECONDS)


def plan(case: Case, rounds: int | None, seconds: float | None) -> Plan:
    """What of a case can be run here."""
    present = [name for name in case.contenders if CONTENDERS[name].version()]
    missing = [name for name in case.contenders if name not in present]
    return Plan(case, rounds or case.rounds, seconds or case.seconds, present, missing)


def run(planned: Plan, bench: Bench) -> Results:
    """Race the contenders of one case. One that fails is left out from then on."""
    versions = list(dict.fromkeys([str(CONTENDERS[name].version()) for name in planned.present] + [nginx.version()]))
    results = Results(planned.case.name, planned.rounds, planned.seconds, machine(), versions)
    results.missing = {name: CONTENDERS[name].install for name in planned.missing}
    for number in range(1, planned.rounds + 1):
        for name in planned.present:
            if name in results.failed:
                continue
            bench.progress.step(f"{planned.case.name}, round {number} of {planned.rounds}: {name}")
            try:
                measurement = measure(name, planned.case, number, planned.seconds, bench)
            except ContenderError as error:
                results.failed[name] = str(error)
                bench.progress.done(f"FAILED: {error}")
            else:
                results.measurements.append(measurement)
                bench.progress.done(f"{measurement.window.requests_per_second:,.0f} requests/s")
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


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--case", choices=[*CASES, "all"], default="small")
    parser.add_argument("--rounds", type=int, help="instead of the case's own number")
    parser.add_argument("--seconds", type=float, help="of each measurement, instead of the case's own")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--render", action="store_true", help="measure nothing, write tables and pictures again")
    return parser.parse_args()


def main() -> None:
    """Race them and write the results."""
    arguments = options()
    cases = [case for name, case in CASES.items() if arguments.case in {name, "all"}]
    if arguments.render:
        for path in [arguments.output / f"http_{case.name}.json" for case in cases]:
            if path.exists():
                print(render(path))
        return
    plans = [plan(case, arguments.rounds, arguments.seconds) for case in cases]
    progress = Progress(sum(planned.total for planned in plans))
    failed = False
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # what was started is ended, however this ends
    with nginx.nginx(SERVER_CORE) as server, slow_server(SERVER_CORE) as slow:
        for planned in plans:
            results = run(planned, Bench(server, slow, progress))
            print(f"\n{save(results, arguments.output)}")
            failed = failed or bool(results.failed)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
