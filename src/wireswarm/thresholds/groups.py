"""Thresholds of several places together: which hold, and what they need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wireswarm.thresholds.metric import Scope
from wireswarm.thresholds.model import Threshold
from wireswarm.thresholds.units import quantity_of
from wireswarm.thresholds.words import did_you_mean, quote


def merge_thresholds(*groups: Iterable[Threshold]) -> tuple[Threshold, ...]:
    """All thresholds of the groups, where those of a later group replace what an earlier one says about the same.

    The same is: selector, metric, upper or lower limit, and whole run or window. Thresholds of one group replace none
    of their own.
    """
    merged: list[Threshold] = []
    for group in groups:
        added = tuple(dict.fromkeys(group))
        replaced = {threshold.identity for threshold in added}
        merged = [threshold for threshold in merged if threshold.identity not in replaced]
        merged.extend(added)
    return tuple(merged)


def longest_window(thresholds: Iterable[Threshold]) -> int | None:
    """The longest window over requests, in seconds, for which each second has to be kept; None where there is none."""
    windows = [t.window_s for t in thresholds if t.window_s is not None and t.metric.scope is Scope.REQUESTS]
    return max(windows, default=None)


def check_series(thresholds: Iterable[Threshold], units: Mapping[str, str]) -> list[str]:
    """What is wrong with thresholds on watched series.

    Args:
        thresholds: all that hold.
        units: of the series that are watched, by their names.

    Returns:
        A problem for each threshold on a series that is not watched, or with a limit that its values cannot be compared
        with.
    """
    problems = []
    for threshold in thresholds:
        name = threshold.metric.series
        if not name:
            continue
        if name not in units:
            missing = f"no series {quote(name)} is watched{did_you_mean(name, units)}"
            found = f"{quote(threshold.expression)}, where {missing}"
            allowed = ", ".join(units) or f"nothing, because there is no [watch.{name}] table in the profile file"
            problems.append(f"{threshold.source}: found {found}; allowed: {allowed}")
        elif allowed := _allowed_limit(threshold, units[name]):
            unit = quote(units[name]) if units[name] else "none"
            found = f"{quote(threshold.expression)}, where the unit of {quote(name)} is {unit}"
            problems.append(f"{threshold.source}: found {found}; allowed: {allowed}")
    return problems


def _allowed_limit(threshold: Threshold, unit: str) -> str:
    """What the limit of a threshold on a series of that unit may be; empty where it is right."""
    quantity = quantity_of(unit)
    wanted = "" if quantity is None else quantity.canonical
    if threshold.metric.quantity is not None and quantity is not threshold.metric.quantity:
        return f"a unit of {', '.join(threshold.metric.quantity.factors)} for that series"
    if threshold.unit == wanted:
        return ""
    return "a number without a unit" if quantity is None else quantity.allowed
