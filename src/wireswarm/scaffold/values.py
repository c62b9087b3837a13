"""Sample values that look like what they are for, chosen by a field's name; the same every time."""

from __future__ import annotations

from typing import Final

from wireswarm.scaffold.naming import words

UUID: Final = "3fa85f64-5717-4562-b3fc-2c963f66af%02x"
DATE: Final = "2024-01-%02d"

_TEXTS: Final = (
    ("email", "user{n}@example.com"),
    ("mail", "user{n}@example.com"),
    ("uuid", UUID.replace("%02x", "a{n}")),
    ("url", "https://example.com/{n}"),
    ("uri", "https://example.com/{n}"),
    ("phone", "+4420794600{n:02}"),
    ("country", "GB"),
    ("currency", "EUR"),
    ("language", "en"),
    ("locale", "en-GB"),
    ("timezone", "Europe/London"),
    ("colour", "blue"),
    ("color", "blue"),
    ("date", DATE.replace("%02d", "{n:02}")),
    ("username", "loadtest{n}"),
    ("user", "loadtest{n}"),
    ("city", "London"),
    ("id", "{n}"),
)
"""By a word of the name; the first that is in it."""


def text_for(name: str, number: int) -> str:
    """A text for a field of that name.

    Args:
        name: the field's.
        number: 1 and more; another number is another text.
    """
    parts = words(name)
    for word, pattern in _TEXTS:
        if word in parts:
            return pattern.format(n=number)
    return f"{' '.join(parts) or 'text'} {number}"


def number_for(name: str, number: int) -> int:
    """A whole number for a field of that name: small ones, of which no system has to make room."""
    parts = set(words(name))
    if parts & {"limit", "size", "count"}:
        return 10
    return number
