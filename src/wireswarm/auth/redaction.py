"""Keeping credentials out of logs, reports and messages: a register of secrets, and the shapes credentials come in."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

MARK: Final = "***"
"""What a secret is replaced by."""

SHORTEST: Final = 4
"""Secrets with fewer characters are not replaced where they stand alone: that would mangle every text.

It must exceed the length of `MARK`, so that every replacement makes a text shorter (see `Secrets.redact`)."""


class Secrets:
    """A bounded register of secret values, which knows how to take them out of a text.

    A value is also found where it is percent-encoded, or escaped as in JSON or a Python literal. Values shorter than
    four characters are left alone, and so must be kept out of texts by those who have them. Case matters.

    Args:
        limit: how many values are kept. Beyond it the one that was added longest ago is forgotten, so that a feeder
            with a password for each of a million users does not fill the memory.
    """

    def __init__(self, limit: int = 4096) -> None:
        self._limit = limit
        self._spellings: dict[str, frozenset[str]] = {}  # by value, in the order of adding
        self._ordered: tuple[str, ...] | None = None

    def add(self, value: str) -> None:
        """Take a value out of every text from now on. Adding it again keeps it from being forgotten."""
        known = self._spellings.pop(value, None)
        if known is None:
            known = _spellings(value)
            self._ordered = None
        if not known:
            return
        self._spellings[value] = known
        if len(self._spellings) > self._limit:
            del self._spellings[next(iter(self._spellings))]

    def clear(self) -> None:
        """Forget every value, where one process makes several runs with different credentials."""
        self._spellings.clear()
        self._ordered = None

    def __len__(self) -> int:
        return len(self._spellings)

    def redact(self, text: str) -> str:
        """Replace every added value, and everything that is shaped like a credential, by `***`.

        By shape: the values of `Authorization`, `Proxy-Authorization`, `Cookie` and `Set-Cookie` fields, header lines
        with names such as `X-Api-Key`, `user:password@` in URLs, JWTs, `Bearer` and `Basic` credentials, PEM private
        keys, and query parameters and quoted keys with names such as `access_token` or `password`. In doubt more is
        replaced, a line at most.
        """
        # By value once more at the end, since a shape's replacement can bring together what was apart.
        return self._by_value(_by_shape(self._by_value(text)))

    def _by_value(self, text: str) -> str:
        ordered = self._ordered
        if ordered is None:
            # Longest first, so that nothing is left over of a value that contains another.
            ordered = self._ordered = tuple(sorted(set().union(*self._spellings.values()), key=len, reverse=True))
        # `in` and `replace` in a loop: one large regular expression tries all its branches at every character.
        while True:
            before = text
            for spelling in ordered:
                if spelling in text:
                    text = text.replace(spelling, MARK)
            if text == before:
                return text


def _spellings(value: str) -> frozenset[str]:
    # A variable that was filled from a file often ends in a newline, which the text that shows it does not have.
    plain = {form for form in (value, value.strip()) if len(form) >= SHORTEST}
    return frozenset(
        spelling
        for form in plain
        for spelling in (
            form,
            quote(form, safe="", errors="replace"),
            json.dumps(form)[1:-1],
            json.dumps(form, ensure_ascii=False)[1:-1],
            repr(form)[1:-1],
            repr(form.encode("utf-8", "replace"))[2:-1],
        )
    )


# The value of a header field in quotes, as in a dict, a pair or JSON, which can itself be in a JSON string; else all
# up to the end of the line, which may be spelled out as \r\n.
_QUOTED = r"""(?P<quote>\\*["'])(?:\\.|[^\\\r\n])*?(?P=quote)"""
_FIELD = re.compile(
    rf"""(?P<name>(?:authorization|cookies?)\\*["']?\s*)
    (?: (?P<sep>(?:[:=,]|=>)\s*b?){_QUOTED} | (?P<colon>[:=][^\S\r\n]*+)(?:(?!\\[rn])[^\r\n])+ )""",
    re.IGNORECASE | re.VERBOSE,
)
_SENSITIVE = r"[\w-]{0,40}(?:token|secret|password|passwd|api[_-]?key|jwt)"
_QUERY = re.compile(rf"""([?&;]{_SENSITIVE}=)[^&;#\s"'<>]+""", re.IGNORECASE)
_KEY = re.compile(rf"""(?P<name>["']{_SENSITIVE}\\*["']\s*:\s*b?){_QUOTED}""", re.IGNORECASE)
# A header field whose name says it, at the start of a line. Environment variables of such names have an underscore.
_HEADER = re.compile(
    r"""(^|\\n)([a-z0-9-]{0,40}(?:token|secret|password|passwd|api-?key|jwt):[^\S\r\n]*+)(?:(?!\\[rn])[^\r\n])+""",
    re.IGNORECASE | re.MULTILINE,
)
_USER_INFO = re.compile(r"""(/\\?/)[^\s/?#<>"\\]+@""")
# "Bearer" and "Basic" are also words of prose: what follows has a character in it that no word has.
_SCHEME = re.compile(r"\b(Bearer|Basic) +(?=\S*(?:[\d_~+/=-]|\.\w))[\w.~+/-]{8,}=*", re.ASCII | re.IGNORECASE)
# The first part of a JWT is a JSON object in base64url: `{"` is `eyJ`. With white space after the brace it begins with
# ew or ey and is told from a word by the claims, an object too. The bound keeps hostile input from taking long.
_JWT = re.compile(
    r"eyJ[\w-]{5,8000}+(?:\.[\w-]*){1,4}=*|(?<![\w-])e[wy][\w-]{8,8000}+\.e[wy3][\w-]*\.[\w-]*=*", re.ASCII
)
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


def _by_shape(text: str) -> str:
    text = _PEM.sub(MARK, text)
    text = _FIELD.sub(_without_value, text)
    text = _HEADER.sub(rf"\1\2{MARK}", text)
    text = _KEY.sub(rf"\g<name>\g<quote>{MARK}\g<quote>", text)
    text = _QUERY.sub(rf"\1{MARK}", text)
    text = _USER_INFO.sub(rf"\1{MARK}@", text)
    text = _SCHEME.sub(rf"\1 {MARK}", text)
    return _JWT.sub(MARK, text)


def _without_value(match: re.Match[str]) -> str:
    if match["quote"] is None:
        return f"{match['name']}{match['colon']}{MARK}"
    return f"{match['name']}{match['sep']}{match['quote']}{MARK}{match['quote']}"


SECRETS: Final = Secrets()
"""The register of this process. Whoever gets hold of a secret adds it."""


def redact(text: str) -> str:
    """Take every credential out of a text: what `SECRETS` knows, and what has the shape of one (`Secrets.redact`)."""
    return SECRETS.redact(text)


_STANDARD: Final = frozenset(vars(logging.makeLogRecord({})))


class RedactingFilter(logging.Filter):
    """Takes credentials out of log records: message, arguments, exception, stack and the strings of `extra`.

    For handlers, not loggers: a logger's filter does not see the records of the loggers below it. A record is changed
    in place, and only where there is something to take out, in which case its message comes ready without arguments,
    and its exception as text alone.
    """

    def __init__(self, secrets: Secrets = SECRETS) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record; it always passes."""
        self._redact_message(record)
        self._redact_exception(record)
        if record.stack_info:
            record.stack_info = self._secrets.redact(record.stack_info)
        for name, value in list(vars(record).items()):
            if name not in _STANDARD and isinstance(value, str):
                setattr(record, name, self._secrets.redact(value))
        return True

    def _redact_message(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # Arguments that do not fit the message: logging would print them to stderr as they are.
            message = f"{record.msg!r} {record.args!r}"
            record.msg, record.args = message, None
        clean = self._secrets.redact(message)
        if clean != message:
            record.msg, record.args = clean, None
        # Else still look at the arguments: the message can leave out what a formatter of its own shows.
        elif isinstance(record.args, tuple):
            record.args = tuple(map(self._redact_argument, record.args))
        elif isinstance(record.args, Mapping):
            record.args = {name: self._redact_argument(value) for name, value in record.args.items()}

    def _redact_argument(self, argument: object) -> object:
        return self._secrets.redact(argument) if isinstance(argument, str) else argument

    def _redact_exception(self, record: logging.LogRecord) -> None:
        text = record.exc_text
        if not text and isinstance(record.exc_info, tuple):
            text = logging.Formatter().formatException(record.exc_info)
        clean = self._secrets.redact(text) if text else text
        if clean != text:
            # Formatters print the text that is there, and make another from `exc_info` where that is given.
            record.exc_text, record.exc_info = clean, None
