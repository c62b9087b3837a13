"""A worker whose master is gone ends its load soon, instead of after a minute.

Locust's own limit of 60 s (`locust/runners.py`, heartbeat_timeout_checker) is kept for workers that do nothing.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import gevent
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, WorkerRunner

logger = logging.getLogger(__name__)

ORPHANED: Final = 5
"""Exit code of a worker that has lost its master."""
SILENT_SECONDS: Final = 6.0
"""Without a word from the master, which answers every second."""
_LOOK_SECONDS: Final = 0.5


def install_orphan_watch(environment: Environment) -> None:
    """Watch over that environment's master, where it has one."""
    if isinstance(environment.runner, WorkerRunner):
        _Watch(environment, environment.runner)


class _Watch:
    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._silent_s = 0.0
        environment.events.heartbeat_received.add_listener(self._on_heartbeat)
        # In no group of the runner's, which is killed when it quits.
        self._greenlet = gevent.spawn(self._look)

    def _on_heartbeat(self, **_kwargs: Any) -> None:
        self._silent_s = 0.0

    def _look(self) -> None:
        last = time.monotonic()
        while self._silent_s < SILENT_SECONDS:
            gevent.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            # Time in which this process stood still itself says nothing about the master.
            passed, last = min(now - last, 2 * _LOOK_SECONDS), now
            loads = self._runner.worker_state in {STATE_RUNNING, STATE_SPAWNING}
            self._silent_s = self._silent_s + passed if loads else 0.0
        logger.error("No word from the master for %g s: it is gone, and this worker ends its load", SILENT_SECONDS)
        self._environment.process_exit_code = ORPHANED
        self._runner.quit()
