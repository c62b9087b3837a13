"""`[thresholds]`: selectors, and the expressions that hold for what they select."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from wireswarm.profiles import values
from wireswarm.profiles.values import Mistakes, describe, did_you_mean, dotted
from wireswarm.thresholds import ExpressionError, Threshold, parse_expression
from wireswarm.thresholds.grammar import check_selector

THRESHOLDS_ALLOWED: Final = (
    'selectors with lists of thresholds, such as "POST /orders" = ["p95 < 500ms", "errors < 1%"]'
)
_LIST: Final = 'a list of one or more thresholds, such as ["p95 < 500ms", "errors < 1%"]'
_ITEM: Final = 'text such as "p95 < 500ms", or a table such as {expr = "errors < 5% over 30s", abort_after = "10s"}'
_KEYS: Final = ("expr", "abort_after")
_ABORT_AFTER: Final = 'a duration longer than 0 in quotes, such as "10s"'


def thresholds(value: object) -> tuple[Threshold, ...]:
    """The thresholds of a table, in the order of the file. Their `source` is the way to them within the table.

    Raises:
        Mistakes: all that is wrong with them.
        ValueError: it is no table.
    """
    if not isinstance(value, dict):
        raise ValueError(describe(value))
    mistakes = Mistakes()
    found: list[Threshold] = []
    for selector, items in value.items():
        try:
            check_selector(selector)
        except ExpressionError as error:
            mistakes.add((selector,), error.found, error.allowed)
            continue
        if not isinstance(items, list) or not items:
            mistakes.add((selector,), describe(items), _LIST)
            continue
        read = (_threshold(selector, position, item, mistakes) for position, item in enumerate(items))
        found += [threshold for threshold in read if threshold is not None]
    mistakes.raise_if_any()
    return tuple(found)


def located(found: Iterable[Threshold], place: str) -> tuple[Threshold, ...]:
    """The same thresholds with the whole way to them as their source, the table's included."""
    return tuple(dataclasses.replace(threshold, source=f"{place}.{threshold.source}") for threshold in found)


def _threshold(selector: str, position: int, item: object, mistakes: Mistakes) -> Threshold | None:
    place = f"{dotted(selector)}[{position}]"
    way = (selector, position)
    table = {"expr": item} if isinstance(item, str) else item
    if not isinstance(table, dict):
        mistakes.add(way, describe(item), _ITEM)
        return None
    before = len(mistakes.found)
    for key in table:
        if key not in _KEYS:
            mistakes.add((*way, key), f"an unknown key{did_you_mean(key, _KEYS)}", ", ".join(_KEYS))
    abort_after_s = None
    if "abort_after" in table:
        try:
            abort_after_s = values.duration(table["abort_after"])
        except ValueError as error:
            mistakes.add((*way, "abort_after"), str(error), _ABORT_AFTER)
    expression = table.get("expr")
    if not isinstance(expression, str):
        mistakes.add(way, "no expr" if expression is None else f"{describe(expression)} as expr", _ITEM)
        return None
    try:
        threshold = parse_expression(selector, expression, source=place, abort_after_s=abort_after_s)
    except ExpressionError as error:
        mistakes.add(way, error.found, error.allowed)
        return None
    return threshold if len(mistakes.found) == before else None
