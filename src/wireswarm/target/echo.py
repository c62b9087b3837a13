"""Echo: sends back what it gets, to try Socket.IO and Engine.IO with.

It has the events of the official protocol test suites: `message` is answered by `message-back`, `message-with-ack` by
the acknowledgement, both with the values that came; a new client gets `auth` with the payload of its CONNECT. It
listens in `/` beside the other systems and in `/custom`. Raw Engine.IO, whose messages come back as they are, is at
`/engine.io/`.

It also counts what it is shown, the ground truth of tests whose users share out data: `POST /echo/seen/{key}` counts a
key, and `GET /echo/seen` has how often each was seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from wireswarm.target.answers import Refusal, answer_json
from wireswarm.target.listeners import Call, Client
from wireswarm.target.routing import plain_route
from wireswarm.target.system import Context

NAMESPACES = ("/", "/custom")
MAX_KEYS = 1_000_000


class Echo:
    """Keeps counts alone. It comes last of all systems: it greets clients that no other one takes for its own."""

    def __init__(self, context: Context) -> None:
        for namespace in NAMESPACES:
            context.listeners.on_connect(_greet, namespace=namespace)
            context.listeners.on("message", _send_back, namespace=namespace)
            context.listeners.on("message-with-ack", _acknowledge, namespace=namespace)
        self._seen: dict[str, int] = {}

    def routes(self) -> Sequence[BaseRoute]:
        """See `System.routes`."""
        return [
            plain_route("POST", "/echo/seen/{key}", self._count),
            plain_route("GET", "/echo/seen", self._show_counts),
        ]

    def health(self) -> Mapping[str, object]:
        """See `System.health`."""
        return {}

    def reset(self) -> None:
        """See `System.reset`."""
        self._seen = {}

    async def _count(self, scope: Scope, _receive: Receive, send: Send) -> None:
        key = scope["path_params"]["key"]
        if key not in self._seen and len(self._seen) >= MAX_KEYS:
            raise Refusal(507, f"{MAX_KEYS} keys are counted, and no more")
        self._seen[key] = self._seen.get(key, 0) + 1
        await answer_json(send, {"key": key, "seen": self._seen[key]})

    async def _show_counts(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await answer_json(send, self._seen)


async def _greet(client: Client, payload: object) -> bool:
    await client.emit("auth", {} if payload is None else payload)
    return True


async def _send_back(call: Call) -> None:
    await call.client.emit("message-back", *call.values)


async def _acknowledge(call: Call) -> None:
    await call.ack(*call.values)
