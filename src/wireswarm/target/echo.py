"""Echo: sends back what it gets, to try Socket.IO and Engine.IO with.

It has the events of the official protocol test suites: `message` is answered by `message-back`, `message-with-ack` by
the acknowledgement, both with the values that came; a new client gets `auth` with the payload of its CONNECT. It
listens in `/` beside the other systems and in `/custom`. Raw Engine.IO, whose messages come back as they are, is at
`/engine.io/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute

from wireswarm.target.listeners import Call, Client
from wireswarm.target.system import Context

NAMESPACES = ("/", "/custom")


class Echo:
    """Keeps nothing. It comes last of all systems, because it greets clients that no other one takes for its own."""

    def __init__(self, context: Context) -> None:
        for namespace in NAMESPACES:
            context.listeners.on_connect(_greet, namespace=namespace)
            context.listeners.on("message", _send_back, namespace=namespace)
            context.listeners.on("message-with-ack", _acknowledge, namespace=namespace)

    def routes(self) -> Sequence[BaseRoute]:
        """See `System.routes`."""
        return ()

    def health(self) -> Mapping[str, object]:
        """See `System.health`."""
        return {}

    def reset(self) -> None:
        """See `System.reset`."""


async def _greet(client: Client, payload: object) -> bool:
    await client.emit("auth", {} if payload is None else payload)
    return True


async def _send_back(call: Call) -> None:
    await call.client.emit("message-back", *call.values)


async def _acknowledge(call: Call) -> None:
    await call.ack(*call.values)
