"""The keys that a profile may have. A new one is an entry in `KEYS` and a field of `Profile` of the same name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from wireswarm.profiles import values
from wireswarm.profiles.thresholds import THRESHOLDS_ALLOWED, thresholds
from wireswarm.profiles.watch import WATCH_ALLOWED, watches


@dataclass(frozen=True, slots=True)
class Key:
    """What a key of a profile may be set to, and what it does."""

    parse: Callable[[object], object]
    """Turns the TOML value into the field's value of `Profile`; raises ValueError, saying what was found instead,
    or `wireswarm.profiles.values.Mistakes` where the value is a table with several."""
    allowed: str
    """What is allowed, to end a message's "allowed: "."""
    meaning: str
    """What the key does, in one line."""


_TAGS = 'a list of one or more tags without spaces around them, such as ["checkout", "search"]'

KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "description": Key(
            values.line,
            "one line of text",
            "what the profile is for, shown where profiles are listed",
        ),
        "users": Key(
            values.positive_integer,
            f"a whole number from 1 to {values.LARGEST_INTEGER}",
            "the most concurrent users, as `--users`",
        ),
        "spawn_rate": Key(
            values.positive_number,
            "a number greater than 0, such as 5 or 0.5",
            "users started per second, as `--spawn-rate`",
        ),
        "run_time": Key(
            values.duration,
            'a duration longer than 0 in quotes, such as "90s", "10m" or "2h"',
            "how long the run lasts, as `--run-time`",
        ),
        "tags": Key(
            values.tags,
            _TAGS,
            "run only tasks with one of these tags, as `--tags`",
        ),
        "exclude_tags": Key(
            values.tags,
            _TAGS,
            "run no task with one of these tags, as `--exclude-tags`",
        ),
        "allowed_hosts": Key(
            values.hosts,
            'a list of one or more hosts, with a port or without, such as ["staging.example.com", "127.0.0.1:8000"]',
            "send requests to these hosts only, as `--allowed-hosts`",
        ),
        "thresholds": Key(
            thresholds,
            THRESHOLDS_ALLOWED,
            "what the run has to keep to, beside the file's own `[thresholds]`",
        ),
        "watch": Key(
            watches,
            WATCH_ALLOWED,
            "values that are read from the target while the test runs, beside the file's own `[watch]`",
        ),
    }
)
"""Every key of a `[profiles.NAME]` table, by its name."""
