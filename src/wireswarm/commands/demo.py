"""`wireswarm demo`: a whole load test on one machine, target included, in about half a minute."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape

from wireswarm.commands.share import shared
from wireswarm.errors import ConfigurationError
from wireswarm.reports.saved import read_summary

_STOP_SECONDS = 10.0


class _Suite(NamedTuple):
    options: tuple[str, ...]
    """Locust's, beside those that every demo has."""
    story: str
    """What happens, for people."""
    file: str = ""
    """The locustfile's name, where it is another one than the suite's."""


_SUITES = {
    "chater": _Suite(("--tags", "full_flow"), "10 users walk Chater's full flow for 20 s"),
    "lorax": _Suite((), "20 users of Lorax ask over HTTP and Socket.IO for 20 s"),
    "batch": _Suite((), "10 users have batches of requests done for 20 s"),
    "platform": _Suite((), "40 users of a platform, its admins among them, are at work for 20 s", "platform_api"),
    "helios": _Suite((), "50 users of a shop browse, search, buy and look after it for 20 s", "helios/locustfile"),
    "mixed": _Suite((), "20 users speak protobuf, Socket.IO and JSON for 20 s"),
}


def run_demo(results: Path, arguments: Sequence[str], console: Console) -> int:
    """Start the reference target on a free port, run a suite against it, say how it went.

    Where the arguments name a host, no target is started.

    Args:
        results: the folder for the reports.
        arguments: the name of a suite (chater where there is none), and further arguments for Locust, which win over
            the demo's own.
        console: where to write.

    Returns:
        The exit code of the load test.

    Raises:
        ConfigurationError: the target does not start.
    """
    name, arguments = (arguments[0], arguments[1:]) if arguments and arguments[0] in _SUITES else ("chater", arguments)
    suite = _SUITES[name]
    results.mkdir(parents=True, exist_ok=True)
    report, summary, prefix = results / "report.html", results / "summary.json", results / "locust"
    summary.unlink(missing_ok=True)
    given = _host_in(arguments)
    with nullcontext(given) if given else _target() as host:
        whose = "target" if given else "reference target"
        console.print(f"The {whose} is at {escape(host)}; {suite.story}.", soft_wrap=True)
        locustfile = shared(f"locustfiles/{suite.file or name}.py")
        command = [sys.executable, "-m", "wireswarm", "locust", "-f", str(locustfile)]
        command += [*suite.options, "--headless", "--load-profile", "demo", "--host", host]
        command += ["--report", str(report), "--summary", str(summary), "--junit", str(results / "junit.xml")]
        command += ["--html", f"{prefix}.html", "--csv", str(prefix), *arguments]
        code = subprocess.call(command)
    if not summary.is_file():
        return code  # there was no run to sum up, and why has been said
    verdict = "[bold green]PASSED[/]" if code == 0 else f"[bold red]FAILED[/] (exit code {code})"
    total = read_summary(summary).total
    console.print(f"{verdict}: {total.count} requests, {total.failures} failed")
    console.print(f"The report is [bold]{escape(str(report))}[/]", soft_wrap=True)
    return code


def _host_in(arguments: Sequence[str]) -> str | None:
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("-H", "--host")
    with suppress(argparse.ArgumentError):  # Locust will say what is wrong
        host: str | None = parser.parse_known_args(arguments)[0].host
        return host
    return None


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
