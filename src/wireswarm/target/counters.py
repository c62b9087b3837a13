"""The ground truth: how many requests the target received and answered, by endpoint."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

OTHER = "other"
"""Counts what no endpoint is meant to answer: unknown paths, and methods that a path does not have."""

ENDPOINT_KEY = "wireswarm.target.endpoint"
"""Where the ASGI scope names the endpoint that a request is counted under."""


MOST_NAMES = 1000
"""Operations that are told apart. Clients choose the names, and may choose another one each time."""
LONGEST_NAME = 200
"""Characters of a name that is told apart."""


class Operations:
    """Counts of what one endpoint does many of, such as GraphQL's operations, by name."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, name: str) -> None:
        """Count one that is about to be executed."""
        if len(name) > LONGEST_NAME or (name not in self._counts and len(self._counts) >= MOST_NAMES):
            name = OTHER
        self._counts[name] = self._counts.get(name, 0) + 1

    def reset(self) -> None:
        """Begin at zero."""
        self._counts = {}

    def snapshot(self) -> dict[str, int]:
        """The counts by name."""
        return dict(sorted(self._counts.items()))


class Count:
    """The counts of one endpoint."""

    __slots__ = ("answered", "received")

    def __init__(self) -> None:
        self.received = 0
        self.answered = 0


class Counters:
    """Counts by endpoint, `METHOD /path/{template}`. Those without a request are not listed."""

    def __init__(self) -> None:
        self._counts: dict[str, Count] = {}

    def receive(self, endpoint: str) -> Count:
        """Count a request as received; the returned count is where its answer is counted.

        An answer that is still under way when the counts are reset goes to the count from before, so that there are
        never more answers than requests.
        """
        count = self._counts.get(endpoint)
        if count is None:
            count = self._counts[endpoint] = Count()
        count.received += 1
        return count

    def reset(self) -> None:
        """Begin at zero."""
        self._counts = {}

    def snapshot(self) -> dict[str, dict[str, dict[str, int]]]:
        """The counts as `GET /_target/counters` gives them."""
        return {
            "endpoints": {
                endpoint: {"received": count.received, "answered": count.answered}
                for endpoint, count in sorted(self._counts.items())
            }
        }


class CountingMiddleware:
    """Counts a request as received when its head has arrived, and as answered when the last of the answer was sent.

    Sent is: handed to the transport of a client that is still there.
    """

    def __init__(self, app: ASGIApp, counters: Counters) -> None:
        self._app = app
        self._counters = counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count and pass on."""
        count = self._counters.receive(scope[ENDPOINT_KEY])

        async def counting_send(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                left = client_left(receive)
                await send(message)
                count.answered += not left
            else:
                await send(message)

        await self._app(scope, receive, counting_send)


def client_left(receive: Receive) -> bool:
    """Whether the client has closed the connection, found without waiting.

    ASGI servers drop what is sent to a client that has left, and tell so only through `receive`, which waits until
    there is something to tell. So start it by hand: it ends at once when it has a message, else it would wait and is
    dropped. Only for when the request's body is no longer of interest, because a message may be taken.
    """
    waiting = cast("Coroutine[Any, Any, Message]", receive())
    try:
        waiting.send(None)
    except StopIteration as done:
        return bool(done.value["type"] == "http.disconnect")
    waiting.close()
    return False
