from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest
from starlette.routing import Host, Mount, Route

from wireswarm.target.answers import ClientLeft, Refusal, answer_json, header, media_type, read_body
from wireswarm.target.counters import ENDPOINT_KEY, Counters, CountingMiddleware, client_left
from wireswarm.target.routing import RouteTable, plain_route


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run what never waits, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


class Client:
    """A client as ASGI shows it: messages that it sent, answers that it got."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = list(messages)
        self.sent: list[Any] = []
        self.waits = 0

    async def receive(self) -> dict[str, Any]:
        if not self.messages:
            self.waits += 1
            try:
                await asyncio.Event().wait()
            finally:
                self.waits -= 1
        return self.messages.pop(0)

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


LEFT = {"type": "http.disconnect"}


async def hello(_scope: Any, _receive: Any, send: Any) -> None:
    await answer_json(send, "hello")


async def silent(_scope: Any, receive: Any, _send: Any) -> None:
    await read_body(receive, 10)


async def chunks(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a", "more_body": True})
    await send({"type": "http.response.body", "body": b"b"})


def counted(app: Any, counters: Counters, client: Client, endpoint: str = "GET /a") -> None:
    run(CountingMiddleware(app, counters)({ENDPOINT_KEY: endpoint}, client.receive, client.send))


def of(counters: Counters, endpoint: str = "GET /a") -> tuple[int, int]:
    count = counters.snapshot()["endpoints"][endpoint]
    return count["received"], count["answered"]


@pytest.fixture(autouse=True)
def _event_loop() -> Any:
    """An `asyncio.Event` needs to find a loop to wait on; nothing runs on it."""
    loop = asyncio.new_event_loop()
    asyncio.events._set_running_loop(loop)
    yield
    asyncio.events._set_running_loop(None)
    loop.close()


def test_answers_are_counted_by_endpoint() -> None:
    counters = Counters()
    for endpoint, app in [("GET /b", hello), ("GET /a", hello), ("GET /a", chunks)]:
        counted(app, counters, Client(), endpoint)
    assert json.dumps(counters.snapshot()) == (
        '{"endpoints": {"GET /a": {"received": 2, "answered": 2}, "GET /b": {"received": 1, "answered": 1}}}'
    )
    counters.reset()
    assert counters.snapshot() == {"endpoints": {}}


@pytest.mark.parametrize("app", [hello, chunks])
def test_a_client_that_left_got_no_answer(app: Any) -> None:
    counters = Counters()
    counted(app, counters, Client(LEFT))
    assert of(counters) == (1, 0)


def test_a_request_that_was_not_read_to_its_end_is_answered_all_the_same() -> None:
    counters = Counters()
    counted(hello, counters, Client({"type": "http.request", "body": b"unread"}))
    assert of(counters) == (1, 1)


def test_a_client_that_left_in_the_middle_of_its_request() -> None:
    counters = Counters()
    with pytest.raises(ClientLeft):
        counted(silent, counters, Client({"type": "http.request", "body": b"half", "more_body": True}, LEFT))
    assert of(counters) == (1, 0)


def test_an_answer_after_a_reset_is_not_counted() -> None:
    counters = Counters()

    async def resetting(scope: Any, receive: Any, send: Any) -> None:
        counters.reset()
        await hello(scope, receive, send)

    counted(resetting, counters, Client())
    assert counters.snapshot() == {"endpoints": {}}


def test_asking_whether_a_client_left_leaves_nothing_waiting() -> None:
    client = Client()
    assert not client_left(client.receive)
    assert client.waits == 0
    assert client_left(Client(LEFT).receive)


def test_bodies_are_joined_and_limited() -> None:
    parts = [{"type": "http.request", "body": b"ab", "more_body": True}, {"type": "http.request", "body": b"cd"}]
    assert run(read_body(Client(*parts).receive, 4)) == b"abcd"
    assert run(read_body(Client({"type": "http.request"}).receive, 4)) == b""
    with pytest.raises(Refusal, match=r"^the body is longer than 3 bytes$") as refused:
        run(read_body(Client(*parts).receive, 3))
    assert refused.value.status == 413


def test_headers() -> None:
    scope = {"headers": [(b"a", b"1"), (b"content-type", b" Application/JSON ; charset=utf-8"), (b"a", b"2")]}
    assert header(scope, b"a") == b"1"
    assert header(scope, b"b") is None
    assert media_type(scope) == "application/json"
    assert media_type({"headers": []}) == ""


def table() -> RouteTable:
    return RouteTable(
        [
            plain_route("GET", "/plain", hello),
            plain_route("POST", "/plain", hello),
            plain_route("GET", "/files/{id}", hello),
            plain_route("GET", "/files/{id:int}/content", hello),
            plain_route("DELETE", "/files/{id}", hello),
            plain_route("GET", "/files/new", hello),
            Mount("/mounted", app=hello),
            Host("a.example.com", app=hello),
        ]
    )


def request(method: str, path: str, host: str = "x") -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "headers": [(b"host", host.encode())]}


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/plain", "GET /plain"),
        ("HEAD", "/plain", "HEAD /plain"),
        ("POST", "/plain", "POST /plain"),
        ("GET", "/files/17", "GET /files/{id}"),
        ("DELETE", "/files/17", "DELETE /files/{id}"),
        ("GET", "/files/17/content", "GET /files/{id}/content"),
        ("GET", "/files/new", "GET /files/new"),
        ("PUT", "/mounted/a/b", "PUT /mounted/{path}"),
        ("PUT", "/plain", "other"),
        ("GET", "/files/x/content", "other"),
        ("GET", "/plain/", "other"),
        ("GET", "/nowhere", "other"),
    ],
)
def test_requests_are_named_by_their_route(method: str, path: str, name: str) -> None:
    assert table().find(request(method, path)).name == name


def test_a_route_without_a_path_is_other() -> None:
    assert table().find(request("GET", "/anything", "a.example.com")).name == "other"


def test_path_parameters_are_in_the_scope() -> None:
    scope = request("GET", "/files/17/content")
    client = Client()
    run(table().find(scope).app(scope, client.receive, client.send))
    assert scope["path_params"] == {"id": 17}
    assert client.status == 200


def test_the_wrong_method_is_told_the_right_ones() -> None:
    client = Client()
    run(table().find(request("PUT", "/files/17")).app({}, client.receive, client.send))
    assert client.status == 405
    assert (b"allow", b"DELETE, GET, HEAD") in client.sent[0]["headers"]


def test_an_unknown_path_is_not_found() -> None:
    client = Client()
    run(table().find(request("GET", "/nowhere")).app({}, client.receive, client.send))
    assert client.status == 404
    assert json.loads(client.sent[1]["body"]) == {"error": "no such path"}


def test_two_routes_of_one_method_and_path_are_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"^two systems answer GET /a$"):
        RouteTable([plain_route("GET", "/a", hello), plain_route("GET", "/a", chunks)])


def test_a_route_for_every_method() -> None:
    class AnyMethod:
        __call__ = staticmethod(hello)

    assert RouteTable([Route("/any", AnyMethod())]).find(request("PATCH", "/any")).name == "PATCH /any"


def test_a_function_may_refuse_or_find_its_client_gone() -> None:
    async def refuse(*_: Any) -> None:
        raise Refusal(418, "teapot")

    client = Client()
    run(plain_route("GET", "/", refuse).app({}, client.receive, client.send))
    assert client.status == 418
    client = Client(LEFT)
    run(plain_route("GET", "/", silent).app({}, client.receive, client.send))
    assert client.sent == []
