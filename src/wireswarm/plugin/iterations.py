"""`--iterations N`: that many flows or tasks in all, in one process or over all workers, then stop.

A worker whose share is done asks the master for another. How many it has done goes with its statistics, in the same
message, so the master knows all there is to know about the iterations that it counts.
"""

from __future__ import annotations

import logging
from typing import Any

import gevent
from gevent.event import Event
from locust import User
from locust.env import Environment
from locust.runners import STATE_MISSING, STATE_RUNNING, LocalRunner, MasterRunner, WorkerRunner

from wireswarm.plugin.ending import ITERATIONS, end_test
from wireswarm.plugin.gate import park, set_gate
from wireswarm.plugin.ledger import IterationLedger

logger = logging.getLogger(__name__)

_ASK = "wireswarm-iterations-ask"
_GRANT = "wireswarm-iterations-grant"
_REPORT = "wireswarm_iterations"
_WATCH_SECONDS = 1.0
_PATIENCE = 5
"""How many looks in a row have to find nobody: the workers' counts of their users are up to 3 s old."""


def install_iterations(environment: Environment) -> None:
    """Obey `--iterations` in that environment, whichever kind of runner it has."""
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        _Master(environment, runner)
    elif isinstance(runner, WorkerRunner):
        _WorkerGate(environment, runner)
    elif isinstance(runner, LocalRunner):
        _LocalGate(environment, runner)


def _wanted(environment: Environment) -> int:
    return max(0, int(getattr(environment.parsed_options, "iterations", 0) or 0))


class _Watch:
    """Ends the test when all iterations are done, and also when nobody is left to do the rest."""

    def __init__(self, environment: Environment, runner: LocalRunner | MasterRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self.ledger = IterationLedger(0)
        environment.events.test_start.add_listener(self._on_test_start)
        environment.events.test_stopping.add_listener(self._on_test_stopping)

    def on_start(self, total: int) -> None:
        """A test begins, with that many iterations; 0 is without limit."""

    def look(self) -> None:
        """Called every second."""

    def check(self) -> None:
        """End the test if it is complete."""
        if self._greenlet is not None and self.ledger.complete:
            logger.info("All %d iterations are done", self.ledger.done)
            self._end()

    def _on_test_start(self, **_kwargs: Any) -> None:
        self._forget()
        total = _wanted(self._environment)
        self.ledger = IterationLedger(total)
        self.on_start(total)
        if total:
            self._greenlet = gevent.spawn(self._watch)

    def _on_test_stopping(self, **_kwargs: Any) -> None:
        self._forget()

    def _forget(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None

    def _watch(self) -> None:
        lonely = 0
        while lonely < _PATIENCE:
            gevent.sleep(_WATCH_SECONDS)
            self.look()
            self.check()
            lonely = lonely + 1 if self._nobody_left() else 0
        logger.error("No users are left for the last %d iterations", self.ledger.total - self.ledger.done)
        self._end()

    def _nobody_left(self) -> bool:
        runner = self._runner
        return runner.state == STATE_RUNNING and runner.target_user_count > 0 and not runner.user_count

    def _end(self) -> None:
        self._forget()
        end_test(self._environment, ITERATIONS)


class _LocalGate(_Watch):
    def on_start(self, total: int) -> None:
        set_gate(self._environment, self if total else None)

    def enter(self, user: User) -> None:
        if not self.ledger.grant_one(""):
            park(user, Event())

    def leave(self) -> None:
        self.ledger.finish("", 1)
        self.check()


class _WorkerGate:
    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._active = False
        self._begin()
        runner.register_message(_GRANT, self._on_grant)
        environment.events.test_start.add_listener(self._on_test_start)
        environment.events.report_to_master.add_listener(self._on_report)

    def _begin(self) -> None:
        self._granted = self._running = self._done = 0
        self._asking = False
        self._answered = Event()

    def _on_test_start(self, **_kwargs: Any) -> None:
        self._begin()
        self._active = _wanted(self._environment) > 0
        set_gate(self._environment, self if self._active else None)

    def enter(self, user: User) -> None:
        while not self._granted:
            if not self._asking:
                self._asking = True
                self._answered.clear()
                self._runner.send_message(_ASK)
            park(user, self._answered)
        self._granted -= 1
        self._running += 1

    def leave(self) -> None:
        self._running -= 1
        self._done += 1
        if not self._running and not self._granted:
            self._runner._send_stats()

    def _on_report(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not self._active:
            return
        back = 0
        if not self._runner.user_count:  # all were moved to other workers, or have died
            back, self._granted = self._granted, 0
        data[_REPORT] = {"done": self._done, "back": back}
        self._done = 0

    def _on_grant(self, msg: Any, **_kwargs: Any) -> None:
        self._granted += msg.data["granted"]
        self._asking = False
        self._answered.set()


class _Master(_Watch):
    def __init__(self, environment: Environment, runner: MasterRunner) -> None:
        super().__init__(environment, runner)
        self._master = runner
        self._hungry: dict[str, None] = {}
        runner.register_message(_ASK, self._on_ask)
        environment.events.worker_report.add_listener(self._on_report)

    def on_start(self, total: int) -> None:
        self._hungry = {}

    def look(self) -> None:
        # Locust fires no event when a worker goes missing, or comes back.
        for worker in self.ledger.workers:
            node = self._master.clients.get(worker)
            if node is None:  # it has quit, and its last report was before that
                self.ledger.give_back(worker, self.ledger.held(worker))
            elif node.state == STATE_MISSING:
                logger.error("A worker is gone; %d iterations may never be done", self.ledger.lose(worker))
        self._hand_out()

    def _on_ask(self, msg: Any, **_kwargs: Any) -> None:
        self._hungry[msg.node_id] = None
        self._hand_out()

    def _on_report(self, client_id: str, data: dict[str, Any], **_kwargs: Any) -> None:
        report = data.get(_REPORT)
        if report is None:
            return
        self.ledger.find(client_id)
        self.ledger.finish(client_id, report["done"])
        if report["back"]:
            self.ledger.give_back(client_id, report["back"])
            self._hand_out()
        self.check()

    def _hand_out(self) -> None:
        # Who gets nothing now stays hungry: another worker may leave, or give its share back.
        for worker in list(self._hungry):
            node = self._master.clients.get(worker)
            if node is None or node.state == STATE_MISSING:
                continue
            share = self.ledger.grant(worker, self._master.worker_count)
            if not share:
                return
            del self._hungry[worker]
            self._master.send_message(_GRANT, {"granted": share}, client_id=worker)
