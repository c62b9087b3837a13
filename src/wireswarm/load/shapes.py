"""Shapes: a level of load (users, or arrivals per second) as a function of the time since the start.

Every shape is an immutable value that can be evaluated at any time, in any order, as often as one likes; a plan can be
drawn, summed up and tested without a clock. Levels are numbers; whoever needs whole users rounds them.
"""

from __future__ import annotations

import heapq
import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

FINENESS: Final = 64
"""A curve is drawn, and counted out, as so many straight pieces for each of its periods."""

INSTANT: Final = 1e-9
"""Seconds. What takes less is a jump."""


class Segment(NamedTuple):
    """A straight piece of a shape."""

    start: float
    end: float
    start_level: float
    end_level: float


class Shape(ABC):
    """A level over time. Shapes can be added to one another, and multiplied, by another shape or a number."""

    @property
    @abstractmethod
    def duration(self) -> float:
        """Seconds until the shape ends; `math.inf` where it has no end."""

    @abstractmethod
    def _level(self, t: float) -> float:
        """The level at a time within the duration. Where it jumps, the level after the jump."""

    @abstractmethod
    def corners(self) -> Iterator[float]:
        """The times between which the shape is straight, or as good as straight, in order and within the duration.

        The start and a finite end need not be among them. Endless where the shape is.
        """

    def level(self, t: float) -> float:
        """The level at a time; 0 before the start, and from the end on."""
        return self._level(t) if 0 <= t < self.duration else 0.0

    def segments(self) -> Iterator[Segment]:
        """The straight pieces, in order, from the start to the end, without gaps."""
        start, duration = 0.0, self.duration
        for corner in self.corners():
            if start + INSTANT < corner < duration:
                yield self._segment(start, corner)
                start = corner
        if start + INSTANT < duration:
            yield self._segment(start, duration)

    def peak(self) -> float:
        """The highest level. Only for a shape that ends, or that is straight from some time on."""
        return max((max(piece.start_level, piece.end_level) for piece in self.segments()), default=0.0)

    def _segment(self, start: float, end: float) -> Segment:
        if math.isinf(end):
            level = self._level(start + 1.0)
            return Segment(start, end, level, level)
        # From two points inside, since it may jump at either end.
        quarter = (end - start) / 4
        first, last = self._level(start + quarter), self._level(end - quarter)
        return Segment(start, end, max(1.5 * first - 0.5 * last, 0.0), max(1.5 * last - 0.5 * first, 0.0))

    def __add__(self, other: Shape) -> Sum:
        return Sum((self, other))

    def __mul__(self, other: Shape | float) -> Product:
        return Product((self, other if isinstance(other, Shape) else Constant(other)))

    __rmul__ = __mul__


@dataclass(frozen=True)
class Constant(Shape):
    """The same level all the time."""

    value: float
    seconds: float = math.inf

    def __post_init__(self) -> None:
        _check(self.value, self.seconds)

    @property
    def duration(self) -> float:
        """See `Shape.duration`."""
        return self.seconds

    def _level(self, t: float) -> float:
        return self.value

    def corners(self) -> Iterator[float]:
        """See `Shape.corners`."""
        return iter(())


class Stage(NamedTuple):
    """One stage, as k6 has it: within so many seconds, go evenly from the level before to this one."""

    seconds: float
    target: float


@dataclass(frozen=True)
class Stages(Shape):
    """Straight lines from target to target. A stage of 0 s is a jump."""

    stages: tuple[Stage, ...]
    start: float = 0.0
    """The level at the beginning."""

    def __post_init__(self) -> None:
        _check(self.start, *(number for stage in self.stages for number in stage))

    @property
    def duration(self) -> float:
        """See `Shape.duration`."""
        return self._ends[-1] if self._ends else 0.0

    @cached_property
    def _ends(self) -> list[float]:
        ends, end = [], 0.0
        for stage in self.stages:
            end += stage.seconds
            ends.append(end)
        return ends

    def _level(self, t: float) -> float:
        number = min(bisect_right(self._ends, t), len(self._ends) - 1)
        stage, end = self.stages[number], self._ends[number]
        before = self.stages[number - 1].target if number else self.start
        return stage.target + (before - stage.target) * (end - t) / stage.seconds

    def corners(self) -> Iterator[float]:
        """See `Shape.corners`."""
        return iter(self._ends)


def ramp(peak: float, up: float, hold: float = 0.0, down: float = 0.0) -> Stages:
    """From nothing to a peak within `up` seconds, there for `hold` seconds, and back within `down` seconds."""
    return Stages(tuple(Stage(s, t) for s, t in ((up, peak), (hold, peak), (down, 0.0)) if s))


@dataclass(frozen=True)
class Wave(Shape):
    """Up and down as a cosine between two levels, beginning at the low one: days, seen from far away."""

    low: float
    high: float
    period: float
    """Seconds from one low to the next."""
    cycles: float = math.inf

    def __post_init__(self) -> None:
        _check(self.low, self.high, self.period, self.cycles, positive=self.period)

    @property
    def duration(self) -> float:
        """See `Shape.duration`."""
        return self.period * self.cycles

    def peak(self) -> float:
        """See `Shape.peak`."""
        return max(self.low, self.high) if self.cycles >= 0.5 else super().peak()

    def _level(self, t: float) -> float:
        return self.low + (self.high - self.low) * (1 - math.cos(2 * math.pi * t / self.period)) / 2

    def corners(self) -> Iterator[float]:
        """See `Shape.corners`."""
        return _every(self.period / FINENESS, self.duration)


