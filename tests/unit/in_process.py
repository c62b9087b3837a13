"""The reference target without a server: an application that answers a client's connections, or a test, directly."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Any

from fake_network import FakeConnection, FakeNetwork
from manual_clock import ManualClock

from wireswarm.net.route import Route
from wireswarm.target.app import create_app
from wireswarm.target.settings import TargetSettings
from wireswarm.wire.http1 import Response


class InProcess(FakeNetwork):
    """For the `connect=` of a client: every request is answered by a target, at the clock's time."""

    def __init__(self, clock: ManualClock, **settings: Any) -> None:
        super().__init__()
        self.clock = clock
        self.app = create_app(TargetSettings(**settings), clock=clock.time)
        self.moments: list[tuple[float, str]] = []
        """When the requests of clients came, on the clock's stopwatch, and their first lines."""

    def __call__(self, route: Route) -> FakeConnection:
        return _Connection(self, route)

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of an answer. A body that is not bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        pairs = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        path, _, query = path.partition("?")
        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": pairs}
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content}

        async def send(part: Any) -> None:
            sent.append(part)

        _run(self.app(scope, receive, send))  # type: ignore[arg-type]
        return sent[0]["status"], sent[1]["body"]

    def json(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """The JSON of an answer that has to be a success, if not at once for errors that are injected."""
        status, content = self.ask(method, path, body, headers)
        while b"injected error" in content and status == 500:
            status, content = self.ask(method, path, body, headers)
        assert 200 <= status < 300, content
        return json.loads(content) if content else None


class _Connection(FakeConnection):
    network: InProcess

    def exchange(self, method: str, request: bytes, timeout: float, connect_timeout: float) -> Response:
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        self.network.moments.append((self.network.clock.elapsed, first.removesuffix(" HTTP/1.1")))
        status, content = self.network.ask(method, first.split(" ")[1], body, headers)
        self.network.answers.append(Response(status, b"HTTP/1.1 %d X" % status, content, True))
        return super().exchange(method, request, timeout, connect_timeout)


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    # What never waits needs no event loop.
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("the application waits for something")
