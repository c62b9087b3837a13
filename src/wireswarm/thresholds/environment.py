"""The two thresholds that environment variables set, as containers of batch tests have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wireswarm.errors import ConfigurationError
from wireswarm.thresholds.grammar import parse_expression
from wireswarm.thresholds.model import Threshold
from wireswarm.thresholds.words import quote

P95: Final = "P95_THRESHOLD_MS"
"""Milliseconds that the total's 95th percentile has to stay under."""
ERROR_RATE: Final = "ERROR_RATE_THRESHOLD"
"""Share of failures that the total has to stay under: 0.01 is 1 %."""

_FORMS: Final = {
    P95: ("p95 < {:.6f}", 1.0, "ms", "milliseconds, such as 1000"),
    ERROR_RATE: ("errors < {:.6f}", 100.0, "%", "a share from 0 to 1, such as 0.01"),
}


def thresholds_from_environment(environ: Mapping[str, str]) -> tuple[Threshold, ...]:
    """The thresholds that `P95_THRESHOLD_MS` and `ERROR_RATE_THRESHOLD` set; an empty variable sets none.

    Raises:
        ConfigurationError: one of them is no number that it may be.
    """
    thresholds: list[Threshold] = []
    problems: list[str] = []
    for name, (form, factor, unit, allowed) in _FORMS.items():
        text = environ.get(name, "").strip()
        if not text:
            continue
        try:
            expression = form.format(float(text) * factor).rstrip("0").rstrip(".") + unit
            thresholds.append(parse_expression("*", expression, source=name))
        except ValueError:  # no number, or none that a limit may be
            problems.append(f"{name}: found {quote(text)}; allowed: {allowed}")
    if problems:
        raise ConfigurationError(problems)
    return tuple(thresholds)
