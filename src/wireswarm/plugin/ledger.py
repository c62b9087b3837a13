"""The book of how many iterations are to be done, handed out and done. Pure: no Locust, no clock, no messages."""

from __future__ import annotations


class IterationLedger:
    """Kept where the run is decided: on the master, or in the only process.

    Iterations are handed out in shares that shrink towards the end, so that workers of different speed finish
    together, and none is handed out twice, unless it was given back before it was begun.

    At any time, `unassigned`, `done`, `lost` and what the workers hold add up to `total`.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.unassigned = total
        self.done = 0
        self._held: dict[str, int] = {}
        self._lost: dict[str, int] = {}

    def grant(self, worker: str, workers: int) -> int:
        """Hand out a share to one of that many workers; returns how many, 0 while there is nothing to hand out."""
        return self._hand_out(worker, max(1, self.unassigned // (2 * max(workers, 1))))

    def grant_one(self, worker: str) -> int:
        """Hand out a single iteration; returns 0 where there is none."""
        return self._hand_out(worker, 1)

    def finish(self, worker: str, count: int) -> None:
        """That worker has done so many of its share."""
        self.done += self._take(worker, count)

    def give_back(self, worker: str, count: int) -> None:
        """That worker will not begin so many of its share; they can be handed out again."""
        self.unassigned += self._take(worker, count)

    def lose(self, worker: str) -> int:
        """Nobody knows what has become of that worker; returns how many of its share may never be done."""
        lost = self._take(worker, self.held(worker))
        self._lost[worker] = self._lost.get(worker, 0) + lost
        return lost

    def find(self, worker: str) -> None:
        """That worker was not lost, only slow: its share is expected again."""
        self._held[worker] = self.held(worker) + self._lost.pop(worker, 0)

    def held(self, worker: str) -> int:
        """How many that worker has still to do."""
        return self._held.get(worker, 0)

    @property
    def workers(self) -> list[str]:
        """The workers that something is expected of."""
        return [worker for worker, count in self._held.items() if count]

    @property
    def lost(self) -> int:
        """How many may never be done, because their workers are gone."""
        return sum(self._lost.values())

    @property
    def complete(self) -> bool:
        """Whether every iteration is done or lost."""
        return self.done + self.lost == self.total

    def _take(self, worker: str, count: int) -> int:
        # Never more than it has, whatever it says.
        taken = min(count, self.held(worker))
        self._held[worker] = self.held(worker) - taken
        return taken

    def _hand_out(self, worker: str, share: int) -> int:
        share = min(self.unassigned, share)
        self.unassigned -= share
        self._held[worker] = self.held(worker) + share
        return share
