"""What a run is judged by, out of its options, its profile and the environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from locust import User

from wireswarm.errors import ConfigurationError
from wireswarm.metrics import Results
from wireswarm.plugin.options import chosen_profile
from wireswarm.plugin.watching import Watcher
from wireswarm.profiles import Watch, read_thresholds_file
from wireswarm.reports.saved import read_summary
from wireswarm.reports.summary import Summary
from wireswarm.thresholds import (
    Threshold,
    check_series,
    merge_thresholds,
    parse_thresholds,
    thresholds_from_environment,
)
from wireswarm.users import WireUser

T = TypeVar("T")


class Criteria(NamedTuple):
    """Thresholds, what is watched on the target for them, and an earlier run to compare with."""

    thresholds: tuple[Threshold, ...] = ()
    watches: Mapping[str, Watch] = {}
    baseline: Summary | None = None


def add_criteria_options(group: Any) -> None:
    """Add the options to a group of Locust's parser."""
    group.add_argument(
        "--threshold",
        metavar="<expression>",
        action="append",
        default=[],
        env_var="WIRESWARM_THRESHOLD",
        help="Fail the run (exit 3) unless this holds: 'p95 < 500ms', 'POST /orders: errors < 1%%'. Repeatable.",
    )
    group.add_argument(
        "--thresholds",
        metavar="<filename>",
        default="",
        env_var="WIRESWARM_THRESHOLDS",
        help="A TOML file with a [thresholds] table, as profile files have it.",
    )
    group.add_argument(
        "--baseline",
        metavar="<filename>",
        default="",
        env_var="WIRESWARM_BASELINE",
        help="Fail the run (exit 3) where it is slower or fails more than the run of this summary (--summary).",
    )
    group.add_argument(
        "--fail-on-invalid",
        action="store_true",
        env_var="WIRESWARM_FAIL_ON_INVALID",
        help="Fail the run (exit 4) where its numbers cannot be trusted.",
    )


def criteria_of(options: argparse.Namespace | None, environ: Mapping[str, str] = os.environ) -> Criteria:
    """What a run with these options is judged by. A later source's threshold replaces an earlier one's of its kind.

    The order: the profile file and its profile, `P95_THRESHOLD_MS` and `ERROR_RATE_THRESHOLD`, `--thresholds`,
    `--threshold`.

    Raises:
        ConfigurationError: with everything that is wrong with any of them.
    """
    problems: list[str] = []
    thresholds: tuple[Threshold, ...] = ()
    watches: Mapping[str, Watch] = {}
    baseline: Summary | None = None
    file, profile = _collect(problems, lambda: chosen_profile(options)) or (None, None)
    if file is not None:
        thresholds, watches = file.thresholds_of(profile), file.watch_of(profile)
    groups: list[Callable[[], tuple[Threshold, ...]]] = [lambda: thresholds_from_environment(environ)]
    path, given = getattr(options, "thresholds", ""), getattr(options, "threshold", ())
    if path:
        groups.append(lambda: read_thresholds_file(Path(path)))
    groups.append(lambda: parse_thresholds(given, source="--threshold"))
    thresholds = merge_thresholds(thresholds, *(_collect(problems, group) or () for group in groups))
    problems += check_series(thresholds, {name: watch.unit for name, watch in watches.items()})
    path = getattr(options, "baseline", "")
    if path:
        baseline = _collect(problems, lambda: read_summary(Path(path)))
    if problems:
        raise ConfigurationError(problems)
    return Criteria(thresholds, watches, baseline)


def host_of(classes: Iterable[type[User]], host: str | None) -> str | None:
    """The host that a run is about: the one that is given to all, or the first that a class has of its own."""
    return host or next((cls.host for cls in classes if cls.host), None)


def watcher_of(
    criteria: Criteria, classes: Iterable[type[User]], host: str | None, results: Results | None = None
) -> Watcher:
    """What reads the watches, with the TLS settings of the users."""
    classes = list(classes)
    user = next((cls for cls in classes if issubclass(cls, WireUser)), WireUser)
    return Watcher(
        criteria.watches.values(),
        Results() if results is None else results,
        host=host_of(classes, host),
        insecure=user.insecure,
        ca_file=user.ca_file,
    )


def _collect(problems: list[str], read: Callable[[], T]) -> T | None:
    try:
        return read()
    except ConfigurationError as error:
        problems += error.problems
        return None
