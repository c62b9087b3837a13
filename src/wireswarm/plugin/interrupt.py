"""Ctrl-C that breaks off nothing: it reaches the main greenlet alone, not the one that happens to run.

Python raises KeyboardInterrupt in whatever is running, under gevent often a user between an answer and its sample.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import cast

import gevent
from gevent.hub import Hub
from greenlet import greenlet


def deliver_interrupts_to_main() -> None:
    """Take over SIGINT, where Python's own handler has it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        _Interrupt(gevent.get_hub()).install()


class _Interrupt:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._main = cast("greenlet", hub.parent)
        self._pending = False

    def install(self) -> None:
        signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        current = gevent.getcurrent()
        # Who asks again is not waited for: a user may be in an endless loop.
        if self._pending or current is self._hub or current is self._main:
            self._pending = False
            raise KeyboardInterrupt
        self._pending = True
        self._hub.loop.run_callback_threadsafe(self._interrupt_main)

    def _interrupt_main(self) -> None:
        if self._pending:
            self._pending = False
            self._main.throw(KeyboardInterrupt())
