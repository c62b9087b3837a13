"""What is counted of one request, by its type and name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from wireswarm.metrics.histogram import Histogram

FLOW: Final = "FLOW"
"""Type of the keys of flows."""
STEP: Final = "STEP"
"""Type of the keys of flows' steps, whose names are `flow: step`."""
OTHER: Final = "(other)"
"""Name of what is one too many to be counted by itself."""

MAX_KEYS: Final = 1_000
"""More requests than that by type and name are counted together."""


class Key(NamedTuple):
    """A request's type and name."""

    type: str
    name: str

    @property
    def is_exchange(self) -> bool:
        """Whether it is one request and one answer, unlike a flow and its steps."""
        return self.type not in {FLOW, STEP}


def overflow_key(request_type: str) -> Key:
    """The key that is counted instead, when there are too many."""
    return Key(request_type if request_type in {FLOW, STEP} else "*", OTHER)


def plain_text(text: str) -> str:
    """The text without what cannot be sent as UTF-8: half a surrogate pair, from bytes that were no text."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def count_of(cell: Sequence[Any]) -> int:
    """How many events are in a cell of a report; see `Recorder.take_report`."""
    _, _, _, rejected, _, ok, failed, _ = cell
    count: int = rejected + sum(ok[5::2]) + sum(failed[5::2])
    return count


class Tally:
    """Exchanges of one key, over any time; those of several merge exactly."""

    __slots__ = ("due", "failed", "ok", "rejected", "rejected_failures", "request_bytes", "response_bytes")

    def __init__(self) -> None:
        self.ok = Histogram()
        """Service times of the successes."""
        self.failed = Histogram()
        """Service times of the failures."""
        self.due: Histogram | None = None
        """Times of the successes from the moment they were due, where the load was scheduled."""
        self.request_bytes = 0
        self.response_bytes = 0
        self.rejected = 0
        """How many had a time that is no number. They are in no histogram."""
        self.rejected_failures = 0
        """How many of these failed."""

    @property
    def count(self) -> int:
        """Successes and failures."""
        return self.ok.total + self.failed.total + self.rejected

    @property
    def failures(self) -> int:
        """How many failed."""
        return self.failed.total + self.rejected_failures

    def merge(self, other: Tally) -> None:
        """Add another one's counts, exactly."""
        self.ok.merge(other.ok)
        self.failed.merge(other.failed)
        if other.due is not None:
            if self.due is None:
                self.due = Histogram()
            self.due.merge(other.due)
        self.request_bytes += other.request_bytes
        self.response_bytes += other.response_bytes
        self.rejected += other.rejected
        self.rejected_failures += other.rejected_failures

    def merge_cell(self, cell: Sequence[Any]) -> None:
        """Add a cell of a report; see `Recorder.take_report`. Hot path of a master (`bench/recorder.py`)."""
        _, request_bytes, response_bytes, rejected, rejected_failures, ok, failed, due = cell
        self.request_bytes += request_bytes
        self.response_bytes += response_bytes
        if rejected:
            self.rejected += rejected
            self.rejected_failures += rejected_failures
        if ok:
            self.ok.merge_message(ok)
        if failed:
            self.failed.merge_message(failed)
        if due:
            if self.due is None:
                self.due = Histogram()
            self.due.merge_message(due)

    def to_cell(self, second: int) -> list[Any]:
        """What `merge_cell` takes."""
        return [
            second,
            self.request_bytes,
            self.response_bytes,
            self.rejected,
            self.rejected_failures,
            self.ok.to_message(),
            self.failed.to_message(),
            [] if self.due is None else self.due.to_message(),
        ]
