"""A server in the order of the real Lorax: `python lorax_order_server.py` prints its port.

It greets a socket before it has accepted it, and sends the event of `load_file` before the acknowledgement. The
reference target does either the other way round.
"""

from __future__ import annotations

import asyncio
from typing import Any

import socketio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    await sio.emit("status", {"message": "Connected"}, to=sid)


@sio.event
async def load_file(sid: str, data: dict[str, Any]) -> dict[str, Any]:
    await sio.emit("status", {"status": "processing-file"}, to=sid)
    result = {
        "ok": True,
        "request_id": data["request_id"],
        "filename": data["file"],
        "owner_sid": data["lorax_sid"],
        "config": {"intervals": [0, 1000, 2000]},
    }
    await sio.emit("load-file-result", result, to=sid)
    return result


@sio.event
async def process_postorder_layout(sid: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"buffer": b"layout", "tree_indices": data["displayArray"], "request_id": data["request_id"]}


async def session(request: Request) -> JSONResponse:
    response = JSONResponse({"sid": "s1"})
    response.set_cookie("lorax_sid", "s1")
    return response


async def projects(request: Request) -> JSONResponse:
    return JSONResponse({"projects": {"Small": {"files": ["small.trees"]}}})


async def main() -> None:
    routes = [Route("/init-session", session, methods=["POST"]), Route("/projects", projects)]
    app = socketio.ASGIApp(sio, Starlette(routes=routes))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await serving


if __name__ == "__main__":
    asyncio.run(main())
