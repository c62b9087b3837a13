"""A greenlet that waits for something that the event loop will find, with a deadline."""

from __future__ import annotations

from typing import Any, Final

from gevent import get_hub, getcurrent

from wireswarm.net.deadline import Deadline, DeadlineExceeded

_NOTHING: Final = object()


class Waiter:
    """One wait at a time, for one greenlet at a time; made once and used again. On the hot path of acknowledged emits.

    Where the event loop itself delivers, it switches to the greenlet directly, without an event or a queue in between
    (`bench/socketio_emits.py`).
    """

    __slots__ = ("_deadline", "_greenlet", "_hub", "_value")

    def __init__(self) -> None:
        self._hub = get_hub()
        self._deadline = Deadline()
        self._greenlet: Any = None
        self._value: Any = _NOTHING

    def expect(self) -> None:
        """Forget what was delivered before. What comes from now on is not missed, whether or not anybody waits yet."""
        self._value = _NOTHING

    def wait(self, seconds: float) -> Any:
        """Wait until something is delivered, and return it.

        Raises:
            TimeoutError: nothing was, for so many seconds.
        """
        if self._value is _NOTHING:
            self._greenlet = getcurrent()
            self._deadline.arm(seconds)
            try:
                while self._value is _NOTHING:
                    self._hub.switch()
            except DeadlineExceeded:
                raise TimeoutError from None
            finally:
                self._greenlet = None
                self._deadline.disarm()
        return self._value

    def delivered(self) -> Any:
        """What was delivered, also after the wait has ended; None where nothing was."""
        return None if self._value is _NOTHING else self._value

    def deliver(self, value: Any) -> None:
        """Let the wait end with that value. Only the first one counts."""
        if self._value is not _NOTHING:
            return
        self._value = value
        greenlet = self._greenlet
        if greenlet is None:
            return
        if getcurrent() is self._hub:
            greenlet.switch()
        else:
            # Whoever delivers is a greenlet that has to be able to go on.
            self._deadline.disarm()
            self._hub.loop.run_callback(self._resume)

    def close(self) -> None:
        """Let go of the timer."""
        self._deadline.close()

    def _resume(self) -> None:
        # The greenlet may have been killed in the meantime, and another one be waiting for something else.
        if self._greenlet is not None and self._value is not _NOTHING:
            self._greenlet.switch()
