"""All that was measured in a run, over all processes: what thresholds are judged on and reports are made of.

Passive: fed with the reports of `Recorder`s, each of which counts once however often it comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from wireswarm.metrics.failures import MAX_ERRORS, OTHER_ERRORS, ErrorCount, ErrorKey, stable_text
from wireswarm.metrics.histogram import Histogram, coarse_message
from wireswarm.metrics.readings import WorkerReadings
from wireswarm.metrics.tally import MAX_KEYS, OTHER, Key, Tally, count_of, overflow_key
from wireswarm.metrics.timeline import Point, Series, TimeLine
from wireswarm.metrics.windows import Windows

TIMELINE_LIMIT: Final = 600
BATCH_LIMIT: Final = 64
_SILENT_S: Final = 6.0
"""A worker that has said nothing for that long, two reports, is not waited for by sliding windows."""
_USERS_S: Final = 60
"""Seconds in which workers tell of their users, each in its own report."""
_STOP_SLACK_S: Final = 1.0
"""A worker that stops that little before the whole run does was part of its end: a Ctrl-C goes to all processes."""


class _Arrivals:
    """Which reports of a worker have been merged."""

    def __init__(self) -> None:
        self._all_up_to = 0
        self._ahead: set[int] = set()

    def is_new(self, sequence: int) -> bool:
        if sequence <= self._all_up_to or sequence in self._ahead:
            return False
        self._ahead.add(sequence)
        while self._all_up_to + 1 in self._ahead:
            self._all_up_to += 1
            self._ahead.discard(self._all_up_to)
        return True


class _Entry:
    """One key."""

    __slots__ = ("batches", "tally")

    def __init__(self) -> None:
        self.tally = Tally()
        self.batches = TimeLine(BATCH_LIMIT)


class Results:
    """The merged state of a run. Times are seconds since it began."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """Begin a run.

        Args:
            now: seconds since the epoch.
        """
        self._now = now
        self._windows = Windows()
        self.run = ""
        """Reports of another run than this are ignored."""
        self.restart()

    def restart(self, run: str = "") -> None:
        """Forget everything: another run begins."""
        self.run = run
        self.start_time = self._now()
        """Seconds since the epoch."""
        self.elapsed_s = 0.0
        self.finished = False
        self.errors: dict[ErrorKey, ErrorCount] = {}
        self.counters: dict[str, int] = {}
        """`wireswarm.sample.Counter` by its value."""
        self.exceptions: dict[str, int] = {}
        """Exceptions of tasks and listeners, by their text."""
        self.abandoned = self.start_retries = self.dropped = self.unstamped = 0
        self.delay, self.setup, self.lag, self.start_lag = (Histogram() for _ in range(4))
        self.workers: dict[str, WorkerReadings] = {}
        self.series: dict[str, Series] = {}
        self.users_max = 0
        self.merged_names = 0
        """How many events were counted as `(other)`, since there were too many names."""
        self.merged_errors = 0
        """How many failures were counted as `(other)`, since there were too many classes."""
        self.lost_rows: dict[str, int] = {}
        """Rows of data files, by their paths, that were with workers that are gone."""
        self.kills = 0
        """In how many processes and stops users did not end within the stop timeout, and were killed."""
        self._entries: dict[Key, _Entry] = {}
        self._arrivals: dict[str, _Arrivals] = {}
        self._offsets: dict[str, float] = {}
        self._complete: dict[str, int] = {}
        self._timeline = TimeLine(TIMELINE_LIMIT)
        self._users: dict[int, int] = {}
        self._windows.clear()
        self._newest = 0
        self._last_s = 0.0
        self._total: Tally | None = None

    # Reading

    def keys(self) -> list[Key]:
        """All keys, sorted."""
        return sorted(self._entries)

    def tally(self, key: Key) -> Tally:
        """All of one key; an empty one where there is nothing."""
        entry = self._entries.get(key)
        return Tally() if entry is None else entry.tally

    @property
    def total(self) -> Tally:
        """All exchanges, flows and their steps apart."""
        if self._total is None:
            self._total = Tally()
            for key, entry in self._entries.items():
                if key.is_exchange:
                    self._total.merge(entry.tally)
        return self._total

    def keep_windows(self, max_s: float) -> None:
        """Be ready to answer `over` for windows of up to so many seconds, from the next run on."""
        self._windows.length_s = max(self._windows.length_s, max_s)

    def over(self, window_s: float | None, key: Key | None) -> tuple[Tally, float]:
        """The latest seconds that all processes have reported, or the whole run.

        Args:
            window_s: how many seconds; None for the whole run.
            key: whose; None for the total.

        Returns:
            What was counted, and how many seconds that covers: fewer than asked for at the beginning of a run.
        """
        if window_s is None:
            return (self.total if key is None else self.tally(key)), self.elapsed_s
        end = self._complete_until()
        begin = max(0, end - max(1, round(window_s)))
        return self._windows.over(key, begin, end), float(end - begin)

    def between(self, begin_s: int, end_s: int, key: Key | None) -> Tally:
        """What happened from one second up to another; a key of None is the total.

        Of the latest seconds that windows are kept of; what is older is missing.
        """
        return self._windows.over(key, begin_s, end_s)

    @property
    def timeline(self) -> list[Point]:
        """What happened when, over all exchanges."""
        return self._timeline.points(self.elapsed_s)

    def batches(self, key: Key) -> list[Point]:
        """What happened when to one key, in few and long steps. Without users."""
        entry = self._entries.get(key)
        return [] if entry is None else entry.batches.points(self.elapsed_s)

    @property
    def users(self) -> int:
        """How many there are now."""
        return sum(worker.users for worker in self.workers.values() if worker.state == "running")

    @property
    def clock(self) -> str:
        """What response times end by: `kernel`, `program` or `mixed`; empty where no client of ours had an answer."""
        if not self.delay.total:
            return "program" if self.unstamped else ""
        return "mixed" if self.unstamped else "kernel"

    @property
    def notes(self) -> list[str]:
        """What whoever reads the numbers has to know."""
        notes = []
        if self.merged_names:
            notes.append(
                f"{self.merged_names:,} events are counted as {OTHER}: more than {MAX_KEYS:,} request names. "
                "Give requests a name without ids in it."
            )
        if self.merged_errors:
            notes.append(
                f"{self.merged_errors:,} failures are counted as {OTHER}: there were more than {MAX_ERRORS:,} classes."
            )
        if self.kills:
            notes.append("Users that did not end within the stop timeout were killed in what they were doing.")
        return notes

    # Feeding

    def watch(self, name: str, unit: str) -> Series:
        """The series of a value that is read from outside."""
        return self.series.setdefault(name, Series(name, unit))

    def tick(self, elapsed_s: float) -> None:
        """Time goes on."""
        if not self.finished:
            self.elapsed_s = elapsed_s

    def finish(self, stopping_s: float) -> None:
        """The run is over, all reports that will come are here, and it lasted until its last request.

        Args:
            stopping_s: when the stop began. Workers that had stopped by themselves before it have left.
        """
        self.finished = True
        self.elapsed_s = self._last_s or self.elapsed_s
        for worker in self.workers.values():
            if worker.stopped_s is None:
                worker.state = "lost"
            elif worker.state != "lost":
                worker.state = "left" if worker.stopped_s < stopping_s - _STOP_SLACK_S else "done"

    def lose(self, name: str) -> None:
        """A worker is gone without its last report. Where it comes back, it says so by reporting."""
        worker = self._worker(name)
        if worker.stopped_s is None:
            worker.state = "lost"

    def lose_rows(self, path: str, count: int) -> None:
        """Up to so many rows of a data file were taken by nobody, since the worker that had them is gone."""
        self.lost_rows[path] = self.lost_rows.get(path, 0) + count

    def count_exception(self, text: str) -> None:
        """Count an exception of a listener of this process."""
        self._add_exception(stable_text(text), 1)

    def expect(self, name: str) -> None:
        """A worker takes part, and its reports are waited for."""
        self._worker(name)

    def add(self, worker: str, report: Mapping[str, Any]) -> bool:
        """Merge a report.

        Args:
            worker: of which process.
            report: what `Recorder.take_report` returned, `elapsed` being the worker's time when it was sent.

        Returns:
            False for one that was merged before, or is of another run.
        """
        if report["run"] != self.run:
            return False
        if not self._arrivals.setdefault(worker, _Arrivals()).is_new(report["sequence"]):
            return False
        offset = self._offsets[worker] = min(
            self._offsets.get(worker, float("inf")), max(0.0, self.elapsed_s - report["elapsed"])
        )
        shift = round(offset)
        self._complete[worker] = max(self._complete.get(worker, 0), report["second"] + shift)
        self._newest = max(self._newest, self._complete[worker])
        if report["last"]:
            self._last_s = max(self._last_s, report["last"] + offset)
        self._add_rows(report["rows"], shift)
        self._add_errors(report["errors"], offset)
        self._add_numbers(report)
        self._add_worker(worker, report)
        self._add_users(report["users"], shift)
        self._total = None
        return True

    def _add_rows(self, rows: list[Any], shift: int) -> None:
        # Hot path of a master (bench/recorder.py).
        timeline, windows = self._timeline, self._windows
        for request_type, name, cells in rows:
            key = Key(request_type, name)
            entry = self._entries.get(key)
            if entry is None:
                key, entry = self._open(key, cells)
            is_exchange = key.is_exchange
            merge, add_batch = entry.tally.merge_cell, entry.batches.add_cell
            for cell in cells:
                second = cell[0] + shift
                merge(cell)
                ok = coarse_message(cell[5])
                add_batch(cell, ok, second)
                if is_exchange:
                    timeline.add_cell(cell, ok, second)
                if windows.length_s:
                    windows.add(key, cell, second, self._newest)

    def _open(self, key: Key, cells: list[Any]) -> tuple[Key, _Entry]:
        other = overflow_key(key.type)
        if len(self._entries) >= MAX_KEYS and key != other:  # which its process has counted
            self.merged_names += sum(map(count_of, cells))
            key = other
        return key, self._entries.setdefault(key, _Entry())

    def _add_errors(self, errors: list[Any], offset: float) -> None:
        for request_type, name, reason, message, count, first, last in errors:
            key = ErrorKey(request_type, name, reason, message)
            if key not in self.errors and len(self.errors) >= MAX_ERRORS:
                key = OTHER_ERRORS
            if key == OTHER_ERRORS:
                self.merged_errors += count
            known = self.errors.get(key)
            if known is None:
                self.errors[key] = ErrorCount(count, first + offset, last + offset)
            else:
                known.merge(count, first + offset, last + offset)

    def _add_numbers(self, report: Mapping[str, Any]) -> None:
        for counter, amount in report["counters"].items():
            self.counters[counter] = self.counters.get(counter, 0) + amount
        for text, count in report["exceptions"].items():
            self._add_exception(text, count)
        abandoned, start_retries, dropped, unstamped, merged_names, kills = report["numbers"]
        self.abandoned += abandoned
        self.start_retries += start_retries
        self.dropped += dropped
        self.unstamped += unstamped
        self.merged_names += merged_names
        self.kills += kills
        for histogram, message in zip((self.delay, self.setup, self.lag, self.start_lag), report["times"], strict=True):
            histogram.merge_message(message)

    def _add_exception(self, text: str, count: int) -> None:
        known = self.exceptions
        place = text if text in known or len(known) < MAX_ERRORS else OTHER
        known[place] = known.get(place, 0) + count

    def _add_worker(self, name: str, report: Mapping[str, Any]) -> None:
        worker = self._worker(name)
        worker.merge_message(report["readings"])
        worker.lag.merge_message(report["times"][2])
        worker.last_report_s = self.elapsed_s
        if report["stopped"]:
            if worker.stopped_s is None:
                worker.stopped_s = self.elapsed_s
        else:
            worker.state, worker.stopped_s = "running", None

    def _worker(self, name: str) -> WorkerReadings:
        worker = self.workers.get(name)
        if worker is None:
            worker = self.workers[name] = WorkerReadings(name)
        return worker

    def _add_users(self, users: list[list[int]], shift: int) -> None:
        for number, count in users:
            second = number + shift
            total = self._users[second] = self._users.get(second, 0) + count
            self.users_max = max(self.users_max, total)
            self._timeline.add_users(total, second)
        while len(self._users) > _USERS_S:
            del self._users[min(self._users)]

    def _complete_until(self) -> int:
        if self.finished:
            return int(self.elapsed_s)
        waited_for = [
            self._complete[name]
            for name, worker in self.workers.items()
            if name in self._complete
            and worker.state == "running"
            and worker.stopped_s is None
            and self.elapsed_s - worker.last_report_s < _SILENT_S
        ]
        return min(waited_for, default=self._newest)
