"""What a run leaves behind: the lines while it goes on, the terminal's summary, and the files that were asked for."""

from __future__ import annotations

import argparse
import datetime
import itertools
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
from wireswarm.plugin.criteria import host_of
from wireswarm.plugin.ending import ENDED_BY
from wireswarm.plugin.insecure import insecure_clients
from wireswarm.plugin.progress import ProgressLine
from wireswarm.plugin.tags import all_flows
from wireswarm.reports.build import build_summary, exceptions_of
from wireswarm.reports.compare import Comparison
from wireswarm.reports.comparison_text import show_comparison, told
from wireswarm.reports.github import render_markdown
from wireswarm.reports.summary import Run, Summary
from wireswarm.reports.terminal import show_summary
from wireswarm.reports.written import write_report
from wireswarm.thresholds import Judgement

logger = logging.getLogger(__name__)

SUMMARY: Final = "wireswarm_summary"
"""Attribute of an `Environment`: the `Summary` of its last test that has ended."""
REPORTING: Final = "wireswarm_reporting"
"""Attribute of an `Environment`: its `Reporting`."""

_IN_A_FOLDER: Final = ("summary.json", "report.html", "junit.xml", "summary.md")
_FILES: Final = ("summary", "report", "junit")
_SUFFIXES: Final = {"summary": {".json"}, "report": {".html", ".md"}, "junit": {".xml"}}
_FOLDER: Final = "results_folder"
"""Among the parsed options: the run's folder below `--results`."""
_WIDTH_OF_A_LOG: Final = 120
"""Columns of the tables where there is no terminal."""
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
    folder = _new_folder(Path(options.results), options)
    vars(options)[_FOLDER] = str(folder)
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
        self._paths: list[Path] = []
        self._unwritten: set[Path] = set()
        setattr(environment, REPORTING, self)
        if self._option("headless") and not self._option("print_stats"):
            self._hide_stock_tables()

    def start(self) -> None:
        """A test begins."""
        vars(self._environment).pop(ENDED_BY, None)
        vars(self._environment).pop(SUMMARY, None)
        self._runs += 1
        self._paths = self._choose_paths()
        self._unwritten.clear()

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

    def summarise(
        self, judgements: Iterable[Judgement], validity: Validity, exit_code: int, notes: Iterable[str] = ()
    ) -> Summary:
        """The summary of the run so far."""
        steps = {flow.flow_name: flow.steps for flow in all_flows(self._environment.user_classes)}
        return build_summary(
            self._results,
            judgements,
            run=self._run(),
            validity=validity,
            exit_code=exit_code,
            steps=steps,
            notes=notes,
        )

    def notes_on(self, comparison: Comparison) -> list[str]:
        """What the comparison with the baseline has found, as the summary has it."""
        baseline = self._option("baseline")
        return [f"Worse than {baseline}: {told(pair, change)}" for pair, change in comparison.regressions]

    def finish(self, summary: Summary, comparison: Comparison | None) -> None:
        """A test has ended: write what was asked for."""
        setattr(self._environment, SUMMARY, summary)
        self._comparison = comparison
        for path in self._paths:
            if path in self._unwritten:
                continue
            try:
                write_report(summary, path)
            except ConfigurationError as error:
                logger.error("%s", error)
                self._unwritten.add(path)
                self._environment.process_exit_code = self._environment.process_exit_code or 1

    def quit(self, exit_code: int) -> None:
        """The process ends, with that exit code, and Locust has said what it has to say."""
        summary: Summary | None = getattr(self._environment, SUMMARY, None)
        if summary is None:
            return
        verdict, exceptions = "failed" if exit_code else "passed", exceptions_of(self._results)
        if (summary.exit_code, summary.exceptions) != (exit_code, exceptions):
            # Something went wrong after the end of the test, such as an exception of a listener.
            summary = msgspec.structs.replace(summary, exit_code=exit_code, verdict=verdict, exceptions=exceptions)
            self.finish(summary, self._comparison)
        self._append_to_step_summary(summary)
        if self._option("headless"):
            self._show(summary)

    def _show(self, summary: Summary) -> None:
        console = Console(stderr=True)
        if not console.is_terminal and "COLUMNS" not in os.environ:
            console = Console(stderr=True, width=_WIDTH_OF_A_LOG)
        if self._comparison is not None:
            show_comparison(console, self._comparison)
        show_summary(console, summary)
        for path in self._paths:
            if path not in self._unwritten:
                console.print(f"Written: {path}", highlight=False, markup=False, soft_wrap=True)

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

    def _choose_paths(self) -> list[Path]:
        paths = [Path(name) for option in _FILES if (name := self._option(option))]
        if self._option("results"):
            chosen = self._option(_FOLDER) if self._runs == 1 else None
            folder = Path(chosen) if chosen else _new_folder(Path(self._option("results")), self._options)
            paths += [folder / name for name in _IN_A_FOLDER]
        return paths

    def _run(self) -> Run:
        environment, results = self._environment, self._results
        host = host_of(environment.user_classes, environment.host) or ""
        return Run(
            started=datetime.datetime.fromtimestamp(results.start_time, datetime.UTC).isoformat(timespec="seconds"),
            duration_s=results.elapsed_s,
            locustfile=self._option("locustfile") or "",
            profile=self._option("load_profile") or self._option("profile") or "",
            host=redact(_without_user_info(host)),
            users=results.users_max,
            processes=max(1, len(results.workers)) if isinstance(environment.runner, MasterRunner) else 1,
            arrival_rate=self._option("arrival_rate") or "",
            ended_by=vars(environment).get(ENDED_BY, ""),
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


def _new_folder(below: Path, options: argparse.Namespace | None) -> Path:
    name = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    profile = getattr(options, "load_profile", "")
    if profile:
        name = f"{name}-{profile}"
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(folder for folder in (below / name for name in names) if not folder.exists())


def _under_a_file(path: Path) -> bool:
    return any(parent.is_file() for parent in (path, *path.parents))


def _without_user_info(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}" if separator else url
