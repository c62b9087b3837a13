"""From text to thresholds: `[SELECTOR: ]METRIC OP VALUE[UNIT][ over WINDOW]`.

A selector ends at the last ": " of the text, because request names may contain one and expressions cannot.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Final

from wireswarm.durations import parse_duration
from wireswarm.errors import ConfigurationError
from wireswarm.thresholds.metric import ALLOWED, Metric, Scope, find_metric, hint
from wireswarm.thresholds.model import Operator, Threshold
from wireswarm.thresholds.units import COUNT, DURATION, MEMORY, SHARE, Quantity
from wireswarm.thresholds.words import quote

TOTAL: Final = "*"
"""The selector that stands for all exchanges together; the same as none."""

FORM: Final = '[SELECTOR: ]METRIC OP VALUE[UNIT][ over WINDOW], such as "POST /orders: p95 < 500ms over 30s"'
_OPERATORS: Final = "<, <=, > or >="
_WINDOW: Final = "seconds or minutes, such as 30s or 5m"
_SELECTOR: Final = 'a request as in "POST /orders", a name, a glob, or "*" for the total, then ": "'
_ANY_UNIT: Final = f"no unit, %, or one of {', '.join([*DURATION.factors, *MEMORY.factors])}"

_BLANK = re.compile(r"\s*")
_METRIC = re.compile(r"[^\s<>=!]+")
_OPERATOR = re.compile(r"[<>=!]+")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_UNIT = re.compile(r"(?!over\b)\S+")
_WORD = re.compile(r"\S+")


class ExpressionError(ValueError):
    """A text that is no threshold: what was found in it, and what is allowed there."""

    def __init__(self, found: str, allowed: str) -> None:
        self.found = found
        self.allowed = allowed
        super().__init__(f"found {found}; allowed: {allowed}")


def parse_threshold(text: str, *, source: str, abort_after_s: float | None = None) -> Threshold:
    """Read a threshold with its selector, as on the command line.

    Args:
        text: such as `p95 < 500ms` or `POST /orders: errors < 1% over 30s`.
        source: where it was written, for messages.
        abort_after_s: seconds that it has to be breached for to end the run.

    Raises:
        ConfigurationError: it is none; with the place in the text, what was found and what is allowed.
    """
    try:
        return _with_selector(text, source, abort_after_s)
    except ExpressionError as error:
        raise ConfigurationError(f"{source}: {error}") from None


def parse_thresholds(texts: Iterable[str], *, source: str = "--threshold") -> tuple[Threshold, ...]:
    """Read several thresholds.

    Raises:
        ConfigurationError: some are none; one problem for each.
    """
    thresholds: list[Threshold] = []
    problems: list[str] = []
    for text in texts:
        try:
            thresholds.append(_with_selector(text, source, None))
        except ExpressionError as error:
            problems.append(f"{source}: {error}")
    if problems:
        raise ConfigurationError(problems)
    return tuple(thresholds)


def parse_expression(selector: str, text: str, *, source: str, abort_after_s: float | None = None) -> Threshold:
    """Read a threshold whose selector stands elsewhere, as a profile file's key.

    Raises:
        ExpressionError: it is none. It does not name the source.
    """
    return _parse(check_selector(selector), text, 0, source, abort_after_s)


def check_selector(selector: str) -> str:
    """A selector as a threshold has it: empty for the total.

    Raises:
        ExpressionError: it is none.
    """
    if not selector or selector != selector.strip() or not selector.isprintable():
        raise ExpressionError(f"the selector {quote(selector)}", _SELECTOR)
    return "" if selector == TOTAL else selector


def _with_selector(text: str, source: str, abort_after_s: float | None) -> Threshold:
    selector, colon, _ = text.rpartition(": ")
    return _parse(check_selector(selector.strip()) if colon else "", text, len(selector + colon), source, abort_after_s)


def _parse(selector: str, text: str, start: int, source: str, abort_after_s: float | None) -> Threshold:
    """Read the expression that begins at `start` of the text."""
    scan = _Scanner(text, start)
    metric = _metric(scan)
    _check_scope(metric, selector)
    operator = _operator(scan, metric)
    limit, unit, written_unit = _limit(scan, metric)
    window_s = _window(scan, metric)
    return Threshold(
        selector=selector,
        metric=metric,
        operator=operator,
        limit=limit,
        unit=unit,
        written_unit=written_unit,
        window_s=window_s,
        abort_after_s=abort_after_s,
        expression=" ".join(text[start:].split()),
        source=source,
    )


class _Scanner:
    """A place in a text, which moves on by regular expressions."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._end = start
        self._begin = start

    def take(self, pattern: re.Pattern[str]) -> str:
        """What matches after the blanks here; empty where nothing does."""
        blank = _BLANK.match(self._text, self._end)
        self._begin = self._end = blank.end() if blank else self._end
        match = pattern.match(self._text, self._begin)
        if match is None:
            return ""
        self._end = match.end()
        return match[0]

    def rest(self) -> str:
        """What is left here, without moving on."""
        return self._text[self._end :].strip()

    def refuse(self, found: str, allowed: str) -> ExpressionError:
        """The error for what was taken last, or is missing."""
        return ExpressionError(f"{found} at character {self._begin + 1} of {quote(self._text)}", allowed)


