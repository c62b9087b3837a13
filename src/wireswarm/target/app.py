"""The target's application: routes and events of every system behind one count and one set of faults, `/_target/*`."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from wireswarm.target.answers import answer_json
from wireswarm.target.batch_api import BatchApi
from wireswarm.target.chater import Chater
from wireswarm.target.counters import ENDPOINT_KEY, OTHER, Counters, CountingMiddleware
from wireswarm.target.echo import Echo
from wireswarm.target.engine import answer_any
from wireswarm.target.faults import FaultMiddleware, Faults
from wireswarm.target.lorax import Lorax
from wireswarm.target.platform_api import PlatformApi
from wireswarm.target.routing import RouteTable, plain_route
from wireswarm.target.settings import TargetSettings
from wireswarm.target.shop import Shop
from wireswarm.target.sockets import Sockets
from wireswarm.target.system import Context, System
from wireswarm.target.tokens import Tokens

SYSTEMS: tuple[Callable[[Context], System], ...] = (Chater, Lorax, BatchApi, PlatformApi, Shop, Echo)
"""Every system that the target answers for. To add one: a module beside `chater.py`, and its class before `Echo`."""

_CONTROL = "/_target/"
_APP_KEY = "wireswarm.target.app"


def create_app(settings: TargetSettings, *, clock: Callable[[], float] = time.time) -> Target:
    """Build the target as an ASGI application, with its own empty state.

    Args:
        settings: Faults, secret, bounds.
        clock: Seconds since the epoch, for tokens, "today" and the like.
    """
    return Target(settings, clock)


class Target:
    """Finds the endpoint, then counts, applies the faults, and lets it answer; `/_target/*` it answers at once.

    What carries Socket.IO is neither counted nor delayed: its events are.
    """

    def __init__(self, settings: TargetSettings, clock: Callable[[], float]) -> None:
        context = Context(settings, Tokens(settings.jwt_secret, clock), clock)
        self._operations = context.operations
        self._systems = [build(context) for build in SYSTEMS]
        self._counters = Counters()
        self._faults = Faults(settings)
        self._sockets = Sockets(context.listeners, self._counters, self._faults, settings)
        self._table = RouteTable(
            [
                plain_route("GET", "/health", self._health),
                *(route for system in self._systems for route in system.routes()),
            ]
        )
        self._control = RouteTable(
            [
                plain_route("GET", f"{_CONTROL}counters", self._show_counters),
                plain_route("POST", f"{_CONTROL}reset", self._reset),
            ]
        )
        faulty = FaultMiddleware(_call_endpoint, self._faults) if self._faults.any else _call_endpoint
        self._counted = CountingMiddleware(faulty, self._counters)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or serve a WebSocket."""
        if self._sockets.serves(scope):
            await self._sockets(scope, receive, send)
            return
        if scope["type"] == "websocket":
            count = self._counters.receive(OTHER)
            await answer_any(scope, send, b'{"error":"no such path"}', 404)
            count.answered += 1
            return
        if scope["path"].startswith(_CONTROL):
            await self._control.find(scope).app(scope, receive, send)
            return
        scope[ENDPOINT_KEY], scope[_APP_KEY] = self._table.find(scope)
        await self._counted(scope, receive, send)

    async def close(self) -> None:
        """Close the connections of Socket.IO, which have no end of their own."""
        await self._sockets.close()

    async def _health(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        health: dict[str, object] = {"ok": True}
        for system in self._systems:
            health.update(system.health())
        await answer_json(send, health)

    async def _show_counters(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await answer_json(send, {**self._counters.snapshot(), "operations": self._operations.snapshot()})

    async def _reset(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self._counters.reset()
        self._operations.reset()
        self._faults.reset()
        for system in self._systems:
            system.reset()
        await answer_json(send, {"ok": True})


async def _call_endpoint(scope: Scope, receive: Receive, send: Send) -> None:
    await scope[_APP_KEY](scope, receive, send)
