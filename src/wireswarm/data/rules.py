"""Rules for the fields of generated messages, as locustfiles and profiles write them."""

from __future__ import annotations

import math
import random
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from wireswarm.thresholds.words import did_you_mean, quote

_LONGEST: Final = 1_000_000
_MOST: Final = 10_000


class RuleProblem(NamedTuple):
    """Something wrong with a rule."""

    key: str
    """Of the rule; empty where it is the rule as a whole."""
    found: str
    allowed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a field may hold. None means that the rule does not speak about it."""

    min: float | None = None
    max: float | None = None
    choices: tuple[Any, ...] | None = None
    length: tuple[int, int] | None = None
    """Characters of a text, or bytes, at least and at most."""
    pattern: Callable[[random.Random], str] | None = None
    """Makes texts."""
    count: tuple[int, int] | None = None
    """Values of a repeated field, at least and at most."""
    probability: float | None = None
    """Of the field being set at all."""


ALLOWED: Final[Mapping[str, str]] = {
    "min": "a number",
    "max": "a number, min or more",
    "choices": "a list of one or more texts, numbers or booleans",
    "length": f"a whole number from 0 to {_LONGEST}, or two such as [3, 8]",
    "pattern": 'text such as "[A-Z]{3}-[0-9]{4,6}": characters, [classes], \\d, \\w, each with {n}, {n,m}, ?, * or +',
    "count": f"a whole number from 0 to {_MOST}, or two such as [1, 5]",
    "probability": "a number from 0 to 1",
}
"""The keys of a rule, and what they may be set to."""
_WHOLE: Final = {"choices": ("min", "max", "length", "pattern"), "pattern": ("length",)}
"""Keys that decide a value alone, and which of the others then have nothing to say."""
RULE_ALLOWED: Final = f"a table of {', '.join(ALLOWED)}"


def parse_rule(value: object) -> tuple[Rule, list[RuleProblem]]:
    """A rule out of a table, and what is wrong with it."""
    if not isinstance(value, Mapping):
        return Rule(), [RuleProblem("", _told(value), RULE_ALLOWED)]
    settings: dict[str, Any] = {}
    problems: list[RuleProblem] = []
    for key, setting in value.items():
        parse = _PARSERS.get(key)
        if parse is None:
            problems.append(
                RuleProblem(str(key), f"an unknown key{did_you_mean(str(key), ALLOWED)}", ", ".join(ALLOWED))
            )
            continue
        try:
            settings[key] = parse(setting)
        except ValueError:
            problems.append(RuleProblem(key, _told(setting), ALLOWED[key]))
    low, high = settings.get("min"), settings.get("max")
    if low is not None and high is not None and low > high:
        problems.append(RuleProblem("max", f"{high}, which is below min", ALLOWED["max"]))
    problems += [
        RuleProblem(key, f"it beside {chosen}", f"one of the two, since {chosen} says all of the value")
        for chosen, others in _WHOLE.items()
        for key in others
        if chosen in settings and key in settings
    ]
    return (Rule() if problems else Rule(**settings)), problems


def _told(value: object) -> str:
    match value:
        case bool():
            return f"{str(value).lower()} (a boolean)"
        case str():
            return f"{quote(value)} (text)"
        case int() | float():
            return f"{value} (a number)"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case Mapping():
            return "a table"
    return f"a {type(value).__name__}"


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return value


def _choices(value: object) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError
    if not all(isinstance(choice, str | int | float | bytes) for choice in value):
        raise ValueError
    return tuple(value)


def _span(most: int) -> Callable[[object], tuple[int, int]]:
    def parse(value: object) -> tuple[int, int]:
        pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
        if len(pair) != 2 or any(isinstance(end, bool) or not isinstance(end, int) for end in pair):
            raise ValueError
        low, high = pair
        if not 0 <= low <= high <= most:
            raise ValueError
        return low, high

    return parse


def _share(value: object) -> float:
    share = _number(value)
    if not 0 <= share <= 1:
        raise ValueError
    return share


_CLASSES: Final = {"d": string.digits, "w": string.ascii_letters + string.digits + "_"}
_PIECE = re.compile(
    r"(?:\[(?P<set>[^\]\\^][^\]\\]*)\]|\\(?P<escaped>.)|(?P<plain>[^\[\](){}?*+|.^$\\]))"
    r"(?:\{(?P<low>\d{1,4})(?:,(?P<high>\d{1,4}))?\}|(?P<some>[?*+]))?",
    re.DOTALL,
)
_SOME: Final = {"?": (0, 1), "*": (0, 8), "+": (1, 8)}


def _pattern(value: object) -> Callable[[random.Random], str]:
    if not isinstance(value, str) or not value:
        raise ValueError
    pieces: list[tuple[str, int, int]] = []
    place = 0
    while place < len(value):
        match = _PIECE.match(value, place)
        if match is None:
            raise ValueError
        low, high = _SOME.get(match["some"], (1, 1))
        if match["low"]:
            low = int(match["low"])
            high = int(match["high"] or low)
        if low > high:
            raise ValueError
        pieces.append((_characters(match), low, high))
        place = match.end()

    def make(chance: random.Random) -> str:
        return "".join(
            "".join(chance.choices(characters, k=low if low == high else chance.randint(low, high)))
            for characters, low, high in pieces
        )

    return make


def _characters(match: re.Match[str]) -> str:
    if match["plain"] is not None:
        return match["plain"]
    if match["escaped"] is not None:
        escaped = match["escaped"]
        if escaped.isalnum() and escaped not in _CLASSES:
            raise ValueError
        return _CLASSES.get(escaped, escaped)
    found, rest = "", match["set"]
    while rest:
        if len(rest) > 2 and rest[1] == "-":
            if rest[0] > rest[2]:
                raise ValueError
            found += "".join(map(chr, range(ord(rest[0]), ord(rest[2]) + 1)))
            rest = rest[3:]
        else:
            found, rest = found + rest[0], rest[1:]
    return found


_PARSERS: Final[Mapping[str, Callable[[object], Any]]] = {
    "min": _number,
    "max": _number,
    "choices": _choices,
    "length": _span(_LONGEST),
    "pattern": _pattern,
    "count": _span(_MOST),
    "probability": _share,
}
