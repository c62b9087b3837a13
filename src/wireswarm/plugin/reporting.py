"""What a run leaves behind: the lines while it goes on, the terminal's summary, and the files that were asked for."""

from __future__ import annotations

import argparse
import datetime
import logging
import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec
from locust.env import Environment
from locust.runners import MasterRunner
from rich.console import Console

from wireswarm._version import __version__
from wireswarm.auth import redact
from wireswarm.errors import ConfigurationError
from wireswarm.metrics import Results, Validity
from wireswarm.plugin.ending import ENDED_BY, RUN_TIME
from wireswarm.plugin.insecure import insecure_clients
from wireswarm.plugin.progress import ProgressLine
from wireswarm.plugin.tags import all_flows
from wireswarm.reports.build import build_summary
from wireswarm.reports.compare import Comparison
from wireswarm.reports.comparison_text import show_comparison
from wireswarm.reports.github import render_markdown
from wireswarm.reports.summary import Run, Summary
from wireswarm.reports.terminal import show_summary
from wireswarm.reports.written import write_report
from wireswarm.thresholds import Judgement

logger = logging.getLogger(__name__)

SUMMARY: Final = "wireswarm_summary"
"""Attribute of an `Environment`: the `Summary` of its last test that has ended."""

_IN_A_FOLDER: Final = ("summary.json", "report.html", "junit.xml", "summary.md")
_FILES: Final = ("summary", "report", "junit")
_SUFFIXES: Final = {"summary": {".json"}, "report": {".html", ".md"}, "junit": {".xml"}}
RECENT_SECONDS: Final = 5.0
"""What is said of "now" while a test runs is of so many seconds."""


def add_report_options(group: Any) -> None:
    """Add the options to a group of Locust's parser."""
    for name, metavar, text in (
        ("report", "<filename.html>", "Write the report, one page that needs no network."),
        ("summary", "<filename.json>", "Write everything measured, for `wireswarm report`, `compare` and --baseline."),
        ("junit", "<filename.xml>", "Write the thresholds as JUnit test cases, for CI."),
    ):
        group.add_argument(f"--{name}", metavar=metavar, default="", env_var=f"WIRESWARM_{name.upper()}", help=text)
    group.add_argument(
        "--results",
        metavar="<folder>",
        default="",
        env_var="WIRESWARM_RESULTS",
        help="Write all of these, and Locust's CSV tables, into a new folder for each run below this one.",
    )


def report_problems(options: argparse.Namespace) -> list[str]:
    """What is wrong with the names of files that are to be written."""
    problems = []
    for option in _FILES:
        name = getattr(options, option)
        if not name:
            continue
        path = Path(name)
        if path.suffix.lower() not in _SUFFIXES[option]:
            allowed = ", ".join(sorted(_SUFFIXES[option]))
            problems.append(f"--{option} {name}: allowed: a file name that ends in {allowed}")
        elif path.is_dir() or _under_a_file(path.parent):
            problems.append(f"--{option} {name}: cannot be written there; allowed: a file in a folder")
    if options.results and _under_a_file(Path(options.results)):
        problems.append(f"--results {options.results}: found a file; allowed: a folder, which is made where needed")
    return problems


def choose_folder(options: argparse.Namespace) -> None:
    """Settle on this run's folder below `--results`, before Locust opens the CSV tables in it."""
    if not options.results or options.worker:
        return
    folder = Path(options.results) / _stamp(options)
    vars(options)["results_folder"] = str(folder)
    if not options.csv_prefix:
        options.csv_prefix = str(folder / "locust")


