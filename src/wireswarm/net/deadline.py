"""A deadline that costs next to nothing where it is met, which is nearly always.

`gevent.Timeout` starts and stops a timer of the event loop for every use. A `Deadline` belongs to one connection and
leaves its timer running: arming it stores a time and the greenlet; the timer, when it fires, either finds that the
deadline has moved on and sleeps for the rest, or throws `DeadlineExceeded` into the greenlet.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from gevent import get_hub, getcurrent


class DeadlineExceeded(BaseException):
    """Thrown into the greenlet whose deadline has passed. Never leaves `wireswarm.net`."""


class Deadline:
    """One deadline at a time, for one greenlet at a time."""

    __slots__ = ("_at", "_fires_at", "_greenlet", "_loop", "_timer")

    def __init__(self) -> None:
        self._loop = get_hub().loop
        self._greenlet: Any = None
        self._at = 0.0
        self._timer: Any = None
        self._fires_at = 0.0

    def arm(self, seconds: float) -> None:
        """Throw `DeadlineExceeded` into the calling greenlet after that many seconds, unless disarmed before."""
        self._greenlet = getcurrent()
        self._at = at = monotonic() + seconds
        if self._timer is None or at < self._fires_at:
            self._start(seconds)

    def disarm(self) -> None:
        """The work is done; the timer may go on."""
        self._greenlet = None

    def close(self) -> None:
        """Let go of the timer."""
        self._greenlet = None
        if self._timer is not None:
            self._timer.close()
            self._timer = None

    def _start(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.close()
        self._fires_at = monotonic() + seconds
        # ref=False: a timer that only waits to find nothing to do must not keep the loop alive.
        self._timer = self._loop.timer(max(seconds, 0.0), ref=False)
        self._timer.start(self._fire)

    def _fire(self) -> None:
        self._timer.close()
        self._timer = None
        greenlet = self._greenlet
        if greenlet is None:
            return
        left = self._at - monotonic()
        if left > 0:
            self._start(left)
        else:
            self._greenlet = None
            greenlet.throw(DeadlineExceeded)
