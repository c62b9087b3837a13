"""A rate of arrivals as one line of text, which options and messages to workers are: a shape as a profile has it.

`{type = "wave", low = 10, high = 100, period = "5m"}`, with levels in arrivals per second where they have no unit.
"""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Iterator
from typing import Final

from wireswarm.load import RATES_ALLOWED, Constant, Product, Shape, Spike, Stages, Steps, Sum, Wave, parse_rate
from wireswarm.load.stages import plain
from wireswarm.profiles.shape import SHAPE_ALLOWED, shape
from wireswarm.profiles.values import Mistakes, dotted

RATE_TEXTS_ALLOWED: Final = f"{RATES_ALLOWED}, or {SHAPE_ALLOWED}"

_LOOKED_THROUGH: Final = 1000
"""Straight pieces of a shape, one of which has to have a rate above 0."""


def parse_rate_text(text: str) -> Shape:
    """Read a rate, stages of rates, or a shape of them.

    Returns:
        Arrivals per second over time.

    Raises:
        ValueError: it is none; the message says what was found.
    """
    text = text.strip()
    if not is_shape_text(text):
        return parse_rate(text)
    found = _shape(text)
    pieces = itertools.islice(found.segments(), _LOOKED_THROUGH)
    if not any(piece.start_level or piece.end_level for piece in pieces):
        raise ValueError("a rate of 0, with which nobody arrives")
    return found


def is_shape_text(text: str) -> bool:
    """Whether that is meant for a shape, and not a rate or stages."""
    return text.lstrip().startswith("{")


def format_rate(rate: Shape) -> str:
    """A shape of arrivals per second as `parse_rate_text` reads it."""
    match rate:
        case Constant(value, seconds) if math.isinf(seconds):
            return f"{plain(value)}/s"
        case Stages(stages, start) if not start:
            return ",".join(f"{plain(stage.seconds)}s:{plain(stage.target)}/s" for stage in stages)
    return _table(rate)


def _shape(text: str) -> Shape:
    try:
        document = tomllib.loads(f"shape = {text}")
    except (ValueError, RecursionError):
        raise ValueError("a shape that is no table on one line") from None
    if set(document) != {"shape"}:
        raise ValueError("more than a shape")
    try:
        return shape(document["shape"]).shape
    except Mistakes as mistakes:
        told = (f"{dotted(*one.way)} = {one.found} (allowed: {one.allowed})" for one in mistakes.found)
        raise ValueError(f"a shape with {'; '.join(told)}") from None


def _table(rate: Shape) -> str:
    return f"{{{', '.join(f'{key} = {value}' for key, value in _parameters(rate))}}}"


def _parameters(rate: Shape) -> Iterator[tuple[str, str]]:
    match rate:
        case Constant():
            yield "type", '"constant"'
            yield "level", _number(rate.value)
            yield from _time("duration", rate.seconds)
        case Stages():
            yield "type", '"stages"'
            stages = (f'"{plain(stage.seconds)}s:{plain(stage.target)}"' for stage in rate.stages)
            yield "stages", f"[{', '.join(stages)}]"
            yield "start", _number(rate.start)
        case Wave():
            yield "type", '"wave"'
            yield "low", _number(rate.low)
            yield "high", _number(rate.high)
            yield from _time("period", rate.period)
            if math.isfinite(rate.cycles):
                yield "cycles", _number(rate.cycles)
        case Spike():
            yield "type", '"spike"'
            yield "baseline", _number(rate.baseline)
            yield "peak", _number(rate.peak_level)
            yield from _time("before", rate.before)
            yield from _time("spike", rate.spike)
            yield from _time("recovery", rate.recovery)
            yield "cycles", _number(rate.cycles)
            yield "rise", _number(rate.rise)
        case Steps():
            yield "type", '"steps"'
            yield "levels", f"[{', '.join(map(_number, rate.levels))}]"
            yield from _time("each", rate.each)
        case Sum(shapes) | Product(shapes):
            yield "type", '"sum"' if isinstance(rate, Sum) else '"product"'
            yield "shapes", f"[{', '.join(map(_table, shapes))}]"
        case _:
            raise TypeError(f"not a shape of a profile: {type(rate).__name__}")


def _number(number: float) -> str:
    short = f"{number:g}"
    return short if float(short) == number else repr(float(number))


def _time(key: str, seconds: float) -> Iterator[tuple[str, str]]:
    if seconds and math.isfinite(seconds):
        yield key, f'"{plain(seconds)}s"'
