"""The limit on open files: raised as far as it goes, and checked against the connections that a run needs."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple

from locust import FastHttpUser, HttpUser, User

from wireswarm.users import WireUser

MARGIN: Final = 100
"""Open files of a process beside its users' connections: libraries, logs, reports, the connection to the master."""


class Limit(NamedTuple):
    """How many files this process may have open at once; None where there is no limit."""

    soft: int | None
    hard: int | None
    """How far the process may raise the soft limit by itself."""


def raise_file_limit() -> None:
    """Raise this process' limit, and that of those it starts, to its hard limit. Does nothing where that fails."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # macOS says that there is no hard limit, and then refuses to have none.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def file_limit() -> Limit:
    """The limit as it is now."""
    if sys.platform == "win32":
        return Limit(None, None)
    import resource

    soft, hard = (
        None if limit == resource.RLIM_INFINITY else limit for limit in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    return Limit(soft, hard)


def file_problems(options: argparse.Namespace, classes: Iterable[type[User]], limit: Limit) -> list[str]:
    """What is wrong with the limit for the run that these options describe; empty where it is high enough.

    With `--processes` each worker has its share of the users. Workers of other machines are not looked at, as nobody
    knows here how many there will be.

    Args:
        options: the run's, with the profile's values in them.
        classes: the user classes of the run.
        limit: after it was raised.
    """
    workers = _workers(options)
    if limit.soft is None or not options.num_users or workers is None:
        return []
    users = math.ceil(options.num_users / workers)
    connections = _connections(users, list(classes))
    needed = connections + MARGIN
    if not connections or needed <= limit.soft:
        return []
    allowed = max(0, limit.soft - MARGIN) * users // connections * workers
    each = f"{users:,} users in each of {workers} processes" if workers > 1 else f"{users:,} users in one process"
    return [
        f"--users {options.num_users}: {each} need {needed:,} open files, and {limit.soft:,} are allowed here; "
        f"allowed: up to {allowed:,} users, more --processes, or a higher hard limit (ulimit -Hn, LimitNOFILE=)"
    ]


def _workers(options: argparse.Namespace) -> int | None:
    # How many processes of this machine share the users; None where that is not known.
    processes: int | None = options.processes
    if processes:
        return processes if processes > 0 else os.cpu_count() or 1
    return None if options.master or options.worker else 1


def _connections(users: int, classes: list[type[User]]) -> int:
    # Locust gives the fixed counts out first and shares the rest by weight.
    fixed = sum(cls.fixed_count for cls in classes)
    found = sum(min(cls.fixed_count, users) * _connections_of(cls) for cls in classes)
    weighed = [cls for cls in classes if not cls.fixed_count]
    weights = sum(cls.weight for cls in weighed)
    rest = max(0, users - fixed)
    if weights:
        found += math.ceil(rest * sum(cls.weight * _connections_of(cls) for cls in weighed) / weights)
    return found


def _connections_of(cls: type[User]) -> int:
    if issubclass(cls, WireUser):
        clients: list[Any] = list(cls.clients())
        return len(clients)
    return 1 if issubclass(cls, HttpUser | FastHttpUser) else 0
