"""`--iterations N`: that many flows or tasks in all, in one process or over all workers, then stop.

A worker asks the master for a share when it has none left, and says how many it has done; both go in one message. Its
statistics go out before the message that its share is done, and messages of one worker arrive in order, so the master
knows all there is to know when the last one is in.
"""

from __future__ import annotations

import logging
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import STATE_MISSING, LocalRunner, MasterRunner, WorkerRunner

from wireswarm.plugin.gate import set_gate
from wireswarm.plugin.ledger import IterationLedger

logger = logging.getLogger(__name__)

_ASK = "wireswarm-iterations-ask"
_GRANT = "wireswarm-iterations-grant"
_WATCH_SECONDS = 1.0


def install_iterations(environment: Environment) -> None:
    """Obey `--iterations` in that environment, whichever kind of runner it has."""
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        _Master(environment, runner)
    elif isinstance(runner, WorkerRunner):
        _WorkerGate(environment, runner)
    elif isinstance(runner, LocalRunner):
        _LocalGate(environment)


def _wanted(environment: Environment) -> int:
    return int(getattr(environment.parsed_options, "iterations", 0) or 0)


def _end_test(environment: Environment) -> None:
    # In a greenlet of its own: whoever noticed the end may be a user, or the one that reads the workers' messages.
    runner, options = environment.runner, environment.parsed_options
    logger.info("All iterations are done")
    if runner is not None:
        gevent.spawn(runner.quit if options and options.headless else runner.stop)


class _LocalGate:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._ledger = IterationLedger(0)
        environment.events.test_start.add_listener(self._on_test_start)

    def _on_test_start(self, **_kwargs: Any) -> None:
        total = _wanted(self._environment)
        self._ledger = IterationLedger(total)
        set_gate(self._environment, self if total else None)

    def enter(self) -> None:
        if not self._ledger.unassigned:
            raise StopUser
        self._ledger.unassigned -= 1

    def leave(self) -> None:
        self._ledger.finish("", 1)
        if self._ledger.complete:
            _end_test(self._environment)


class _WorkerGate:
    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._start()
        runner.register_message(_GRANT, self._on_grant)
        environment.events.test_start.add_listener(self._on_test_start)

    def _start(self) -> None:
        self._granted = self._running = self._done = 0
        self._asking = self._ended = False
        self._answered = Event()

    def _on_test_start(self, **_kwargs: Any) -> None:
        self._start()
        set_gate(self._environment, self if _wanted(self._environment) else None)

    def enter(self) -> None:
        while not self._granted:
            if self._ended:
                raise StopUser
            if not self._asking:
                self._asking = True
                self._answered.clear()
                self._tell(ask=True)
            self._answered.wait()
        self._granted -= 1
        self._running += 1

    def leave(self) -> None:
        self._running -= 1
        self._done += 1
        if not self._running and not self._granted:
            self._runner._send_stats()
            self._tell(ask=False)

    def _tell(self, *, ask: bool) -> None:
        done, self._done = self._done, 0
        self._runner.send_message(_ASK, {"done": done, "ask": ask})

    def _on_grant(self, msg: Any, **_kwargs: Any) -> None:
        self._granted += msg.data["granted"]
        self._ended = not msg.data["granted"]
        self._asking = False
        self._answered.set()


class _Master:
    def __init__(self, environment: Environment, runner: MasterRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._ledger = IterationLedger(0)
        self._ended = True
        runner.register_message(_ASK, self._on_ask)
        environment.events.test_start.add_listener(self._on_test_start)

    def _on_test_start(self, **_kwargs: Any) -> None:
        self._ledger = IterationLedger(_wanted(self._environment))
        self._ended = not self._ledger.total
        if not self._ended:
            gevent.spawn(self._watch_for_lost_workers)

    def _on_ask(self, msg: Any, **_kwargs: Any) -> None:
        worker = msg.node_id
        self._ledger.finish(worker, msg.data["done"])
        if msg.data["ask"]:
            granted = self._ledger.grant(worker, self._runner.worker_count)
            self._runner.send_message(_GRANT, {"granted": granted}, client_id=worker)
        self._end_if_complete()

    def _watch_for_lost_workers(self) -> None:
        # Locust fires no event when a worker goes missing.
        while not self._ended:
            gevent.sleep(_WATCH_SECONDS)
            for worker in self._ledger.workers:
                node = self._runner.clients.get(worker)
                if node is None or node.state == STATE_MISSING:
                    logger.error("A worker is gone; %d iterations will not be done", self._ledger.lose(worker))
            self._end_if_complete()

    def _end_if_complete(self) -> None:
        if self._ledger.complete and not self._ended:
            self._ended = True
            _end_test(self._environment)
