"""What the columns of a data file hold: checked when the file is, and converted when a row is taken."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from wireswarm.errors import ConfigurationError
from wireswarm.thresholds.words import did_you_mean, quote

Row = dict[str, Any]
"""A row: the values by column."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")  # int() refuses more digits than 4,300
_SECRET = re.compile(r"pass|secret|token|key|credential|auth", re.IGNORECASE)
"""Columns whose values are not shown."""
_BOOLEANS: Final = {"true": True, "false": False}


class Kind(NamedTuple):
    """What a column may hold."""

    allowed: str
    """In words."""
    convert: Callable[[str], Any] | None
    """From the text of a CSV file; raises ValueError. None where there is no way."""
    types: tuple[type, ...]
    """What it may be in JSON."""


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number) or "_" in text:
        raise ValueError
    return number


def _boolean(text: str) -> bool:
    return _BOOLEANS[text.lower()]  # a KeyError is dealt with as a ValueError


KINDS: Final[Mapping[str, Kind]] = {
    "text": Kind("text", str, (str,)),
    "int": Kind("a whole number", _whole, (int,)),
    "float": Kind("a number", _number, (int, float)),
    "bool": Kind("true or false", _boolean, (bool,)),
    "list": Kind("a list, in JSON", None, (list,)),
    "object": Kind("an object, in JSON", None, (dict,)),
    "any": Kind("anything", str, (object,)),
}
"""The kinds by the names that profiles use. With a `?` behind, a value may be missing, and is None then."""

KINDS_ALLOWED: Final = f"{', '.join(KINDS)}; with a ? behind, such as int?, where a value may be missing"

_PYTHON: Final = {str: "text", int: "int", float: "float", bool: "bool", list: "list", dict: "object", object: "any"}


class _Column(NamedTuple):
    name: str
    kind: Kind
    optional: bool


class Columns:
    """The columns that a file has to have, and what they hold. It may have more."""

    def __init__(self, declared: Mapping[str, str | type] | None) -> None:
        """Take what was declared.

        Raises:
            ConfigurationError: a kind is none. All of them.
        """
        self.names: tuple[str, ...] = ()
        self._columns: list[_Column] = []
        problems = []
        for name, value in (declared or {}).items():
            text = _PYTHON.get(value, value.__name__) if isinstance(value, type) else str(value)
            kind = KINDS.get(text.removesuffix("?"))
            if kind is None:
                hint = did_you_mean(text, KINDS)
                problems.append(f"columns.{name}: found {quote(text)}{hint}; allowed: {KINDS_ALLOWED}")
                continue
            self._columns.append(_Column(name, kind, text.endswith("?")))
        if problems:
            raise ConfigurationError(problems)
        self.names = tuple(column.name for column in self._columns)
        self._key = tuple(self._columns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Columns) and self._key == other._key

    def __hash__(self) -> int:
        return hash(tuple((c.name, c.kind.allowed, c.optional) for c in self._columns))

    def __bool__(self) -> bool:
        return bool(self._columns)

    def check_header(self, header: list[str]) -> None:
        """Whether a CSV file of that header can have these columns.

        Raises:
            ValueError: it cannot; in words.
        """
        missing = [name for name in self.names if name not in header]
        if missing:
            hint = did_you_mean(missing[0], header)
            raise ValueError(
                f"found no column {', '.join(map(quote, missing))}{hint} among {', '.join(map(quote, header))}"
            )
        nested = [column.name for column in self._columns if column.kind.convert is None]
        if nested:
            raise ValueError(f"found column {quote(nested[0])}, which is to hold a list or an object; allowed in JSONL")

    def convert(self, row: Row) -> None:
        """Turn the texts of a CSV row into what the columns hold, in place.

        Raises:
            ValueError: a value is something else; in words.
        """
        for name, kind, optional in self._columns:
            text = row[name]
            if optional and not text:
                row[name] = None
                continue
            try:
                row[name] = kind.convert(text)  # type: ignore[misc]  # check_header has looked
            except (ValueError, KeyError, OverflowError):
                raise ValueError(f"column {quote(name)}: found {_shown(name, text)}; allowed: {kind.allowed}") from None

    def check(self, row: Row) -> None:
        """Look at a row of JSON; what is missing and may be is None, in place.

        Raises:
            ValueError: a value is something else; in words.
        """
        for name, kind, optional in self._columns:
            value = row.get(name)
            if value is None and optional:
                row[name] = None
            elif name not in row:
                raise ValueError(f"found no {quote(name)}{did_you_mean(name, row)}; allowed: {kind.allowed}")
            elif (isinstance(value, bool) and bool not in kind.types and object not in kind.types) or not isinstance(
                value, kind.types
            ):
                raise ValueError(f"{quote(name)}: found {_shown(name, value)}; allowed: {kind.allowed}")


def _shown(name: str, value: object) -> str:
    if _SECRET.search(name) and value is not None:
        return "something else"
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return quote(value)
        case list():
            return "a list"
        case dict():
            return "an object"
    return str(value)
