"""Answers: the two ASGI messages of one, JSON errors, and the reading of a request's body and headers.

By hand instead of with Starlette's `Request` and `Response`, which would add a third to the time of a request: what the
target can answer bounds what a load test on it can show.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from starlette.types import Receive, Scope, Send

Header = tuple[bytes, bytes]
"""Name, in lower case, and value."""

JSON = b"application/json"
PROTOBUF = b"application/protobuf"


async def answer(
    send: Send, body: bytes, content_type: bytes = JSON, status: int = 200, headers: Sequence[Header] = ()
) -> None:
    """Send a whole answer, with its Content-Length."""
    head = [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def answer_json(send: Send, value: object, status: int = 200, headers: Sequence[Header] = ()) -> None:
    """Send a value as JSON."""
    await answer(send, json.dumps(value, separators=(",", ":")).encode(), JSON, status, headers)


class Refusal(Exception):  # noqa: N818 - a refused request is an answer of the target, not an error of it
    """A request that is answered with an error status and `{"error": text}`.

    Raise it where the reason is found; whoever called for the answer sends it.
    """

    def __init__(self, status: int, text: str, headers: Sequence[Header] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers

    async def answer(self, send: Send) -> None:
        """Send it."""
        await answer_json(send, {"error": self.text}, self.status, self.headers)


class ClientLeft(Exception):  # noqa: N818 - it is what happened, and nobody is left to be told
    """The client closed the connection before its request was complete."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """A request header's value; the first where there are several. The name is given in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def media_type(scope: Scope) -> str:
    """The request's content type in lower case and without parameters; empty when it has none."""
    return (header(scope, b"content-type") or b"").partition(b";")[0].strip().lower().decode("latin-1")


async def read_body(receive: Receive, limit: int) -> bytes:
    """Read the whole request body.

    Raises:
        Refusal: 413, it is longer than `limit` bytes.
        ClientLeft: The connection was closed before its end.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise Refusal(413, f"the body is longer than {limit} bytes")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
