"""The desk of one process, at which arrivals that are due meet users that are free.

Pure: time is an argument, and whoever waits is a ticket that the caller understands. Hot path: each arrival passes here
(`bench/arrivals.py`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from wireswarm.load.arrivals import Arrival, Stripes

HORIZON: Final = 0.25
"""Seconds that a desk looks ahead. Whoever changes the stripes does so further ahead than that."""


class Ticket:
    """A user's place in the queue of those that are free."""

    __slots__ = ("arrival", "user_class", "waiter")

    def __init__(self, user_class: str, waiter: Any = None) -> None:
        self.user_class = user_class
        self.waiter = waiter
        """What to tell; for the caller."""
        self.arrival: Arrival | None = None
        """The one that it was given."""


class Desk:
    """Gives each arrival to the user of its class that has waited longest.

    An arrival that finds nobody free waits for the next one who is, up to a limit, past which it is dropped.
    """

    def __init__(self, max_lateness: float) -> None:
        """Open without a plan: users wait.

        Args:
            max_lateness: seconds.
        """
        self.dropped = 0
        """How many arrivals so far found nobody in time."""
        self.max_lateness = max_lateness
        self._plan: Iterator[Arrival] = iter(())
        self._stripes = Stripes({})
        self._worker = ""
        self._seen: Arrival | None = None
        self._looked = 0.0
        self._own: deque[Arrival] = deque()
        self._late: dict[str, deque[Arrival]] = {}
        self._free: dict[str, deque[Ticket]] = {}

    def begin(self, plan: Iterator[Arrival], stripes: Stripes, worker: str) -> None:
        """From now on there are arrivals.

        Args:
            plan: all of them, in order.
            stripes: which of them are for this process.
            worker: its name in them.
        """
        self._plan, self._stripes, self._worker = plan, stripes, worker
        self._seen = next(plan, None)
        self._own.clear()

    @property
    def waiting(self) -> int:
        """How many users are free."""
        return sum(map(len, self._free.values()))

    @property
    def next_at(self) -> float:
        """When there is something to do again; `math.inf` where the plan is over."""
        if self._own:
            return self._own[0].at
        # Half of the horizon, so that what is found there is not late.
        return math.inf if self._seen is None else max(self._seen.at - HORIZON, self._looked + HORIZON / 2)

    @property
    def is_late(self) -> bool:
        """Whether arrivals wait for users."""
        return any(self._late.values())

    @property
    def is_over(self) -> bool:
        """Whether all arrivals of the plan have come, and have found users or were dropped."""
        return self._seen is None and not self._own and not self.is_late

    def has_late(self, user_class: str) -> bool:
        """Whether arrivals wait for a user of that class."""
        return bool(self._late.get(user_class))

    def look_ahead(self, now: float, limit: int = 1000) -> bool:
        """Find this process's arrivals of the near future; False where there may be more, to be looked for at once."""
        until, seen, taker, worker = now + HORIZON, self._seen, self._stripes.taker, self._worker
        own, plan = self._own, self._plan
        for _ in range(limit):
            if seen is None or seen.at >= until:
                self._looked = now
                break
            if taker(seen) == worker:
                own.append(seen)
            seen = next(plan, None)
        else:
            self._seen = seen
            return False
        self._seen = seen
        return True

    def advance(self, now: float) -> list[Ticket]:
        """Time goes on. Returns the tickets that were given an arrival; to be told, in that order."""
        served = []
        own = self._own
        while own and own[0].at <= now:
            arrival = own.popleft()
            free = self._free.get(arrival.user_class)
            if free:
                ticket = free.popleft()
                ticket.arrival = arrival
                served.append(ticket)
            else:
                self._late.setdefault(arrival.user_class, deque()).append(arrival)
        if self._late:
            self._expire(now)
        return served

    def ask(self, ticket: Ticket, now: float) -> bool:
        """A user is free. True where it was given an arrival at once, and False where it has to wait."""
        late = self._late.get(ticket.user_class)
        if late:
            self._expire(now)
            if late:
                ticket.arrival = late.popleft()
                return True
        self._free.setdefault(ticket.user_class, deque()).append(ticket)
        return False

    def withdraw(self, ticket: Ticket) -> None:
        """That user will not come, whether it was given an arrival or not: another one gets that."""
        arrival, ticket.arrival = ticket.arrival, None
        if arrival is not None:
            self._own.appendleft(arrival)
            return
        free = self._free.get(ticket.user_class)
        if free and ticket in free:
            free.remove(ticket)

    def close(self, now: float) -> None:
        """The test ends: those that were due and have found no user are dropped, and no more come."""
        while not self.look_ahead(now - HORIZON):
            pass
        self.dropped += sum(map(len, self._late.values())) + sum(arrival.at <= now for arrival in self._own)
        self._late.clear()
        self._own.clear()
        self._plan, self._seen = iter(()), None

    def _expire(self, now: float) -> None:
        oldest = now - self.max_lateness
        for late in self._late.values():
            while late and late[0].at < oldest:
                late.popleft()
                self.dropped += 1
