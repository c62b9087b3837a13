"""Results for thresholds to be judged on, made of real histograms, with every second kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from wireswarm.metrics import Key, Tally

__all__ = ["FakeResults", "FakeSeries", "FakeWorker", "Key"]


class FakeWorker(NamedTuple):
    """A process that generates load."""

    cpu_mean: float
    cpu_max: float


@dataclass
class FakeSeries:
    """A watched series."""

    unit: str = ""
    points: list[tuple[float, float]] = field(default_factory=list)
    errors: int = 0


class FakeResults:
    """Implements `wireswarm.thresholds.Readable`; `second` adds what happened in the next second."""

    def __init__(self) -> None:
        self.seconds: list[dict[Key, Tally]] = []
        self.dropped = 0
        self.abandoned = 0
        self.workers: dict[str, FakeWorker] = {}
        self.series: dict[str, FakeSeries] = {}
        self.has_windows = True

    def second(
        self,
        type_: str = "GET",
        name: str = "/x",
        *,
        ok_ms: Iterable[float] = (),
        failures: int = 0,
        due_ms: Iterable[float] | None = None,
    ) -> None:
        """One second in which one request was sent so often."""
        self.seconds.append({})
        self.also(type_, name, ok_ms=ok_ms, failures=failures, due_ms=due_ms)

    def also(
        self,
        type_: str,
        name: str,
        *,
        ok_ms: Iterable[float] = (),
        failures: int = 0,
        due_ms: Iterable[float] | None = None,
    ) -> None:
        """Another request in the same second."""
        recorded = Tally()
        for milliseconds in ok_ms:
            recorded.ok.record(round(milliseconds * 1000))
        for _ in range(failures):
            recorded.failed.record(1000)
        if due_ms is not None:
            recorded.due = type(recorded.ok)()
            for milliseconds in due_ms:
                recorded.due.record(round(milliseconds * 1000))
        if recorded.count:
            self.seconds[-1][Key(type_, name)] = recorded

    @property
    def elapsed_s(self) -> float:
        return float(len(self.seconds))

    @property
    def total(self) -> Tally:
        return self.over(None, None)[0]

    def keys(self) -> list[Key]:
        return sorted({key for second in self.seconds for key in second})

    def tally(self, key: Key) -> Tally:
        return self.over(None, key)[0]

    def over(self, window_s: float | None, key: Key | None) -> tuple[Tally, float]:
        if window_s is not None and not self.has_windows:
            return Tally(), 0.0
        seconds = self.seconds if window_s is None else self.seconds[-int(window_s) :]
        merged = Tally()
        for second in seconds:
            for one, recorded in second.items():
                if one == key or (key is None and one.type not in {"FLOW", "STEP"}):
                    merged.merge(recorded)
        return merged, float(len(seconds))
