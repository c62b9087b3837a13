"""`stages` and `arrival_rate`: how much load there is when, from TOML values to shapes.

Levels are users, or arrivals per second where they are written as rates: `100` or `"100/s"`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

from wireswarm.durations import parse_duration
from wireswarm.load import Shape, Stage, Stages
from wireswarm.load.stages import plain
from wireswarm.profiles import values
from wireswarm.profiles.values import Mistakes, describe

STAGES_ALLOWED: Final = (
    'a list of one or more stages such as ["2m:200", "5m:200", "2m:0"], each a duration and the users to have when it '
    'is over, or the arrivals: "2m:100/s"'
)
RATE_ALLOWED: Final = 'a rate above 0 such as "200/s", "600/m" or 200, which is per second'

_STAGE: Final = 'a stage such as "2m:200" or "2m:100/s"'
_PER_SECOND: Final = {"s": 1, "m": 60, "h": 3600}
_AMOUNT: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:/\s*([smh]))?")


class Plan(NamedTuple):
    """A shape, and what its levels are."""

    shape: Shape
    is_rate: bool = False
    """Whether they are arrivals per second, and not users."""


class Level(NamedTuple):
    """A number of users or arrivals."""

    value: float
    is_rate: bool | None
    """None for 0, which is either."""


def stages(value: object) -> Plan:
    """The stages of a list.

    Raises:
        Mistakes: those of them that are wrong.
        ValueError: it is no list, or they do not go together.
    """
    if not isinstance(value, list) or not value:
        raise ValueError(describe(value))
    mistakes = Mistakes()
    found = [attempt(mistakes, (number,), _STAGE, _stage, item) for number, item in enumerate(value)]
    mistakes.raise_if_any()
    read = cast("list[tuple[float, Level]]", found)
    shape = Stages(tuple(Stage(seconds, level.value) for seconds, level in read))
    if not shape.duration:
        raise ValueError("a list of stages that take no time")
    return Plan(shape, same_unit([level for _, level in read]))


def arrival_rate(value: object) -> str:
    """A rate, as `--arrival-rate` takes it."""
    level = level_of(value)
    if not level.value:
        raise ValueError(describe(value))
    return f"{plain(level.value)}/s"


def _stage(value: object) -> tuple[float, Level]:
    if not isinstance(value, str):
        raise ValueError(describe(value))
    duration, _, level = value.rpartition(":")
    try:
        return parse_duration(duration), _amount(level)
    except ValueError:
        raise ValueError(describe(value)) from None


def level_of(value: object) -> Level:
    """A number, or text with a unit."""
    try:
        if isinstance(value, str):
            return _amount(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError
        return _checked(float(value), None)
    except (ValueError, OverflowError):
        raise ValueError(describe(value)) from None


def _amount(text: str) -> Level:
    match = _AMOUNT.fullmatch(text.strip())
    if not match:
        raise ValueError(text)
    number, unit = match.groups()
    return _checked(float(number) / _PER_SECOND[unit or "s"], unit)


def _checked(number: float, unit: str | None) -> Level:
    if not 0 <= number <= values.LARGEST_INTEGER:
        raise ValueError(number)
    return Level(number, (unit is not None) if number else None)


def same_unit(levels: list[Level]) -> bool:
    """Whether they are rates."""
    kinds = {level.is_rate for level in levels} - {None}
    if len(kinds) > 1:
        raise ValueError("users and arrivals in one")
    return True in kinds


def levels_of(value: object) -> list[Level]:
    """A list of levels."""
    if not isinstance(value, list) or not value:
        raise ValueError(describe(value))
    return [level_of(item) for item in value]


def attempt(
    mistakes: Mistakes, way: tuple[str | int, ...], allowed: str, parse: Callable[[object], Any], value: object
) -> Any:
    """A parsed value, or None and its mistakes noted."""
    try:
        return parse(value)
    except Mistakes as inner:
        for mistake in inner.found:
            mistakes.add((*way, *mistake.way), mistake.found, mistake.allowed)
    except ValueError as error:
        mistakes.add(way, str(error), allowed)
    return None
