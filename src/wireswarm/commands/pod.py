"""`wireswarm pod`: Locust as the process of a container.

The container's first process gets the signals, and its exit code is the pod's. Locust runs as its child, so that its
results can still be fetched when it has ended, and so that the exit code can be chosen.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import click

from wireswarm.durations import parse_duration
from wireswarm.errors import ConfigurationError

VERDICTS: Final = frozenset({1, 3, 4})
"""Exit codes that say something of the target or the run: failed requests, a breached threshold, an invalid run."""

EXIT_CODE: Final = "exit_code"
"""Name of the file beside the reports with the run's exit code. It comes last: with it the results are complete."""

_REPORTS: Final = {"--csv": "locust", "--report": "report.html", "--summary": "metrics.json", "--junit": "junit.xml"}
_UNJUDGED: Final = ("--worker", "--list", "-l", "--help", "-h", "--version", "-V", "--check", "--show-task-ratio")
_A_LOOK: Final = 0.2
"""Seconds after which a signal is noticed while the results stay."""
_TRUE: Final = frozenset({"1", "true", "yes", "on"})


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--pod-results",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="WIRESWARM_POD_RESULTS",
    default=None,
    help="Folder for locust_*.csv, report.html, metrics.json and junit.xml.",
)
@click.option("--pod-linger", envvar="WIRESWARM_POD_LINGER", default="0s", help="Stay for so long after the run.")
@click.option(
    "--pod-succeed",
    is_flag=True,
    envvar="WIRESWARM_POD_SUCCEED",
    help="Exit with 0 whatever the verdict; mistakes in options and crashes still fail.",
)
@click.option(
    "--pod-sha256",
    envvar="WIRESWARM_POD_SHA256",
    default="",
    help="Files that have to be there as they were, in the format of sha256sum: a hash and a path on each line.",
)
def pod(
    arguments: Sequence[str], pod_results: Path | None, pod_linger: str, pod_succeed: bool, pod_sha256: str
) -> None:
    """Run Locust in a container: pass signals on, write the reports, and keep the exit code.

    All other arguments are Locust's, with everything of ours loaded. A first argument `locust` or `wireswarm` is taken
    for the command itself, as images of Locust are often started.
    """
    try:
        linger = parse_duration(pod_linger)
    except ValueError as error:
        raise ConfigurationError(f"--pod-linger (WIRESWARM_POD_LINGER): {error}") from None
    check_files(pod_sha256)
    command = command_for(arguments, os.environ, pod_results)
    sys.exit(_Child().run(command, linger, pod_results, succeed=pod_succeed))


def check_files(sums: str) -> None:
    """Compare files with their SHA-256, given as `sha256sum` writes it: master and workers have to have the same.

    Raises:
        ConfigurationError: some are missing or others; all problems at once.
    """
    problems = []
    for line in filter(None, map(str.strip, sums.splitlines())):
        expected, _, name = line.partition("  ")
        try:
            found = hashlib.sha256(Path(name).read_bytes()).hexdigest()
        except OSError as error:
            problems.append(f"{name}: {error.strerror}; WIRESWARM_POD_SHA256 names it")
            continue
        if found != expected:
            problems.append(f"{name}: found SHA-256 {found}; WIRESWARM_POD_SHA256 says {expected}")
    if problems:
        raise ConfigurationError(problems)


def command_for(arguments: Sequence[str], environment: Mapping[str, str], results: Path | None) -> list[str]:
    """The command line of the child.

    Raises:
        ConfigurationError: the folder for the results cannot be written to.
    """
    ours = [sys.executable, "-m", "wireswarm"]
    if arguments[:1] == ("wireswarm",):
        return [*ours, *arguments[1:]]
    rest = list(arguments[1:] if arguments[:1] == ("locust",) else arguments)
    return [*ours, "locust", *rest, *_reports(rest, environment, results)]


