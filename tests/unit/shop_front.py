"""A visitor of the target's shop, without a server, at a clock's time."""

from __future__ import annotations

from typing import Any

import orjson
from helios import OPERATIONS
from manual_clock import ManualClock

from wireswarm.target.app import create_app
from wireswarm.target.settings import TargetSettings

CHANNEL = "default-channel"
ADDRESS = {
    "firstName": "A",
    "lastName": "B",
    "streetAddress1": "C 1",
    "city": "D",
    "postalCode": "12345",
    "country": "US",
    "countryArea": "NY",
}


class ShopFront:
    """Asks the shop by the suite's operations, or by any other document."""

    def __init__(self, clock: ManualClock, **settings: Any) -> None:
        self.clock = clock
        self.app = create_app(TargetSettings(**settings), clock=clock.time)
        self.token = ""

    def post(self, body: bytes, content_type: str = "application/json") -> tuple[int, Any]:
        """Any request; returns status and answer."""
        headers = [(b"content-type", content_type.encode()), (b"host", b"shop.test")]
        if self.token:
            headers.append((b"authorization", f"Bearer {self.token}".encode()))
        return self._call("POST", "/graphql/", headers, body)

    def ask(self, name: str, **variables: Any) -> dict[str, Any]:
        """An operation of the suite, or a document; returns the whole answer."""
        query = OPERATIONS[name].document if name in OPERATIONS else name
        status, answer = self.post(orjson.dumps({"query": query, "variables": variables}))
        assert status == 200
        found: dict[str, Any] = answer
        return found

    def data(self, name: str, **variables: Any) -> Any:
        """What an operation of one field without errors answers."""
        answer = self.ask(name, **variables)
        assert "errors" not in answer, answer
        [value] = answer["data"].values()
        assert not (value or {}).get("errors"), value
        return value

    def code(self, name: str, **variables: Any) -> tuple[str, str | None]:
        """Code and field of a mutation's error."""
        [value] = self.ask(name, **variables)["data"].values()
        assert value.get("checkout") is None
        [error] = value["errors"]
        assert error["message"]
        return error["code"], error["field"]

    def message(self, name: str, **variables: Any) -> str:
        """An error of GraphQL's own."""
        [error] = self.ask(name, **variables)["errors"]
        return str(error["message"])

    def products(self, name: str = "ProductList", **variables: Any) -> list[dict[str, Any]]:
        """A page of products."""
        variables = {"channel": CHANNEL, "first": 100, **variables}
        return [edge["node"] for edge in self.data(name, **variables)["edges"]]

    def log_in(self) -> None:
        """Come as staff from now on."""
        self.token = self.data("LogIn", email="admin@example.com", password="admin123456")["token"]

    def variant(self) -> str:
        """A variant in stock."""
        found = self.products(where={"stockAvailability": "IN_STOCK"}, first=1)
        return str(found[0]["defaultVariant"]["id"])

    def cart(self, quantity: int = 1) -> dict[str, Any]:
        """A new checkout with a line."""
        lines = [{"variantId": self.variant(), "quantity": quantity}]
        found: dict[str, Any] = self.data(
            "CreateCheckout", input={"channel": CHANNEL, "email": "a@example.com", "lines": lines}
        )["checkout"]
        return found

    def counters(self) -> dict[str, Any]:
        """The target's counts."""
        found: dict[str, Any] = self._call("GET", "/_target/counters", [], b"")[1]
        return found

    def reset(self) -> None:
        """Begin anew."""
        self._call("POST", "/_target/reset", [], b"")

    def _call(self, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> tuple[int, Any]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(part: Any) -> None:
            sent.append(part)

        coroutine = self.app({"type": "http", "method": method, "path": path, "headers": headers}, receive, send)  # type: ignore[arg-type]
        try:
            coroutine.send(None)  # type: ignore[attr-defined]
        except StopIteration:
            return sent[0]["status"], orjson.loads(sent[1]["body"])
        raise AssertionError("it waits")
