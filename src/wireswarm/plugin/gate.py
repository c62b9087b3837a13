"""The gate before every task: where a user is admitted to its next iteration, or waits for the end of the test.

Locust calls `execute_task` for every task; that is the one place that knows of stock and own users alike, so it is
wrapped, once. A flow is one iteration, its `on_start` included. Any other task set is passed through, since the
functions inside it are what counts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

from gevent.event import Event
from locust import TaskSet, User
from locust.env import Environment
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING, DefaultTaskSet

from wireswarm.flows import Flow

_ATTRIBUTE = "wireswarm_gate"


class Gate(Protocol):
    """Decides about iterations."""

    def enter(self, user: User) -> None:
        """Return once that user may do an iteration, which can be never; `park` it while it waits."""

    def leave(self) -> None:
        """The iteration has ended, however."""


def set_gate(environment: Environment, gate: Gate | None) -> None:
    """Put a gate before the tasks of that environment, or take it away."""
    if gate is not None:
        _wrap_execute_task()  # not before there is one, since each task pays for it
    setattr(environment, _ATTRIBUTE, gate)


def current_gate(environment: Environment) -> Gate | None:
    """The gate before the tasks of that environment; None where there is none."""
    gate: Gate | None = getattr(environment, _ATTRIBUTE, None)
    return gate


def park(user: User, until: Event) -> None:
    """Let a user wait for something, in the state in which Locust stops users at once.

    It stays a running user until then. One that ended itself would be missed, and started anew, by every further step
    of a ramp-up.
    """
    user._state = LOCUST_STATE_WAITING
    until.wait()
    if user._state == LOCUST_STATE_STOPPING:
        raise StopUser
    user._state = LOCUST_STATE_RUNNING


@functools.cache
def _wrap_execute_task() -> None:
    for cls in (TaskSet, DefaultTaskSet):
        cls.execute_task = _gated(cls.execute_task)  # type: ignore[method-assign]


def _gated(original: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    @functools.wraps(original)
    def execute_task(self: Any, task: Any) -> None:
        gate: Gate | None = getattr(self._user.environment, _ATTRIBUTE, None)
        if gate is None or not _is_iteration(self, task):
            original(self, task)
            return
        gate.enter(self._user)
        try:
            original(self, task)
        finally:
            gate.leave()

    return execute_task


def _is_iteration(holder: Any, task: Any) -> bool:
    if isinstance(holder, Flow):
        return False  # the flow's one task; it was admitted as a whole
    return not hasattr(task, "tasks") or issubclass(task, Flow)
