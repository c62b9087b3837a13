"""Work that the event loop hands on, as it must not wait itself: done in order, by one greenlet at a time."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent

logger = logging.getLogger(__name__)

_failures = itertools.count(1)


class Crew:
    """Does one job after the other, in the order in which they came. There is a greenlet only while there are jobs."""

    __slots__ = ("_greenlet", "_jobs")

    def __init__(self) -> None:
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self._jobs: deque[tuple[Callable[..., object], tuple[Any, ...]]] | None = None

    def do(self, job: Callable[..., object], *args: Any) -> None:
        """Have a job done. Does not wait. An exception from it is logged, and the next job is done."""
        if self._jobs is None:
            self._jobs = deque()
            self._greenlet = gevent.spawn(self._work)
        self._jobs.append((job, args))

    def close(self) -> None:
        """Drop the jobs that wait, and end the one that is being done, unless it is the caller."""
        greenlet, self._greenlet = self._greenlet, None
        if self._jobs is not None:
            self._jobs.clear()
            self._jobs = None
        if greenlet is not None and greenlet is not gevent.getcurrent():
            greenlet.kill(block=False)

    def _work(self) -> None:
        jobs = self._jobs
        while jobs:
            job, args = jobs.popleft()
            try:
                job(*args)
            except Exception:
                _complain()
        if self._jobs is jobs:
            self._jobs = self._greenlet = None


def _complain() -> None:
    # The first, the second, the fourth … of the process: a handler that fails does so for every user.
    failures = next(_failures)
    if failures & (failures - 1) == 0:
        logger.exception("a Socket.IO handler failed (%d times so far)", failures)
