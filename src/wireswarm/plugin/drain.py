"""A stop that loses no sample: the workers' last reports are in before the master goes on to its end.

`MasterRunner.quit` waits half a second for them, however long the users take to end what they are doing
(`locust/runners.py`), and a worker that is told to quit by a signal sends none. So the master first asks every worker
to stop its users and report, and waits for their answers; a worker that quits on its own does the same by itself.
"""

from __future__ import annotations

import logging
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

logger = logging.getLogger(__name__)

MARGIN_SECONDS = 10.0
"""How much longer than the stop timeout the workers may take: their clean-ups, and the way here and back."""

_DRAIN = "wireswarm-drain"
_DRAINED = "wireswarm-drained"


def install_drain(environment: Environment) -> None:
    """Have that environment's runner stop without loss."""
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        _Master(environment, runner)
    elif isinstance(runner, WorkerRunner):
        _Worker(environment, runner)


class _Worker:
    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self._runner = runner
        runner.register_message(_DRAIN, self._on_drain, concurrent=True)
        # Registered after Locust's own listener, which says "quit" to the master: in reverse order, this one is first.
        environment.events.quitting.add_listener(self._stop_and_report)

    def _on_drain(self, **_kwargs: Any) -> None:
        self._stop_and_report()
        self._runner.send_message(_DRAINED)

    def _stop_and_report(self, **_kwargs: Any) -> None:
        self._runner.stop()
        self._runner._send_stats()


class _Master:
    def __init__(self, environment: Environment, runner: MasterRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._awaited: set[str] = set()
        self._all_in = Event()
        runner.register_message(_DRAINED, self._on_drained)
        environment.events.test_stopping.add_listener(self._on_test_stopping)

    def _on_test_stopping(self, **_kwargs: Any) -> None:
        self._awaited = {node.id for node in self._runner.clients.all if node.state != STATE_MISSING}
        self._all_in.clear()
        for worker in list(self._awaited):
            self._runner.send_message(_DRAIN, client_id=worker)
        limit = self._environment.stop_timeout + MARGIN_SECONDS
        with gevent.Timeout(limit, False):  # type: ignore[arg-type]  # False: ends the block silently
            while self._forget_the_lost():
                self._all_in.wait(1.0)
        if self._awaited:
            logger.error("%d workers did not send their last report within %g s", len(self._awaited), limit)

    def _forget_the_lost(self) -> set[str]:
        for worker in list(self._awaited):
            node = self._runner.clients.get(worker)
            if node is None or node.state == STATE_MISSING:
                self._awaited.discard(worker)
        return self._awaited

    def _on_drained(self, msg: Any, **_kwargs: Any) -> None:
        self._awaited.discard(msg.node_id)
        if not self._awaited:
            self._all_in.set()
