"""Ctrl-C and SIGTERM end a run as its own end does: users finish, reports come in, and Locust says so once.

Python raises KeyboardInterrupt in whatever is running, under gevent often a user between an answer and its sample, and
Locust then writes its HTML report before it stops. At a SIGTERM Locust shuts down twice, side by side, and the second
overwrites the `--json-file` of the first with statistics that have been reset (`locust/main.py`, shutdown). While it
waits for workers, or for a load shape to end, it has no handler yet and is killed as it stands.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, cast

import gevent
from gevent.event import Event
from greenlet import greenlet
from locust.env import Environment
from locust.runners import STATE_INIT

from wireswarm.plugin.ending import SIGNAL, note_end

TERMINATED = 128 + signal.SIGTERM
"""Exit code of a process that is told to end before its test has begun, as shells have it."""


def end_gently(environment: Environment) -> None:
    """Have that environment's process, which is Locust's own, end so. For the main thread, once there is a runner."""
    _Signals(environment).install()


class _Signals:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._hub = gevent.get_hub()
        self._main = cast("greenlet", self._hub.parent)
        self._interrupted = False

    def install(self) -> None:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._on_interrupt)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._on_terminate)  # until Locust has its own
        self._environment.events.quitting.add_listener(self._on_quitting)

    def _on_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        # Who asks again is not waited for: a user may be in an endless loop.
        if self._interrupted or gevent.getcurrent() is self._main:
            raise KeyboardInterrupt
        self._interrupted = True
        self._hub.loop.run_callback_threadsafe(gevent.spawn, self._end, KeyboardInterrupt())

    def _on_terminate(self, _number: int, _frame: FrameType | None) -> None:
        self._hub.loop.run_callback_threadsafe(gevent.spawn, self._end, SystemExit(TERMINATED))

    def _on_quitting(self, **_kwargs: Any) -> None:
        if gevent.getcurrent() is not self._main:  # Locust's handler of SIGTERM, in a greenlet of its own
            self._end(KeyboardInterrupt())
            Event().wait()  # what it would do next, the main greenlet does; an exception would be thrown at that

    def _end(self, interruption: BaseException) -> None:
        # The main greenlet waits for the end of what is ended here, and then shuts down.
        runner, web_ui = self._environment.runner, self._environment.web_ui
        if runner is None or runner.state == STATE_INIT:
            # It may as well wait for workers, and there is nothing to lose.
            self._hub.loop.run_callback(self._main.throw, interruption)
            return
        note_end(self._environment, SIGNAL)
        runner.quit()
        if web_ui:
            web_ui.stop()
