"""The gate before every task: where a user is admitted to its next iteration, or told that there are no more.

Locust calls `execute_task` for every task; that is the one place that knows of stock and own users alike, so it is
wrapped, once. A task set is passed through, since the functions inside it are what counts; a `Flow` has one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

from locust import TaskSet
from locust.env import Environment
from locust.user.task import DefaultTaskSet

_ATTRIBUTE = "wireswarm_gate"


class Gate(Protocol):
    """Decides about iterations."""

    def enter(self) -> None:
        """Wait for the next iteration. Raises `locust.exception.StopUser` where there is none."""

    def leave(self) -> None:
        """The iteration has ended, however."""


def set_gate(environment: Environment, gate: Gate | None) -> None:
    """Put a gate before the tasks of that environment, or take it away."""
    _wrap_execute_task()
    setattr(environment, _ATTRIBUTE, gate)


@functools.cache
def _wrap_execute_task() -> None:
    for cls in (TaskSet, DefaultTaskSet):
        cls.execute_task = _gated(cls.execute_task)  # type: ignore[method-assign]


def _gated(original: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    @functools.wraps(original)
    def execute_task(self: Any, task: Any) -> None:
        gate: Gate | None = getattr(self.user.environment, _ATTRIBUTE, None)
        if gate is None or hasattr(task, "tasks"):
            original(self, task)
            return
        gate.enter()
        try:
            original(self, task)
        finally:
            gate.leave()

    return execute_task
