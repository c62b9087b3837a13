"""Rows of data files over whole swarms, against a target that counts what it is shown."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import LocustProcess, Target, master_port, refused, write
from reliability_runs import COMMANDS, FORKED, LOCAL, Run, Start, kill

BUYER = """
from locust import constant, task
from wireswarm import DataFile, RestUser


class Buyer(RestUser):
    wait_time = constant(WAIT)
    rows = DataFile("rows.csv", order="ORDER", at_end="END")

    @task
    def buy(self):
        self.client.post("/echo/seen/{key}", path={"key": next(self.rows)["id"]}, expect=None)
"""


def buyer(order: str = "once", end: str = "stop_test", wait: float = 0) -> str:
    return BUYER.replace("ORDER", order).replace("END", end).replace("WAIT", str(wait))


def rows_file(folder: Path, count: int, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text("id,note\n" + "".join(f'{n},"two\nlines, and a ""quote"""\n' for n in range(count)), "utf-8")
    return path


def seen(target: Target) -> dict[str, int]:
    host, port = target.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    connection.request("GET", "/echo/seen")
    counts: dict[str, int] = json.loads(connection.getresponse().read())
    connection.close()
    return counts


def once_each(count: int) -> dict[str, int]:
    return {str(n): 1 for n in range(count)}