@dataclass(frozen=True)
class Spike(Shape):
    """Again and again: a baseline, a sudden rise to a peak, and an even way back to the baseline."""

    baseline: float
    peak_level: float
    before: float
    """Seconds at the baseline."""
    spike: float
    """Seconds of the spike, its rise among them."""
    recovery: float
    """Seconds from the peak back to the baseline."""
    cycles: float = 1
    rise: float = 0.3
    """Share of the spike in which it rises."""

    def __post_init__(self) -> None:
        _check(
            self.baseline,
            self.peak_level,
            self.before,
            self.spike,
            self.recovery,
            self.cycles,
            positive=self.before + self.spike + self.recovery,
        )
        if not 0 <= self.rise <= 1:
            raise ValueError(f"the rise of a spike is a share from 0 to 1, not {self.rise:g}")

    @property
    def duration(self) -> float:
        """See `Shape.duration`."""
        return self._cycle.duration * self.cycles

    @cached_property
    def _cycle(self) -> Stages:
        up = self.spike * self.rise
        stages = (
            Stage(self.before, self.baseline),
            Stage(up, self.peak_level),
            Stage(self.spike - up, self.peak_level),
            Stage(self.recovery, self.baseline),
        )
        return Stages(stages, start=self.baseline)

    def _level(self, t: float) -> float:
        return self._cycle.level(t % self._cycle.duration)

    def corners(self) -> Iterator[float]:
        """See `Shape.corners`."""
        length, corners = self._cycle.duration, tuple(self._cycle.corners())
        number = 0
        while number < self.cycles:
            yield from (number * length + corner for corner in corners)
            number += 1


@dataclass(frozen=True)
class Steps(Shape):
    """One level after the other, each for as long."""

    levels: tuple[float, ...]
    each: float
    """Seconds."""

    def __post_init__(self) -> None:
        _check(*self.levels, self.each, positive=self.each)

    @property
    def duration(self) -> float:
        """See `Shape.duration`."""
        return self.each * len(self.levels)

    def _level(self, t: float) -> float:
        return self.levels[min(int(t / self.each), len(self.levels) - 1)]

    def corners(self) -> Iterator[float]:
        """See `Shape.corners`."""
        return (self.each * number for number in range(1, len(self.levels)))


@dataclass(frozen=True)
class Sum(Shape):
    """Several shapes at once: it lasts as long as the longest."""

    shapes: tuple[Shape, ...]

    def __post_init__(self) -> None:
        _check_some(self.shapes)

    @property
    def duration(self) -> float:
        """See `Shape.duration`."""
        return max(shape.duration for shape in self.shapes)

    def _level(self, t: float) -> float:
        return sum(shape.level(t) for shape in self.shapes)

    def corners(self) -> Iterator[float]:
        """See `Shape.corners`. Where one of the shapes ends is a corner of the sum."""
        ends = (iter((s.duration,)) for s in self.shapes if math.isfinite(s.duration))
        return _in_order(*(shape.corners() for shape in self.shapes), *ends)


@dataclass(frozen=True)
class Product(Shape):
    """One shape times another, such as a wave times the growth of a year: it lasts as long as the shortest."""

    shapes: tuple[Shape, ...]

    def __post_init__(self) -> None:
        _check_some(self.shapes)

    @property
    def duration(self) -> float:
        """See `Shape.duration`."""
        return min(shape.duration for shape in self.shapes)

    def _level(self, t: float) -> float:
        return math.prod(shape.level(t) for shape in self.shapes)

    def corners(self) -> Iterator[float]:
        """See `Shape.corners`. The product of two slopes is a curve, which is cut into straight pieces."""
        previous = 0.0
        for corner in _in_order(*(shape.corners() for shape in self.shapes), iter((self.duration,))):
            if math.isinf(corner) or corner > self.duration:
                return  # an endless shape goes on, which this does not
            if self._is_curved(previous, corner):
                step = (corner - previous) / FINENESS
                yield from (previous + step * number for number in range(1, FINENESS))
            yield corner
            previous = corner

    def _is_curved(self, start: float, end: float) -> bool:
        middle = (start + end) / 2
        slopes = [shape.level(middle) != shape.level((start + middle) / 2) for shape in self.shapes]
        return end > start and sum(slopes) > 1


def _every(step: float, end: float) -> Iterator[float]:
    number = 1
    while number * step < end:
        yield number * step
        number += 1


def _in_order(*times: Iterator[float]) -> Iterator[float]:
    last = 0.0
    for time in heapq.merge(*times):
        if time > last:
            yield time
            last = time


def _check(*numbers: float, positive: float = 1.0) -> None:
    if any(math.isnan(number) or number < 0 for number in numbers):
        raise ValueError("the numbers of a shape are not negative")
    if not positive > 0:
        raise ValueError("a shape that takes no time has no level")


def _check_some(shapes: tuple[Shape, ...]) -> None:
    if not shapes:
        raise ValueError("a sum or product of no shapes")
