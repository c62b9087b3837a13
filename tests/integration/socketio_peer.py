"""python-socketio's own server, for the integration tests: `python socketio_peer.py [INTERVAL TIMEOUT]`.

Prints its port. The same scenarios as in node_peer/server.js.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import socketio
import uvicorn

interval, timeout = map(float, sys.argv[1:] or (25, 20))
sio = socketio.AsyncServer(
    async_mode="asgi",
    cors_allowed_origins="*",
    namespaces="*",
    max_http_buffer_size=1_000_000,
    ping_interval=interval,
    ping_timeout=timeout,
)
environs: dict[str, Any] = {}
gone: list[str] = []


@sio.on("connect", namespace="*")
async def connect(namespace: str, sid: str, environ: dict[str, Any], auth: Any) -> None:
    if namespace == "/picky" and auth != {"token": "let-me-in"}:
        raise socketio.exceptions.ConnectionRefusedError("not authorized")
    environs[sid] = {"auth": auth or {}, "headers": environ["asgi.scope"]["headers"], "query": environ["QUERY_STRING"]}


@sio.on("disconnect", namespace="*")
async def disconnect(namespace: str, sid: str, reason: str) -> None:
    gone.append(sid)


@sio.on("echo", namespace="*")
async def echo(namespace: str, sid: str, *values: Any) -> Any:
    return values


@sio.on("answer", namespace="*")
async def answer(namespace: str, sid: str, *values: Any) -> None:
    await sio.emit("answered", values, to=sid, namespace=namespace)


@sio.on("slow")
async def slow(sid: str, milliseconds: float) -> dict[str, float]:
    """Says when, in Unix milliseconds."""
    received = time.time() * 1000
    await asyncio.sleep(milliseconds / 1000)
    return {"received": received, "answered": time.time() * 1000}


@sio.on("never", namespace="*")
async def never(namespace: str, sid: str) -> None:
    await asyncio.sleep(3600)


@sio.on("kick", namespace="*")
async def kick(namespace: str, sid: str) -> None:
    await sio.disconnect(sid, namespace=namespace)


@sio.on("cut")
async def cut(sid: str) -> None:
    await sio.eio.disconnect(sio.manager.eio_sid_from_sid(sid, "/"))


@sio.on("gone")
async def whoever_is_gone(sid: str) -> Any:
    return gone


@sio.on("who", namespace="*")
async def who(namespace: str, sid: str) -> Any:
    found = environs[sid]
    headers = {name.decode(): value.decode() for name, value in found["headers"]}
    query = dict(pair.split("=", 1) for pair in found["query"].split("&"))
    return {"auth": found["auth"], "query": query, "headers": headers, "transport": sio.transport(sid, namespace)}


@sio.on("ask")
async def ask(sid: str, question: Any) -> Any:
    values = await sio.call("question", question, to=sid, timeout=5)
    return list(values) if isinstance(values, tuple) else [] if values is None else [values]


@sio.on("pushes")
async def pushes(sid: str, count: int) -> int:
    for number in range(count):
        await sio.emit("push", {"number": number, "at": time.time_ns() // 1_000_000}, to=sid)
    return count


@sio.on("binaries")
async def binaries(sid: str, first: int, count: int) -> int:
    """Event n has 1 to 5 attachments; each says which event and place it belongs to."""
    for number in range(first, first + count):
        size = 5 + number % 200
        parts = [number.to_bytes(4, "big") + bytes([place]) * (size - 4) for place in range(1 + number % 5)]
        await sio.emit("binary", (number, {"parts": parts}), to=sid)
    return count


async def main() -> None:
    config = uvicorn.Config(socketio.ASGIApp(sio), host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await serving


if __name__ == "__main__":
    asyncio.run(main())
