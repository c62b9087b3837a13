"""A wait of no time costs no turn of the event loop where the user has just waited for an answer.

Locust sleeps between two tasks even for 0 s, so that every other user gets its turn. A user whose last task has waited
for an answer has given them that already, and a turn is a tenth of its request (`bench/http_throughput.py`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from locust import TaskSet

from wireswarm.users import WireUser


@functools.cache
def skip_empty_waits() -> None:
    """Have our users go on at once after a wait of 0 s, in this process, whenever the others have had their turn."""
    sleep: Callable[[Any, float], None] = TaskSet._sleep

    @functools.wraps(sleep)
    def sleep_if_needed(self: Any, seconds: float) -> None:
        user = self._user
        if seconds or not (isinstance(user, WireUser) and user.has_waited()):
            sleep(self, seconds)

    TaskSet._sleep = sleep_if_needed  # type: ignore[method-assign]