def _metric(scan: _Scanner) -> Metric:
    name = scan.take(_METRIC)
    if not name:
        raise scan.refuse("no metric", FORM)
    metric = find_metric(name)
    if metric is None:
        meant = hint(name)
        if not meant and scan.rest() and not _OPERATOR.match(scan.rest()):
            meant = ' (a selector ends with ": ")'
        raise scan.refuse(f"an unknown metric {quote(name)}{meant}", ALLOWED)
    return metric


def _check_scope(metric: Metric, selector: str) -> None:
    if selector and metric.scope is not Scope.REQUESTS:
        found = f"the selector {quote(selector)} for {metric.name}"
        raise ExpressionError(found, 'none, or "*", since it is measured on the run as a whole')


def _operator(scan: _Scanner, metric: Metric) -> Operator:
    counted = metric.quantity is COUNT
    allowed = f"{_OPERATORS}, or == for a count" if counted else _OPERATORS
    text = scan.take(_OPERATOR)
    if not text:
        raise scan.refuse(f"{quote(scan.rest())} for an operator" if scan.rest() else "no operator", allowed)
    try:
        operator = Operator(text)
    except ValueError:
        raise scan.refuse(f"the operator {quote(text)}", allowed) from None
    if operator is Operator.EQUAL and not counted:
        raise scan.refuse(f"the operator {quote(text)} for {metric.name}", allowed)
    return operator


def _limit(scan: _Scanner, metric: Metric) -> tuple[float, str, str]:
    """The limit in the unit that the metric is judged in, that unit, and the one that it was written in."""
    quantity = metric.quantity
    allowed = _ANY_UNIT if quantity is None else quantity.allowed
    digits = scan.take(_NUMBER)
    if not digits:
        raise scan.refuse(f"{quote(scan.rest())} for a limit" if scan.rest() else "no limit", _limit_form(metric))
    number = float(digits)
    if not math.isfinite(number) or (number < 0 and metric.scope is not Scope.SERIES):
        raise scan.refuse(f"the limit {quote(digits)}", _limit_form(metric))
    if quantity is COUNT and not number.is_integer():
        raise scan.refuse(f"the limit {quote(digits)}", allowed)
    unit = scan.take(_UNIT)
    factors = _factors_for(quantity, unit)
    if unit not in factors:
        raise scan.refuse(f"the unit {quote(unit)}" if unit else "no unit", allowed)
    limit = number * factors[unit]
    # A bare 1 is rather one per cent than all.
    if quantity is SHARE and (limit > 100 or (limit == 100 and not unit)):
        raise scan.refuse(f"the limit {quote(digits + unit)}", allowed)
    return limit, _canonical(quantity, unit), unit


def _limit_form(metric: Metric) -> str:
    return "a number, with its unit where it has one" if metric.quantity is None else metric.quantity.allowed


def _factors_for(quantity: Quantity | None, unit: str) -> dict[str, float]:
    if quantity is not None:
        return dict(quantity.factors)
    return {"": 1.0, "%": 1.0, **DURATION.factors, **MEMORY.factors}


def _canonical(quantity: Quantity | None, unit: str) -> str:
    if quantity is not None:
        return quantity.canonical
    return next((one.canonical for one in (DURATION, MEMORY) if unit in one.factors), unit)


def _window(scan: _Scanner, metric: Metric) -> int | None:
    word = scan.take(_WORD)
    if not word:
        return None
    longest = metric.longest_window_s
    if word != "over" or not longest:
        raise scan.refuse(quote(word), f"nothing after the limit of {metric.name}" if not longest else "over WINDOW")
    text = scan.take(_WORD)
    try:
        seconds = 0.0 if text[-1:].isdigit() else parse_duration(text)
    except ValueError:
        seconds = 0.0
    if not seconds.is_integer() or not 1 <= seconds <= longest:
        allowed = f"{_WINDOW}: from 1s to {f'{longest // 3600}h' if longest >= 3600 else f'{longest // 60}m'}"
        raise scan.refuse(f"the window {quote(text)}" if text else "no window", allowed)
    left = scan.take(_WORD)
    if left:
        raise scan.refuse(quote(left), "nothing after the window")
    return int(seconds)
