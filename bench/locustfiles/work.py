"""What the Locust contenders have in common: what to send, where, how often, and a report of their own at the end.

`bench/contenders.py` says all of it in the environment. The times are those of Locust's request events, which have the
fractions of a millisecond that Locust's own tables round away.
"""

from __future__ import annotations

import os
import random
import time
from typing import Any, Final

import gevent
from gevent.event import Event
from locust import constant, constant_pacing, events
from messages import KINDS
from own_report import REPORT, write_report

KIND: Final = KINDS[os.environ.get("BENCH_MESSAGE", "small")]
PATH: Final = KIND.path
ANSWER: Final = KIND.answer
message: Final = KIND.make
HEADERS: Final = {"Content-Type": "application/x-protobuf"}

HOST: Final = os.environ.get("BENCH_URL") or None
SLOW_HOST: Final = os.environ.get("BENCH_SLOW_URL") or None
"""Of the one user of the case `clock` that calls the slow endpoint."""
CA_FILE: Final = os.environ.get("BENCH_CA_FILE") or None

_PACING: Final = float(os.environ.get("BENCH_PACING", "0"))
_WARM_UP: Final = float(os.environ.get("BENCH_WARM_UP", "0"))
WAIT: Final = constant_pacing(_PACING) if _PACING else constant(0)
_spawned: Final = Event()


def stagger() -> None:
    """Wait before a user's first request: users that begin together stay together, when they keep a pace."""
    if _PACING:
        _spawned.wait()
        gevent.sleep(random.uniform(0, 4 * _PACING))


def _all_are_there(**_others: Any) -> None:
    _spawned.set()


class _Times:
    """Response times after the warm-up in milliseconds: as reported, and, for our samples, by the program's clock."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._from = 0.0
        self._times: dict[str, list[float]] = {"reported": [], "program": []}

    def add(self, name: str, response_time: float, sample: Any = None, **_others: Any) -> None:
        if name != self._name:
            return
        now = time.monotonic()
        self._from = self._from or now + _WARM_UP
        if now < self._from:
            return
        self._times["reported"].append(response_time)
        if sample is not None:
            self._times["program"].append((sample.read - sample.sent) / 1e6)

    def summary(self) -> dict[str, dict[str, float]]:
        return {key: _percentiles(sorted(values)) for key, values in self._times.items() if values}


def _percentiles(values: list[float]) -> dict[str, float]:
    last = len(values) - 1
    return {"p50_ms": values[round(last * 0.5)], "p99_ms": values[round(last * 0.99)], "count": len(values)}


_times = _Times("/slow" if SLOW_HOST else PATH)


def _write_report(environment: Any, **_others: Any) -> None:
    write_report(environment, environment.stats.total.num_requests, _times.summary())


events.spawning_complete.add_listener(_all_are_there)
if REPORT:
    events.quitting.add_listener(_write_report)
    if os.environ.get("BENCH_TIMES"):
        events.request.add_listener(_times.add)
