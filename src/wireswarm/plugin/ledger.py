"""The book of how many iterations are to be done, handed out and done. Pure: no Locust, no clock, no messages."""

from __future__ import annotations


class IterationLedger:
    """Kept where the run is decided: on the master, or in the only process.

    Iterations are handed out in shares that shrink towards the end, so that workers of different speed finish
    together, and none is promised twice.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.unassigned = total
        self.done = 0
        self.lost = 0
        self._outstanding: dict[str, int] = {}

    def grant(self, worker: str, workers: int) -> int:
        """Hand out a share to one of that many workers; 0 once there is nothing left."""
        share = min(self.unassigned, max(1, self.unassigned // (2 * max(workers, 1))))
        self.unassigned -= share
        self._outstanding[worker] = self._outstanding.get(worker, 0) + share
        return share

    def finish(self, worker: str, count: int) -> None:
        """That worker has done so many of its share."""
        self.done += count
        self._outstanding[worker] = self._outstanding.get(worker, 0) - count

    def lose(self, worker: str) -> int:
        """That worker is gone; returns how many of its share will never be done."""
        lost = self._outstanding.pop(worker, 0)
        self.lost += lost
        return lost

    @property
    def workers(self) -> list[str]:
        """The workers that something is expected of."""
        return [worker for worker, count in self._outstanding.items() if count > 0]

    @property
    def complete(self) -> bool:
        """Whether every iteration is done or lost."""
        return self.done + self.lost >= self.total
