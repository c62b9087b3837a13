"""Memory over time, where every failure is another one: the short version of the soak test in `tests/soak`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import LocustProcess, write
from soaking import NO_NAME_TWICE, TWENTY_NAMES, failing_server, growth, soaking

from wireswarm.reports.saved import read_summary

pytestmark = pytest.mark.slow

MAX_CLASSES = 1_000


def test_failures_that_are_all_different_do_not_fill_the_memory(tmp_path: Path) -> None:
    with failing_server() as server:
        runs = {}
        for kind, name in (("failures", TWENTY_NAMES), ("names", NO_NAME_TWICE)):
            folder = tmp_path / kind
            folder.mkdir()
            options = ("-u", 20, "-r", 20, "-t", "16s", "-s", 5, "--host", server.url)
            runs[kind] = LocustProcess(
                *(write(folder, soaking(25, 8, name)), "--headless", "--only-summary", *options),
                *("--summary", folder / "summary.json"),
            )
        with runs["failures"], runs["names"]:
            for run in runs.values():
                assert run.end() == 1, run.output
    summaries = {kind: read_summary(tmp_path / kind / "summary.json") for kind in runs}
    for kind, summary in summaries.items():
        grown = growth(tmp_path / kind)
        assert grown.requests > 1_200, "more between the looks than there may be classes"
        assert grown.ours <= 3.0
        assert grown.stock_errors <= MAX_CLASSES + 1 + 500, "Locust's own, which are looked after once a second"
        assert summary.total.count == summary.total.failures == sum(error.count for error in summary.errors)
        assert len(summary.errors) == MAX_CLASSES + 1
        assert sum(error.message == "(other)" for error in summary.errors) == 1
        assert any("are counted as (other)" in note for note in summary.notes)
    assert len(summaries["failures"].requests) == 20
    assert len(summaries["names"].requests) == MAX_CLASSES + 1
