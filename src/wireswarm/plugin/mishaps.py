"""Exceptions, and users that had to be killed: what Locust only logs, counted for the report."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

from locust.env import Environment

_LISTENER = "Uncaught exception in event handler"  # as locust/event.py logs it


class MishapWatch:
    """Tells of each exception of a user or a listener, while it is on and when the process ends."""

    def __init__(self, environment: Environment, count: Callable[[str], None], kill: Callable[[], None]) -> None:
        """Begin with users.

        Args:
            environment: where to look.
            count: is told the text of each exception.
            kill: is called when users were killed, since they did not end by themselves.
        """
        self._environment = environment
        self._count = count
        self._kill = kill
        self._filter = _ListenerFilter(count)
        environment.events.user_error.add_listener(self._on_user_error)
        environment.events.quit.add_listener(self._on_quit)
        runner = environment.runner
        if runner is not None:
            runner.stop_users = self._timed(runner.stop_users)  # type: ignore[method-assign]

    def on(self) -> None:
        """Look at listeners as well, whose exceptions are only in the log."""
        logging.getLogger().addFilter(self._filter)

    def off(self) -> None:
        """Leave the log alone, until the process ends."""
        logging.getLogger().removeFilter(self._filter)
        quitting = self._environment.events.quitting
        if self._on_quitting in quitting._handlers:
            quitting.remove_listener(self._on_quitting)
        quitting.add_listener(self._on_quitting)  # once more at the end, for these are told in reverse order

    def _on_quitting(self, **_kwargs: Any) -> None:
        self.on()

    def _on_quit(self, **_kwargs: Any) -> None:
        logging.getLogger().removeFilter(self._filter)

    def _on_user_error(self, exception: BaseException, **_kwargs: Any) -> None:
        self._count(f"{type(exception).__name__}: {exception}")

    def _timed(self, stop_users: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(stop_users)
        def stop_and_look(*args: Any, **kwargs: Any) -> None:
            began, limit = time.monotonic(), self._environment.stop_timeout
            stop_users(*args, **kwargs)
            if limit and time.monotonic() - began >= limit:
                self._kill()

        return stop_and_look


class _ListenerFilter(logging.Filter):
    def __init__(self, count: Callable[[str], None]) -> None:
        super().__init__()
        self._count = count

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str) and record.msg.startswith(_LISTENER):
            lines = record.getMessage().strip().splitlines()
            self._count(f"listener: {lines[-1].strip()}")
        return True
