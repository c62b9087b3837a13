"""From values to places on an axis, and the values that are written beside it."""

from __future__ import annotations

import math
from typing import Final, Protocol

_TIME_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


class Scale(Protocol):
    """An axis."""

    def at(self, value: float) -> float:
        """The place of a value."""

    def ticks(self) -> list[float]:
        """The values to be written beside the axis."""


class Linear:
    """Equal distances for equal differences. The upper end is rounded up to a tick."""

    def __init__(self, high: float, start: float, end: float, *, low: float = 0.0, ticks: int = 4) -> None:
        # A range that is lost in the rounding of its ends is none.
        self._step = _round_step((high - low) / ticks) if high - low > 1e-9 * max(abs(high), abs(low), 1.0) else 1.0
        self.low = math.floor(low / self._step) * self._step
        self.high = max(math.ceil(high / self._step - 1e-9), 1 + round(self.low / self._step)) * self._step
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        """The place of a value."""
        return self._start + (value - self.low) / (self.high - self.low) * (self._end - self._start)

    def ticks(self) -> list[float]:
        """Round numbers, the ends included."""
        count = round((self.high - self.low) / self._step)
        return [self.low + index * self._step for index in range(count + 1)]


class Time:
    """Seconds since the start, from 0 to the very end."""

    def __init__(self, end_s: float, start: float, end: float) -> None:
        self.high = end_s if end_s > 0 else 1.0
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        """The place of a time."""
        return self._start + value / self.high * (self._end - self._start)

    def ticks(self) -> list[float]:
        """At most ten round times."""
        step = next((step for step in _TIME_STEPS if self.high / step <= 10), math.ceil(self.high / 86400 / 10) * 86400)
        return [float(index * step) for index in range(int(self.high / step) + 1)]


class Log:
    """Equal distances for equal ratios, from 1, 2 or 5 times a power of ten to another."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low = _round_down(low)
        self.high = _round_up(high)
        if self.high <= self.low:
            self.high = self.low * 10
        self._start, self._end = start, end
        self._span = math.log(self.high / self.low)

    def at(self, value: float) -> float:
        """The place of a value; what is below the lower end, 0 too, is put there."""
        share = math.log(max(value, self.low) / self.low) / self._span
        return self._start + share * (self._end - self._start)

    def ticks(self) -> list[float]:
        """Powers of ten, with 2 and 5 times them where there are few."""
        first, last = math.floor(math.log10(self.low) + 1e-9), math.ceil(math.log10(self.high) - 1e-9)
        factors = (1, 2, 5) if last - first <= 2 else (1,)
        ticks = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
        return [tick for tick in ticks if self.low * 0.999 <= tick <= self.high * 1.001]


def value_scale(values: list[float], start: float, end: float) -> Linear | Log:
    """A linear axis, or a logarithmic one where the values differ by more than 25 times."""
    low = min((value for value in values if value > 0), default=0.0)
    high = max(values, default=0.0)
    if low > 0 and high / low > 25:
        return Log(low, high, start, end)
    return Linear(high, start, end)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))


def _round_down(value: float) -> float:
    """The nearest of 1, 2, 5 times a power of ten that is not above."""
    power = 10.0 ** math.floor(math.log10(value) + 1e-12)
    return next((factor * power for factor in (5, 2) if factor * power <= value * (1 + 1e-9)), power)


def _round_up(value: float) -> float:
    """The nearest of 1, 2, 5 times a power of ten that is not below."""
    power = 10.0 ** math.floor(math.log10(value) + 1e-12)
    return next((factor * power for factor in (1, 2, 5) if factor * power >= value * (1 - 1e-9)), 10 * power)
