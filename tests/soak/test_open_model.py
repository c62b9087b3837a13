"""The open load's reliability tests at full length."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

import locust_process
from locust_process import Target
from open_model import coordinated_omission, rate_holds
from reliability_runs import Start


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locust_process, "PATIENCE", 180)  # a run alone takes a minute here


@pytest.fixture
def start(start_target: Callable[..., Target], tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield Start(stack, start_target, tmp_path)


def test_coordinated_omission(start: Start) -> None:
    coordinated_omission(start, total_s=20)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_rate_is_kept_for_a_minute(start: Start, workers: int) -> None:
    runs = [rate_holds(start, workers, seconds=60, name=f"run-{number}") for number in range(3)]
    assert statistics.median(run.generator.start_lag.p99_ms for run in runs) <= 20
