"""Half an hour in which every failure is another one: 50 a second, 20 names, and no more memory than at first."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from locust_process import LocustProcess, write
from soaking import failing_server, growth, soaking

from wireswarm.reports.saved import read_summary

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
WARM_UP = MINUTES / 3
"""Minutes until memory is looked at first: by then, what has a limit has reached it."""


def test_memory_does_not_grow(tmp_path: Path) -> None:
    # 20 users, ten of each class, at 2.5 requests a second.
    locustfile = write(tmp_path, soaking(2.5, WARM_UP * 60))
    with failing_server() as server:
        options = ("-u", 20, "-r", 20, "-t", f"{MINUTES * 60:.0f}s", "-s", 5, "--host", server.url)
        run = LocustProcess(
            *(locustfile, "--headless", "--only-summary", *options, "--summary", tmp_path / "summary.json")
        )
        with run:
            run.process.wait(timeout=MINUTES * 60 + 120)
            assert run.end() == 1, run.output
    summary, grown = read_summary(tmp_path / "summary.json"), growth(tmp_path)
    print(grown)
    assert summary.total.count > 0.95 * 50 * MINUTES * 60
    assert grown.ours_in_an_hour <= 1.0
    assert grown.process_in_an_hour <= 10.0
    assert len(summary.errors) == 1_001
    assert grown.stock_errors <= 1_001 + 50
