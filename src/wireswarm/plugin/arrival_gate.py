"""The gate of an open load: users of one process wait there until the arrival that is theirs is due.

A greenlet per process hands out what is due; a user that waits is woken by it, in time, and notes how late it began.
Locust's wait between two tasks is skipped, since the plan says when the next one begins.
"""

from __future__ import annotations

import functools
import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import gevent
from gevent.event import Event
from locust import TaskSet, User
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_STOPPING

from wireswarm.clock import NANOSECONDS
from wireswarm.events import DUE
from wireswarm.load import Arrival, Desk, Stripes, Ticket, turns
from wireswarm.metrics import Recorder
from wireswarm.plugin.arrival_plan import ArrivalPlan
from wireswarm.plugin.gate import park

logger = logging.getLogger(__name__)

Users = Mapping[str, Mapping[str, int]]
"""For each worker, how many users of each class it has."""

_SHORTEST: Final = 0.0005
"""Seconds of sleep; the event loop's timers are hardly finer."""
_CLOCKS_SECONDS: Final = 1.0
_END_SLACK: Final = 0.25
"""Seconds by which the processes of a run may differ in when they think that a plan is over."""
_END_PATIENCE: Final = 1.0
_END_STEP: Final = 0.005
_DONE: Final = "wireswarm_done"
"""Attribute of a user that has just ended an iteration, and does not wait before the next one."""


