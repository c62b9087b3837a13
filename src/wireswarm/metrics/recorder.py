"""Takes every request event of one process. Hot path: `Recorder.on_request` (`bench/recorder.py`).

An event costs the look-up of its key and the append of a number to a list; a second's worth is put into buckets at
once, when the second is over. What was counted leaves as reports, each with what is new since the last one, which
`Results` merges: in the same process, or on a master.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, Final

from wireswarm.auth import redact
from wireswarm.metrics.failures import MAX_ERRORS, ErrorBook, stable_text
from wireswarm.metrics.histogram import MAX_MICROSECONDS, Histogram
from wireswarm.metrics.readings import Reading, WorkerReadings
from wireswarm.metrics.tally import FLOW, MAX_KEYS, OTHER, STEP, Key, Tally, overflow_key, plain_text
from wireswarm.sample import Sample

_MAX_STEPS: Final = 60
"""Seconds that wait for a report, which a master that is away does not take; more are merged."""
_MAX_FILLED: Final = 60
_MAX_NAME: Final = 500
SIO: Final = "SIO"
"""The type of Socket.IO's exchanges, which have no status."""
_MAX_LENGTH: Final = 1 << 48
_TICK_SLACK_S: Final = 0.05
"""A timer that is due on a second may fire a little before it."""


class _Live:
    """What a key counts now. The three functions append to lists that are emptied every second."""

    __slots__ = (
        "_due",
        "_failed",
        "_ok",
        "add_due",
        "add_failed",
        "add_ok",
        "cells",
        "key",
        "rejected",
        "rejected_failures",
        "request_bytes",
        "response_bytes",
    )

    def __init__(self, key: Key) -> None:
        self.key = key
        self._ok: list[int] = []
        self._failed: list[int] = []
        self._due: list[int] = []
        self.add_ok, self.add_failed, self.add_due = self._ok.append, self._failed.append, self._due.append
        self.request_bytes = self.response_bytes = 0
        self.rejected = self.rejected_failures = 0
        self.cells: list[list[Any]] = []

    def fold(self, second: int) -> bool:
        """Put what was counted into a cell of that second; False where there was nothing."""
        if not (self._ok or self._failed or self.rejected):
            return False
        self.cells.append(
            [
                second,
                self.request_bytes,
                self.response_bytes,
                self.rejected,
                self.rejected_failures,
                _in_buckets(self._ok),
                _in_buckets(self._failed),
                _in_buckets(self._due),
            ]
        )
        self.request_bytes = self.response_bytes = self.rejected = self.rejected_failures = 0
        if len(self.cells) > _MAX_STEPS:
            merged = Tally()
            for cell in self.cells:
                merged.merge_cell(cell)
            self.cells = [merged.to_cell(second)]
        return True


