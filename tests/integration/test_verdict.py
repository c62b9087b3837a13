"""How a run is judged, what it leaves behind, and the exit code: in one process and distributed."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
import xml.etree.ElementTree as ET
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event
from locust import constant, task
from locust.env import Environment

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import CHATER, PATIENCE, LocustProcess, Target, Web, free_port, master_port, refused, write

import wireswarm
from wireswarm import ProtobufUser
from wireswarm.reports.saved import read_summary
from wireswarm.reports.summary import Summary

LOOK = """
from locust import constant, task
from wireswarm import ProtobufUser


class Looking(ProtobufUser):
    wait_time = constant(0.02)

    @task
    def look(self):
        self.client.get("/health")
"""
BOTH = """
    @task
    def look_well(self):
        self.client.get("/health")

    @task"""
"""Another task beside one that fails."""
FAILS = LOOK.replace('("/health")', '("/health", status=404)')
RAISES = f'{LOOK}        raise ValueError("a bug")\n'
ABORTING = """
[thresholds]
"*" = [{ expr = "errors < 1%", abort_after = "1s" }]
"""
KINDS = ("local", "processes")
"""One process; a master that forks two workers. Workers that are commands: `test_reliability_run_endings.py`."""


class Run(LocustProcess):
    """A run that says what it is about in a file."""

    path: Path
    workers: list[LocustProcess]

    def ends(self, code: int) -> Summary:
        """Wait for its end with that exit code, and that of its workers with 0; what it reports."""
        assert self.end() == code, self.output
        for worker in self.workers:
            assert worker.end() == 0, worker.output
        summary = read_summary(self.path)
        assert (summary.exit_code, summary.verdict) == (code, "failed" if code else "passed")
        return summary


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path, target: Target) -> Iterator[Start]:
    """Starts runs that go on side by side: `start(LOOK, "--threshold", …, kind="processes", host=…)`."""
    with ExitStack() as stack:
        runs = iter(range(100))

        def start_one(
            text: str,
            *options: object,
            kind: str = "local",
            host: str = target.url,
            end: tuple[object, ...] = ("--iterations", 20),
            environment: Mapping[str, str] | None = None,
            headless: bool = True,
        ) -> Run:
            folder = tmp_path / str(next(runs))
            folder.mkdir()
            locustfile, port = write(folder, text), master_port()
            mode: tuple[object, ...] = {
                "local": (),
                "processes": ("--processes", 2, *port),
                "commands": ("--master", "--expect-workers", 2, *port),
            }[kind]
            run = Run(
                *(locustfile, *mode, *(("--headless",) if headless else ()), "-u", 4, "-r", 4, "--host", host, *end),
                *("--summary", folder / "summary.json", *options),
                environment=environment,
                cwd=folder,
            )
            run.path, run.workers = folder / "summary.json", []
            stack.enter_context(run)
            if kind == "commands":
                run.workers = [stack.enter_context(LocustProcess(locustfile, "--worker", *port)) for _ in range(2)]
            return run

        yield start_one


@pytest.mark.parametrize("kind", KINDS)
def test_thresholds_pass_fail_and_end_the_run(
    kind: str, start: Start, start_target: Callable[..., Target], tmp_path: Path
) -> None:
    aborting = write(tmp_path, ABORTING, "aborting.toml")
    faulty = start_target(error_rate=0.2, seed=7)
    passing = start(LOOK, "--threshold", "GET /health: p95 < 20s", "--threshold", "errors < 1%", kind=kind)
    failing = start(LOOK, "--threshold", "GET /health: p95 < 1us", kind=kind)
    aborted = start(LOOK, "--thresholds", aborting, kind=kind, host=faulty.url, end=("-t", "50s"))

    summary = passing.ends(0)
    assert [(row.subject, row.passed) for row in summary.thresholds] == [("GET /health", True), ("total", True)]
    assert summary.total.count == 20
    assert summary.run.ended_by == "iterations"

    summary = failing.ends(3)
    assert [(row.subject, row.passed) for row in summary.thresholds] == [("GET /health", False)]
    value = re.search(r"✗ +GET /health: p95 < 1us +p95 was [\d.,]+ us, limit 1 us", failing.output)
    assert value, "the request, the value and the limit are named"

    summary = aborted.ends(3)
    assert summary.run.ended_by == "threshold"
    assert summary.run.duration_s < 10, "it was to run for 50 s"
    assert [row.aborted for row in summary.thresholds] == [True]
    assert summary.total.failures > 0
    assert aborted.line(r"total: errors < 1%: errors was [\d.]+%, limit 1%; breached for 1 s, which ended the run")


def test_demo_prints_thresholds_verdict_and_our_report(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wireswarm", "demo", "--run-time", "3s"]
    runs = [
        subprocess.Popen([*command, *more], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for folder, more in (
            (_folder(tmp_path / "passing"), []),
            (_folder(tmp_path / "failing"), ["--threshold", "POST /delete_food: p95 < 1us"]),
            (_folder(tmp_path / "distributed"), ["--processes", "2", *map(str, master_port())]),
        )
    ]
    outputs = [run.communicate(timeout=PATIENCE)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 3, 0], outputs
    for output in outputs:
        assert re.search(r"✓ +POST /eater_receive_photo: p95 < 5s ", output)
        assert "The report is results/demo/report.html" in output
        assert "Aggregated" not in output, "Locust's own tables"
    assert re.search(r"✗ +POST /delete_food: p95 < 1us +p95 was [\d.,]+ us, limit 1 us", outputs[1])
    assert [re.findall("^(PASSED|FAILED)", output, re.MULTILINE) for output in outputs] == [
        ["PASSED"] * 2,
        ["FAILED"] * 2,
        ["PASSED"] * 2,
    ]
    report = (tmp_path / "passing" / "results" / "demo" / "report.html").read_text("utf-8")
    assert "POST /eater_receive_photo" in report
    assert "Wireswarm" in report


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


ASKING = """
from locust import events


