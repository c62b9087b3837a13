"""The open load of an `Environment`: `--arrival-rate` in one process, and over workers that share one plan.

The users are there first. Then the master tells every worker the plan, how old it is by now, and how many users of each
class each worker has; all else each of them knows by itself, so no message is sent for an arrival. Where workers come,
go or get other users, the master tells a moment, a little ahead, from which on the stripes are others.

Workers go by how old the plan is, not by what time it is: machines' clocks may differ by more than a message takes.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any, Final, cast

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.event import EventHook
from locust.runners import STATE_MISSING, LocalRunner, MasterRunner, Runner, WorkerRunner

from wireswarm.errors import ConfigurationError
from wireswarm.metrics import Recorder
from wireswarm.plugin.arrival_gate import ArrivalGate, Users
from wireswarm.plugin.arrival_plan import ArrivalPlan, conflicts, plan_of, pool_problems, rate_shape_of
from wireswarm.plugin.ending import ARRIVALS, ENDED_BY, end_test
from wireswarm.plugin.exit_code import REFUSED
from wireswarm.plugin.gate import set_gate
from wireswarm.plugin.measuring import RECORDER
from wireswarm.users import WireUser

__all__ = ["install_arrivals", "rate_shape_of"]

logger = logging.getLogger(__name__)

_PLAN: Final = "wireswarm-arrivals-plan"
_STRIPES: Final = "wireswarm-arrivals-stripes"
_TIME: Final = "wireswarm-arrivals-time"
_MUSTER: Final = "wireswarm-arrivals-muster"
_MUSTERED: Final = "wireswarm-arrivals-mustered"
_LOCAL: Final = "local"
_CONDUCTOR: Final = "wireswarm_conductor"
"""Attribute of an `Environment`, of the master or the only process: its `_Conductor`."""

MUSTER_SECONDS: Final = 30.0
"""How long the start waits for users that are still in their `on_start`."""
_LEAD: Final = 0.25
"""Seconds from telling a plan to its first arrival."""
_AHEAD: Final = 1.0
"""Seconds from telling other stripes to the moment from which on they hold; well over `wireswarm.load.HORIZON`."""
_WATCH_SECONDS: Final = 0.25
_TIME_SECONDS: Final = 2.0
"""How often workers are told how old the plan is: one whose first message took long would be late ever after."""
_MUSTER_STEP: Final = 0.01
_END_STEP: Final = 0.1
_EARLY_SECONDS: Final = 1.0
"""Locust's timer of the run time may fire so much early, by the time since its test has started: it is set before."""


def install_arrivals(environment: Environment) -> None:
    """Obey `--arrival-rate` in that environment, whichever kind of runner it has.

    To be installed after `--iterations`, which takes the gate away at the start of a test.

    Raises:
        ConfigurationError: there is a load shape as well, which says how many users there are when.
    """
    runner = environment.runner
    if not isinstance(runner, WorkerRunner):
        problems = conflicts(environment.parsed_options, shape_name(environment.shape_class))
        if problems:
            raise ConfigurationError(problems)
    if isinstance(runner, MasterRunner):
        _Master(environment, runner)
    elif isinstance(runner, WorkerRunner):
        _Worker(environment, runner)
    elif isinstance(runner, LocalRunner):
        _Local(environment, runner)


def on_last_arrival(environment: Environment, listener: Callable[[], None]) -> None:
    """Have a function called when no more arrivals of a test will come, and before its users are ended.

    Where there is no open load, it is when the test begins to stop. On a worker it is never.
    """
    conductor: _Conductor | None = getattr(environment, _CONDUCTOR, None)
    if conductor is not None:
        conductor.last_arrival.append(listener)


def shape_name(shape: object) -> str:
    """What to call a load shape; nothing where there is none."""
    return type(shape).__name__ if shape else ""


def _has_rate(environment: Environment) -> bool:
    try:
        return rate_shape_of(environment.parsed_options) is not None
    except ValueError:
        return True


def _gate_of(environment: Environment, worker: str) -> ArrivalGate:
    return ArrivalGate(cast("Recorder", getattr(environment, RECORDER)), worker)


def _listen(environment: Environment, gate: ArrivalGate | None, before: ArrivalGate | None) -> None:
    """Have a gate hear of requests in place of that of the test before, where there are users of stock clients."""
    request = environment.events.request
    if before is not None and before.on_request in request._handlers:
        request.remove_listener(before.on_request)
    if gate is not None and not all(issubclass(cls, WireUser) for cls in environment.user_classes):
        request.add_listener(gate.on_request)


def _first(event: EventHook, listener: Callable[..., None]) -> None:
    event._handlers.insert(0, listener)


def _await_users(gate: ArrivalGate, runner: Runner) -> bool:
    """Wait until all users of this process wait at the gate; False where some never do."""
    with gevent.Timeout(MUSTER_SECONDS, False):  # type: ignore[arg-type]  # False: ends the block silently
        while gate.waiting < runner.user_count:
            gevent.sleep(_MUSTER_STEP)
        return True
    logger.warning("%d users are still starting; arrivals begin without them", runner.user_count - gate.waiting)
    return False


