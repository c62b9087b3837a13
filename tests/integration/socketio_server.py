"""python-socketio's own server, as a process: `python socketio_server.py [PING_INTERVAL [PING_TIMEOUT]]`.

Prints its port. Knows the namespaces `/`, `/admin`, and `/picky`, which lets nobody in without a token.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import socketio
import uvicorn

INTERVAL, TIMEOUT = ([float(argument) for argument in sys.argv[1:]] + [25.0, 20.0][len(sys.argv) - 1 :])[:2]

sio = socketio.AsyncServer(
    async_mode="asgi",
    cors_allowed_origins="*",
    namespaces="*",
    ping_interval=INTERVAL,
    ping_timeout=TIMEOUT,
    max_http_buffer_size=100_000,
)
environs: dict[str, Any] = {}
gone: list[str] = []


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    environs[sid] = {"auth": auth, "headers": dict(environ["asgi.scope"]["headers"]), "query": environ["QUERY_STRING"]}
    if auth and "greet" in auth:
        await sio.emit("status", {"hello": auth["greet"]}, to=sid)


@sio.event
async def disconnect(sid: str, reason: str) -> None:
    gone.append(sid)


@sio.on("connect", namespace="/admin")
async def connect_admin(sid: str, environ: dict[str, Any], auth: Any) -> None:
    pass


@sio.on("connect", namespace="/picky")
async def connect_picky(sid: str, environ: dict[str, Any], auth: Any) -> None:
    if auth != {"token": "let-me-in"}:
        raise socketio.exceptions.ConnectionRefusedError("not authorized")


@sio.on("echo", namespace="*")
async def echo(namespace: str, sid: str, *args: Any) -> Any:
    return args


@sio.event
async def slow(sid: str, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@sio.event
async def ping(sid: str, data: dict[str, Any]) -> None:
    await sio.emit("pong", {**data, "time": time.time()}, to=sid)


@sio.event
async def push(sid: str, count: int) -> None:
    for number in range(count):
        await sio.emit("tick", {"number": number, "at": time.time()}, to=sid)


@sio.event
async def ask(sid: str, question: Any) -> Any:
    return await sio.call("question", question, to=sid, timeout=5)


@sio.event
async def who(sid: str) -> Any:
    found = environs[sid]
    headers = {name.decode(): value.decode() for name, value in found["headers"].items()}
    return {"auth": found["auth"], "headers": headers, "query": found["query"], "transport": sio.transport(sid)}


@sio.event
async def kick(sid: str) -> None:
    await sio.disconnect(sid)


@sio.event
async def cut(sid: str) -> None:
    await sio.eio.disconnect(sio.manager.eio_sid_from_sid(sid, "/"))


@sio.on("gone")
async def whoever_is_gone(sid: str) -> list[str]:
    return gone


@sio.on("never")
async def never(sid: str) -> None:
    await asyncio.sleep(3600)


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
