"""Locust's tables: the end of the run in the CSV files, and a bound on what would grow for as long as a test runs.

Locust writes them once a second and closes them when it exits, so what happened since the last time is missing: up to a
second of samples, and with workers their whole last reports (`locust/stats.py`, StatsCSVFileWriter). And it keeps every
different failure for ever, and of every name how many requests there were in each second: where each message is
another, a soak test ends for want of memory.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable
from typing import Any, Final

from locust.env import Environment
from locust.stats import RequestStats, StatsCSVFileWriter, StatsError

from wireswarm.metrics.failures import MAX_ERRORS
from wireswarm.metrics.tally import OTHER

MAX_SECONDS: Final = 600
"""Seconds of which Locust's counts per second are kept. It looks at the last twelve; the rest is for `--json`."""
_SLACK_SECONDS: Final = 60
"""They are looked through once in so many."""


@functools.cache
def write_tables_at_the_end() -> None:
    """Have the tables written once more when a test has stopped.

    Not when they are closed: with `--json` the statistics have been reset by then.
    """
    init = StatsCSVFileWriter.__init__

    @functools.wraps(init)
    def init_and_listen(self: StatsCSVFileWriter, environment: Environment, *args: Any, **kwargs: Any) -> None:
        init(self, environment, *args, **kwargs)
        environment.events.test_stop.add_listener(functools.partial(_write, self))

    StatsCSVFileWriter.__init__ = init_and_listen  # type: ignore[method-assign]
    StatsCSVFileWriter.stats_writer = _until_closed(StatsCSVFileWriter.stats_writer)  # type: ignore[method-assign,assignment]


def _until_closed(stats_writer: Callable[[StatsCSVFileWriter], None]) -> Callable[[StatsCSVFileWriter], None]:
    # Locust waits for its workers to end after it has closed the files, and then writes to them.
    @functools.wraps(stats_writer)
    def write_until_closed(self: StatsCSVFileWriter) -> None:
        try:
            stats_writer(self)
        except ValueError:
            if not self.requests_csv_filehandle.closed:
                raise

    return write_until_closed


def _write(tables: StatsCSVFileWriter, **_kwargs: Any) -> None:
    for file, writer, write in (
        (tables.requests_csv_filehandle, tables.requests_csv_writer, tables.requests_csv),
        (tables.failures_csv_filehandle, tables.failures_csv_writer, tables.failures_csv),
        (tables.exceptions_csv_filehandle, tables.exceptions_csv_writer, tables.exceptions_csv),
    ):
        file.seek(0)
        file.truncate()
        write(writer)
    if tables.stats_history_csv_filehandle.tell():  # a row for every second; its header is there by now
        tables._stats_history_data_rows(tables.stats_history_csv_writer, time.time())


def bound_failures(stats: RequestStats) -> None:
    """Count the failures of Locust's list that are beyond our own limit on their number together, as `(other)`."""
    errors = stats.errors
    if len(errors) <= MAX_ERRORS + 1:
        return
    other = errors.pop(OTHER, None) or StatsError("*", OTHER, OTHER)
    for key in list(itertools.islice(errors, MAX_ERRORS, None)):
        other.occurrences += errors.pop(key).occurrences
    errors[OTHER] = other


def bound_seconds(stats: RequestStats) -> None:
    """Forget Locust's counts per second of those that are long past: 12 MB an hour at twenty names."""
    for entry in (stats.total, *stats.entries.values()):
        for counts in (entry.num_reqs_per_sec, entry.num_fail_per_sec):
            if len(counts) > MAX_SECONDS + _SLACK_SECONDS:
                oldest = max(counts) - MAX_SECONDS
                kept = {second: count for second, count in counts.items() if second > oldest}
                counts.clear()  # a dictionary in which single keys are deleted becomes larger all the same
                counts.update(kept)
