"""A network without one: connections that answer what a test says. For the `connect=` of a client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wireswarm.net.route import Route
from wireswarm.sample import HttpPhases
from wireswarm.wire.http1 import Response

Answer = Response | BaseException | Callable[[], Response]
"""What comes of an exchange: an answer, an exception, or what a function makes of it."""


def answer(body: bytes = b"", status: int = 200) -> Response:
    """An answer on a connection that can be used again."""
    return Response(status, b"HTTP/1.1 %d X" % status, body, True)


class FakeNetwork:
    """Makes connections that share one list of answers, and notes what they were asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.connections: list[FakeConnection] = []
        self.requests: list[tuple[str, bytes, float, float]] = []
        self.now = 1_000

    @property
    def sent(self) -> list[bytes]:
        """The requests as they were sent."""
        return [request for _, request, _, _ in self.requests]

    def __call__(self, route: Route) -> FakeConnection:
        connection = FakeConnection(self, route)
        self.connections.append(connection)
        return connection


class FakeConnection:
    """Implements `wireswarm.net.http.Connection`: an exchange takes 5 ms, and is read 1 ms after it is done."""

    def __init__(self, network: FakeNetwork, route: Route) -> None:
        self.network, self.origin, self.clock, self.tls = network, route.origin, route.clock, route.tls
        self.route = route
        self.connects = self.stale_reconnects = 0
        self.sent = self.done = self.read = 0
        self.exchanges = 0
        self.closed = 0

    def exchange(self, method: str, request: bytes, timeout: float, connect_timeout: float) -> Response:
        network = self.network
        self.connects = 1
        network.requests.append((method, request, timeout, connect_timeout))
        self.exchanges += 1
        self.sent = network.now
        self.done, self.read = self.sent + 5_000_000, self.sent + 6_000_000
        network.now = self.read + 1_000
        result: Any = network.answers.pop(0)
        if isinstance(result, BaseException):
            raise result
        response: Response = result() if callable(result) else result
        return response

    @property
    def phases(self) -> HttpPhases:
        return HttpPhases(0, 0, 0, 4_000_000, 1_000_000)

    def close(self) -> None:
        self.closed += 1