class Reporting:
    """Everything that people and programs get to see of one environment's runs."""

    def __init__(self, environment: Environment, results: Results) -> None:
        self._environment = environment
        self._results = results
        self._options = environment.parsed_options
        self._line = ProgressLine()
        self._comparison: Comparison | None = None
        self._runs = 0
        if self._option("headless") and not self._option("print_stats"):
            self._hide_stock_tables()

    def start(self) -> None:
        """A test begins."""
        vars(self._environment).pop(ENDED_BY, None)
        self._runs += 1

    def progress(self, breached: Iterable[Judgement]) -> None:
        """A second is over."""
        if self._option("headless"):
            results = self._results
            run_time = self._option("run_time")
            recent, seconds = results.over(RECENT_SECONDS, None)
            self._line.show(
                results,
                recent=recent,
                seconds=seconds,
                total_s=float(run_time) if run_time else None,
                breached=[f"{j.subject}: {j.expression}" for j in breached],
            )

    def stop_progress(self) -> None:
        """The test is about to end."""
        self._line.clear()

    def summarise(self, judgements: Iterable[Judgement], validity: Validity, exit_code: int) -> Summary:
        """The summary of the run so far."""
        steps = {flow.flow_name: flow.steps for flow in all_flows(self._environment.user_classes)}
        return build_summary(
            self._results, judgements, run=self._run(), validity=validity, exit_code=exit_code, steps=steps
        )

    def finish(self, summary: Summary, comparison: Comparison | None) -> None:
        """A test has ended: write what was asked for."""
        setattr(self._environment, SUMMARY, summary)
        self._comparison = comparison
        for path in self._paths():
            try:
                write_report(summary, path)
            except ConfigurationError as error:
                logger.error("%s", error)
                self._environment.process_exit_code = self._environment.process_exit_code or 1

    def quit(self, exit_code: int) -> None:
        """The process ends, with that exit code, and Locust has said what it has to say."""
        summary: Summary | None = getattr(self._environment, SUMMARY, None)
        if summary is None:
            return
        if summary.exit_code != exit_code:
            # Something went wrong after the end of the test, such as an exception of a listener.
            verdict = "failed" if exit_code else "passed"
            summary = msgspec.structs.replace(summary, exit_code=exit_code, verdict=verdict)
            self.finish(summary, self._comparison)
        self._append_to_step_summary(summary)
        if not self._option("headless"):
            return
        console = Console(stderr=True)
        show_summary(console, summary)
        if self._comparison is not None:
            show_comparison(console, self._comparison)
        for path in self._paths():
            console.print(f"Written: {path}", highlight=False, soft_wrap=True)

    def _hide_stock_tables(self) -> None:
        # At its end Locust prints its three tables, in whole milliseconds and two digits, of what ours say exactly.
        # --print-stats shows them all the same.
        tables = logging.getLogger("locust.stats_logger")
        events = self._environment.events
        events.quitting.add_listener(lambda **_kwargs: tables.addFilter(_nothing))
        events.quit._handlers.insert(0, lambda **_kwargs: tables.removeFilter(_nothing))

    def _append_to_step_summary(self, summary: Summary) -> None:
        # https://docs.github.com/actions/reference/workflow-commands-for-github-actions#adding-a-job-summary
        path = os.environ.get("GITHUB_STEP_SUMMARY")
        if not path:
            return
        try:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(render_markdown(summary))
        except OSError as error:
            logger.error("GITHUB_STEP_SUMMARY: %s", error.strerror)

    def _paths(self) -> list[Path]:
        paths = [Path(name) for option in _FILES if (name := self._option(option))]
        if self._option("results"):
            folder = Path(self._option("results_folder") or Path(self._option("results")) / _stamp(self._options))
            if self._runs > 1:
                folder = folder.with_name(f"{folder.name}-{self._runs}")
            paths += [folder / name for name in _IN_A_FOLDER]
        return paths

    def _run(self) -> Run:
        environment, results = self._environment, self._results
        runner = environment.runner
        host = environment.host or next((cls.host for cls in environment.user_classes if cls.host), "") or ""
        run_time = self._option("run_time")
        ended_by = vars(environment).get(ENDED_BY) or (
            RUN_TIME if run_time and results.elapsed_s >= float(run_time) - 1 else ""
        )
        return Run(
            started=datetime.datetime.fromtimestamp(results.start_time, datetime.UTC).isoformat(timespec="seconds"),
            duration_s=results.elapsed_s,
            locustfile=self._option("locustfile") or "",
            profile=self._option("load_profile") or self._option("profile") or "",
            host=redact(_without_user_info(host)),
            users=results.users_max,
            processes=max(1, len(results.workers)) if isinstance(runner, MasterRunner) else 1,
            ended_by=ended_by,
            tags=list(environment.tags or self._option("tags") or ()),
            exclude_tags=list(environment.exclude_tags or self._option("exclude_tags") or ()),
            insecure=insecure_clients(environment.user_classes, environment.host),
            environment=_environment_facts(),
        )

    def _option(self, name: str) -> Any:
        return getattr(self._options, name, None)


def _nothing(_record: logging.LogRecord) -> bool:
    return False


def _environment_facts() -> dict[str, str]:
    return {
        "Wireswarm": __version__,
        "Locust": version("locust"),
        "Python": platform.python_version(),
        "Platform": platform.platform(terse=True),
        "Cores": str(os.cpu_count() or "unknown"),
    }


def _stamp(options: argparse.Namespace | None) -> str:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    profile = getattr(options, "load_profile", "") or ""
    return f"{now}-{profile}" if profile else now


def _under_a_file(path: Path) -> bool:
    return any(parent.is_file() for parent in (path, *path.parents))


def _without_user_info(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}" if separator else url
