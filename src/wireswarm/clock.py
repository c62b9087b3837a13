"""Time as an argument: what waits or reads a clock takes a `Clock`, and tests pass one that they advance by hand."""

from __future__ import annotations

import time
from typing import Protocol

import gevent

NANOSECONDS = 1_000_000_000
"""Nanoseconds in a second."""


class Clock(Protocol):
    """A source of time that can also be waited on."""

    def time(self) -> float:
        """Seconds since the epoch, for what is compared with the outside world (a token's expiry, a date)."""

    def monotonic(self) -> float:
        """Seconds since some moment, never going back, for durations and deadlines."""

    def sleep(self, seconds: float) -> None:
        """Let other greenlets run for that long."""


class SystemClock:
    """The machine's clock, and gevent's sleep."""

    def time(self) -> float:
        """See `Clock.time`."""
        return time.time()

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        gevent.sleep(seconds)


SYSTEM_CLOCK: Clock = SystemClock()
