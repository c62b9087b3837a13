"""From a TOML value to a checked one, and back to words for a message.

The parsers take whatever TOML can hold and raise ValueError for what they do not allow. The error's text is what was
found, in the words of `describe`; what is allowed stands in `wireswarm.profiles.keys.KEYS`.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, get_args

from wireswarm.durations import parse_duration
from wireswarm.load import ArrivalKind
from wireswarm.thresholds.words import SHOWN, did_you_mean, quote

__all__ = [
    "LARGEST_INTEGER",
    "Mistakes",
    "arrivals",
    "describe",
    "did_you_mean",
    "dotted",
    "duration",
    "environment",
    "hosts",
    "line",
    "positive_integer",
    "positive_number",
    "quote",
    "seed",
    "tags",
]

LARGEST_INTEGER = 10_000_000
"""More users than any swarm has. A longer number is a slip, and one of over 64 bits cannot be sent to a worker."""

VARIABLE_ALLOWED: Final = (
    'a name of letters, digits and "_" that does not begin with LOCUST_ or WIRESWARM_, as options do'
)
"""What a variable of the environment may be called."""
_TEXT_ALLOWED: Final = 'text in quotes, such as "en"'
_VARIABLE = re.compile(r"(?!LOCUST_|WIRESWARM_)[A-Za-z_][A-Za-z0-9_]*")
_CREDENTIAL = re.compile(r"(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)$", re.IGNORECASE)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def positive_integer(value: object) -> int:
    """A whole number from 1 to `LARGEST_INTEGER`. Not a boolean, although Python counts it as an int; not 5.0."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_INTEGER:
        raise ValueError(describe(value))
    return value


def positive_number(value: object) -> float:
    """An integer or a float greater than 0, and neither infinite nor NaN, both of which TOML can write."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(describe(value))
    try:
        number = float(value)
    except OverflowError as error:  # an integer may have any number of digits
        raise ValueError(describe(value)) from error
    if not (math.isfinite(number) and number > 0):
        raise ValueError(describe(value))
    return number


def duration(value: object) -> float:
    """Seconds, from text such as `90s`. A TOML number is refused: it would be a second way to write the same."""
    if not isinstance(value, str):
        raise ValueError(describe(value))
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise ValueError(describe(value)) from error
    if not seconds > 0:
        raise ValueError(describe(value))
    return seconds


def seed(value: object) -> int:
    """A whole number from 0 to `LARGEST_INTEGER`."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_INTEGER:
        raise ValueError(describe(value))
    return value


def arrivals(value: object) -> str:
    """How arrivals are spread; see `ArrivalKind`."""
    if not isinstance(value, str) or value not in get_args(ArrivalKind):
        raise ValueError(describe(value))
    return value


def environment(value: object) -> Mapping[str, str]:
    """Variables of the environment. Credentials are refused: the file is kept with the code.

    Raises:
        Mistakes: the variables that are wrong.
        ValueError: it is no table.
    """
    if not isinstance(value, dict):
        raise ValueError(describe(value))
    mistakes = Mistakes()
    for name, text in value.items():
        if not _VARIABLE.fullmatch(name):
            mistakes.add((name,), "a name that is not allowed", VARIABLE_ALLOWED)
        elif _CREDENTIAL.search(name):
            mistakes.add((name,), "a credential", "no credentials; set it in the environment that the run starts in")
        elif not isinstance(text, str) or not text.isprintable():
            mistakes.add((name,), describe(text), _TEXT_ALLOWED)
    mistakes.raise_if_any()
    return MappingProxyType(dict(value))


def line(value: object) -> str:
    """One line of text. Control characters are refused: the line is printed to terminals."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(describe(value))
    return value.strip()


def tags(value: object) -> tuple[str, ...]:
    """Tags of tasks. An empty list is refused: it would run everything, where it reads as if nothing ran."""
    # A tag with a space around it matches no task, and `exclude_tags` would then exclude nothing without a word.
    return _texts(value, lambda tag: bool(tag) and tag == tag.strip())


def hosts(value: object) -> tuple[str, ...]:
    """Hosts, with a port or without. An empty list is refused: it would allow every host."""
    return _texts(value, lambda host: bool(host) and not any(c in " ,/@" or not c.isprintable() for c in host))


def _texts(value: object, right: Callable[[str], bool]) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(describe(value))
    wrong = [item for item in value if not isinstance(item, str) or not right(item)]
    if wrong:
        raise ValueError(f"a list with {', '.join(describe(item) for item in wrong)}")
    return tuple(value)


def describe(value: object) -> str:
    """Put a TOML value into words, short and on one line whatever it holds."""
    match value:
        case bool():
            return f"{str(value).lower()} (a boolean)"
        case int():
            # str() refuses integers of thousands of digits, which can be written in hexadecimal.
            return f"{value} (an integer)" if value.bit_length() <= 64 else "an integer of more than 64 bits"
        case float():
            return f"{value} (a float)"
        case str():
            return f"{quote(value)} (text)"
        case list():
            return "a list" if value else "an empty list"
        case dict():
            return "a table"
        case datetime.date() | datetime.time():
            return f"{value.isoformat()} (a date or time)"
    raise TypeError(f"not a TOML value: {type(value).__name__}")


def dotted(*keys: str | int) -> str:
    """Spell the way to a key as TOML does: `profiles.smoke.users`, `profiles."a b".users`, `thresholds.search[0]`."""
    spelled = "".join(f"[{key}]" if isinstance(key, int) else f".{_key(key)}" for key in keys)
    return spelled.removeprefix(".")


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) and len(key) <= SHOWN else quote(key)


class Mistake(NamedTuple):
    """Something wrong inside a table."""

    way: tuple[str | int, ...]
    """Keys, and positions in lists, below the table's own key."""
    found: str
    allowed: str


class Mistakes(ValueError):  # noqa: N818 - several, each of which is one
    """Everything that is wrong inside a table: what its parser raises, where others raise a ValueError."""

    def __init__(self) -> None:
        self.found: list[Mistake] = []
        super().__init__()

    def add(self, way: tuple[str | int, ...], found: str, allowed: str) -> None:
        """Note one."""
        self.found.append(Mistake(way, found, allowed))

    def raise_if_any(self) -> None:
        """End the parsing of the table, where something is wrong with it."""
        if self.found:
            raise self
