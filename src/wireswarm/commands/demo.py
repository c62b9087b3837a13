"""`wireswarm demo`: a whole load test on one machine, target included, in about half a minute."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from wireswarm.commands.share import shared
from wireswarm.errors import ConfigurationError

_STOP_SECONDS = 10.0


def run_demo(results: Path, arguments: Sequence[str], console: Console) -> int:
    """Start the reference target on a free port, walk Chater's full flow against it, say how it went.

    Args:
        results: the folder for the reports.
        arguments: further arguments for Locust; they win over the demo's own.
        console: where to write.

    Returns:
        The exit code of the load test.

    Raises:
        ConfigurationError: the target does not start.
    """
    results.mkdir(parents=True, exist_ok=True)
    report, prefix = results / "report.html", results / "locust"
    with _target() as host:
        console.print(f"The reference target is at {host}; 10 users walk Chater's full flow for 20 s.", soft_wrap=True)
        command = [sys.executable, "-m", "wireswarm", "locust", "-f", str(shared("locustfiles/chater.py"))]
        command += ["--tags", "full_flow", "--headless", "--load-profile", "demo", "--host", host]
        command += ["--only-summary", "--html", str(report), "--csv", str(prefix), *arguments]
        code = subprocess.call(command)
    if code == 2:
        return code  # refused: there is nothing to sum up, and why has been said
    total = _total(Path(f"{prefix}_stats.csv"))
    requests, failures = int(total["Request Count"]), int(total["Failure Count"])
    verdict = "[bold green]PASSED[/]" if code == 0 else f"[bold red]FAILED[/] (exit code {code})"
    console.print(f"{verdict}: {requests} requests and flows, {failures} failed")
    console.print(f"The report is [bold]{report}[/], the tables are {prefix}_*.csv", soft_wrap=True)
    return code


@contextmanager
def _target() -> Iterator[str]:
    command = [sys.executable, "-m", "wireswarm", "target", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith("listening on "):
                raise ConfigurationError("the reference target did not start")
            yield line.removeprefix("listening on ").strip()
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _total(path: Path) -> dict[str, str]:
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["Name"] == "Aggregated":
                return row
    raise ConfigurationError(f"{path} has no total; the load test did not end")
