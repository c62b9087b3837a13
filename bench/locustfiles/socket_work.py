"""What the Socket.IO contenders on Locust have in common: what to do and where, and a report of their own at the end.

`bench/contenders.py` says all of it in the environment. `BENCH_WORK` is `emits`, `connects` or `idle`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final

from locust import events
from own_report import REPORT, write_report

HOST: Final = os.environ.get("BENCH_URL") or None
WORK: Final = os.environ.get("BENCH_WORK", "emits")
EVENT: Final = "order"
ORDER: Final = {"sku": "A1-4711", "amount": 3}
ACCEPTED: Final = {"accepted": True, "sku": "A1-4711"}
"""What the server acknowledges an order with."""

_END: Final = time.monotonic() + float(os.environ.get("BENCH_SECONDS", "inf")) - 0.5

_COUNTED: Final = {"emits": {("SIO", EVENT), ("WSC", EVENT)}, "connects": {("SIO", "connect"), ("WS", "connect")}}
"""The rows of the statistics that count what the server counts: our types and Locust's."""
_SPAWNED: Final = os.environ.get("BENCH_SPAWNED")


def is_over() -> bool:
    """Whether the run is about to end."""
    return time.monotonic() > _END


def _write_report(environment: Any, **_others: Any) -> None:
    counted = _COUNTED.get(WORK, ())
    rows = environment.stats.entries.values()
    write_report(environment, sum(row.num_requests for row in rows if (row.method, row.name) in counted), {})


def _say_that_all_are_there(**_others: Any) -> None:
    Path(str(_SPAWNED)).touch()


if REPORT:
    events.quitting.add_listener(_write_report)
if _SPAWNED:
    events.spawning_complete.add_listener(_say_that_all_are_there)
