"""`shape`: a table that describes a curve of load, or a sum or product of several."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from wireswarm.load import Constant, Product, Shape, Spike, Stages, Steps, Sum, Wave, ramp
from wireswarm.profiles import values
from wireswarm.profiles.plan import STAGES_ALLOWED, Level, Plan, attempt, level_of, levels_of, stages
from wireswarm.profiles.values import Mistakes, describe, did_you_mean

SHAPE_ALLOWED: Final = 'a table such as {type = "wave", low = 10, high = 100, period = "5m", cycles = 6}'

_LEVEL: Final = f'a number of users from 0 to {values.LARGEST_INTEGER}, or arrivals such as "100/s"'
_LEVELS: Final = 'a list of one or more levels, such as [10, 25, 50] or ["10/s", "20/s"]'
_DURATION: Final = 'a duration longer than 0 in quotes, such as "90s", "10m" or "2h"'
_CYCLES: Final = "a number greater than 0, such as 6 or 0.5"
_SHARE: Final = "a number from 0 to 1, such as 0.3"
_SHAPES: Final = f"a list of one or more shapes, each {SHAPE_ALLOWED}"
_DEEPEST: Final = 8
"""Sums and products inside one another."""


def shape(value: object) -> Plan:
    """The shape of a table.

    Raises:
        Mistakes: all that is wrong with it.
        ValueError: it is no table.
    """
    if not isinstance(value, dict):
        raise ValueError(describe(value))
    mistakes = Mistakes()
    found = _shape(value, (), mistakes)
    mistakes.raise_if_any()
    assert found is not None  # noqa: S101 - no mistake, so there is one
    return Plan(found[0], bool(found[1]))


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(describe(value))
    return float(value)


class _Parameter(NamedTuple):
    parse: Callable[[object], Any]
    allowed: str
    default: Any = None


_LEVEL_P: Final = _Parameter(level_of, _LEVEL)
_TIME: Final = _Parameter(values.duration, _DURATION)
_SOME_TIME: Final = _Parameter(values.duration, _DURATION, 0.0)

_TYPES: Final[Mapping[str, tuple[Mapping[str, _Parameter], Callable[..., Shape]]]] = {
    "constant": (
        {"level": _LEVEL_P, "duration": _Parameter(values.duration, _DURATION, math.inf)},
        lambda level, duration: Constant(value=level, seconds=duration),
    ),
    "ramp": ({"peak": _LEVEL_P, "up": _TIME, "hold": _SOME_TIME, "down": _SOME_TIME}, ramp),
    "wave": (
        {
            "low": _LEVEL_P,
            "high": _LEVEL_P,
            "period": _TIME,
            "cycles": _Parameter(values.positive_number, _CYCLES, math.inf),
        },
        Wave,
    ),
    "spike": (
        {
            "baseline": _LEVEL_P,
            "peak": _LEVEL_P,
            "before": _SOME_TIME,
            "spike": _TIME,
            "recovery": _SOME_TIME,
            "cycles": _Parameter(values.positive_number, _CYCLES, 1.0),
            "rise": _Parameter(_share, _SHARE, 0.3),
        },
        lambda peak, **others: Spike(peak_level=peak, **others),
    ),
    "steps": (
        {"levels": _Parameter(levels_of, _LEVELS), "each": _TIME},
        lambda levels, each: Steps(tuple(levels), each),
    ),
    "stages": (
        {"stages": _Parameter(stages, STAGES_ALLOWED), "start": _Parameter(level_of, _LEVEL, Level(0.0, None))},
        lambda stages, start: Stages(stages.stages, start),
    ),
    "sum": ({"shapes": _Parameter(lambda value: value, _SHAPES)}, lambda shapes: Sum(tuple(shapes))),
    "product": ({"shapes": _Parameter(lambda value: value, _SHAPES)}, lambda shapes: Product(tuple(shapes))),
}


def _shape(
    table: Mapping[str, Any], way: tuple[str | int, ...], mistakes: Mistakes
) -> tuple[Shape, bool | None] | None:
    """A shape, and whether its levels are rates; None where something is wrong with it, which was noted."""
    kind = table.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        found = "nothing" if kind is None else describe(kind)
        hint = did_you_mean(kind, _TYPES) if isinstance(kind, str) else ""
        mistakes.add((*way, "type"), f"{found}{hint}", ", ".join(_TYPES))
        return None
    parameters, build = _TYPES[kind]
    before = len(mistakes.found)
    for key in table:
        if key != "type" and key not in parameters:
            mistakes.add(
                (*way, key),
                f"an unknown key of {kind}{did_you_mean(key, parameters)}",
                ", ".join(("type", *parameters)),
            )
    values_of: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if name not in table:
            if parameter.default is None:
                mistakes.add((*way, name), "nothing", parameter.allowed)
            values_of[name] = parameter.default
        elif name == "shapes":
            values_of[name] = _parts(table[name], (*way, name), mistakes)
        else:
            values_of[name] = attempt(mistakes, (*way, name), parameter.allowed, parameter.parse, table[name])
    if len(mistakes.found) > before:
        return None
    try:
        unit = _unit(kind, values_of)
        return build(**{name: _bare(value) for name, value in values_of.items()}), unit
    except ValueError as error:
        mistakes.add(way, str(error), SHAPE_ALLOWED)
        return None


def _parts(value: object, way: tuple[str | int, ...], mistakes: Mistakes) -> list[tuple[Shape, bool | None]]:
    """The shapes of a sum or product."""
    if not isinstance(value, list) or not value or len(way) > 2 * _DEEPEST:
        mistakes.add(way, describe(value) if len(way) <= 2 * _DEEPEST else "shapes nested too deeply", _SHAPES)
        return []
    parts = []
    for number, item in enumerate(value):
        if not isinstance(item, dict):
            mistakes.add((*way, number), describe(item), SHAPE_ALLOWED)
        elif (part := _shape(item, (*way, number), mistakes)) is not None:
            parts.append(part)
    return parts


def _unit(kind: str, found: Mapping[str, Any]) -> bool | None:
    """Whether a shape of these parameters is one of rates; None where all its levels are 0."""
    kinds: list[bool | None] = []
    for value in found.values():
        match value:
            case Level():
                kinds.append(value.is_rate)
            case Plan():
                kinds.append(value.is_rate if value.shape.peak() else None)
            case list():
                kinds += [item.is_rate if isinstance(item, Level) else item[1] for item in value]
    known = [one for one in kinds if one is not None]
    if kind == "product":
        # Arrivals times plain numbers are arrivals.
        if known.count(True) > 1:
            raise ValueError("a product of several rates")
    elif len(set(known)) > 1:
        raise ValueError("users and arrivals in one")
    return any(known) if known else None


def _bare(value: Any) -> Any:
    """What a shape is made of, without units."""
    match value:
        case Level():
            return value.value
        case Plan():
            return value.shape
        case list():
            return [item.value if isinstance(item, Level) else item[0] for item in value]
    return value
