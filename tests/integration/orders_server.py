"""A server for `scaffold_sources.ORDERS`: over the paths of `google.api.http` in JSON, by Connect, and by Twirp."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.json_format import MessageToDict, Parse

TYPES = {"connect": "application/proto", "twirp": "application/protobuf"}
SERVICE = "/orders.v1.OrderService/"
REQUESTS = {"CreateOrder": "CreateOrderRequest", "ListOrders": "ListOrdersRequest", "UpdateOrder": "UpdateOrderRequest"}


class OrdersServer:
    """What it has seen; refuses what a real one would refuse."""

    def __init__(self, pb: Any, url: str) -> None:
        self.pb = pb
        self.url = url
        self.seen: Counter[str] = Counter()
        self.orders: dict[str, Any] = {}

    def binary(self, path: str, content_type: str, connect: str | None, body: bytes) -> tuple[int, str, bytes]:
        """Connect and Twirp."""
        style = "twirp" if path.startswith("/twirp/") else "connect"
        if content_type != TYPES[style] or (style == "connect" and connect != "1"):
            return 415, "text/plain", b""
        method = path.rpartition("/")[2]
        request = getattr(self.pb, REQUESTS.get(method, "GetOrderRequest")).FromString(body)
        if not request.ListFields():
            return 400, "text/plain", b"an empty message"
        self.seen[f"{style} {method}"] += 1
        answer = self.pb.ListOrdersResponse() if method == "ListOrders" else self.pb.Order(order_id="7", sku="A1")
        return 200, content_type, answer.SerializeToString()

    def json(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        """As a gateway does it: orders are there once they are created, until they are deleted."""
        pb, order_id = self.pb, path.rpartition("/")[2]
        answer: Any = pb.Order(order_id="1", sku="A1")
        if path in {"/v1/orders", "/v1/new-order"} and method in {"POST", "PUT"}:
            Parse(body, pb.CreateOrderRequest())
            answer.order_id = f"o-{len(self.orders)}-{self.seen.total()}"
            self.orders[answer.order_id] = answer
            order_id = "*"
        elif path == "/v1/orders":
            answer, order_id = pb.ListOrdersResponse(orders=self.orders.values()), "*"
        elif path.startswith("/v1/orders/"):
            if order_id not in self.orders:
                return 404, "text/plain", b"no such order"
            if method == "PATCH":
                Parse(body, answer)
            if method == "DELETE":
                answer = self.orders.pop(order_id)
        elif path != "/v1/shelves/1/books/1":
            return 404, "text/plain", b"no such path"
        self.seen[f"{method} {path.replace(order_id, '*')}"] += 1
        return 200, "application/json", json.dumps(MessageToDict(answer)).encode()


@contextmanager
def orders_server(pb: Any) -> Iterator[OrdersServer]:
    """One on a free port, while the `with` lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            if SERVICE in path:
                connect = self.headers.get("Connect-Protocol-Version")
                status, kind, answer = state.binary(path, self.headers["Content-Type"], connect, body)
            else:
                status, kind, answer = state.json(self.command, path, body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - as the base class calls them

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        state = OrdersServer(pb, f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