@events.quitting.add_listener
def ask(environment, **_):
    environment.process_exit_code = {code}
"""
RAISING = """
from locust import events


@events.{event}.add_listener
def raise_something(**_):
    raise ValueError("a bug of a listener")
"""
BREACH = ("--threshold", "p95 < 1us")
ERRORS_HOLD = ("--threshold", "errors <= 100%")

# What wins over what is in the unit tests; here is what only a process shows.
EXIT_CODES: dict[str, tuple[int, str, tuple[object, ...]]] = {
    "failures with a code of their own": (42, FAILS, ("--exit-code-on-error", 42)),
    "failures, and a threshold about something else": (1, FAILS, ("--threshold", "count > 1")),
    "a breach before exceptions": (3, RAISES, BREACH),
    "a listener raises at the end of the test": (1, LOOK + RAISING.format(event="test_stop"), ()),
    "a listener raises at the end of the process": (1, LOOK + RAISING.format(event="quitting"), ()),
    "a breach before a listener": (3, LOOK + RAISING.format(event="quitting"), BREACH),
    "a locustfile asks": (7, LOOK + ASKING.format(code=7), ()),
    "a locustfile asks for success": (0, FAILS + ASKING.format(code=0), ()),
    "refused before a breach": (2, LOOK + ASKING.format(code=2), BREACH),
}


def test_exit_codes(start: Start) -> None:
    runs = {name: start(text, *options) for name, (_, text, options) in EXIT_CODES.items()}
    summaries = {name: run.ends(EXIT_CODES[name][0]) for name, run in runs.items()}

    for name, summary in summaries.items():
        told = [("listener: ValueError: a bug of a listener", 1)] if "listener" in name else []
        assert [one for one in summary.exceptions if one[0].startswith("listener")] == told, name


def test_exit_codes_of_workers_exceptions_and_failures(start: Start) -> None:
    failing = start(FAILS, kind="processes")
    tolerated = start(FAILS, *ERRORS_HOLD, kind="processes")
    raising = start(RAISES, kind="processes")

    assert failing.ends(1).total.failures == 20
    assert tolerated.ends(0).total.failures == 20
    assert raising.ends(1).exceptions == [("ValueError: a bug", 20)]


def test_a_threshold_without_data_says_what_there_was(start: Start) -> None:
    summary = start(LOOK, "--threshold", "GET /nothing: p95 < 1s").ends(3)

    assert summary.thresholds[0].value is None
    assert summary.thresholds[0].detail.startswith("no data: ")
    assert "/health" in summary.thresholds[0].detail


def test_thresholds_of_the_environment(start: Start) -> None:
    wrong = {"P95_THRESHOLD_MS": "0.001", "ERROR_RATE_THRESHOLD": "0.01", "WIRESWARM_THRESHOLD": "p99 < 1us"}
    failing = start(FAILS.replace("    @task", BOTH, 1), environment=wrong)
    right = start(LOOK, environment={"P95_THRESHOLD_MS": "20000", "ERROR_RATE_THRESHOLD": "0.01"})

    assert [(row.source, row.expression, row.passed) for row in failing.ends(3).thresholds] == [
        ("P95_THRESHOLD_MS", "p95 < 0.001ms", False),
        ("ERROR_RATE_THRESHOLD", "errors < 1%", False),
        ("--threshold", "p99 < 1us", False),
    ]
    assert [row.passed for row in right.ends(0).thresholds] == [True, True]


def test_every_file_is_written_and_says_the_same(start: Start, tmp_path: Path) -> None:
    results, step_summary = tmp_path / "results", tmp_path / "step.md"
    files = {"report": tmp_path / "deep" / "page.html", "junit": tmp_path / "junit.xml"}
    options = [part for name, path in files.items() for part in (f"--{name}", path)]
    stock = ("--html", tmp_path / "stock.html", "--json-file", tmp_path / "stock")
    environment = {"GITHUB_STEP_SUMMARY": str(step_summary)}
    run = start(LOOK, *BREACH, *options, *stock, "--results", results, environment=environment)

    summary = run.ends(3)
    document = json.loads(run.path.read_text("utf-8"))
    assert document["schema"] == "wireswarm-summary/1"
    assert document["verdict"] == "failed"
    assert document["validity"]["state"] in {"VALID", "DEGRADED"}
    assert document["total"]["count"] == 20
    assert document["total"]["failures"] == document["abandoned"] == 0
    assert [request["name"] for request in document["requests"]] == ["/health"]
    assert [threshold["passed"] for threshold in document["thresholds"]] == [False]

    (folder,) = results.iterdir()
    assert {path.name for path in folder.iterdir()} >= {"summary.json", "report.html", "junit.xml", "summary.md"}
    assert read_summary(folder / "summary.json") == summary
    assert (folder / "locust_stats.csv").read_text().splitlines()[-1].startswith(",Aggregated,20,")
    for path in (files["junit"], folder / "junit.xml"):
        cases = ET.parse(path).getroot().iter("testcase")
        assert [case.get("name") for case in cases if case.find("failure") is not None] == ["p95 < 1us"]
    assert "p95 &lt; 1us" in files["report"].read_text("utf-8")
    assert "1us" in step_summary.read_text("utf-8")
    assert "Aggregated" in (tmp_path / "stock.html").read_text("utf-8")
    assert json.loads((tmp_path / "stock.json").read_text())[0]["num_requests"] == 20
    told = re.findall("^Written: (.*)$", run.output, re.MULTILINE)
    assert told == [str(path) for path in (run.path, *files.values())] + [
        str(folder / name) for name in ("summary.json", "report.html", "junit.xml", "summary.md")
    ]


DAMAGING = """
from locust import events


