"""Workers that stand still and go on, that join late or are killed, and that lose their master."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import PATIENCE, LocustProcess, Target
from open_model import HEALTH, WAITS
from reliability_runs import COMMANDS, FORKED, PACED, Start, Stopwatch

pytestmark = pytest.mark.slow


@pytest.fixture
def start(start_target: Callable[..., Target], tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield Start(stack, start_target, tmp_path)


def test_a_worker_that_stood_still_goes_on_when_it_is_admitted(start: Start) -> None:
    options = ("-u", 20, "-r", 20, "-t", "30s", "-s", 10)
    closed = start("closed", PACED, *options, kind=COMMANDS)
    opened = start(
        "open", HEALTH, "-u", 20, "-t", "30s", "--arrival-rate", "50/s", "--max-lateness", "2s", kind=COMMANDS
    )
    for run in (closed, opened):
        run.until_received(200)
        run.workers[0].signal(signal.SIGSTOP)
    time.sleep(10)  # how long they are stopped is what the test is about
    for run in (closed, opened):
        run.workers[0].signal(signal.SIGCONT)
    for run in (closed, opened):
        run.workers[0].line("stood still for")
        run.workers[0].line("admitted this worker again")
        summary = run.ends()
        assert summary.total.count == run.received() == run.answered()
        assert sorted(worker.state for worker in summary.generator.workers) == ["done", "done"]
        assert any("stood still" in reason for reason in summary.validity.reasons)
    # Users that answer ten times a second each: a twentieth more would be more than 210 in a second.
    full = [point for point in closed.summary().timeline if point.duration_s == 1]
    assert max(point.count for point in full) <= 1.05 * 200 + 20, [point.count for point in full]
    assert full[-2].count == pytest.approx(200, rel=0.1)
    # What the other worker could not know about was dropped, and what came before and after was not.
    lost = opened.summary()
    assert lost.dropped + lost.total.count == pytest.approx(50 * 30, rel=0.01)
    assert 50 < lost.dropped < 50 * 10


@pytest.mark.parametrize("kind", [COMMANDS, FORKED])
def test_workers_that_have_lost_their_master_end_their_load(start: Start, kind: str) -> None:
    run = start("orphans", PACED, "-u", 10, "-r", 10, "-t", "60s", kind=kind)
    run.until_received(100)
    run.process.send_signal(signal.SIGKILL)
    watch = Stopwatch()
    if kind == FORKED:
        # Whoever inherits them reads their exit codes; that they are gone is told by the other end of the pipe.
        run._reader.join(timeout=PATIENCE)
        assert run._reader.dead, run.output
    for worker in run.workers:
        assert worker.end() == 5, worker.output
    assert watch() <= 10.5
    received = run.received()
    time.sleep(1.0)  # in which nothing happens
    assert run.received() == received


BEGINS = """
    def on_start(self):
        print("a user begins")
"""


def test_an_open_load_goes_on_where_workers_come_and_go(start: Start, tmp_path: Path) -> None:
    run = start("changing", HEALTH + BEGINS + WAITS, "-u", 12, "-t", "20s", "--arrival-rate", "50/s", kind=COMMANDS)
    command, door = run.workers[0]._command, tmp_path / "door"
    options, waiting = command[command.index("--worker") :], {"WAIT_FOR": str(door)}
    with LocustProcess(run.folder / "locustfile.py", *options, environment=waiting) as late:
        late.line("all is imported")
        run.until_received(100)
        door.touch()
        late.line("a user begins", count=4)
        run.until_received(300)
        run.workers[0].signal(signal.SIGTERM)
        late.line("a user begins", count=6)
        summary = run.ends()
        assert late.end() == 0, late.output
    assert sorted(worker.state for worker in summary.generator.workers) == ["done", "done", "left"], run.output
    assert summary.total.count == run.received() == run.answered()
    # Those of the one that left, until the others knew.
    assert 50 * 20 - 50 * 2 <= summary.total.count + summary.dropped <= 50 * 20
    assert [worker.users_max for worker in summary.generator.workers] == [6, 6, 6]