def _reports(arguments: Sequence[str], environment: Mapping[str, str], results: Path | None) -> list[str]:
    if results is None or any(word in _UNJUDGED for word in arguments) or _is_on(environment, "LOCUST_MODE_WORKER"):
        return []
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--pod-results (WIRESWARM_POD_RESULTS), {results}: {error.strerror}") from None
    if not os.access(results, os.W_OK):
        raise ConfigurationError(
            f"--pod-results (WIRESWARM_POD_RESULTS), {results}: user {os.getuid()} may not write there; "
            "mount a volume that it may write to (in Kubernetes, fsGroup)"
        )
    if not ("--headless" in arguments or _is_on(environment, "LOCUST_HEADLESS")):
        return [] if "--results" in arguments else ["--results", str(results)]  # a folder for each test of the web UI
    given = {word.partition("=")[0] for word in arguments}
    missing = {option: name for option, name in _REPORTS.items() if option not in given}
    return [word for option, name in missing.items() for word in (option, str(results / name))]


def exit_code_for(code: int, *, succeed: bool, judged: bool = True) -> int:
    """What the container ends with. A child that a signal has ended is told as shells do, 128 and the signal.

    Args:
        code: the child's, as `subprocess` has it.
        succeed: whether a verdict is told as success.
        judged: whether the run came to its end; Locust ends with 1 also where it cannot begin.
    """
    if code < 0:
        return 128 - code
    return 0 if succeed and judged and code in VERDICTS else code


class _Summary:
    """The run's summary, if it is to write one: whether it has."""

    def __init__(self, command: Sequence[str]) -> None:
        self._path = _value(command, "--summary")
        self._before = self._written()

    @property
    def expected(self) -> bool:
        """Whether there is to be one: of a headless run."""
        return self._path is not None

    @property
    def made(self) -> bool:
        """Whether it was written since."""
        return self._written() not in {None, self._before}

    def _written(self) -> int | None:
        try:
            return Path(self._path).stat().st_mtime_ns if self._path else None
        except OSError:
            return None


def _value(command: Sequence[str], option: str) -> str | None:
    for word, following in zip(command, [*command[1:], ""], strict=True):
        if word == option:
            return following
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None


def _is_on(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").strip().lower() in _TRUE


class _Child:
    """Locust's process, and what becomes of the signals that the container gets."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        # Plain values: a handler runs in the middle of whatever else is done, where no lock may be taken.
        self._told = False
        self._passed_on = False

    def run(self, command: Sequence[str], linger: float, results: Path | None, *, succeed: bool) -> int:
        """Run it to its end, and return the container's exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._pass_on)
        summary = _Summary(command)
        marker = results / EXIT_CODE if results is not None and summary.expected else None
        if marker is not None:
            marker.unlink(missing_ok=True)
        with subprocess.Popen(command) as self._process:
            if self._told and not self._passed_on:
                self._process.terminate()  # the signal came before there was anybody to pass it on to
            code = self._process.wait()
        judged = summary.made or not summary.expected
        if marker is not None:
            marker.write_text(f"{exit_code_for(code, succeed=False)}\n")
        exit_code = exit_code_for(code, succeed=succeed, judged=judged)
        if exit_code != code:
            _say(f"Exit code {code} of the run is told as {exit_code}")
        if linger and results is not None and judged and code in {0, *VERDICTS} and not self._told:
            _say(f"The results are in {results}, for another {linger:g} s; SIGTERM ends the wait")
            end = time.monotonic() + linger
            while not self._told and (left := end - time.monotonic()) > 0:
                time.sleep(min(left, _A_LOOK))
        return exit_code

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self._told = True
        process = self._process
        if number == signal.SIGINT and os.isatty(0):
            return  # a terminal tells both, and a second signal would end the child at once
        if process is not None and process.poll() is None:
            process.send_signal(number)
            self._passed_on = True


def _say(text: str) -> None:
    click.echo(text, err=True)
