"""What a recording knows and no file may: cookies, credentials, and what is called like one.

Each becomes an environment variable, wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote, unquote

from wireswarm.scaffold.har_entries import Entry
from wireswarm.scaffold.model import PLACEHOLDER, Variable
from wireswarm.scaffold.naming import words
from wireswarm.scaffold.schemas import is_secret_name

_SHORTEST: Final = 6
"""Shorter values are replaced where they are called like a secret, not wherever they stand."""
_SHORTEST_COOKIE: Final = 12
_JWT: Final = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
_REDACTED: Final = "redacted"


class Secrets:
    """The secrets of one recording."""

    def __init__(self, entries: Iterable[Entry], prefix: str) -> None:
        """Find them.

        Args:
            entries: the recording.
            prefix: how the variables' names begin.
        """
        self._prefix = prefix
        self._variables: dict[str, str] = {}
        for entry in entries:
            self._look_at(entry)
        # The longest first, as one may be in another.
        self._known = sorted((v for v in self._variables if len(v) >= _SHORTEST), key=len, reverse=True)

    def _look_at(self, entry: Entry) -> None:
        for name, value in entry.headers:
            lower = name.lower()
            if lower == "cookie":
                for pair in value.split(";"):
                    self._cookie(*pair.strip().partition("=")[::2])
            elif lower in {"authorization", "proxy-authorization"}:
                self._add("token", value.partition(" ")[2].strip() or value)
            elif is_secret_name(name):
                self._add(name, value)
        for name, value in entry.cookies_set:
            self._cookie(name, value)
        self._walk(dict(entry.query))
        self._walk({name: value for name, value in entry.fields if isinstance(value, str)})
        self._walk(entry.body)
        self._walk(entry.answer)

    def _cookie(self, name: str, value: str) -> None:
        if len(value) >= _SHORTEST_COOKIE or (value and is_secret_name(name)):
            self._add(f"cookie_{name}", value)
            self._add(f"cookie_{name}", unquote(value))

    def _walk(self, value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            for key, held in value.items():
                self._walk(held, str(key))
        elif isinstance(value, list):
            for held in value:
                self._walk(held, name)
        elif isinstance(value, str) and value and is_secret_name(name):
            self._add(name, value)

    def _add(self, name: str, value: str) -> None:
        self._variables.setdefault(value, self._named(name))

    def _named(self, name: str) -> str:
        return f"{self._prefix}_{'_'.join(words(name)).upper() or 'SECRET'}"

    def variable(self, name: str, value: str) -> Variable | None:
        """The variable for a value that stands under a name; None where there is nothing secret about it."""
        if value and is_secret_name(name):
            return Variable(self._variables.get(value, self._named(name)))
        exact = self._variables.get(value)
        if exact and len(value) >= _SHORTEST:
            return Variable(exact)
        inside = next((known for known in self._known if known in value or quote(known, safe="") in value), None)
        if inside is not None or _JWT.search(value):
            return Variable(self._named(name))
        return None

    def row(self, value: Any, name: str = "") -> Any:
        """A value for a data file: with `${NAME}` in the place of each text that has a secret in it."""
        if isinstance(value, dict):
            return {self.hidden(str(key)): self.row(held, str(key)) for key, held in value.items()}
        if isinstance(value, list):
            return [self.row(held, name) for held in value]
        if isinstance(value, str):
            found = self.variable(name, value)
            return value if found is None else PLACEHOLDER % found.name
        return value

    def hidden(self, text: str) -> str:
        """A text without what is secret in it, where it has to stay a text."""
        for known in self._known:
            text = text.replace(known, _REDACTED).replace(quote(known, safe=""), _REDACTED)
        return _JWT.sub(_REDACTED, text)
