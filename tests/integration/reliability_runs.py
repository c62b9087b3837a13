"""Whole runs: real processes against a target that counts, judged by what they leave behind."""

from __future__ import annotations

import csv
import json
import os
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from contextlib import ExitStack
from html.parser import HTMLParser
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import LocustProcess, Target, master_port, received, write

from wireswarm.reports.saved import read_summary
from wireswarm.reports.summary import Summary

LOCAL, FORKED, COMMANDS = "local", "processes", "commands"
"""One process; a master that forks two workers; a master and two workers as commands of their own."""
KINDS = (LOCAL, FORKED, COMMANDS)


class Run(LocustProcess):
    """The command that reports, on its own or as a master, and all that it leaves behind in a folder of its own."""

    target: Target
    folder: Path
    workers: list[LocustProcess]

    def received(self) -> int:
        """How many requests the target has had."""
        return sum(received(self.target.counters()).values())

    def answered(self) -> int:
        """How many requests the target has answered."""
        return sum(count["answered"] for count in self.target.counters().values())

    def until_received(self, count: int) -> None:
        """Wait until the target has had so many requests."""
        self.until(lambda: self.received() >= count)

    def forks(self) -> list[int]:
        """The process ids of the workers that it has forked."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def ends(self, code: int = 0, *, workers: bool = True) -> Summary:
        """Wait for its end, and that of its workers, with that exit code; what it reports.

        Args:
            code: its exit code.
            workers: whether those end with 0 by themselves.
        """
        assert self.end() == code, self.output
        for worker in self.workers if workers else ():
            assert worker.end() == 0, worker.output
        return self.summary()

    def summary(self) -> Summary:
        """What it has written."""
        return read_summary(self.folder / "summary.json")

    def stock(self) -> dict[str, int]:
        """The requests by endpoint as Locust's own `--json-file` has them."""
        entries = json.loads((self.folder / "stock.json").read_text("utf-8"))
        return {f"{entry['method']} {entry['name']}": entry["num_requests"] for entry in entries}

    def check_reports(self) -> Summary:
        """Assert that every report can be read, and says the same as the summary."""
        summary, folder = self.summary(), self.folder
        cases = list(ET.parse(folder / "junit.xml").getroot().iter("testcase"))
        failed = [case.get("name") for case in cases if case.find("failure") is not None]
        expected = [row.expression for row in summary.thresholds if not row.passed]
        expected += ["validity"] * (summary.validity.state == "INVALID")
        assert failed == expected + ["exit code"] * (summary.exit_code == 1)
        for name in ("report.html", "stock.html"):
            assert _well_formed(folder / name)
        with (folder / "stock_stats.csv").open(encoding="utf-8") as file:
            rows = {f"{row['Type']} {row['Name']}": int(row["Request Count"]) for row in csv.DictReader(file)}
        assert rows.pop(" Aggregated") == summary.total.count
        assert rows == self.stock() == {f"{row.type} {row.name}": row.count for row in summary.requests}
        for name in ("stock_failures.csv", "stock_exceptions.csv", "stock_stats_history.csv"):
            with (folder / name).open(encoding="utf-8") as file:
                list(csv.DictReader(file, strict=True))
        return summary


class _Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag in {"html", "body", "table", "script", "style"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in {"html", "body", "table", "script", "style"}:
            assert self.open.pop() == tag


def _well_formed(path: Path) -> bool:
    parser = _Balance()
    parser.feed(path.read_text("utf-8"))
    parser.close()
    return not parser.open and {"html", "body"} <= parser.seen


class Start:
    """Starts runs that go on side by side, each against a target of its own unless one is given."""

    def __init__(self, stack: ExitStack, start_target: Callable[..., Target], folder: Path) -> None:
        self._stack = stack
        self._start_target = start_target
        self._folder = folder

    def target(self, **knobs: object) -> Target:
        """A target for several runs."""
        return self._start_target(**knobs)

    def __call__(
        self,
        name: str,
        text: str,
        *options: object,
        kind: str = LOCAL,
        target: Target | None = None,
        headless: bool = True,
        **knobs: object,
    ) -> Run:
        """Start a run of one of the `KINDS`.

        Args:
            name: of its folder.
            text: its locustfile.
            options: Locust's and ours, for the process that decides.
            kind: which processes it consists of.
            target: the one that it loads; without, a new one with these `knobs`.
            headless: whether there is no web UI.
            knobs: options of the new target.
        """
        target = target or self._start_target(**knobs)
        folder = self._folder / name
        folder.mkdir()
        locustfile, port = write(folder, text), master_port()
        mode = {
            LOCAL: (),
            FORKED: ("--processes", 2, *port),
            COMMANDS: ("--master", "--expect-workers", 2, *port),
        }[kind]
        run = Run(
            *(locustfile, *mode, *(("--headless", "--only-summary") if headless else ()), "--host", target.url),
            *("--summary", folder / "summary.json", "--junit", folder / "junit.xml"),
            *("--report", folder / "report.html", "--html", folder / "stock.html"),
            *("--csv", folder / "stock", "--json-file", folder / "stock", *options),
        )
        run.target, run.folder, run.workers = target, folder, []
        self._stack.enter_context(run)
        if kind == COMMANDS:
            run.workers = [self._stack.enter_context(LocustProcess(locustfile, "--worker", *port)) for _ in range(2)]
        return run


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self) -> float:
        """How many by now."""
        return time.monotonic() - self._began


def kill(process: int, number: int) -> None:
    """Send a signal to a process that a run has forked."""
    os.kill(process, number)


def reasons(summary: Summary) -> str:
    """Why a run is not `VALID`, for an assertion's text."""
    return "\n".join(summary.validity.reasons)


PACED = """
from locust import constant_throughput, task
from wireswarm import ProtobufUser


class Paced(ProtobufUser):
    wait_time = constant_throughput(10)

    @task
    def look(self):
        self.client.get("/health")
"""
"""Ten requests a second from every user."""
