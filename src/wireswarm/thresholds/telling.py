"""A judgement in one line for people."""

from __future__ import annotations

from wireswarm.thresholds.model import Threshold


def told(threshold: Threshold, value: float, *, worst: bool, aborted: bool) -> str:
    """`p95 over 30s was 612 ms at worst, limit 500 ms`: in the unit of the limit, as it was written."""
    shown, limit = in_written_unit(threshold, value)
    over = "" if threshold.window_s is None else f" over {threshold.window_s}s"
    at_worst = " at worst" if worst else ""
    ended = f"; breached for {threshold.abort_after_s:g} s, which ended the run" if aborted else ""
    return f"{threshold.metric.name}{over} was {shown}{at_worst}, limit {limit}{ended}"


def in_written_unit(threshold: Threshold, value: float) -> tuple[str, str]:
    """Value and limit with the unit, with as many digits as it takes to tell them apart.

    A value far below a limit in seconds or minutes is told in milliseconds.
    """
    unit = threshold.written_unit
    if threshold.unit == "%" and not unit:
        unit, factor = "%", 1.0  # a share that was written as 0.01
    else:
        factor = threshold.written_factor
    limit, converted = threshold.limit / factor, value / factor
    told_limit = _number(limit, 17)
    apart = (digits for digits in range(3, 17) if converted == limit or _number(converted, digits) != told_limit)
    if threshold.unit == "ms" and factor > 1 and 0 < value < threshold.limit / 10:
        return f"{_number(value, 3)} ms", f"{told_limit} {unit}"
    joined = unit if unit in {"", "%", "/s"} else f" {unit}"
    return _number(converted, next(apart, 17)) + joined, told_limit + joined


def _number(value: float, digits: int) -> str:
    """A number with so many digits that say something, all of those before the point, and no exponent."""
    rounded = float(f"{value:.{digits}g}")
    if abs(value) >= 10 ** (digits - 1):
        rounded = round(value, max(0, digits - 3))
    return f"{rounded:,.12f}".rstrip("0").rstrip(".")
