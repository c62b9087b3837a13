"""A clock that stands still until a test moves it."""

from __future__ import annotations


class ManualClock:
    """Implements `wireswarm.clock.Clock`. Waiting advances it and is recorded, so no test waits.

    `advance()` moves both of its times, as the passing of time does; `now` alone can be set, as a correction of the
    machine's clock would.
    """

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now
        self.elapsed = 0.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError(f"time does not go back by {-seconds} s")
        self.now += seconds
        self.elapsed += seconds
