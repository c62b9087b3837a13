"""However a run ends, and on however many processes: the same verdict, given once, on final data, in every report."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import PATIENCE, Target, free_port, received
from reliability_runs import KINDS, LOCAL, PACED, Run, Start


@pytest.fixture
def start(start_target: Callable[..., Target], tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield Start(stack, start_target, tmp_path)


# Tells of every time that thresholds are judged for good, and on how much.
JUDGED = (
    PACED
    + """
import functools
import wireswarm.thresholds

judge = wireswarm.thresholds.Evaluator.judge


@functools.wraps(judge)
def tell(self, results, now_s, final=False):
    judgements = judge(self, results, now_s, final)
    if final:
        print(f"JUDGED ON {results.total.count} REQUESTS", flush=True)
    return judgements


wireswarm.thresholds.Evaluator.judge = tell
"""
)
SHAPED = (
    JUDGED
    + """
from locust import LoadTestShape


class Short(LoadTestShape):
    def tick(self):
        return (10, 10) if self.get_run_time() < 6 else None
"""
)

ENDINGS = {"run-time": "run time", "SIGTERM": "signal", "SIGINT": "signal", "shape": "shape", "web": "web"}
"""Ways to end, and what the reports say of it."""
EXPECTED = {"count > 5": True, "p50 > 1ms": True, "p50 < 1us": False, "nothing like it: p95 < 1s": False}
"""Thresholds, and whether they pass."""


def begin(start: Start, ending: str, kind: str, target: Target) -> Run:
    users = () if ending == "shape" else ("-u", 10, "-r", 10)
    options: tuple[object, ...] = (*users, "-s", 10)
    for threshold in EXPECTED:
        options += ("--threshold", threshold)
    if ending == "run-time":
        options += ("-t", "6s")
    elif ending == "web":
        port = free_port()
        options += ("--autostart", "--web-host", "127.0.0.1", "--web-port", port)
    text = SHAPED if ending == "shape" else JUDGED
    run = start(ending, text, *options, kind=kind, target=target, headless=ending != "web")
    run.port = port if ending == "web" else 0  # type: ignore[attr-defined]
    return run


def stop(port: int) -> None:
    """As the button of the web UI does."""
    with urlopen(Request(f"http://127.0.0.1:{port}/stop", method="POST"), timeout=PATIENCE) as response:
        assert json.load(response)["success"]


def end(run: Run, ending: str, kind: str) -> None:
    """End a run that does not do so by itself."""
    if ending in {"SIGTERM", "SIGINT"}:
        # To all processes, as a terminal does; commands of their own are not in its group.
        run.signal(signal.Signals[ending], whole_group=True)
    elif ending == "web":
        stop(run.port)  # type: ignore[attr-defined]
        run.line("JUDGED ON")
        run.until((run.folder / "junit.xml").exists)
        if kind != LOCAL:
            run.line("reported as ready", 4)  # twice each
        run.signal(signal.SIGTERM)


@pytest.mark.parametrize("kind", KINDS)
def test_the_verdict_is_the_same_however_the_run_ends(kind: str, start: Start) -> None:
    target = start.target(latency="250ms", jitter="200ms")
    runs = {ending: begin(start, ending, kind, target) for ending in ENDINGS}
    for run in runs.values():
        run.line(r"All users spawned|Spawning is complete|[Ss]tarting shape test|Shape test starting")
    run.until(lambda: received(target.counters()).total() >= 500)
    for ending, run in runs.items():
        end(run, ending, kind)
    reported = 0
    for ending, run in runs.items():
        summary = run.ends(3)
        reported += summary.total.count
        assert (summary.verdict, summary.exit_code) == ("failed", 3), ending
        assert summary.run.ended_by == ENDINGS[ending]
        assert {
            f"{row.selector}: {row.expression}".removeprefix(": "): row.passed for row in summary.thresholds
        } == EXPECTED
        assert [line for line in run.lines if "JUDGED ON" in line] == [f"JUDGED ON {summary.total.count} REQUESTS"]
        assert summary.thresholds[0].value == summary.total.count > 5
        assert summary.abandoned == summary.total.failures == 0
        assert {worker.state for worker in summary.generator.workers} == {"done"}
        assert run.check_reports() == summary
        assert "Traceback" not in run.output, run.output
    assert reported == received(target.counters()).total()
