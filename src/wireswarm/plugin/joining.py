"""A worker that joins a running test does nothing before the framework is hooked into it.

Locust's master orders a new worker to spawn users as soon as it connects, which is before the worker's `init` event
(`locust/runners.py`). Its `test_start` would be heard by nobody, and its first messages too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import gevent
from locust.runners import WorkerRunner

ATTACHED: Final = "wireswarm_attached"
"""Attribute of an `Environment` that the framework is hooked into."""

_STEP: Final = 0.005
_CONNECTED: Final = "ack"


@functools.cache
def wait_until_attached() -> None:
    """Have every worker of this process read no order before that, where the `locust` command makes it."""
    handle: Callable[[Any, Any], None] = WorkerRunner.handle_message

    @functools.wraps(handle)
    def handle_message(self: Any, msg: Any) -> None:
        # What follows stays in the socket, in order.
        while msg.type != _CONNECTED and not getattr(self.environment, ATTACHED, False):
            gevent.sleep(_STEP)
        handle(self, msg)

    WorkerRunner.handle_message = handle_message  # type: ignore[method-assign]