@events.test_start.add_listener
def take_the_folder_away(**_):
    open("blocked", "w").close()
"""


def test_a_file_that_cannot_be_written_is_told_and_fails_the_run(start: Start) -> None:
    run = start(LOOK + DAMAGING, "--junit", "blocked/junit.xml")

    assert run.ends(1).exit_code == 1, "the files that could be written know"
    assert run.output.count("blocked/junit.xml: found a file that cannot be written") == 1
    assert "Written: blocked" not in run.output


def test_a_baseline_that_was_faster_fails_the_run(
    start: Start, start_target: Callable[..., Target], tmp_path: Path
) -> None:
    slow = start_target(latency="100ms")
    base, other = start(LOOK), start(LOOK.replace("/health", "/elsewhere", 1), *ERRORS_HOLD)
    base.ends(0)
    other.ends(0)

    same = start(LOOK, "--baseline", base.path)
    worse = start(LOOK, "--baseline", base.path, host=slow.url, end=("--iterations", 40))

    summary = worse.ends(3)
    assert any(note.startswith(f"Worse than {base.path}: GET /health: p") for note in summary.notes), summary.notes
    assert "WORSE: " in worse.output
    assert worse.output.index("WORSE: ") < worse.output.index("FAILED: ")
    assert same.end() in {0, 3}, same.output  # twenty requests may differ by chance, but are compared
    assert "the baseline" in same.output


def test_fail_on_invalid(start: Start) -> None:
    # A worker that is killed takes what it measured since its last report with it.
    runs = [start(LOOK, *strict, kind="processes", end=("-t", "6s")) for strict in ([], ["--fail-on-invalid"])]
    for run in runs:
        run.spawned()
        pid = run.process.pid
        os.kill(int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]), signal.SIGKILL)

    assert [run.ends(code).validity.state for run, code in zip(runs, (0, 4), strict=True)] == ["INVALID"] * 2


@pytest.mark.parametrize("processes", [(), ("--processes", 2)], ids=["local", "processes"])
def test_everything_wrong_is_told_at_once_before_any_load(
    processes: tuple[object, ...], start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target = start_target()
    (tmp_path / "file").write_text("")
    write(tmp_path, "[thresholds]\n'*' = ['p95 < 5']\n", "bad.toml")
    profile = '[watch.memory]\nurl = "http://192.0.2.1/memory"\nkey = "rss"\n[profiles.smoke]\nusers = 1\n'
    write(tmp_path, profile, "watched.toml")
    options = (
        *("--headless", "-t", "5s", "--host", target.url, *processes),
        *("--threshold", "p95 < nonsense", "--threshold", "p95 == 3ms", "--thresholds", "bad.toml"),
        *("--baseline", "nowhere.json", "--report", "page.pdf", "--summary", "file/x.json", "--results", "file"),
    )
    allowed = ("--allowed-hosts", target.url.removeprefix("http://"))
    watched = ("--headless", "-t", "5s", "--host", target.url, "--profile-file", "watched.toml", *allowed, *processes)
    with (
        LocustProcess(write(tmp_path, LOOK), *options, cwd=tmp_path) as run,
        LocustProcess(write(tmp_path, LOOK), *watched, cwd=tmp_path) as watching,
    ):
        lines, of_watches = refused(run), refused(watching)
    assert [re.match(r"error: (\S+)", line)[1] for line in lines] == [  # type: ignore[index]
        *("--summary", "--report", "--results", "bad.toml:", "--threshold:", "--threshold:", "nowhere.json:"),
    ], lines
    assert len(of_watches) == 1
    assert of_watches[0].startswith("error: watch.memory: ")
    assert "192.0.2.1" in of_watches[0]
    assert not target.counters()


def test_a_watch_of_a_class_of_its_own_host_is_read(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target = start_target()
    write(tmp_path, '[watch.counted]\nurl = "/_target/counters"\nkey = "endpoints.GET /health.received"\n', "w.toml")
    text = LOOK.replace("    wait_time", f"    host = {target.url!r}\n    wait_time", 1)
    options = ("--headless", "--profile-file", "w.toml", "-t", "2s", "--summary", "summary.json")
    with LocustProcess(write(tmp_path, text), *options, cwd=tmp_path) as run:
        assert run.end() == 0, run.output
    summary = read_summary(tmp_path / "summary.json")
    (series,) = summary.series
    assert series.points[-1][1] > 0
    assert summary.run.host == target.url


def test_the_web_ui_reports_each_test_and_exits_as_the_last_one(start: Start, tmp_path: Path, target: Target) -> None:
    port, results = free_port(), tmp_path / "results"
    options = ("--web-host", "127.0.0.1", "--web-port", port, "--results", results, "--threshold", "count <= 7")
    run = start(LOOK, *options, end=(), headless=False)
    run.line("Starting web interface")
    web = Web(port)
    run.until(web.is_up)
    assert all(f'"{name}"' not in web.get("/") for name in ("threshold", "baseline", "report", "results"))
    for number, iterations in enumerate((9, 5), start=1):
        web.swarm(user_count=2, spawn_rate=2, host=target.url, iterations=iterations)
        run.until(lambda wanted=number: len(list(results.glob("*/summary.json"))) == wanted)
        run.until(lambda: web.result()[0] == "stopped")
    run.signal(signal.SIGTERM)

    assert run.ends(0).total.count == 5
    first, second = (read_summary(path) for path in sorted(results.glob("*/summary.json"), key=os.path.getmtime))
    assert (first.total.count, first.exit_code, first.verdict) == (9, 3, "failed")
    assert (second.total.count, second.exit_code, second.verdict) == (5, 0, "passed")
    assert all(summary.run.ended_by == "iterations" for summary in (first, second))


OFTEN = """
import wireswarm.plugin.progress

