"""The keys that a profile may have. A new one is an entry in `KEYS` and a field of `Profile` of the same name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from wireswarm.profiles import values
from wireswarm.profiles.data import DATA_ALLOWED, GENERATE_ALLOWED, data, generate
from wireswarm.profiles.plan import RATE_ALLOWED, STAGES_ALLOWED, arrival_rate, stages
from wireswarm.profiles.shape import SHAPE_ALLOWED, shape
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
        "extends": Key(
            values.line,
            'the name of another profile of the file, such as "load"',
            "take over what that profile says and this one does not",
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
        "stages": Key(
            stages,
            STAGES_ALLOWED,
            "how many users there are when, as `--stage`; or how many arrive, as `--arrival-rate`",
        ),
        "shape": Key(
            shape,
            SHAPE_ALLOWED,
            "the same as a curve: `constant`, `ramp`, `wave`, `spike`, `steps`, `stages`, a `sum` or a `product`",
        ),
        "arrival_rate": Key(
            arrival_rate,
            RATE_ALLOWED,
            "how many flows or tasks begin, whatever the target does, as `--arrival-rate`",
        ),
        "arrivals": Key(
            values.arrivals,
            '"constant" or "poisson"',
            "how arrivals are spread, as `--arrivals`",
        ),
        "max_lateness": Key(
            values.duration,
            'a duration longer than 0 in quotes, such as "10s"',
            "how late an arrival may begin before it is dropped, as `--max-lateness`",
        ),
        "seed": Key(
            values.seed,
            f"a whole number from 0 to {values.LARGEST_INTEGER}",
            "which sequence of arrivals, random rows and generated messages it is, as `--arrival-seed`",
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
        "data_file": Key(
            values.line,
            "the name of a file, as seen from the folder of the profile file",
            "the rows that users take their data from, as `--data-file`",
        ),
        "data": Key(
            data,
            DATA_ALLOWED,
            "how the rows of `data_file` are read and handed out, where the locustfile leaves it open",
        ),
        "generate": Key(
            generate,
            GENERATE_ALLOWED,
            "what the fields of generated messages may hold",
        ),
        "environment": Key(
            values.environment,
            'a table of names and texts, such as {TEST_LANGUAGE = "en"}',
            "environment variables that are set for the run where they are not set already",
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
