"""Clean-ups that a flow has promised to do, however it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Cleanup:
    """One deferred call. Calling it does it now, and keeps it from being done again at the end."""

    __slots__ = ("_args", "_function", "_kwargs", "done")

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._function = function
        self._args = args
        self._kwargs = kwargs
        self.done = False

    def __call__(self) -> Any:
        """Do it, the first time that it is called; later calls return None."""
        if self.done:
            return None
        # Set before the call: one that fails is not tried a second time.
        self.done = True
        return self._function(*self._args, **self._kwargs)

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

    def pop(self) -> Cleanup | None:
        """The next one to do, None once all are done."""
        while self._stack:
            cleanup = self._stack.pop()
            if not cleanup.done:
                return cleanup
        return None

    @property
    def left(self) -> int:
        """How many are still to do."""
        return sum(not cleanup.done for cleanup in self._stack)
