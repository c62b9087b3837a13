"""Locust's own statistics, added up once a second or when somebody looks, instead of at every request.

Locust changes about twenty numbers and dictionaries for each request, which costs as much as sending it
(`bench/http_throughput.py`, `bench/socketio_emits.py`). The successes of our clients are collected here, in one list
per name, and put into the same objects before anybody can read them: its tables, web UI, CSV files and reports to the
master show the same numbers. Failures, and the requests of other clients, go Locust's own way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import locust.stats
from locust.env import Environment
from locust.stats import RequestStats, StatsEntry

from wireswarm.clock import NANOSECONDS
from wireswarm.metrics import Recorder
from wireswarm.sample import Sample

_LISTENER: Final = "Runner.__init__.<locals>.on_request"


class _Successes:
    """What of one name is still to be added."""

    __slots__ = ("add", "bytes", "entry", "times")

    def __init__(self, entry: StatsEntry) -> None:
        self.entry = entry
        self.times: list[float] = []
        self.add = self.times.append
        self.bytes = 0


class CollectedStats(RequestStats):
    """A `RequestStats` that has successes put into it before it is read. See `collect` for how one comes about.

    Whoever keeps one of its entries, instead of asking for it again, sees it up to a second late.
    """

    _successes: dict[tuple[str, str], _Successes]
    _second: int
    _read: int

    @property
    def total(self) -> StatsEntry:
        """See `RequestStats`."""
        self.settle()
        entry: StatsEntry = vars(self)["total"]
        return entry

    @total.setter
    def total(self, entry: StatsEntry) -> None:
        self.settle()
        vars(self)["total"] = entry

    @property
    def entries(self) -> dict[tuple[str, str], StatsEntry]:
        """See `RequestStats`."""
        self.settle()
        entries: dict[tuple[str, str], StatsEntry] = vars(self)["entries"]
        return entries

    @entries.setter
    def entries(self, entries: dict[tuple[str, str], StatsEntry]) -> None:
        self.settle()
        vars(self)["entries"] = entries

    def add(self, request_type: str, name: str, milliseconds: float, size: int, read: int) -> None:
        """Collect a success.

        Args:
            request_type: its type.
            name: its name.
            milliseconds: how long it took.
            size: of the answer, in bytes.
            read: when it ended, in nanoseconds of Unix time.
        """
        second = read // NANOSECONDS
        if second != self._second:
            self.settle()  # all that is collected is of one second
            self._second = second
        self._read = read
        found = self._successes.get((request_type, name))
        if found is None:
            found = self._successes[request_type, name] = _Successes(vars(self)["entries"][name, request_type])
        found.add(milliseconds)
        found.bytes += size

    def settle(self) -> None:
        """Put what was collected where Locust would have put it."""
        if not self._successes:
            return
        successes, self._successes = self._successes, {}
        total = vars(self)["total"]
        for found in successes.values():
            # Looked up every time, since Locust lets its users replace it.
            buckets = Counter(map(locust.stats.bucket_response_time, found.times))
            for entry in (total, found.entry):
                _add(entry, found, buckets, self._read)


def collect(environment: Environment, recorder: Recorder) -> None:
    """Have the requests of an environment with a runner counted by its statistics and by a recorder.

    Both by one listener, in the place of the one that Locust has for its statistics.
    """
    request = environment.events.request
    for at, listener in enumerate(request._handlers):
        if getattr(listener, "__qualname__", "") == _LISTENER:
            request._handlers[at] = _listener(_collected(environment.stats), recorder)
            return
    request.add_listener(recorder.on_request)  # somebody else sees to the statistics


def _collected(stats: RequestStats) -> CollectedStats:
    # The same object, since others hold it already.
    if not isinstance(stats, CollectedStats):
        vars(stats).update(_successes={}, _second=0, _read=0)
        stats.__class__ = CollectedStats
    assert isinstance(stats, CollectedStats)  # noqa: S101 - for the type checker
    return stats


def _listener(stats: CollectedStats, recorder: Recorder) -> Callable[..., None]:
    add, record = stats.add, recorder.on_request

    def on_request(
        request_type: str,
        name: str,
        response_time: Any,
        response_length: Any,
        exception: Any = None,
        sample: Sample | None = None,
        context: Any = None,
        response: object = None,
        start_time: object = None,
        url: object = None,
        **_kwargs: object,
    ) -> None:
        # The last parameters are named so that no dictionary has to be filled with them.
        if sample is not None and exception is None:
            add(request_type, name, response_time, response_length, sample.read)
        else:
            stats.log_request(request_type, name, response_time, response_length)
            if exception:
                stats.log_error(request_type, name, exception)
        record(request_type, name, response_time, response_length, exception, sample, context)

    return on_request


def _add(entry: StatsEntry, found: _Successes, buckets: Counter[int], read: int) -> None:
    # As `StatsEntry.log` does, for many of the same second.
    count, last, second = len(found.times), entry.last_request_timestamp, read // NANOSECONDS
    if entry.use_response_times_cache and last and second > int(last):
        entry._cache_response_times(second - 1)
    entry.num_requests += count
    entry.num_reqs_per_sec[second] += count
    entry.last_request_timestamp = read / NANOSECONDS
    entry.total_response_time += sum(found.times)  # type: ignore[assignment]
    least, most = min(found.times), max(found.times)
    entry.min_response_time = least if entry.min_response_time is None else min(entry.min_response_time, least)  # type: ignore[assignment]
    entry.max_response_time = max(entry.max_response_time, most)  # type: ignore[assignment]
    times = entry.response_times
    for bucket, number in buckets.items():
        times[bucket] += number
    entry.total_content_length += found.bytes