@pytest.fixture
def start(start_target: Callable[..., Target], tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield Start(stack, start_target, tmp_path)


def begin(start: Start, rows: int, text: str, *options: object, kind: str) -> Run:
    """Start a run whose file is in its folder before Locust is."""
    folder = start._folder
    rows_file(folder, rows)
    # Beside the locustfile's folder: found by its path.
    return start("run", text.replace('"rows.csv"', repr(str(folder / "rows.csv"))), *options, kind=kind)


@pytest.mark.parametrize("end", ["stop_test", pytest.param("stop_user", marks=pytest.mark.slow)])
def test_four_workers_show_the_target_every_row_exactly_once(start: Start, end: str) -> None:
    run = begin(start, 10_000, buyer(end=end), "-u", 20, "-r", 20, "--processes", 4, *master_port(), kind=LOCAL)
    summary = run.ends()
    assert seen(run.target) == once_each(10_000)
    assert summary.total.count == 10_000
    assert summary.total.failures == 0
    assert "10,000 of 10,000 rows were used" in run.output
    assert summary.run.ended_by == "data"


@pytest.mark.slow
def test_users_that_stop_for_want_of_rows_leave_none_behind_in_one_process(start: Start) -> None:
    run = begin(start, 500, buyer(end="stop_user"), "-u", 7, "-r", 7, kind=LOCAL)
    run.ends()
    assert seen(run.target) == once_each(500)
    assert "All users have ended" in run.output


@pytest.mark.slow
def test_wrapping_shows_every_row_as_often_as_any_other(start: Start) -> None:
    text = buyer("shuffled", "wrap")
    run = begin(start, 60, text, "-u", 4, "-r", 4, "--iterations", 600, kind=LOCAL)
    run.ends()
    assert seen(run.target) == {str(n): 10 for n in range(60)}


@pytest.mark.slow
def test_users_keep_a_row_each(start: Start) -> None:
    run = begin(start, 100, buyer("per_user", "stop_test"), "-u", 12, "-r", 12, "--iterations", 600, kind=FORKED)
    run.ends()
    counts = seen(run.target)
    assert sum(counts.values()) == 600
    # A worker that is idle gives its rows back; a user never has more than one at a time.
    assert len(counts) == 12


@pytest.mark.slow
def test_a_worker_that_joins_late_gets_its_share(start: Start) -> None:
    run = begin(start, 3_000, buyer(wait=0.01), "-u", 12, "-r", 12, kind=COMMANDS)
    run.spawned()
    run.until_received(200)
    options = [str(word) for word in run.workers[0]._command[run.workers[0]._command.index("--worker") :]]
    with LocustProcess(run.folder / "locustfile.py", *options) as late:
        summary = run.ends()
        assert late.end() == 0, late.output
    assert seen(run.target) == once_each(3_000)
    assert len(summary.generator.workers) == 3


@pytest.mark.slow
def test_a_worker_that_is_stopped_gives_its_rows_back(start: Start) -> None:
    run = begin(start, 3_000, buyer(wait=0.01), "-u", 12, "-r", 12, kind=COMMANDS)
    run.spawned()
    run.until_received(300)
    run.workers[0].signal(signal.SIGTERM)
    run.ends(workers=False)
    assert seen(run.target) == once_each(3_000)
    assert "3,000 of 3,000 rows were used" in run.output


@pytest.mark.slow
def test_rows_of_a_killed_worker_are_told_and_never_shown_twice(start: Start) -> None:
    run = begin(start, 4_000, buyer(wait=0.01), "-u", 12, "-r", 12, kind=FORKED)
    run.spawned()
    run.until_received(500)
    kill(run.forks()[0], signal.SIGKILL)
    summary = run.ends(summary_code(run))
    counts = seen(run.target)
    assert set(counts.values()) == {1}
    told = re.search(r"up to ([\d,]+) rows were lost with workers that are gone", run.output)
    assert told is not None, run.output
    lost = int(told[1].replace(",", ""))
    assert 4_000 - lost <= len(counts) <= 4_000
    assert summary.validity.state == "INVALID"
    assert any(f"up to {told[1]} rows of" in reason for reason in summary.validity.reasons), summary.validity


def summary_code(run: Run) -> int:
    """What a run that lost a worker ends with, whatever that is: it is not what the test is about."""
    run.end()
    return run.process.returncode


@pytest.mark.slow
def test_a_worker_that_stood_still_goes_on_with_what_it_has(start: Start) -> None:
    run = begin(start, 2_500, buyer(wait=0.01), "-u", 8, "-r", 8, kind=FORKED)
    run.spawned()
    run.until_received(300)
    worker = run.forks()[0]
    os.kill(worker, signal.SIGSTOP)
    try:
        run.until(lambda: "gone" in run.output or run.received() > 2_000)
    finally:
        os.kill(worker, signal.SIGCONT)
    run.end()
    counts = seen(run.target)
    assert set(counts.values()) == {1}
    lost = [int(n.replace(",", "")) for n in re.findall(r"up to ([\d,]+) rows were lost", run.output)]
    assert len(counts) >= 2_500 - sum(lost)


@pytest.mark.slow
def test_a_worker_with_another_file_ends_the_test(start: Start, tmp_path: Path) -> None:
    target = start.target()
    here, there = tmp_path / "here", tmp_path / "there"
    port = master_port()
    for folder, count in ((here, 50), (there, 51)):
        folder.mkdir()
        rows_file(folder, count)
        write(folder, buyer())
    options = ("--headless", "--host", target.url, "-u", 2, "-r", 2, "--expect-workers", 1, *port)
    with (
        LocustProcess(here / "locustfile.py", "--master", *options, cwd=here) as master,
        LocustProcess(there / "locustfile.py", "--worker", *port, cwd=there),
    ):
        assert master.end() == 2, master.output
    assert "found another file, of 51 rows" in master.output
    assert seen(target) == {}


PROFILE = """
[profiles.load]
users = 2
data_file = "people.jsonl"
data = {order = "once", at_end = "stop_test", columns = {id = "int", note = "text?"}}
"""

PEOPLE = """
from locust import constant, task
from wireswarm import DataFile, RestUser

rows = DataFile()


class Visitor(RestUser):
    wait_time = constant(0)

    @task
    def visit(self):
        row = next(rows)
        assert row["note"] is None, row
        self.client.post("/echo/seen/{key}", path={"key": row["id"] + 1}, expect=None)
"""


@pytest.mark.parametrize("kind", [LOCAL, pytest.param(FORKED, marks=pytest.mark.slow)])
def test_the_profile_names_the_file_and_says_how_it_is_read(start: Start, tmp_path: Path, kind: str) -> None:
    target = start.target()
    (tmp_path / "people.jsonl").write_text("".join(f'{{"id": {n}}}\n' for n in range(40)), "utf-8")
    locustfile = write(tmp_path, PEOPLE)
    (tmp_path / "locustfile.toml").write_text(PROFILE, "utf-8")
    mode = ("--processes", 2, *master_port()) if kind == FORKED else ()
    with LocustProcess(locustfile, "--headless", "--load-profile", "load", "--host", target.url, *mode) as run:
        assert run.end() == 0, run.output
    assert seen(target) == {str(n + 1): 1 for n in range(40)}


MALFORMED = {
    "no such file": (None, "rows.csv: found no such file; allowed: a data file"),
    "empty": (b"", "rows.csv: line 1: found no line of column names; allowed: a first line"),
    "no rows": (b"id,note\n", "rows.csv: found no rows; allowed: one or more"),
    "too few values": (b"id,note\n1,a\n2\n", "rows.csv: line 3: found 1 values; allowed: 2"),
    "an open quote": (b'id,note\n1,"a\n2,b\n', "rows.csv: line 2: found a syntax error"),
    "not UTF-8": (b"id,note\n1,a\n2,\xff\n", "rows.csv: line 3: found the byte 0xff; allowed: text in UTF-8"),
    "the same column twice": (b"id,id\n1,2\n", 'rows.csv: line 1: found column "id" more than once; allowed'),
}


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("too few values", ()),
        ("an open quote", ("--check",)),
        *(pytest.param(name, (), marks=pytest.mark.slow) for name in MALFORMED),
        *(pytest.param(name, ("--check",), marks=pytest.mark.slow) for name in MALFORMED),
    ],
)
def test_a_malformed_file_ends_the_run_before_it_begins(tmp_path: Path, name: str, option: tuple[str, ...]) -> None:
    content, said = MALFORMED[name]
    if content is not None:
        (tmp_path / "rows.csv").write_bytes(content)
    locustfile = write(tmp_path, buyer())
    with LocustProcess(locustfile, "--headless", "--host", "http://127.0.0.1:9", "-t", "30s", *option) as run:
        lines = refused(run)
    assert any(said in line for line in lines), run.output
