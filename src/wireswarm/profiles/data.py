"""`data` and `generate`: how a run's data file is read and handed out, and which values generated messages have.

What is read out of a file stays as plain values, since it is sent to workers among the options.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from wireswarm.data import ENDS, ORDERS
from wireswarm.data.columns import KINDS, KINDS_ALLOWED
from wireswarm.data.formats import FORMATS
from wireswarm.data.rules import parse_rule
from wireswarm.profiles.values import Mistakes, describe, did_you_mean

DATA_ALLOWED: Final = 'a table such as {order = "once", at_end = "stop_test", columns = {id = "int"}}'
GENERATE_ALLOWED: Final = "tables of rules by message and field, such as Order.quantity = {min = 1, max = 9}"

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {"order": ORDERS, "at_end": ENDS, "format": FORMATS}
_KEYS: Final = (*_CHOICES, "columns", "delimiter")


def data(value: object) -> Mapping[str, Any]:
    """How the rows of `data_file` are handed out; read-only.

    Raises:
        Mistakes: all that is wrong with it.
        ValueError: it is no table.
    """
    if not isinstance(value, dict):
        raise ValueError(describe(value))
    mistakes = Mistakes()
    for key, setting in value.items():
        if key in _CHOICES:
            if setting not in _CHOICES[key]:
                mistakes.add((key,), describe(setting), ", ".join(_CHOICES[key]))
        elif key == "columns":
            _check_columns(setting, mistakes)
        elif key == "delimiter":
            if not isinstance(setting, str) or len(setting) != 1 or setting in '"\r\n':
                mistakes.add((key,), describe(setting), "one character in quotes")
        else:
            mistakes.add((key,), f"an unknown key{did_you_mean(key, _KEYS)}", ", ".join(_KEYS))
    mistakes.raise_if_any()
    return MappingProxyType(dict(value))


def _check_columns(value: object, mistakes: Mistakes) -> None:
    if not isinstance(value, dict):
        mistakes.add(("columns",), describe(value), 'a table such as {id = "int"}')
        return
    for name, kind in value.items():
        if not isinstance(kind, str) or kind.removesuffix("?") not in KINDS:
            mistakes.add(("columns", name), describe(kind), KINDS_ALLOWED)


def generate(value: object) -> Mapping[str, Any]:
    """Rules for generated messages, by message and field; read-only.

    Whether the messages have these fields is looked at when the locustfile is there.

    Raises:
        Mistakes: all that is wrong with them.
        ValueError: it is no table.
    """
    if not isinstance(value, dict):
        raise ValueError(describe(value))
    mistakes = Mistakes()
    for message, fields in value.items():
        if not isinstance(fields, dict):
            mistakes.add((message,), describe(fields), "a table of rules by field")
            continue
        for field, table in fields.items():
            if not isinstance(table, dict):
                mistakes.add((message, field), describe(table), "a table of min, max, choices and the like")
                continue
            for problem in parse_rule(table)[1]:
                mistakes.add((message, field, problem.key), problem.found, problem.allowed)
    mistakes.raise_if_any()
    return MappingProxyType(dict(value))
