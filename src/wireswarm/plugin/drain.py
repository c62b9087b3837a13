"""A stop that loses no sample: the workers' last reports are in before the master goes on to its end.

`MasterRunner.quit` waits half a second for them, however long the users take to end what they are doing
(`locust/runners.py`), and a worker that is told to quit by a signal sends none. So the master first asks every worker
to stop its users and report, and waits for their answers; a worker that quits on its own does the same by itself.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event
from gevent.lock import RLock
from locust import User
from locust.env import Environment
from locust.runners import STATE_MISSING, STATE_STOPPING, MasterRunner, Runner, WorkerRunner
from locust.user.task import LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from wireswarm.plugin.hanging import stop_in_time, watch_on_stop
from wireswarm.plugin.tags import all_flows

logger = logging.getLogger(__name__)

MARGIN_SECONDS = 10.0
"""How much longer than the stop timeout and the clean-ups the workers may take: what users do in `on_stop`, and the way
here and back."""

_DRAIN = "wireswarm-drain"
_DRAINED = "wireswarm-drained"


def install_drain(environment: Environment) -> None:
    """Have that environment's runner stop without loss."""
    runner = environment.runner
    if runner is None:
        return
    _stop_before_the_next_task()
    runner.stop = _one_at_a_time(runner, runner.stop)  # type: ignore[method-assign]
    runner.stop_users = stop_in_time(runner, runner.stop_users)  # type: ignore[method-assign]
    if isinstance(runner, MasterRunner):
        _Master(environment, runner)
    elif isinstance(runner, WorkerRunner):
        _Worker(environment, runner)


def _one_at_a_time(runner: Runner, stop: Callable[..., None]) -> Callable[..., None]:
    # A second stop beside the first, such as by a signal at the end of --run-time, would kill the users in their
    # clean-ups, or quit before the reports are in.
    lock = RLock()

    @functools.wraps(stop)
    def stop_alone(*args: Any, **kwargs: Any) -> None:
        current: Any = gevent.getcurrent()
        if isinstance(runner, MasterRunner) and current in runner.greenlet:
            stop(*args, **kwargs)  # the one that is awaited for the reports; a master does not stop twice
            return
        with lock:
            stop(*args, **kwargs)

    return stop_alone


@functools.cache
def _stop_before_the_next_task() -> None:
    # Locust kills a user that waits between two tasks. gevent does so a moment later, and a user whose wait is over in
    # that moment would be killed in the middle of a request; told to stop as well, it does not begin one.
    original = User.stop

    @functools.wraps(original)
    def stop(self: User, force: bool = False) -> bool:
        watch_on_stop(self)
        if self._state == LOCUST_STATE_WAITING and not force:
            self._state = LOCUST_STATE_STOPPING
            # Nor is it awaited here, where its `on_stop` would count as no part of the stop timeout.
            self._group.killone(self._greenlet, block=False)  # type: ignore[arg-type]  # started, or it would not wait
            return True
        if self._state == LOCUST_STATE_STOPPING and not force:
            return False  # users that are moved elsewhere while the test ends are stopped twice, which Locust raises at
        return bool(original(self, force))

    User.stop = stop  # type: ignore[method-assign]


class _Worker:
    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self._runner = runner
        self._drained = self._has_quit = False
        runner.register_message(_DRAIN, self._on_drain, concurrent=True)
        environment.events.test_start.add_listener(self._on_test_start)
        # Registered after Locust's own listener, which says "quit" to the master: in reverse order, this one is first.
        environment.events.quitting.add_listener(self._on_quitting)
        runner.start_worker = self._unless_drained(runner.start_worker)  # type: ignore[method-assign]

    def _unless_drained(self, start_worker: Callable[..., None]) -> Callable[..., None]:
        # A step of a ramp-up that was under way when the master decided to stop comes after its decision.
        @functools.wraps(start_worker)
        def start_unless_drained(*args: Any, **kwargs: Any) -> None:
            if not self._drained:
                start_worker(*args, **kwargs)

        return start_unless_drained

    def _on_test_start(self, **_kwargs: Any) -> None:
        self._drained = False

    def _on_drain(self, **_kwargs: Any) -> None:
        self._stop_and_report()
        # Told to stop as well, by the web UI's button, a worker sleeps for the stop timeout before it listens again,
        # unknown to its master: who ends that one in the meantime would leave the worker behind for a minute. There is
        # nobody left to wait for, and the next test comes with a stop timeout.
        self._runner.environment.stop_timeout = 0
        self._runner.send_message(_DRAINED)

    def _on_quitting(self, **_kwargs: Any) -> None:
        self._stop_and_report()
        self._has_quit = True

    def _stop_and_report(self) -> None:
        self._drained = True
        self._runner.stop()
        if not self._has_quit:  # after that the master does not know it any more
            self._runner._send_stats()


class _Master:
    def __init__(self, environment: Environment, runner: MasterRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._awaited: set[str] = set()
        self._all_in = Event()
        self._starting: set[Any] = set()
        runner.register_message(_DRAINED, self._on_drained)
        runner.start = self._noted(runner.start)  # type: ignore[method-assign]
        environment.events.test_stopping.add_listener(self._on_test_stopping)

    def _noted(self, start: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(start)
        def noted_start(*args: Any, **kwargs: Any) -> None:
            current = gevent.getcurrent()
            self._starting.add(current)
            try:
                start(*args, **kwargs)
            finally:
                self._starting.discard(current)

        return noted_start

    def _on_test_stopping(self, **_kwargs: Any) -> None:
        runner = self._runner
        # As stop() itself does next. The last worker's "quit", which may come while its report is awaited, stops the
        # test too, and everybody would be told twice.
        runner.update_state(STATE_STOPPING)
        self._end_ramp_up()
        if not runner.worker_count:
            self._quit_without_workers()
            return
        self._awaited = {node.id for node in runner.clients.all if node.state != STATE_MISSING}
        self._all_in.clear()
        for worker in list(self._awaited):
            runner.send_message(_DRAIN, client_id=worker)
        flows = all_flows(runner.user_classes)
        limit = self._environment.stop_timeout + max((f.cleanup_timeout for f in flows), default=0.0) + MARGIN_SECONDS
        with gevent.Timeout(limit, False):  # type: ignore[arg-type]  # False: ends the block silently
            while self._forget_the_lost():
                self._all_in.wait(1.0)
        if self._awaited:
            logger.error("%d workers did not send their last report within %g s", len(self._awaited), limit)

    def _end_ramp_up(self) -> None:
        # It would go on sending users to workers, and say that the test is running when it is through. What else runs
        # in one of the runner's own greenlets is no ramp-up.
        runner = self._runner
        ramps = {greenlet for greenlet in self._starting if greenlet not in runner.greenlet}
        for ramp in (*ramps, runner.shape_greenlet):
            if ramp is not None and ramp is not gevent.getcurrent():
                gevent.kill(ramp)

    def _quit_without_workers(self) -> None:
        # Locust stops the test when the last worker has gone missing, and then waits for ever for what cannot come.
        options = self._environment.parsed_options
        if options is not None and options.headless and self._runner.clients.missing:
            logger.error("No worker is left")
            if self._environment.process_exit_code is None:
                self._environment.process_exit_code = 1
            gevent.spawn(self._runner.quit)

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
