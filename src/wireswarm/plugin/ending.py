"""Ends a test before its time, from whichever greenlet, and remembers why."""

from __future__ import annotations

from typing import Final

import gevent
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner

ENDED_BY: Final = "wireswarm_ended_by"
"""Attribute of an `Environment`: what has ended its last test."""

ARRIVALS: Final = "arrivals"
ITERATIONS: Final = "iterations"
SIGNAL: Final = "signal"
THRESHOLD: Final = "threshold"
RUN_TIME: Final = "run time"
SET_UP: Final = "set-up"
SHAPE: Final = "shape"
WEB: Final = "web"

_EARLY_SECONDS: Final = 3.0
"""By how much Locust's timer of the run time may be early: it is set before the test starts, and by a clock that has
stood still while Locust prepared everything."""


def note_end(environment: Environment, reason: str) -> None:
    """Note why the test ends. The first reason counts: what comes after it is its consequence."""
    vars(environment).setdefault(ENDED_BY, reason)


def note_usual_end(environment: Environment, elapsed_s: float) -> None:
    """Note which of Locust's own ways to end a test this is, where nothing of ours has ended it.

    It does not say so by itself. To be called when the test begins to stop, in the greenlet that stops it.

    Args:
        environment: whose test it is.
        elapsed_s: how long the test has run.
    """
    run_time = getattr(environment.parsed_options, "run_time", None)
    runner = environment.runner
    if run_time and elapsed_s >= float(run_time) - min(_EARLY_SECONDS, float(run_time) / 2):
        note_end(environment, RUN_TIME)
    elif isinstance(runner, LocalRunner | MasterRunner) and runner.shape_greenlet is gevent.getcurrent():
        note_end(environment, SHAPE)
    elif environment.web_ui is not None:
        note_end(environment, WEB)


def end_test(environment: Environment, reason: str) -> None:
    """Stop the test, and where there is no web UI to start another one, end the process.

    In a greenlet of its own: whoever noticed the end may be a user, or the one that reads the workers' messages.
    """
    note_end(environment, reason)
    gevent.spawn(_end, environment)


def _end(environment: Environment) -> None:
    runner, options = environment.runner, environment.parsed_options
    if runner is None:
        return
    if not getattr(options, "headless", False):
        runner.stop()
        seconds = getattr(options, "autoquit", -1) if getattr(options, "autostart", False) else -1
        if seconds == -1:
            return
        gevent.sleep(seconds)  # as Locust does at the end of --run-time
    runner.quit()
    if environment.web_ui:
        environment.web_ui.stop()
