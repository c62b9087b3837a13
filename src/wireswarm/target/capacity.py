"""A limited capacity: one server, and everybody in one queue before it, first come, first served."""

from __future__ import annotations

from typing import Final

MAX_WAITING: Final = 100_000
"""Requests that may wait; those beyond that are refused, so that the queue's memory has a bound."""


class Server:
    """Serves one request after the other, each for the same time: the D in M/D/1 and D/D/1 of queueing theory.

    The queue is a number, the moment at which the server is free again. A request that comes earlier waits for that
    moment, and then for its own service; so where more comes than can be served, each waits longer than the one before.
    A client that gives up does not save the server its work, as with most real ones.
    """

    def __init__(self, rate: float, max_waiting: int = MAX_WAITING) -> None:
        """Begin with nobody waiting.

        Args:
            rate: requests per second.
            max_waiting: how many may wait.
        """
        self._service = 1 / rate
        self._longest = max_waiting / rate
        self._free_at = 0.0

    def take(self, now: float) -> float | None:
        """A request joins the queue.

        Args:
            now: seconds, never earlier than the time before.

        Returns:
            Seconds until it has been served; None where too many wait already.
        """
        begin = max(now, self._free_at)
        if begin - now > self._longest:
            return None
        self._free_at = begin + self._service
        return self._free_at - now