class _Conductor:
    """Decides when the plan begins and ends, and who has which share of it."""

    def __init__(self, environment: Environment, runner: LocalRunner | MasterRunner) -> None:
        self.environment = environment
        self.runner = runner
        self.plan: ArrivalPlan | None = None
        self.last_arrival: list[Callable[[], None]] = []
        """Who is told of that."""
        setattr(environment, _CONDUCTOR, self)
        self._origin = math.inf
        self._began = 0.0
        self._users: Users = {}
        self._greenlet: gevent.Greenlet[[], None] | None = None
        events = environment.events
        _first(events.test_start, self._note_start)  # what others do then, such as set-up, may take long
        events.test_start.add_listener(self._on_test_start)
        events.spawning_complete.add_listener(self._on_spawning_complete)
        # Before anybody is told that the test ends: it may not be over yet.
        _first(events.test_stopping, self._on_test_stopping)

    # What master and single process do differently

    def workers(self) -> int:
        """How many there are."""
        return 1

    def muster(self) -> None:
        """Wait until all users are ready."""
        raise NotImplementedError

    def count_users(self) -> Users:
        """Those that there are now."""
        raise NotImplementedError

    def tell(self, plan: ArrivalPlan, at: float, users: Users) -> None:
        """From that moment of the plan on, these have their share; those who do not know the plan yet, get to know."""
        raise NotImplementedError

    def prepare(self, plan: ArrivalPlan | None) -> None:
        """A test begins. Without a plan it is no open load, or is refused."""

    def tell_time(self) -> None:
        """Now and then, while the plan goes on."""

    # What they have in common

    @property
    def elapsed(self) -> float:
        """Seconds since the first arrival could come; negative before."""
        return time.monotonic() - self._origin

    def _note_start(self, **_kwargs: Any) -> None:
        self._began = time.monotonic()

    def _on_test_start(self, **_kwargs: Any) -> None:
        self._forget()
        environment = self.environment
        self._origin, self._users = math.inf, {}
        self.plan = None
        try:
            self.plan = plan_of(environment.parsed_options, environment.user_classes)
        except ValueError as error:
            self._refuse(f"--arrival-rate: {error}")
        self.prepare(self.plan)
        if self.plan is not None:
            # Anew for each test, since the web UI's form, or whoever uses this as a library, may have changed it.
            problems = conflicts(environment.parsed_options, shape_name(environment.shape_class))
            problems += pool_problems(list(environment.user_classes), self._wanted_users(), self.workers())
            if problems:
                self._refuse(*problems)

    def _wanted_users(self) -> int:
        # Under `wireswarm try` nobody has told the runner.
        return self.runner.target_user_count or int(getattr(self.environment.parsed_options, "num_users", None) or 1)

    def _refuse(self, *problems: str) -> None:
        for problem in problems:
            logger.error("%s", problem)
        self.plan = None
        self.environment.process_exit_code = REFUSED
        end_test(self.environment, ARRIVALS)

    def _on_spawning_complete(self, **_kwargs: Any) -> None:
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._conduct)

    def _conduct(self) -> None:
        plan = self.plan
        if plan is None:
            return
        self.muster()
        self._origin = time.monotonic() + _LEAD
        self._look(plan, -_LEAD)
        end, next_time = plan.end, _TIME_SECONDS
        while self.elapsed < end:
            gevent.sleep(min(_WATCH_SECONDS, max(0.0, end - self.elapsed)))
            self._look(plan, self.elapsed + _AHEAD)
            if self.elapsed >= next_time:
                next_time = self.elapsed + _TIME_SECONDS
                self.tell_time()
        if plan.until is None or end < plan.until:
            logger.info("All arrivals have come")
            gevent.spawn(end_test, self.environment, ARRIVALS)

    def _look(self, plan: ArrivalPlan, at: float) -> None:
        # Locust fires no event when a worker goes missing, or comes back, or when users are moved.
        users = {worker: counts for worker, counts in self.count_users().items() if any(counts.values())}
        if users != self._users:
            self._users = users
            self.tell(plan, at, users)

    def _on_test_stopping(self, **_kwargs: Any) -> None:
        self._await_run_time()
        self._forget()
        for listener in self.last_arrival:
            listener()

    def _await_run_time(self) -> None:
        # Locust counts it from before the first user; an open load has its own start.
        until = None if self.plan is None else self.plan.until
        if until is None or self._greenlet is None or math.isinf(self._origin):
            return
        if time.monotonic() - self._began < until - _EARLY_SECONDS:
            return
        # A signal or a threshold does not wait, and may come meanwhile: users may have been long in their on_start.
        while ENDED_BY not in vars(self.environment) and self.workers() and self.elapsed < until:
            gevent.sleep(min(_END_STEP, until - self.elapsed))

    def _forget(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None


class _Local(_Conductor):
    def __init__(self, environment: Environment, runner: LocalRunner) -> None:
        super().__init__(environment, runner)
        self._gate = _gate_of(environment, _LOCAL)

    def prepare(self, plan: ArrivalPlan | None) -> None:
        before, self._gate = self._gate, _gate_of(self.environment, _LOCAL)
        _listen(self.environment, None if plan is None else self._gate, before)
        if _has_rate(self.environment):  # also one that is wrong: until the test has ended, nobody does anything
            set_gate(self.environment, self._gate)

    def muster(self) -> None:
        _await_users(self._gate, self.runner)

    def count_users(self) -> Users:
        return {_LOCAL: dict(self.runner.user_classes_count)}

    def tell(self, plan: ArrivalPlan, at: float, users: Users) -> None:
        if self._gate.running:
            self._gate.restripe(at, users)
        else:
            self._gate.open(plan, self.elapsed, at, users)

    def _on_test_stopping(self, **_kwargs: Any) -> None:
        super()._on_test_stopping()
        self._gate.finish()
        self._gate.close()


class _Worker:
    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._gate: ArrivalGate | None = None
        runner.register_message(_PLAN, self._on_plan)
        runner.register_message(_STRIPES, self._on_stripes)
        runner.register_message(_TIME, self._on_time)
        runner.register_message(_MUSTER, self._on_muster, concurrent=True)
        environment.events.test_start.add_listener(self._on_test_start)
        environment.events.test_stopping.add_listener(self._on_test_stopping)

    def _on_test_start(self, **_kwargs: Any) -> None:
        before, self._gate = self._gate, None
        if _has_rate(self._environment):
            self._gate = _gate_of(self._environment, self._runner.client_id)
            set_gate(self._environment, self._gate)
        _listen(self._environment, self._gate, before)

    def _on_muster(self, **_kwargs: Any) -> None:
        if self._gate is not None:
            _await_users(self._gate, self._runner)
        self._runner.send_message(_MUSTERED)

    def _on_plan(self, msg: Any, **_kwargs: Any) -> None:
        data = msg.data
        if self._gate is not None and not self._gate.running:
            self._gate.open(ArrivalPlan(**data["plan"]), data["elapsed"], data["at"], data["users"])

    def _on_stripes(self, msg: Any, **_kwargs: Any) -> None:
        if self._gate is not None:
            self._gate.synchronise(msg.data["elapsed"])
            self._gate.restripe(msg.data["at"], msg.data["users"])

    def _on_time(self, msg: Any, **_kwargs: Any) -> None:
        if self._gate is not None and self._gate.running:
            self._gate.synchronise(msg.data["elapsed"])

    def _on_test_stopping(self, **_kwargs: Any) -> None:
        if self._gate is not None:
            self._gate.finish()
            self._gate.close()


class _Master(_Conductor):
    def __init__(self, environment: Environment, runner: MasterRunner) -> None:
        super().__init__(environment, runner)
        self._master = runner
        self._awaited: set[str] = set()
        self._all_there = Event()
        self._told: set[str] = set()
        runner.register_message(_MUSTERED, self._on_mustered)

    def prepare(self, plan: ArrivalPlan | None) -> None:
        self._told = set()

    def workers(self) -> int:
        return self._master.worker_count

    def muster(self) -> None:
        self._awaited = {node.id for node in self._master.clients.all if node.state != STATE_MISSING}
        self._all_there.clear()
        for worker in list(self._awaited):
            self._master.send_message(_MUSTER, client_id=worker)
        deadline = time.monotonic() + MUSTER_SECONDS + 1
        while self._forget_the_lost() and time.monotonic() < deadline:
            self._all_there.wait(0.5)

    def _forget_the_lost(self) -> set[str]:
        for worker in list(self._awaited):
            node = self._master.clients.get(worker)
            if node is None or node.state == STATE_MISSING:
                self._awaited.discard(worker)
        return self._awaited

    def _on_mustered(self, msg: Any, **_kwargs: Any) -> None:
        self._awaited.discard(msg.node_id)
        if not self._awaited:
            self._all_there.set()

    def count_users(self) -> Users:
        nodes = self._master.clients.all
        return {node.id: dict(node.user_classes_count) for node in nodes if node.state != STATE_MISSING}

    def tell(self, plan: ArrivalPlan, at: float, users: Users) -> None:
        for worker in [node.id for node in self._master.clients.all]:
            message = {"at": at, "users": users, "elapsed": self.elapsed}
            if worker in self._told:
                self._master.send_message(_STRIPES, message, client_id=worker)
            elif worker in users:
                self._told.add(worker)
                self._master.send_message(_PLAN, {**message, "plan": plan._asdict()}, client_id=worker)

    def tell_time(self) -> None:
        for worker in [node.id for node in self._master.clients.all if node.id in self._told]:
            self._master.send_message(_TIME, {"elapsed": self.elapsed}, client_id=worker)
