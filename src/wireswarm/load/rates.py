"""Arrival rates as people write them: `200/s`, `50/m`, or stages of them: `2m:200/s,5m:200/s`."""

from __future__ import annotations

import math
import re
from typing import Final

from wireswarm.load.shapes import Constant, Shape
from wireswarm.load.stages import parse_stages

RATES_ALLOWED: Final = 'a rate above 0 such as "200/s" or "50/m", or stages such as "2m:200/s,5m:200/s,1m:0"'

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:/\s*([smh]))?")


def parse_rate(text: str) -> Shape:
    """Read a rate, or stages of rates that lead evenly from each to the next, from 0 on.

    Returns:
        Arrivals per second over time; endless for a single rate.

    Raises:
        ValueError: it is neither; the message says what was found.
    """
    if ":" not in text:
        rate = _per_second(text)
        if not rate:
            raise ValueError("a rate of 0, with which nobody arrives")
        return Constant(rate)
    parts = []
    for part in text.split(","):
        duration, colon, rate_text = part.rpartition(":")
        parts.append(f"{duration}{colon}{_per_second(rate_text):.12f}" if colon else part)
    stages = parse_stages(",".join(parts))
    if not stages.peak():
        raise ValueError("a rate of 0, with which nobody arrives")
    return stages


def _per_second(text: str) -> float:
    match = _RATE.fullmatch(text.strip())
    rate = float(match[1]) / _SECONDS[match[2] or "s"] if match else math.nan
    if not math.isfinite(rate):
        raise ValueError(f"the rate {text.strip()[:40]!r}")
    return rate
