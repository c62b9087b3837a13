"""A worker that stood still for seconds asks before it goes on.

Its master may have given it up and its users to others meanwhile, and with both there would be more load than was asked
for. So it parks its users at once, before any of them begins another task, until the master has everybody counted.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import gevent
from gevent.event import Event
from locust import User
from locust.env import Environment
from locust.runners import STATE_MISSING, STATE_RUNNING, STATE_SPAWNING, MasterRunner, WorkerRunner

from wireswarm.plugin.arrival_gate import ArrivalGate
from wireswarm.plugin.gate import Gate, current_gate, park, set_gate

logger = logging.getLogger(__name__)

GAP_SECONDS: Final = 3.0
"""A worker that stood still for longer is not sure what is expected of it."""
_LOOK_SECONDS: Final = 0.25
_EXCESS: Final = 1.05
"""Share of the wanted users up to which a worker is admitted."""
_PATIENCE_SECONDS: Final = 20.0
"""After which a worker that is there is admitted whatever the count says: users may take long to end."""
_AGAIN_SECONDS: Final = 5.0
"""After which a worker that was not answered asks again: its master may have forgotten it meanwhile."""
_ASK: Final = "wireswarm-admission-ask"
_ADMIT: Final = "wireswarm-admission"


def install_admission(environment: Environment) -> None:
    """Have workers ask, and the master answer."""
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        _Master(environment, runner)
    elif isinstance(runner, WorkerRunner):
        _Worker(environment, runner)


class HeldGate:
    """A gate before another one, or before none, at which everybody waits until it is opened."""

    def __init__(self, behind: Gate | None) -> None:
        self.behind = behind
        self.opened = Event()

    def enter(self, user: User) -> None:
        """See `Gate.enter`."""
        if not self.opened.is_set():
            park(user, self.opened)
        if self.behind is not None:
            self.behind.enter(user)

    def leave(self) -> None:
        """See `Gate.leave`."""
        if self.behind is not None:
            self.behind.leave()


class _Worker:
    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._held: HeldGate | None = None
        self._last = self._asked = time.monotonic()
        runner.register_message(_ADMIT, self._on_admit)
        environment.events.test_start.add_listener(self._release)
        environment.events.test_stopping.add_listener(self._release)
        # In the loop itself, and before all else that is due in the same turn of it.
        loop: Any = gevent.get_hub().loop
        self._timer = loop.timer(_LOOK_SECONDS, _LOOK_SECONDS, ref=False, priority=loop.MAXPRI)
        self._timer.start(self._look)

    def _look(self) -> None:
        now = time.monotonic()
        gap, self._last = now - self._last, now
        if gap > GAP_SECONDS and self._held is None and self._runner.worker_state in {STATE_RUNNING, STATE_SPAWNING}:
            behind = current_gate(self._environment)
            if isinstance(behind, ArrivalGate):
                behind.hold()
            self._held = HeldGate(behind)
            set_gate(self._environment, self._held)
            self._asked = now
            gevent.spawn(self._ask, gap)
        elif self._held is not None and now - self._asked > _AGAIN_SECONDS:
            self._asked = now
            gevent.spawn(self._ask)

    def _ask(self, gap: float = 0.0) -> None:
        if gap:
            logger.warning("This worker stood still for %.1f s; its users wait until the master admits them", gap)
        self._runner.send_message(_ASK, {"users": self._runner.user_classes_count})

    def _on_admit(self, **_kwargs: Any) -> None:
        if self._held is not None:
            logger.info("The master has admitted this worker again")
        self._release()

    def _release(self, **_kwargs: Any) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        if isinstance(held.behind, ArrivalGate):
            held.behind.go_on()
        if current_gate(self._environment) is held:
            set_gate(self._environment, held.behind)
        held.opened.set()


class _Master:
    def __init__(self, environment: Environment, runner: MasterRunner) -> None:
        self._runner = runner
        self._asked: dict[str, float] = {}
        self._greenlet: gevent.Greenlet[[], None] | None = None
        runner.register_message(_ASK, self._on_ask)

    def _on_ask(self, msg: Any, **_kwargs: Any) -> None:
        self._asked.setdefault(msg.node_id, time.monotonic())
        node = self._runner.clients.get(msg.node_id)
        if node is not None:
            node.user_classes_count = msg.data["users"]  # of which it may not have heard since it was missing
        if self._greenlet is None or self._greenlet.dead:
            self._greenlet = gevent.spawn(self._admit)

    def _admit(self) -> None:
        runner = self._runner
        while self._asked:
            gevent.sleep(_LOOK_SECONDS)
            for worker, since in list(self._asked.items()):
                node = runner.clients.get(worker)
                if node is None:
                    del self._asked[worker]
                elif node.state != STATE_MISSING and (
                    runner.user_count <= _EXCESS * runner.target_user_count
                    or time.monotonic() - since > _PATIENCE_SECONDS
                ):
                    del self._asked[worker]
                    runner.send_message(_ADMIT, client_id=worker)
