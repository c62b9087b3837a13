"""Ends a test before its time, from whichever greenlet, and remembers why."""

from __future__ import annotations

from typing import Final

import gevent
from locust.env import Environment

ENDED_BY: Final = "wireswarm_ended_by"
"""Attribute of an `Environment`: what has ended its last test, where that was not the run time."""

ITERATIONS: Final = "iterations"
SIGNAL: Final = "signal"
THRESHOLD: Final = "threshold"
RUN_TIME: Final = "run time"


def note_end(environment: Environment, reason: str) -> None:
    """Note why the test ends. The first reason counts: what comes after it is its consequence."""
    vars(environment).setdefault(ENDED_BY, reason)


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