class Recorder:
    """Counts what one process measures, between two reports."""

    def __init__(self, clock: Any = time.monotonic) -> None:
        """Begin a run.

        Args:
            clock: seconds from some moment on; dates failures.
        """
        self._clock = clock
        self.run = ""
        """Which run the reports are of."""
        self.restart()

    def restart(self, run: str = "") -> None:
        """Forget everything: another run begins. Reports count from one again."""
        self.run = run
        self._began = self._clock()
        self._live: dict[tuple[str, str], _Live] = {}
        self._steps: dict[tuple[str, str], _Live] = {}
        self._overflow: dict[Key, _Live] = {}
        self._errors = ErrorBook()
        self._second = 0
        self._sequence = 0
        self._last_s = 0.0
        self._users: list[list[int]] = []
        self._delays: list[int] = []
        self._add_delay = self._delays.append
        self._unstamped = 0
        self._setups: list[int] = []
        self._delay, self._setup, self._lag, self._start_lag = (Histogram() for _ in range(4))
        self._readings = WorkerReadings()
        self._counters: dict[str, int] = {}
        self._exceptions: dict[str, int] = {}
        self._exception_texts: set[str] = set()
        self._abandoned = self._start_retries = self._dropped = self._kills = 0
        self._merged_names = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began, by this process's clock."""
        elapsed: float = self._clock() - self._began
        return elapsed

    def on_request(
        self,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int | None,
        exception: object = None,
        sample: Sample | None = None,
        context: Mapping[str, Any] | None = None,
        response: object = None,
        start_time: object = None,
        url: object = None,
        **_kwargs: Any,
    ) -> None:
        """Listen to Locust's request event, of any user class."""
        # The last parameters are named so that no dictionary has to be filled with them.
        live = self._live.get((request_type, name))
        if live is None:
            live = self._open(request_type, name)
        if sample is None:
            self._on_other(live, response_time, response_length, exception)
            return
        _, _, sent, done, read, request_bytes, response_bytes, status, failure, due, phases = sample
        if request_bytes:
            live.request_bytes += request_bytes
        live.response_bytes += response_bytes
        if failure is None:
            live.add_ok((done - sent) // 1000)
            if due is not None:
                live.add_due((done - due) // 1000)
        else:
            live.add_failed((done - sent) // 1000)
            self._errors.add(live.key.type, live.key.name, failure, exception, self.elapsed_s)
        if read > done:
            self._add_delay((read - done) // 1000)
        elif status or (request_type == SIO and failure is None):  # an answer, and no stamp
            self._unstamped += 1
        if context and request_type == FLOW:
            self._on_steps(live.key.name, context)
        # An open connection has none; otherwise it is one of the two that was not immediate.
        if phases is not None and (phases[0] or phases[1]):
            self._setups.append((phases[0] + phases[1] + phases[2]) // 1000)

    def drop(self, count: int = 1) -> None:
        """Count scheduled arrivals that no user was free for."""
        self._dropped += count

    def late(self, nanoseconds: int) -> None:
        """Count a scheduled start, by how late it was."""
        self._start_lag.record(nanoseconds // 1000)

    def answered(self, request_type: str, name: str, nanoseconds: int) -> None:
        """Count the time from the due moment of a request whose event has no sample, beside the event itself."""
        live = self._live.get((request_type, name)) or self._open(request_type, name)
        live.add_due(max(0, nanoseconds // 1000))

    def lag(self, seconds: float) -> None:
        """Count a wake-up of the event loop, by how late it was."""
        self._lag.record(max(0, int(seconds * 1e6)))

    def observe(self, reading: Reading) -> None:
        """Add a look at the process."""
        self._readings.observe(reading)

    def count(self, counters: Mapping[str, int], *, abandoned: int = 0, start_retries: int = 0) -> None:
        """Add what is counted beside the samples."""
        for counter, amount in counters.items():
            name = str(counter)  # of an enumeration: a message takes plain text
            self._counters[name] = self._counters.get(name, 0) + amount
        self._abandoned += abandoned
        self._start_retries += start_retries

    def count_exception(self, text: str) -> None:
        """Count an exception of a task or a listener."""
        text = stable_text(text)
        if text not in self._exception_texts:
            if len(self._exception_texts) < MAX_ERRORS:
                self._exception_texts.add(text)
            else:
                text = OTHER
        self._exceptions[text] = self._exceptions.get(text, 0) + 1

    def count_kill(self) -> None:
        """Count a stop in which users did not end by themselves within the stop timeout."""
        self._kills += 1

    def tick(self, elapsed_s: float, users: int) -> None:
        """Close the seconds that are over.

        Args:
            elapsed_s: seconds since the run began.
            users: how many there are now.
        """
        second = int(elapsed_s + _TICK_SLACK_S)
        self._fold(elapsed_s)
        if second > self._second:
            first = max(self._second, second - _MAX_FILLED)
            self._users = [*self._users[-_MAX_STEPS:], *([number, users] for number in range(first, second))]
            self._second = second

    def take_report(self, now_s: float, *, stopped: bool = False) -> dict[str, Any]:
        """Everything since the last report, as plain values.

        Args:
            now_s: seconds since the run began.
            stopped: whether all users have stopped, so that nothing more will come.

        A cell is `[second, request bytes, response bytes, rejected, rejected failures, ok, failed, due]`, the last
        three as `Histogram.to_message` has them. Lists, since Locust calls a function for each dictionary it decodes.
        """
        self._fold(now_s)
        rows = []
        for live in (*self._live.values(), *self._overflow.values()):
            if live.cells:
                rows.append([*live.key, live.cells])
                live.cells = []
        self._sequence += 1
        numbers = [
            self._abandoned,
            self._start_retries,
            self._dropped,
            self._unstamped,
            self._merged_names,
            self._kills,
        ]
        report = {
            "run": self.run,
            "sequence": self._sequence,
            "elapsed": now_s,  # to be set again where it is sent later
            "second": self._second,
            "last": self._last_s,
            "stopped": stopped,
            "rows": rows,
            "users": self._users,
            "errors": self._errors.take(),
            "counters": self._counters,
            "exceptions": self._exceptions,
            "numbers": numbers,
            "times": [h.to_message() for h in (self._delay, self._setup, self._lag, self._start_lag)],
            "readings": self._readings.to_message(),
        }
        self._users, self._counters, self._exceptions = [], {}, {}
        self._abandoned = self._start_retries = self._dropped = self._unstamped = self._merged_names = self._kills = 0
        self._delay, self._setup, self._lag, self._start_lag = (Histogram() for _ in range(4))
        self._readings = WorkerReadings()
        return report

    def _open(self, request_type: str, name: str) -> _Live:
        live = self._live.get((request_type, name))
        if live is not None:
            return live
        # A stock user's name is its URL, which may have a token in it.
        key = Key(plain_text(str(request_type))[:_MAX_NAME], redact(plain_text(str(name)))[:_MAX_NAME])
        if len(self._live) < MAX_KEYS:
            live = self._live[request_type, name] = _Live(key)
            return live
        self._merged_names += 1
        key = overflow_key(key.type)
        return self._overflow.setdefault(key, _Live(key))

    def _on_other(self, live: _Live, response_time: object, response_length: object, exception: object) -> None:
        # Another client's event, which may have anything in it.
        if isinstance(response_length, int) and 0 < response_length < _MAX_LENGTH:
            live.response_bytes += response_length
        failed = bool(exception)
        if failed:
            self._errors.add(live.key.type, live.key.name, None, exception, self.elapsed_s)
        if isinstance(response_time, int) or (isinstance(response_time, float) and math.isfinite(response_time)):
            microseconds = min(int(response_time * 1000), MAX_MICROSECONDS + 1)
            (live.add_failed if failed else live.add_ok)(microseconds)
        else:
            live.rejected += 1
            live.rejected_failures += failed

    def _on_steps(self, flow: str, context: Mapping[str, Any]) -> None:
        for name, nanoseconds, failed in context.get("steps", ()):
            live = self._steps.get((flow, name))
            if live is None:
                live = self._open(STEP, f"{flow}: {name}")
                if live.key.name != OTHER:
                    self._steps[flow, name] = live
            (live.add_failed if failed else live.add_ok)(nanoseconds // 1000)

    def _fold(self, now_s: float) -> None:
        for live in (*self._live.values(), *self._overflow.values()):
            if live.fold(self._second):
                self._last_s = now_s
        self._delay.record_all(self._delays)
        self._delays.clear()
        self._setup.record_all(self._setups)
        self._setups.clear()


def _in_buckets(values: list[int]) -> list[int]:
    if not values:
        return []
    histogram = Histogram()
    histogram.record_all(values)
    values.clear()
    return histogram.to_message()
