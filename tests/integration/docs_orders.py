"""The shop that the documentation's examples talk to: orders in protobuf, which are shipped while one waits."""

from __future__ import annotations

import itertools
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gevent.pywsgi import WSGIServer

from wireswarm import load_protos

LOOKS = 1
"""How often an order is looked at before it has been shipped."""


class Shop:
    """A WSGI application with `POST /orders`, `GET /orders/{id}` and `POST /orders/{id}/cancel`."""

    def __init__(self, pb: Any) -> None:
        self._pb = pb
        self._ids = itertools.count(1)
        self._orders: dict[str, Any] = {}
        self._looks: dict[str, int] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        body = environ["wsgi.input"].read()
        order = self._answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], body)
        if order is None:
            start_response("404 Not Found", [("Content-Length", "0")])
            return [b""]
        content = order.SerializeToString()
        start_response("200 OK", [("Content-Type", "application/x-protobuf"), ("Content-Length", str(len(content)))])
        return [content]

    def _answer(self, method: str, path: str, body: bytes) -> Any:
        if (method, path) == ("POST", "/orders"):
            wish = self._pb.CreateOrder.FromString(body)
            order = self._pb.Order(id=str(next(self._ids)), sku=wish.sku, state=self._pb.PACKING)
            self._orders[order.id] = order
            return order
        found = re.fullmatch(r"/orders/(\w+)(/cancel)?", path)
        order = found and self._orders.get(found[1])
        if order and method == "GET":
            looks = self._looks[order.id] = self._looks.get(order.id, 0) + 1
            if looks > LOOKS:
                order.state = self._pb.SHIPPED
        return order


@contextmanager
def serve_orders(proto: str) -> Iterator[str]:
    """Serve the messages of that `.proto` text on a free port; gives the URL."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "orders.proto"
        file.write_text(proto, encoding="utf-8")
        server = WSGIServer(("127.0.0.1", 0), Shop(load_protos(file)), log=None)
        server.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.stop()
