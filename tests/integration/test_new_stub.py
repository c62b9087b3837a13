"""The stub that the tests of written suites run against."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from wireswarm import SocketIOClient
from wireswarm.errors import ConfigurationError, RequestFailed
from wireswarm.scaffold import stub_server

ROWS = [
    {"method": "GET", "path": "/orders/{id}", "status": 200, "type": "application/json", "json": {"id": "any"}},
    {"method": "GET", "path": "/orders/new", "status": 201, "type": "application/json", "json": {"id": "new"}},
    {"method": "DELETE", "path": "/orders/{id}", "status": 204},
    {"method": "POST", "path": "/orders.v1.Orders/Get", "status": 200, "type": "application/proto"},
    {"event": "order", "namespace": "/", "json": {"ok": True}},
    {"event": "ping", "namespace": "/chat", "reply": "pong", "json": {"n": 1}},
    {"push": "price", "namespace": "/chat", "sent_at": "at", "unit": "ms"},
]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    with stub_server(path) as url:
        yield url


def test_http_is_answered_as_the_file_says(url: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    found = []
    for method, path in (
        ("GET", "/orders/7?a=b"),
        ("GET", "/orders/new"),
        ("DELETE", "/orders/7"),
        ("POST", "/orders.v1.Orders/Get"),
        ("GET", "/ordersXv1"),
    ):
        connection.request(method, path, b"body" if method == "POST" else None)
        response = connection.getresponse()
        found.append((response.status, response.headers.get("Content-Type"), response.read()))
    connection.close()
    assert found[:4] == [
        (200, "application/json", b'{"id": "any"}'),
        (201, "application/json", b'{"id": "new"}'),
        (204, None, b""),
        (200, "application/proto", b""),
    ]
    assert found[4][0] == 404


def test_socketio_is_answered_as_the_file_says(url: str) -> None:
    client = SocketIOClient(url)
    prices: list[Any] = []
    client.on("price", prices.append, namespace="/chat")
    client.connect(["/", "/chat"])
    assert client.call("order", {"sku": "A1"}) == {"ok": True}
    assert client.emit_and_wait("ping", reply="pong", namespace="/chat") == {"n": 1}
    assert abs(prices[0]["at"] - time.time() * 1000) < 60_000
    client.disconnect()
    client.close()


def test_a_path_that_is_no_socketio_is_refused(url: str) -> None:
    with pytest.raises(RequestFailed):
        SocketIOClient(url, transports="polling").connect()


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"), stub_server(tmp_path / "none"):
        pass
    (tmp_path / "bad").write_text("{")
    with pytest.raises(ConfigurationError, match="found no JSON"), stub_server(tmp_path / "bad"):
        pass
