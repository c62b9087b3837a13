"""Who has which rows: positions that are leased to workers in ranges, so that none is handed out twice.

The book is kept where the run is decided, a queue is what a worker has in hand. Both are pure: no messages, no clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

LARGEST: Final = 65_536
"""Positions of a lease at most."""
SMALLEST: Final = 16


class Range(NamedTuple):
    """Positions from `start` up to `stop`, without it."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """How many."""
        return self.stop - self.start


class LeaseBook:
    """Which positions were handed out, and how many of them are still in a worker's hands.

    A position is handed out again only when the worker that had it has given it back unused. Those of a worker that is
    gone are not: it may have used them, and it may come back.
    """

    def __init__(self, total: int | None) -> None:
        """Begin with all positions unassigned.

        Args:
            total: how many there are; None where they have no end, because rows begin anew.
        """
        self.total = total
        self._next = 0
        self._returned: deque[Range] = deque()
        self._held: dict[str, int] = {}
        self._lost: dict[str, int] = {}

    def grant(self, worker: str, wanted: int, workers: int) -> Range | None:
        """Hand out positions, fewer towards the end, so that workers finish together.

        Args:
            worker: who gets them.
            wanted: how many it would like.
            workers: how many of them there are.

        Returns:
            None where there is nothing to hand out now.
        """
        left = self.unassigned
        if left is not None:
            wanted = min(wanted, max(1, left // (2 * max(workers, 1))))
        wanted = max(1, min(wanted, LARGEST))
        found = self._take_returned(wanted) or self._take_new(wanted)
        if found is not None:
            self._held[worker] = self.held(worker) + found.size
        return found

    def report(self, worker: str, held: int) -> None:
        """That worker has so many left of what it was granted."""
        self._held[worker] = held
        self._lost.pop(worker, None)

    def give_back(self, worker: str, ranges: Iterable[Range]) -> None:
        """That worker will not use these; they can be handed out again."""
        for one in ranges:
            self._returned.append(one)
            self._held[worker] = max(0, self.held(worker) - one.size)

    def lose(self, worker: str) -> int:
        """Nobody knows what has become of that worker.

        Returns:
            How many of its positions may have been used, or not.
        """
        lost = self._held.pop(worker, 0)
        self._lost[worker] = self._lost.get(worker, 0) + lost
        return lost

    def held(self, worker: str) -> int:
        """How many that worker has left, as far as is known."""
        return self._held.get(worker, 0)

    @property
    def holders(self) -> list[str]:
        """The workers that have some left."""
        return [worker for worker, count in self._held.items() if count]

    @property
    def unassigned(self) -> int | None:
        """How many are in nobody's hands; None for no end of them."""
        if self.total is None:
            return None
        return self.total - self._next + sum(one.size for one in self._returned)

    @property
    def outstanding(self) -> int:
        """How many workers have left."""
        return sum(self._held.values())

    @property
    def lost(self) -> int:
        """How many were in the hands of workers that are gone."""
        return sum(self._lost.values())

    @property
    def used(self) -> int:
        """How many have been taken by users, as far as is known."""
        return self._next - sum(one.size for one in self._returned) - self.outstanding - self.lost

    @property
    def complete(self) -> bool:
        """Whether each was taken, or was in the hands of a worker that is gone."""
        return self.unassigned == 0 and not self.outstanding

    def _take_returned(self, wanted: int) -> Range | None:
        if not self._returned:
            return None
        first = self._returned.popleft()
        if first.size > wanted:
            self._returned.appendleft(Range(first.start + wanted, first.stop))
            return Range(first.start, first.start + wanted)
        return first

    def _take_new(self, wanted: int) -> Range | None:
        start = self._next
        stop = start + wanted if self.total is None else min(start + wanted, self.total)
        self._next = stop
        return Range(start, stop) if stop > start else None


class LeaseQueue:
    """The positions that a worker has in hand."""

    def __init__(self) -> None:
        self._ranges: deque[Range] = deque()
        self._start = self._stop = 0  # of the range that is being taken
        self.waiting = 0
        """How many wait behind that."""

    @property
    def left(self) -> int:
        """How many there are."""
        return self._stop - self._start + self.waiting

    def add(self, lease: Range) -> None:
        """Positions that were granted."""
        self._ranges.append(lease)
        self.waiting += lease.size

    def take(self) -> int | None:
        """The next one; None where there is none. Hot path (`bench/feeders.py`)."""
        start = self._start
        if start == self._stop:
            if not self._ranges:
                return None
            start, self._stop = self._ranges.popleft()
            self.waiting -= self._stop - start
        self._start = start + 1
        return start

    def put_back(self, position: int) -> None:
        """One that was taken, and is free again."""
        self.add(Range(position, position + 1))

    def give_back(self, keep: int = 0) -> list[Range]:
        """All that are left but that many, no longer in hand."""
        ranges = [Range(self._start, self._stop)] if self._stop > self._start else []
        ranges += self._ranges
        self._ranges.clear()
        self._start = self._stop = self.waiting = 0
        back = []
        for one in ranges:
            kept = min(keep, one.size)
            keep -= kept
            if kept:
                self.add(Range(one.start, one.start + kept))
            if kept < one.size:
                back.append(Range(one.start + kept, one.stop))
        return back