class ArrivalGate:
    """Implements `wireswarm.plugin.gate.Gate`."""

    def __init__(self, recorder: Recorder, worker: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Closed, until a plan begins.

        Args:
            recorder: is told how late starts were, and what was dropped.
            worker: this process's name in the stripes.
            monotonic: seconds, as `time.monotonic` has them.
        """
        self._recorder = recorder
        self._worker = worker
        self._monotonic = monotonic
        self._desk = Desk(math.inf)
        self._stripes = Stripes({})
        self._origin = self._end = math.inf
        self._offset = 0
        self._offset_until = -math.inf
        self._dropped = 0
        self._going_on = Event()
        self._going_on.set()
        self._inside: dict[Any, User] = {}
        self._greenlet: gevent.Greenlet[[], None] | None = None

    @property
    def waiting(self) -> int:
        """How many users wait for an arrival."""
        return self._desk.waiting

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the plan; before it, and where there is none, negative."""
        return self._monotonic() - self._origin

    @property
    def running(self) -> bool:
        """Whether a plan has been told, and is not over."""
        return self._greenlet is not None

    def open(self, plan: ArrivalPlan, elapsed: float, at: float, users: Users) -> None:
        """Begin with a plan.

        Args:
            plan: the same for all processes.
            elapsed: how many seconds ago it started; negative where it is still to start.
            at: from which moment of it on this process takes part.
            users: as for `restripe`.
        """
        skip_waits()
        self._origin, self._end = self._monotonic() - elapsed, plan.end
        self._stripes = Stripes({})
        self._stripes.restripe(at, turns(users))
        self._desk.max_lateness = plan.max_lateness
        self._desk.begin(plan.arrivals(), self._stripes, self._worker)
        self._look_at_the_clocks()
        self._greenlet = gevent.spawn(self._hand_out)

    def synchronise(self, elapsed: float) -> None:
        """What another process says of the time; a message that took longer than the first one says less."""
        self._origin = min(self._origin, self._monotonic() - elapsed)

    def restripe(self, at: float, users: Users) -> None:
        """From that moment of the plan on, these workers with so many users of each class share what arrives."""
        late = self.elapsed - at
        if late > 0:
            logger.warning("Told %.1f s too late of other workers: some arrivals have begun twice, or not at all", late)
        self._stripes.restripe(at, turns(users))

    def hold(self) -> None:
        """Hand out nothing until `go_on`."""
        self._going_on.clear()

    def go_on(self) -> None:
        """Hand out what is due again, late as it may be."""
        self._going_on.set()

    def finish(self) -> None:
        """Where the plan is over, wait a moment for what was due to begin: it has hardly been due before the end."""
        if self._greenlet is None or self.elapsed < self._end - _END_SLACK:
            return
        with gevent.Timeout(_END_PATIENCE, False):  # type: ignore[arg-type]  # False: ends the block silently
            while not self._desk.is_over:
                gevent.sleep(_END_STEP)

    def close(self) -> None:
        """The test ends: nobody is admitted any more."""
        now = self.elapsed
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None
            if self._going_on.is_set():
                # What has become due since it last looked begins, for users are free; the stop awaits them as others.
                for ticket in self._desk.advance(now):
                    ticket.waiter.set()
        self._desk.close(now)
        self._count_dropped()

    def on_request(
        self,
        request_type: str,
        name: str,
        response_time: float | None = None,
        exception: object = None,
        sample: object = None,
        **_kwargs: Any,
    ) -> None:
        """Listen to Locust's request event: of a stock client, whose first request in a task is from when it was due.

        Clients of ours have that in their samples.
        """
        user = self._inside.get(gevent.getcurrent())
        if sample is not None or response_time is None or user is None:
            return
        due = vars(user).pop(DUE, None)
        if due is not None and exception is None:
            self._recorder.answered(request_type, name, time.time_ns() - due)

    def enter(self, user: User) -> None:
        """See `Gate.enter`."""
        desk = self._desk
        ticket = Ticket(type(user).__name__, Event())
        try:
            if desk.has_late(ticket.user_class):
                gevent.sleep(0)  # it does not wait here, and others want their turn
                if user._state == LOCUST_STATE_STOPPING:
                    raise StopUser
            if not desk.ask(ticket, self.elapsed):
                park(user, ticket.waiter)
        except BaseException:
            desk.withdraw(ticket)
            raise
        due = self._origin + cast("Arrival", ticket.arrival).at
        self._recorder.late(max(0, int((self._monotonic() - due) * NANOSECONDS)))
        attributes = vars(user)
        attributes[DUE] = int(due * NANOSECONDS) + self._offset
        attributes.pop(_DONE, None)
        self._inside[gevent.getcurrent()] = user

    def leave(self) -> None:
        """See `Gate.leave`."""
        attributes = vars(self._inside.pop(gevent.getcurrent()))
        attributes.pop(DUE, None)
        attributes[_DONE] = True

    def _hand_out(self) -> None:
        # Hot path of an open load (bench/arrivals.py).
        desk = self._desk
        while True:
            self._going_on.wait()
            now = self.elapsed
            if now > self._offset_until:
                self._look_at_the_clocks()
            complete = desk.look_ahead(now)
            for ticket in desk.advance(now):
                ticket.waiter.set()
            if desk.dropped != self._dropped:
                self._count_dropped()
            if not complete:
                gevent.sleep(0)  # a worker that joins late has the whole past of the plan to go through
            elif math.isinf(desk.next_at):
                if not desk.is_late:
                    return
                gevent.sleep(1.0)
            else:
                gevent.sleep(max(_SHORTEST, desk.next_at - self.elapsed))

    def _look_at_the_clocks(self) -> None:
        """How far the clock of samples is from the one that plans go by; now and then, since people set clocks."""
        looks = []
        for _ in range(3):
            before = self._monotonic()
            samples = time.time_ns()
            after = self._monotonic()
            looks.append((after - before, samples - int(before * NANOSECONDS)))
        self._offset = min(looks)[1]  # of the look during which this process was held up the least
        self._offset_until = self.elapsed + _CLOCKS_SECONDS

    def _count_dropped(self) -> None:
        self._recorder.drop(self._desk.dropped - self._dropped)
        self._dropped = self._desk.dropped


@functools.cache
def skip_waits() -> None:
    """Have users that have just ended an iteration of an open load go on at once, in this process."""
    wait: Callable[[Any], None] = TaskSet.wait

    @functools.wraps(wait)
    def wait_if_asked(self: Any) -> None:
        user = self._user
        if not vars(user).pop(_DONE, False):
            wait(self)
        elif user._state == LOCUST_STATE_STOPPING:
            raise StopUser

    TaskSet.wait = wait_if_asked  # type: ignore[method-assign]
