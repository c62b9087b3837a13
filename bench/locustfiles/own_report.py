"""The small report that every Locust contender writes in the end."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

REPORT: Final = os.environ.get("BENCH_REPORT")
"""Where it is written; None where nobody asks for it."""


def write_report(environment: Any, requests: int, times: dict[str, dict[str, float]]) -> None:
    """Write how many requests Locust has counted, and everything that went wrong."""
    failures = [f"{error.occurrences} × {error.error}" for error in environment.stats.errors.values()]
    failures += [f"{entry['count']} × {entry['msg']}" for entry in environment.runner.exceptions.values()]
    report = {"requests": requests, "failures": failures, "times": times}
    Path(str(REPORT)).write_text(json.dumps(report), encoding="utf-8")
