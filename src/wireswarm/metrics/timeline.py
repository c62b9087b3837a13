"""What happened when, in bounded memory: steps of a second, which are merged in pairs when they become too many.

Their distributions are kept in coarser buckets (0.8 %), packed into bytes when nothing is added to them any more: a
point is for a plot, or for the variance of a percentile. A day's run takes no more memory than one of twenty minutes.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wireswarm.metrics.histogram import Histogram

_HEAD = struct.Struct("=IQQQI")
"""Of a packed distribution: how many buckets, the shortest, the longest, the sum, how many were clamped."""
_OPEN_STEPS = 3
"""So many of the latest steps are ready to be added to; workers report every three seconds."""


@dataclass(frozen=True, slots=True)
class Point:
    """One step."""

    start_s: float
    duration_s: float
    users: int
    """The most at one time."""
    count: int
    failures: int
    ok: Histogram
    """Service times of the successes, in coarse buckets; the longest is exact."""


class _Step:
    __slots__ = ("count", "failures", "ok", "packed")

    def __init__(self) -> None:
        self.count = 0
        self.failures = 0
        self.ok: Histogram | None = None
        self.packed: bytes | None = None

    def open(self) -> Histogram:
        if self.ok is None:
            self.ok = self.read()
            self.packed = None
        return self.ok

    def close(self) -> None:
        histogram, self.ok = self.ok, None
        if histogram is None or not histogram.total:
            return
        pairs = histogram.buckets()
        indices, counts = array("H", [index for index, _ in pairs]), array("I", [count for _, count in pairs])
        head = _HEAD.pack(len(pairs), histogram.minimum, histogram.maximum, histogram.sum, histogram.clamped)
        # One object, not six: a run has up to 600 steps of each name.
        self.packed = head + indices.tobytes() + counts.tobytes()

    def read(self) -> Histogram:
        """Its distribution; not to be changed."""
        if self.ok is not None:
            return self.ok
        if self.packed is None:
            return Histogram()
        size, minimum, maximum, total, clamped = _HEAD.unpack_from(self.packed)
        indices, counts = array("H"), array("I")
        begin, middle = _HEAD.size, _HEAD.size + size * indices.itemsize
        indices.frombytes(self.packed[begin:middle])
        counts.frombytes(self.packed[middle:])
        pairs = zip(indices, counts, strict=True)
        return Histogram.from_buckets(pairs, minimum=minimum, maximum=maximum, total_us=total, clamped=clamped)

    def merge(self, other: _Step) -> None:
        self.count += other.count
        self.failures += other.failures
        self.open().merge(other.read())


class TimeLine:
    """Steps of equal length since the beginning; at most `limit` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._steps: dict[int, _Step] = {}
        self._users: dict[int, int] = {}
        self._open: set[int] = set()
        self._last = 0
        self.step_s = 1
        """Seconds that a step is long."""

    def add_cell(self, cell: Sequence[Any], ok: Sequence[int], second: int) -> None:
        """Add a cell of a report (`Recorder.take_report`) to what happened in that second.

        `ok` is the cell's distribution of successes, in coarse buckets.
        """
        number = self._reach(second)
        step = self._steps.get(number)
        if step is None:
            step = self._steps[number] = _Step()
        self._open.add(number)
        histogram = step.open()
        before = histogram.total
        histogram.merge_message(ok)
        failures = cell[4] + _total_of(cell[6])
        step.failures += failures
        step.count += histogram.total - before + failures + cell[3] - cell[4]

    def add_users(self, users: int, second: int) -> None:
        """Note how many users there were in that second, over all processes."""
        number = self._reach(second)
        self._users[number] = max(self._users.get(number, 0), users)

    def points(self, end_s: float) -> list[Point]:
        """All steps in order; the last one ends no later than the run.

        What is left of a step at the end belongs to the one before where it is less than half of one: a few requests,
        divided by a moment, would be the highest rate of the whole run.
        """
        if not self._steps and not self._users:
            return []
        points, users = [], 0
        for number in range(max([*self._steps, *self._users]) + 1):
            start = float(number * self.step_s)
            step = self._steps.get(number) or _Step()
            users = self._users.get(number, users)
            duration = float(self.step_s) if end_s <= start else min(float(self.step_s), end_s - start)
            points.append(Point(start, duration, users, step.count, step.failures, step.read()))
        if len(points) > 1 and points[-1].duration_s < self.step_s / 2:
            points[-2:] = [_joined(*points[-2:])]
        return points

    def _reach(self, second: int) -> int:
        second = max(0, second)
        while second // self.step_s >= self._limit:
            self._halve()
        number = second // self.step_s
        if number > self._last:
            self._last = number
            for old in [n for n in self._open if n <= number - _OPEN_STEPS]:
                self._steps[old].close()
                self._open.discard(old)
        return number

    def _halve(self) -> None:
        steps: dict[int, _Step] = {}
        for number, step in sorted(self._steps.items()):
            first = steps.get(number // 2)
            if first is None:
                steps[number // 2] = step
            else:
                first.merge(step)
                first.close()
        users: dict[int, int] = {}
        for number, value in self._users.items():
            users[number // 2] = max(users.get(number // 2, 0), value)
        self._steps, self._users = steps, users
        self._open = {number for number, step in steps.items() if step.ok is not None}
        self._last //= 2
        self.step_s *= 2


def _joined(first: Point, second: Point) -> Point:
    ok = Histogram()
    ok.merge(first.ok)
    ok.merge(second.ok)
    return Point(
        first.start_s,
        first.duration_s + second.duration_s,
        max(first.users, second.users),
        first.count + second.count,
        first.failures + second.failures,
        ok,
    )


class Series:
    """A value over time that was read from outside, in bounded memory: then neighbours are averaged."""

    LIMIT = 600

    def __init__(self, name: str, unit: str) -> None:
        self.name = name
        self.unit = unit
        self.errors = 0
        """How many readings failed."""
        self._sums: list[tuple[float, float, int]] = []
        self._per_point = 1

    @property
    def points(self) -> list[tuple[float, float]]:
        """Seconds and values."""
        return [(seconds / count, value / count) for seconds, value, count in self._sums]

    def add(self, elapsed_s: float, value: float | None) -> None:
        """Add a reading; None for one that failed."""
        if value is None:
            self.errors += 1
            return
        if self._sums and self._sums[-1][2] < self._per_point:
            seconds, total, count = self._sums[-1]
            self._sums[-1] = (seconds + elapsed_s, total + value, count + 1)
            return
        self._sums.append((elapsed_s, value, 1))
        if len(self._sums) > self.LIMIT:
            pairs = zip(self._sums[::2], [*self._sums[1::2], (0.0, 0.0, 0)], strict=False)
            self._sums = [(a[0] + b[0], a[1] + b[1], a[2] + b[2]) for a, b in pairs]
            self._per_point *= 2


def _total_of(message: Sequence[int]) -> int:
    return sum(message[5::2])
