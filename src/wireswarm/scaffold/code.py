"""Python source as a formatter would leave it.

What does not fit into 88 columns is written one item to a line with a comma behind the last, which a formatter keeps
as it is at that width and at any wider one. So the files need no formatter, and pass one that is set to 88 or to 120.
"""

from __future__ import annotations

import ast
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from wireswarm.scaffold.model import Taken, Variable

WIDTH: Final = 88
_LONGEST: Final = 120
_PIECE: Final = 60
_LONGEST_TITLE: Final = 72
_ESCAPES: Final = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True)
class Bracket:
    """Something in brackets: a call, a list, a dictionary."""

    head: str
    """Up to and with the opening bracket."""
    items: tuple[tuple[str, Expression], ...]
    """Each with what stands in front of it, such as `name=`."""
    tail: str


Expression: TypeAlias = str | Bracket


def call(function: str, /, *arguments: Expression, **named: Expression | None) -> Bracket:
    """A call; named arguments that are None are left out."""
    items = [("", argument) for argument in arguments]
    items += [(f"{name}=", value) for name, value in named.items() if value is not None]
    return Bracket(f"{function}(", tuple(items), ")")


def literal(value: Any, *, owner: str = "self") -> Expression:
    """A value as Python writes it.

    Args:
        value: anything that JSON can say, bytes, tuples, and values that are known when the suite runs.
        owner: what has the values that were taken from answers.
    """
    if isinstance(value, Mapping):
        return Bracket("{", tuple((f"{text(str(k))}: ", literal(v, owner=owner)) for k, v in value.items()), "}")
    if isinstance(value, list):
        return Bracket("[", tuple(("", literal(item, owner=owner)) for item in value), "]")
    if isinstance(value, tuple):
        items = tuple(("", literal(item, owner=owner)) for item in value)
        return Bracket("(", items, ")" if len(items) != 1 else ",)")
    if isinstance(value, Taken):
        return f"{owner}.{value.name}"
    if isinstance(value, Variable):
        return f"SETTINGS[{text(value.name)}]"
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bytes):
        return "b" + text(value.decode("latin-1"), ascii_only=True)
    if isinstance(value, float):
        return repr(value).replace("e+", "e") if math.isfinite(value) else f'float("{value}")'
    return repr(value)


def text(value: str, *, ascii_only: bool = False) -> str:
    """A string literal, in the quotes that need fewer escapes."""
    quote = "'" if value.count('"') > value.count("'") else '"'
    return quote + "".join(_escaped(character, quote, ascii_only) for character in value) + quote


def _escaped(character: str, quote: str, ascii_only: bool) -> str:
    if character == quote:
        return f"\\{quote}"
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable() and (character.isascii() or not ascii_only):
        return character
    return character.encode("unicode_escape").decode("ascii")


def docstring(words: str, otherwise: str) -> str:
    """A title as a docstring of one line: a sentence that begins with a capital letter and ends with a full stop.

    Args:
        words: what somebody wrote, of any length.
        otherwise: what it is where that is nothing.
    """
    return f'"""{sentence(words, otherwise)}"""'


def sentence(words: str, otherwise: str) -> str:
    """The first sentence or line of a text, for a docstring."""
    first = next((line.strip() for line in words.splitlines() if line.strip()), "")
    plain = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in first))
    plain = plain.replace("\\", "/").replace('"', "'").replace("(", " (").replace("  (", " (").strip("'#* ")
    plain = re.split(r"(?<=[.!?]) ", plain, maxsplit=1)[0] or otherwise
    if width(plain) > _LONGEST_TITLE:
        while width(plain) > _LONGEST_TITLE - 3:
            plain = plain.rpartition(" ")[0] or plain[:-1]
        plain = plain.rstrip(" .,;:") + " ..."
    plain = plain[:1].upper() + plain[1:]
    return plain if plain.endswith((".", "!", "?")) else f"{plain}."


def lines(indent: int, prefix: str, expression: Expression, suffix: str = "") -> list[str]:
    """The lines of a statement.

    Args:
        indent: columns in front of it.
        prefix: what stands before the expression, such as `answer = `.
        expression: the expression.
        suffix: what stands behind it.
    """
    whole = f"{' ' * indent}{prefix}{flat(expression)}{suffix}"
    if isinstance(expression, str) or not expression.items or width(whole) <= WIDTH:
        is_text = isinstance(expression, str) and expression[:1] in {'"', "'"}
        return _in_pieces(indent, prefix, str(expression), suffix) if is_text and width(whole) > _LONGEST else [whole]
    found = [f"{' ' * indent}{prefix}{expression.head}"]
    for before, item in expression.items:
        found += lines(indent + 4, before, item, ",")
    return [*found, f"{' ' * indent}{expression.tail.removeprefix(',')}{suffix}"]


def _in_pieces(indent: int, prefix: str, written: str, suffix: str) -> list[str]:
    """A string literal that is too long for a line, in several that Python puts together."""
    value: str = ast.literal_eval(written)
    pieces = [text(value[start : start + _PIECE]) for start in range(0, len(value), _PIECE)]
    if len(pieces) < 2:
        return [f"{' ' * indent}{prefix}{written}{suffix}"]
    if suffix == ",":  # one of several in brackets
        first, *rest = pieces
        return [f"{' ' * indent}{line}" for line in (f"{prefix}{first}", *rest[:-1], f"{rest[-1]}{suffix}")]
    inner = [f"{' ' * (indent + 4)}{piece}" for piece in pieces]
    return [f"{' ' * indent}{prefix}(", *inner, f"{' ' * indent}){suffix}"]


def flat(expression: Expression) -> str:
    """An expression in one line."""
    if isinstance(expression, str):
        return expression
    items = ", ".join(f"{before}{flat(item)}" for before, item in expression.items)
    return f"{expression.head}{items}{expression.tail}"


def imports(module: str, names: Iterable[str]) -> list[str]:
    """`from module import names`, in the order that import sorters want: constants, classes, functions."""
    ordered = sorted(set(names), key=lambda name: (_rank(name), name))
    if not ordered:
        return []
    line = f"from {module} import {', '.join(ordered)}"
    if width(line) <= WIDTH:
        return [line]
    return [f"from {module} import (", *(f"    {name}," for name in ordered), ")"]


def _rank(name: str) -> int:
    if name.isupper() and len(name) > 1:
        return 0
    return 1 if name[:1].isupper() else 2


def width(line: str) -> int:
    """Columns that a line takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in line)
