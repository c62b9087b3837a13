"""A simulated user with one client, the network behind it, and what was told of its exchanges. No Locust."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from fake_network import Answer, FakeConnection, FakeNetwork
from manual_clock import ManualClock

from wireswarm.auth.base import Auth
from wireswarm.clients.http import HttpClient
from wireswarm.errors import ConfigurationError, RequestFailed
from wireswarm.net.route import Route
from wireswarm.sample import Counter, Failure, Reason, Sample
from wireswarm.wire.http1 import Response

C = TypeVar("C", bound=HttpClient)

RESET = Failure(Reason.RESET, "connection reset by the server")


class TaskFailed(RequestFailed):
    """What stands in for the exception that also ends a Locust task."""


class Recorder:
    """Implements `wireswarm.clients.owner.Reporter`."""

    def __init__(self) -> None:
        self.reports: list[tuple[Sample, Response | None, RequestFailed | None, str]] = []
        self.abandonments = 0
        self.counted: dict[Counter, int] = {}
        self.refusals: list[ConfigurationError] = []

    def report(self, sample: Sample, response: Response | None, error: RequestFailed | None, url: str) -> None:
        self.reports.append((sample, response, error, url))

    def count(self, counter: Counter, amount: int = 1) -> None:
        self.counted[counter] = self.counted.get(counter, 0) + amount

    def abandoned(self) -> None:
        self.abandonments += 1

    def refused(self, error: ConfigurationError) -> None:
        self.refusals.append(error)

    @property
    def samples(self) -> list[Sample]:
        return [sample for sample, _, _, _ in self.reports]

    @property
    def failures(self) -> list[Failure | None]:
        return [sample.failure for sample in self.samples]

    @property
    def names(self) -> list[str]:
        return [sample.name for sample in self.samples]

    @property
    def urls(self) -> list[str]:
        return [url for _, _, _, url in self.reports]


class User:
    """Implements `wireswarm.clients.owner.Owner`."""

    host: str | None = "http://host:8000"
    auth: Auth | None = None
    content_type: str | None = None
    timing: Any = "program"
    timeout = 20.0
    connect_timeout = 2.0
    insecure = False
    ca_file: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    proxy_auth: Auth | None = None
    request_failed = TaskFailed
    trace: Any = None

    def __init__(self) -> None:
        self.reporter = Recorder()


class Network(FakeNetwork):
    """One that notes where each request went."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(*answers)
        self.origins: list[str] = []

    def __call__(self, route: Route) -> FakeConnection:
        connection = _NotedConnection(self, route)
        self.connections.append(connection)
        return connection


class _NotedConnection(FakeConnection):
    def exchange(self, method: str, request: bytes, timeout: float, connect_timeout: float) -> Response:
        self.network.origins.append(str(self.origin))  # type: ignore[attr-defined]
        return super().exchange(method, request, timeout, connect_timeout)


class Case(Generic[C]):
    """A user with a client of that kind, and the answers that it will get."""

    def __init__(
        self, kind: type[C], *answers: Answer, user: type[User] = User, auth: Auth | None = None, **settings: Any
    ) -> None:
        self.network = Network(*answers)
        self.clock = ManualClock()
        declared = kind(connect=self.network, clock=self.clock, **settings)
        self.user = type("OneUser", (user,), {"client": declared, "auth": auth})()
        self.client: C = self.user.client
        self.reporter: Recorder = self.user.reporter


def reply(body: bytes = b"", status: int = 200, **fields: str | list[str]) -> Response:
    """An answer with fields: `reply(status=302, location="/there", set_cookie=["a=1", "b=2"])`."""
    lines = [b"HTTP/1.1 %d X" % status]
    for name, values in fields.items():
        several = [values] if isinstance(values, str) else values
        lines += [f"{name.replace('_', '-')}: {value}".encode("latin-1") for value in several]
    return Response(status, b"\r\n".join(lines), body, True)


def first_line(request: bytes) -> str:
    """Method and target of a request."""
    return request.partition(b" HTTP/1.1\r\n")[0].decode("ascii")


def fields_of(request: bytes) -> dict[str, str]:
    """A request's fields by lower-case name; none of which may be there twice."""
    head = request.partition(b"\r\n\r\n")[0].decode("latin-1")
    pairs = [line.partition(": ")[::2] for line in head.split("\r\n")[1:]]
    found = {name.lower(): value for name, value in pairs}
    assert len(found) == len(pairs), f"a field is there twice: {head}"
    return found


def body_of(request: bytes) -> bytes:
    """A request's body."""
    return request.partition(b"\r\n\r\n")[2]