wireswarm.plugin.progress.LOG_SECONDS = 2
"""
"""Instead of every ten seconds."""


def test_a_log_gets_a_line_now_and_then_and_a_terminal_one_that_is_rewritten(
    start: Start, target: Target, tmp_path: Path
) -> None:
    logged = start(f"{LOOK}\n\n{OFTEN}", *BREACH, end=("-t", "3s"))
    primary, secondary = pty.openpty()
    termios.tcsetwinsize(secondary, (24, 90))
    options = ("--headless", "-u", "2", "-r", "2", "-t", "3s", "--host", target.url, "--threshold", "p95 < 1us")
    command = [sys.executable, "-m", "locust", "-f", str(write(tmp_path, LOOK)), *options]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=secondary, stderr=secondary)
    os.close(secondary)
    shown = gevent.get_hub().threadpool.apply(_read_all, (primary,))

    assert process.wait(timeout=PATIENCE) == 3
    lines = re.findall(r"\r\x1b\[2K(0:\d\d/0:03 · 2 users · [^\r\n]*)", shown)
    assert len(lines) >= 2, shown
    assert "requests/s · p95 " in lines[-1]
    assert "✗ total: p95 < 1us" in lines[-1]
    assert not re.search(r"failed[^\r\n]*\r?\n\[", shown), "the log makes the line go away"
    assert all(len(line) < 90 for line in lines)
    logged.ends(3)
    assert [line for line in logged.lines if re.match(r"0:\d\d/0:03 · 4 users · ", line)] == [
        logged.line(r"^0:0[12]/0:03 · 4 users · .* · 0 failed · ✗ total: p95 < 1us$")[0]
    ]
    assert "Type     Name" not in logged.output, "Locust's own tables"


def _read_all(descriptor: int) -> str:
    parts = []
    try:
        while part := os.read(descriptor, 65536):
            parts.append(part)
    except OSError:  # what Linux says when the other end is closed
        pass
    os.close(descriptor)
    return b"".join(parts).decode()


def test_stock_tables_come_back_with_print_stats(start: Start) -> None:
    run = start(LOOK, "--print-stats", "--json", end=("-t", "3s"))

    run.ends(0)
    assert run.output.count("Aggregated") > 2, "while it runs, and in --json"


def test_try_and_check_judge_nothing_and_write_nothing(tmp_path: Path, target: Target) -> None:
    options = ["--threshold", "p95 < 1us", "--report", "r.html", "--results", "results", "--host", target.url]
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "wireswarm", *command, *options],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in (["try", str(CHATER), "--tags", "language"], ["locust", "-f", str(CHATER), "--check"])
    ]
    for run in runs:
        output = run.communicate(timeout=PATIENCE)[0]
        assert run.returncode == 0, output
        assert "FAILED" not in output
    assert not list(tmp_path.iterdir())


class Visitor(ProtobufUser):
    """For library use: a class of the process that runs the tests."""

    wait_time = constant(0.01)

    @task
    def ask(self) -> None:
        """One request."""
        self.client.get("/health")


def test_library_use_ends_a_test_that_breaches(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target = start_target(error_rate=0.2, seed=7)
    options: dict[str, Any] = {
        "thresholds": str(write(tmp_path, ABORTING, "a.toml")),
        "report": str(tmp_path / "r.html"),
    }
    environment = Environment(user_classes=[Visitor], host=target.url, parsed_options=Namespace(**options))
    runner = environment.create_local_runner()
    wireswarm.attach(environment)
    stopped = Event()
    environment.events.test_stop.add_listener(lambda **_: stopped.set())
    began = time.monotonic()
    runner.start(3, spawn_rate=3)

    assert stopped.wait(PATIENCE)
    assert time.monotonic() - began < 10
    assert environment.process_exit_code == 3
    summary: Summary = vars(environment)["wireswarm_summary"]
    assert summary.run.ended_by == "threshold"
    assert summary.thresholds[0].aborted
    assert (tmp_path / "r.html").stat().st_size > 1000
    runner.quit()
