"""Finds the endpoint of a request: a look-up for paths without parameters, Starlette's matching for the others.

Starlette's own router tries one regular expression after the other, which with the routes of several systems takes
nearly as long as the rest of a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from wireswarm.target.answers import ClientLeft, Refusal
from wireswarm.target.counters import OTHER


def plain_route(method: str, path: str, app: ASGIApp) -> Route:
    """A route to a function that is an ASGI application, and that may raise `Refusal` and `ClientLeft`.

    Starlette would take a bare function for one from a `Request` to a `Response`.
    """
    return Route(path, _Plain(app), methods=[method])


class _Plain:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Refusal as refusal:
            await refusal.answer(send)
        except ClientLeft:
            pass


class Endpoint(NamedTuple):
    """Where a request goes."""

    name: str
    """What it is counted under: `METHOD /path/{template}`, or `other`."""
    app: ASGIApp
    """What answers it."""


class RouteTable:
    """The routes of all systems. Where two fit, one without parameters wins, then the one listed first.

    Raises:
        ValueError: Two routes have the same method and path.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._exact: dict[tuple[str, str], Endpoint] = {}
        self._routes = list(routes)
        for route in self._routes:
            if isinstance(route, Route) and not route.param_convertors and route.methods:
                self._add(route)

    def _add(self, route: Route) -> None:
        for method in sorted(route.methods or ()):
            key = method, route.path
            if key in self._exact:
                raise ValueError(f"two systems answer {method} {route.path}")
            self._exact[key] = Endpoint(f"{method} {route.path}", route.app)

    def find(self, scope: Scope) -> Endpoint:
        """The endpoint of a request; what Starlette's matching finds out is added to its scope."""
        found = self._exact.get((scope["method"], scope["path"]))
        return found or self._search(scope)

    def _search(self, scope: Scope) -> Endpoint:
        allowed: set[str] = set()
        for route in self._routes:
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                scope.update(child_scope)
                # A mount has a path_format too; it ends in {path}.
                path = getattr(route, "path_format", None)
                return Endpoint(f"{scope['method']} {path}" if path else OTHER, route.handle)
            if match is Match.PARTIAL:
                allowed |= getattr(route, "methods", None) or set()
        if allowed:
            return Endpoint(OTHER, _method_not_allowed(allowed))
        return Endpoint(OTHER, _not_found)


async def _not_found(_scope: Scope, _receive: Receive, send: Send) -> None:
    await Refusal(404, "no such path").answer(send)


def _method_not_allowed(allowed: set[str]) -> ASGIApp:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        methods = ", ".join(sorted(allowed)).encode()
        await Refusal(405, "the path does not have this method", [(b"allow", methods)]).answer(send)

    return app
