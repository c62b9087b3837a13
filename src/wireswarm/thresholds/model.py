"""A threshold, typed and checked. `grammar` makes these."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wireswarm.thresholds.metric import Metric, Source
from wireswarm.thresholds.units import factor_of


class Operator(StrEnum):
    """How a value is compared with its limit."""

    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    EQUAL = "=="

    def holds(self, value: float, limit: float) -> bool:
        """Whether a value keeps to the limit."""
        match self:
            case Operator.LESS:
                return value < limit
            case Operator.AT_MOST:
                return value <= limit
            case Operator.MORE:
                return value > limit
            case Operator.AT_LEAST:
                return value >= limit
        return value == limit

    @property
    def direction(self) -> str:
        """Which side the limit is on: `<` for an upper one, `>` for a lower one, `=` for both."""
        return self.value[0]

    def worse(self, a: float, b: float, limit: float) -> float:
        """The one of two values that keeps to the limit less."""
        if self.direction == "=":
            return max(a, b, key=lambda value: abs(value - limit))
        return max(a, b) if self.direction == "<" else min(a, b)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A metric, what it is measured on, and what it has to keep to."""

    selector: str
    """An exact name, `TYPE name`, or a glob; empty for the total, or for the run."""
    metric: Metric
    operator: Operator
    limit: float
    """In `unit`. Of a watched series without a unit of its own: as it was written."""
    unit: str
    """`ms`, `%`, `/s`, `MB`, or empty for a count and for a watched series' own."""
    written_unit: str
    """The unit that the limit was written in, for people."""
    window_s: int | None = None
    """Seconds of the sliding window; None for the whole run."""
    abort_after_s: float | None = None
    """Seconds without a break that it has to be breached for to end the run; None for never."""
    expression: str
    """As it was written, but for spaces; without the selector."""
    source: str
    """Where it was written: `--threshold`, or the file and key."""

    def __str__(self) -> str:
        """As `parse_threshold` takes it."""
        return f"{self.selector}: {self.expression}" if self.selector else self.expression

    @property
    def identity(self) -> tuple[str, str, str, bool]:
        """What a threshold has in common with one that it may replace: only the limit differs."""
        return self.selector, self.metric.name, self.operator.direction, self.window_s is not None

    @property
    def about_errors(self) -> bool:
        """Whether it says how many failures are all right."""
        return self.metric.source in {Source.ERRORS, Source.FAILURES}

    @property
    def written_factor(self) -> float:
        """What one `written_unit` is in `unit`."""
        return factor_of(self.written_unit)
