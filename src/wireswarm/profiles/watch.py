"""`[watch]`: a value that is read from the target, or beside it, while the test runs.

A name, and where the value is: in a JSON document, or in Prometheus's text format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from wireswarm.errors import ConfigurationError
from wireswarm.net.origin import parse_base_url
from wireswarm.profiles import values
from wireswarm.profiles.values import Mistakes, describe, did_you_mean

EVERY: Final = 5.0
"""Seconds between two readings, where nothing else is said."""


@dataclass(frozen=True, slots=True)
class PrometheusSelector:
    """A series of Prometheus's text format. Where several have these labels, their values are added up."""

    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A value to read again and again."""

    name: str
    """What thresholds and reports call it."""
    url: str
    """Absolute, or a path below the host."""
    key: tuple[str, ...] | None = None
    """The way to the value in a JSON document: members' names, and positions in lists."""
    prometheus: PrometheusSelector | None = None
    """The series in Prometheus's text format. Either this or `key` is there."""
    unit: str = ""
    every_s: float = EVERY
    """Seconds between two readings."""


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
NAME_ALLOWED: Final = 'a name that begins with a letter (a to z), of letters, digits, "-" and "_"'
WATCH_ALLOWED: Final = 'tables such as memory = {url = "/memory_status", key = "rss_MB", unit = "MB"}'


def _url(value: object) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value or "#" in value:
        raise ValueError(describe(value))
    if value.startswith("/"):
        return value
    if "@" in value:
        raise ValueError("a URL with user or password in it")  # which is not shown
    match = re.match(r"[^/?#]+://[^/?#]*", value)
    try:
        parse_base_url(match[0] if match else value)
    except ConfigurationError:
        raise ValueError(describe(value)) from None
    return value


def _key(value: object) -> tuple[str, ...]:
    parts = tuple(value.split(".")) if isinstance(value, str) else ()
    if not all(parts) or not parts:
        raise ValueError(describe(value))
    return parts


def _prometheus(value: object) -> PrometheusSelector:
    if not isinstance(value, str) or not value.isprintable() or value.lstrip().startswith("#"):
        raise ValueError(describe(value))
    try:
        # A selector is a line of the format without its value.
        samples = [s for family in text_string_to_metric_families(f"{value} 1\n") for s in family.samples]
    except (ValueError, IndexError, KeyError):
        samples = []
    if len(samples) != 1 or samples[0].value != 1 or samples[0].timestamp is not None:
        raise ValueError(describe(value))
    return PrometheusSelector(samples[0].name, MappingProxyType(dict(samples[0].labels)))


def _unit(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > 10 or value != value.strip():
        raise ValueError(describe(value))
    return value


def _every(value: object) -> float:
    seconds = values.duration(value)
    if not 1 <= seconds <= 3600:
        raise ValueError(describe(value))
    return seconds


@dataclass(frozen=True, slots=True)
class _Setting:
    field: str
    parse: Callable[[object], object]
    allowed: str


_SETTINGS: Final[Mapping[str, _Setting]] = MappingProxyType(
    {
        "url": _Setting("url", _url, "a path below the host such as /memory_status, or an http or https URL"),
        "key": _Setting("key", _key, "the way to a number in the JSON answer, such as rss_MB or data.0.value"),
        "prometheus": _Setting(
            "prometheus",
            _prometheus,
            "a series such as process_resident_memory_bytes or up{job='api'}".replace("'", '"'),
        ),
        "unit": _Setting("unit", _unit, "up to 10 characters, such as MB"),
        "every": _Setting("every_s", _every, 'a duration from "1s" to "1h" in quotes, such as "5s"'),
    }
)


def watches(value: object) -> Mapping[str, Watch]:
    """The watches of a `[watch]` table, by name; read-only.

    Raises:
        Mistakes: all that is wrong with them.
        ValueError: it is no table.
    """
    if not isinstance(value, dict):
        raise ValueError(describe(value))
    mistakes = Mistakes()
    found = {name: _watch(name, table, mistakes) for name, table in value.items()}
    mistakes.raise_if_any()
    return MappingProxyType(found)


def _watch(name: str, table: object, mistakes: Mistakes) -> Watch:
    if not _NAME.fullmatch(name):
        mistakes.add((name,), "a name that is not allowed", NAME_ALLOWED)
    if not isinstance(table, dict):
        mistakes.add((name,), describe(table), f"a table of {', '.join(_SETTINGS)}")
        return Watch(name=name, url="/")
    # Any, because the settings and the fields of Watch are held together by tests and not by their types.
    fields: dict[str, Any] = {}
    for setting, value in table.items():
        if setting not in _SETTINGS:
            hint = did_you_mean(setting, _SETTINGS)
            mistakes.add((name, setting), f"an unknown key{hint}", ", ".join(_SETTINGS))
            continue
        try:
            fields[_SETTINGS[setting].field] = _SETTINGS[setting].parse(value)
        except ValueError as error:
            mistakes.add((name, setting), str(error), _SETTINGS[setting].allowed)
    if "url" not in table:
        mistakes.add((name,), "no url", _SETTINGS["url"].allowed)
    if ("key" in table) == ("prometheus" in table):
        both = "both key and prometheus" if "key" in table else "neither key nor prometheus"
        mistakes.add((name,), both, "one of them: key for a JSON answer, prometheus for Prometheus's text format")
    return Watch(name=name, **{"url": "/", **fields})
