"""A load generator that has no time left says so, and one that has does not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from locust_process import Target
from reliability_runs import FORKED, LOCAL, PACED, Start

BURNING = (
    PACED
    + """
import time
from locust import User, constant


class Burning(User):
    fixed_count = 2
    wait_time = constant(0.01)

    @task
    def burn(self):
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
"""
)
CLEAN_RUNS = 20


@pytest.fixture
def start(start_target: Callable[..., Target], tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield Start(stack, start_target, tmp_path)


@pytest.mark.parametrize("kind", [LOCAL, FORKED])
def test_a_task_that_burns_processor_time_makes_the_run_invalid(kind: str, start: Start) -> None:
    run = start("run", BURNING, "-u", 8, "-r", 8, "-t", "15s", "-s", 5, "--fail-on-invalid", kind=kind)
    summary = run.ends(4)
    assert summary.validity.state == "INVALID"
    assert any("event-loop lag" in reason or "whole core" in reason for reason in summary.validity.reasons)


def test_clean_runs_raise_no_false_alarm(start: Start) -> None:
    # One after the other, since side by side they would not be clean.
    target = start.target(latency="5ms")
    for number in range(CLEAN_RUNS):
        kind = (LOCAL, FORKED)[number % 2]
        options = ("-u", 10, "-r", 10, "-t", "8s", "-s", 5, "--fail-on-invalid")
        run = start(f"run{number}", PACED, *options, kind=kind, target=target)
        summary = run.ends()
        assert summary.validity.state == "VALID", (number, summary.validity)
