"""`wireswarm capacity` against a target whose capacity is known, and that this one is a real queue."""

from __future__ import annotations

import http.client
import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from capacity_runs import PATIENCE, found, started, write

from wireswarm.capacity import Size
from wireswarm.commands.steps import Plan, StepError, Steps, run_step
from wireswarm.errors import ConfigurationError


@pytest.fixture
def locustfile(tmp_path: Path) -> Path:
    return write(tmp_path)


@pytest.mark.slow
def test_a_capacity_is_found_between_two_rates(locustfile: Path, start_target: Callable[..., Any]) -> None:
    target = start_target(capacity="60/s")

    code, output, result = found(
        locustfile,
        *("--host", target.url, "--from", "40/s", "--precision", "100%", "--step-time", "2s", "--warm-up", "2s"),
        *("--until", "p95 < 300ms", "--until", "errors < 1%", "--processes", "2"),
    )

    assert code == 0, output
    assert (result["schema"], result["ended"]) == ("wireswarm-capacity/1", "found")
    assert (result["rate"], result["fails_at"]) == (40, 80)
    assert result["host"] == target.url
    assert "Holds 40/s\n80/s does not hold: p95 was" in output
    held = [step["reading"] for step in result["steps"] if step["outcome"] == "holds"]
    assert all(70 <= reading["count"] <= 90 for reading in held), "40 a second for two seconds"
    assert not any(step["reading"]["invalid"] for step in result["steps"])
    # As often as the steps said that they had begun something, and at most what is still under way at a step's end.
    assert target.counters()["GET /health"]["received"] == sum(step["reading"]["started"] for step in result["steps"])


def test_ctrl_c_tells_what_is_known_and_leaves_nothing_behind(
    locustfile: Path, start_target: Callable[..., Any]
) -> None:
    target = start_target()

    with started(locustfile, "--host", target.url, "--step-time", "2s", "--warm-up", "2s") as search:
        assert search.stdout is not None
        lines = [search.stdout.readline() for _ in range(3)]
        assert lines[2].split()[:2] == ["1", "10/s"], lines
        with gevent.Timeout(PATIENCE):
            while not (children := psutil.Process(search.pid).children()):
                gevent.sleep(0.05)
        search.send_signal(signal.SIGINT)
        output, _ = search.communicate(timeout=PATIENCE)

    assert search.returncode == 1, output
    assert "interrupted" in output.lower()
    assert "Traceback" not in output
    assert psutil.wait_procs(children, timeout=PATIENCE)[1] == []
    (folder,) = (locustfile.parent / "found").iterdir()
    result = json.loads((folder / "capacity.json").read_text("utf-8"))
    assert result["ended"] == "interrupted"
    assert result["host"] == target.url
    first = result["steps"][0]
    assert (first["rate"], first["reading"]["window_s"], first["reading"]["failures"]) == (10, 2, 0)
    assert 10 <= first["reading"]["count"] <= 30, "ten a second for two seconds"
    assert first["reading"]["completed"] == first["reading"]["count"]
    assert "Content-Security-Policy" in (folder / "report.html").read_text("utf-8")


def test_mistakes_are_told_together_before_any_load(locustfile: Path, target: Any) -> None:
    target.reset()
    with started(locustfile, "--host", target.url, "--until", "p95 < 5", "--tags", "nosuch") as refused:
        output, _ = refused.communicate(timeout=PATIENCE)

    assert refused.returncode == 2
    assert [line.partition(":")[0] for line in output.splitlines()] == ["error", "error"], output
    assert "--until" in output
    assert "--tags nosuch" in output
    assert target.counters() == {}
    assert not (locustfile.parent / "found").exists()


def test_a_step_that_is_refused_says_why(locustfile: Path, tmp_path: Path) -> None:
    steps = Steps(locustfile, ["--tags", "nosuch", "--host", "http://127.0.0.1:9"], ["p95 < 1s"], tmp_path / "steps")
    with pytest.raises(ConfigurationError, match="--tags nosuch leaves no task to run"):
        steps.run(Plan(1, 10, Size(2, 2, 5)), lambda _seconds: None)


def test_a_step_that_does_not_end_is_ended(tmp_path: Path) -> None:
    log, before = tmp_path / "log", set(psutil.Process().children())
    with pytest.raises(StepError, match=rf"did not end within 0 s; see {log}"):
        run_step(["sleep", "600"], log, 0.2, lambda _seconds: None)
    assert set(psutil.Process().children()) == before


# The target's queue


def test_the_target_serves_no_more_than_its_capacity_and_in_turn(start_target: Callable[..., Any]) -> None:
    target = start_target(capacity="100/s")
    connections, each = 10, 15
    waits: list[float] = []

    def visit() -> None:
        connection = http.client.HTTPConnection(*target.address, timeout=PATIENCE)
        for _ in range(each):
            began = time.monotonic()
            connection.request("GET", "/health")
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            waits.append(time.monotonic() - began)
        connection.close()

    began = time.monotonic()
    gevent.joinall([gevent.spawn(visit) for _ in range(connections)], raise_error=True)
    elapsed = time.monotonic() - began

    assert len(waits) == connections * each == target.counters()["GET /health"]["answered"]
    assert elapsed > 0.97 * len(waits) / 100, "it was faster than it can be"
    # Ten that take turns at 100 a second: each waits for the nine others, and is then served.
    assert sorted(waits)[len(waits) // 2] >= 0.09


def test_the_targets_own_paths_do_not_wait(start_target: Callable[..., Any]) -> None:
    target = start_target(capacity="60/m")
    order: list[str] = []

    def visit() -> None:
        connection = http.client.HTTPConnection(*target.address, timeout=PATIENCE)
        connection.request("GET", "/health")
        connection.getresponse().read()
        connection.close()
        order.append("visit")

    visitor = gevent.spawn(visit)
    while not target.counters():
        gevent.sleep(0.01)
    order.append("counters")
    visitor.join()

    assert order == ["counters", "visit"]


CRASHING = """
import os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_step_that_crashes_leaves_no_worker_behind(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert run_step([sys.executable, "-c", CRASHING], log, PATIENCE, lambda _: None) == -signal.SIGKILL
    worker = int(log.read_text())
    with gevent.Timeout(PATIENCE):
        while psutil.pid_exists(worker) and psutil.Process(worker).status() != psutil.STATUS_ZOMBIE:
            gevent.sleep(0.01)
