"""The scenarios of the Lorax suite, and the judgement of their results.

    python scenarios.py                     # what there is
    python scenarios.py medium [HOST]       # run one; further arguments are Locust's

A run leaves `medium_report.html`, the tables `medium_results_*.csv` and `medium_results/summary.json` in the current
folder. Its exit code is 3 where it breaches a threshold of `lorax.toml`, where the scenarios are.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import wireswarm
from wireswarm import ConfigurationError
from wireswarm.profiles import ProfileFile, read_profile_file, select
from wireswarm.reports.validate import Verdict

LOCUSTFILE = Path(__file__).with_name("lorax.py")
PROFILES = LOCUSTFILE.with_suffix(".toml")


def run_scenario(name: str, host: str | None = None, options: Sequence[str] = ()) -> int:
    """Run a scenario.

    Args:
        name: of a profile in `lorax.toml`.
        host: the system under test; the suite's own default where it is None.
        options: further options of Locust's.

    Returns:
        The exit code of the run.

    Raises:
        ConfigurationError: there is no such scenario.
    """
    select(read_profile_file(PROFILES), name)
    results = f"{name}_results"
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--load-profile", name]
    command += ["--report", f"{name}_report.html", "--summary", f"{results}/summary.json", "--csv", results]
    command += ["--host", host] if host else []
    return subprocess.call([*command, *options])


def validate_results(results: str | Path, scenario: str) -> Verdict:
    """Judge a run that is over; see `wireswarm.validate_results`.

    Args:
        results: what `run_scenario` has left (`"medium_results"`), or the prefix that was given to Locust's `--csv`.
        scenario: whose thresholds to judge by.
    """
    return wireswarm.validate_results(results, scenario, PROFILES)


def describe(profiles: ProfileFile) -> str:
    """The scenarios, a line each."""
    lines = [
        f"  {name:<10} {run.users:>3} users, {run.spawn_rate:>2g}/s, {run.run_time:>4g} s: {run.description}"
        for name, run in profiles.profiles.items()
    ]
    return "\n".join(["usage: python scenarios.py NAME [HOST] [options of Locust]", "", *lines])


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for."""
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(describe(read_profile_file(PROFILES)))
        return 0
    name, *options = arguments
    host = options.pop(0) if options and not options[0].startswith("-") else None
    try:
        return run_scenario(name, host, options)
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
