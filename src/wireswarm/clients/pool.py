"""The connections of one user's client, to whichever origins it talks to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wireswarm.errors import RequestFailed
from wireswarm.net.http import Connection
from wireswarm.net.origin import Origin
from wireswarm.sample import Counter, Failure, HttpPhases
from wireswarm.wire.http1 import Response

MAX_ORIGINS: Final = 64
"""Connections to so many origins are kept. More belong to links that are followed once."""

Exchanged = tuple[Response | None, Failure | None, int, int, int, HttpPhases | None]
"""What came of an exchange: the answer or a failure, and `sent`, `done`, `read` and `phases` as `Sample` has them.

No named tuple, since it is made and taken apart once per request.
"""


class ConnectionPool:
    """Keeps idle connections by origin: as many as were in use at the same time, so one for an ordinary user."""

    __slots__ = ("_connect", "_count", "_idle")

    def __init__(self, connect: Callable[[Origin], Connection], count: Callable[[Counter, int], None]) -> None:
        """Make an empty pool.

        Args:
            connect: makes a connection to an origin, which opens when it is first used.
            count: told how many connections were opened, and how many of them in place of one gone stale.
        """
        self._connect = connect
        self._count = count
        self._idle: dict[Origin, list[Connection]] = {}

    def exchange(
        self, origin: Origin, method: str, request: bytes, timeout: float, connect_timeout: float
    ) -> Exchanged:
        """Send a request over an idle connection, or over a new one. On the hot path.

        The moments come along, since the connection is another greenlet's by the time they are looked at. Exceptions
        that are no failed exchange have closed the connection, which is then forgotten.
        """
        pool = self._idle
        idle = pool.get(origin)
        if idle is None:
            if len(pool) >= MAX_ORIGINS:
                self._forget_one()
            idle = pool[origin] = []
        connection = idle.pop() if idle else self._connect(origin)
        response = failure = phases = None
        connects, stale = connection.connects, connection.stale_reconnects
        try:
            response = connection.exchange(method, request, timeout, connect_timeout)
            phases = connection.phases
        except RequestFailed as error:
            failure = error.failure
        if connection.connects != connects:
            self._count(Counter.CONNECTS, connection.connects - connects)
        if connection.stale_reconnects != stale:
            self._count(Counter.STALE_RECONNECTS, connection.stale_reconnects - stale)
        if self._idle.get(origin) is idle:
            idle.append(connection)
        else:
            connection.close()  # as the pool was in the meantime, or this origin's part of it
        return response, failure, connection.sent, connection.done, connection.read, phases

    def _forget_one(self) -> None:
        # The oldest. A connection of it that is in use is closed when it comes back.
        oldest = next(iter(self._idle))
        for connection in self._idle.pop(oldest):
            connection.close()

    def close(self) -> None:
        """Close the connections. The pool can be used again."""
        pool, self._idle = self._idle, {}
        for idle in pool.values():
            for connection in idle:
                connection.close()
