"""Clean-ups that a flow has promised to do, however it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from gevent import GreenletExit


class Cleanup:
    """One deferred call. Calling it does it now, and keeps it from being done again at the end."""

    __slots__ = ("_args", "_function", "_kwargs", "done")

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self.done = False

    def __call__(self) -> Any:
        """Do it, the first time that it is called; later calls return None.

        One that fails is done all the same. One that is cut off, as the user is killed, is not: nobody knows how far
        it came, and to do something twice is better than to leave it behind.
        """
        if self.done:
            return None
        self.done = True
        try:
            return self._function(*self._args, **self._kwargs)
        except (GreenletExit, gevent.Timeout):
            self.done = False
            raise

    def __repr__(self) -> str:
        return f"<Cleanup {getattr(self._function, '__qualname__', self._function)}>"


class Cleanups:
    """The clean-ups of one flow, done in reverse order."""

    __slots__ = ("_stack",)

    def __init__(self) -> None:
        self._stack: list[Cleanup] = []

    def add(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Cleanup:
        """Promise one."""
        cleanup = Cleanup(function, args, kwargs)
        self._stack.append(cleanup)
        return cleanup

    def next(self) -> Cleanup | None:
        """The next one to do, None once all are done. It stays the next one until it is done."""
        while self._stack and self._stack[-1].done:
            self._stack.pop()
        return self._stack[-1] if self._stack else None

    @property
    def left(self) -> int:
        """How many are still to do."""
        return sum(not cleanup.done for cleanup in self._stack)
