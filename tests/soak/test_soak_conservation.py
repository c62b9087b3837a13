"""Conservation over a minute: 200 requests a second, and not one more or less than the target has had."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from locust_process import Target
from reliability_runs import KINDS, PACED, Start

SECONDS = 60


@pytest.mark.parametrize("kind", KINDS)
def test_a_minute_of_requests(kind: str, start_target: Callable[..., Target], tmp_path: Path) -> None:
    with ExitStack() as stack:
        start = Start(stack, start_target, tmp_path)
        options = ("-u", 20, "-r", 20, "-t", f"{SECONDS}s", "-s", 10)
        run = start("run", PACED, *options, kind=kind, latency="30ms", jitter="20ms")
        # Longer than Locust's processes are waited for elsewhere.
        run.process.wait(timeout=2 * SECONDS)
        summary = run.ends()
        assert summary.total.count == run.received() == run.answered()
        assert summary.abandoned == summary.total.failures == 0
        assert summary.total.count == pytest.approx(SECONDS * 200, rel=0.02)
        assert run.check_reports() == summary
