"""Lorax: a browser of genealogies that is asked over HTTP and Socket.IO, with a session for each browser.

Beside what the real system does, `load_file` of `BUSY` says that the server is busy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from time import perf_counter

import psutil
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from wireswarm.target.answers import Header, Refusal, answer_json, header, read_body
from wireswarm.target.listeners import INJECTED, Call, Client, Problem
from wireswarm.target.lorax_sessions import PROJECTS, UPLOADS, Session, Sessions, Trees
from wireswarm.target.multipart import parse_multipart
from wireswarm.target.routing import plain_route
from wireswarm.target.system import Context

COOKIE = "lorax_sid"

UPLOAD_LIMIT = 32 * 1024 * 1024
"""Bytes that the form of an upload may have. Files are looked at and not kept."""

BUSY = ("Faults", "busy.trees")
"""Project and file whose loading is refused as if all loaders were taken; listed nowhere, so that none meets it by
accident."""

_COOKIE_AGE = 3600
_LONGEST_NAME = 255
_MB = 1024 * 1024

_MISSING_SESSION = Problem("MISSING_SESSION", "Session ID is missing.")
_NO_SESSION = Problem("SESSION_NOT_FOUND", "Session expired. Please refresh the page.")
_REPLACED = Problem("CONNECTION_REPLACED", "This connection was replaced by a newer one of the same session.")
_BUSY = Problem("SERVER_BUSY", "Server is busy with other files. Please retry shortly.")
_MISSING_FILE = Problem("MISSING_FILE_PARAM", "'project' and 'file' are needed.")


class Lorax:
    """The endpoints and events, and the sessions that they work on."""

    def __init__(self, context: Context) -> None:
        self._clock = context.clock
        self._sessions = Sessions(context.settings.max_sessions)
        self._joined: dict[Client, Session] = {}
        self._process = psutil.Process()
        listeners = context.listeners
        listeners.on_connect(self._connected)
        listeners.on_disconnect(self._left)
        listeners.on("ping", self._ping)
        listeners.on("load_file", self._load_file, fail=_fail_load)
        listeners.on("process_postorder_layout", self._layout)

    def routes(self) -> Sequence[BaseRoute]:
        """See `System.routes`."""
        return [
            plain_route("POST", "/init-session", self._init_session),
            plain_route("GET", "/projects", self._projects),
            plain_route("GET", "/memory_status", self._memory_status),
            plain_route("POST", "/upload", self._upload),
        ]

    def health(self) -> Mapping[str, object]:
        """See `System.health`."""
        return {"redis": True}

    def reset(self) -> None:
        """See `System.reset`. Sockets stay open, and belong to no session any more."""
        self._sessions.reset()

    def _session_of(self, scope: Scope) -> tuple[Session, list[Header]]:
        """The session of a request's cookie, or a new one, and the headers that tell the client of it."""
        session = self._sessions.find(_cookie(header(scope, b"cookie") or b""))
        if session:
            return session, []
        session = self._sessions.create()
        cookie = f"{COOKIE}={session.sid}; HttpOnly; Max-Age={_COOKIE_AGE}; Path=/; SameSite=lax"
        return session, [(b"set-cookie", cookie.encode())]

    async def _init_session(self, scope: Scope, _receive: Receive, send: Send) -> None:
        session, headers = self._session_of(scope)
        await answer_json(send, {"sid": session.sid}, headers=headers)

    async def _projects(self, scope: Scope, _receive: Receive, send: Send) -> None:
        session, headers = self._session_of(scope)
        files: dict[str, Sequence[str]] = {**PROJECTS, UPLOADS: sorted(session.uploads)}
        projects = {name: {"folder": name, "files": files[name], "description": ""} for name in files}
        await answer_json(send, {"projects": projects}, headers=headers)

    async def _memory_status(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        memory = self._process.memory_info()
        status = {
            "rss_MB": round(memory.rss / _MB, 2),
            "vms_MB": round(memory.vms / _MB, 2),
            "file_cache_size": len(self._sessions),
            "pid": os.getpid(),
        }
        await answer_json(send, status)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        content_type = (header(scope, b"content-type") or b"").decode("latin-1")
        parts = parse_multipart(content_type, await read_body(receive, UPLOAD_LIMIT))
        filename = next((part.filename for part in parts if part.name == "file" and part.filename), None)
        if filename is None:
            raise Refusal(422, "the form has no file in a field 'file'")
        if len(filename) > _LONGEST_NAME:
            raise Refusal(400, f"the file's name is longer than {_LONGEST_NAME} characters")
        session, headers = self._session_of(scope)
        session.upload(filename)
        answer = {"message": "File uploaded", "sid": session.sid, "owner_sid": session.sid, "filename": filename}
        await answer_json(send, answer, headers=headers)

    async def _connected(self, client: Client, payload: object) -> bool:
        sid = client.cookies.get(COOKIE) or (payload.get(COOKIE) if isinstance(payload, dict) else None)
        if sid is None:
            return False
        session = self._sessions.find(sid)
        if session is None:
            await client.emit("error", _NO_SESSION.event())
            return True
        replaced, session.client = session.client, client
        self._joined[client] = session
        if replaced:
            await replaced.emit("connection-replaced", _REPLACED.event())
            await replaced.disconnect()
        if session.file:
            await client.emit("session-restored", {"lorax_sid": sid, "file_path": "/".join(session.file)})
        else:
            await client.emit("status", {"message": "Connected", "lorax_sid": sid})
        return True

    def _left(self, client: Client) -> None:
        session = self._joined.pop(client, None)
        if session and session.client is client:
            session.client = None

    async def _ping(self, call: Call) -> None:
        time = datetime.fromtimestamp(self._clock(), UTC).replace(tzinfo=None).isoformat()
        await call.client.emit("pong", {"type": "pong", "time": time})

    async def _load_file(self, call: Call) -> None:
        begin = perf_counter()
        data = _data(call)
        result = self._load(data)
        duration = round((perf_counter() - begin) * 1000, 3)
        await _finish_load(call, {**result, "queue_wait_ms": 0.0, "duration_ms": duration})

    def _load(self, data: Mapping[str, object]) -> Mapping[str, object]:
        sid, project, file = data.get(COOKIE), data.get("project"), data.get("file")
        session = self._sessions.find(sid)
        if session is None:
            return _not_loaded(data, _NO_SESSION if sid else _MISSING_SESSION)
        if not (project and file and isinstance(project, str) and isinstance(file, str)):
            return _not_loaded(data, _MISSING_FILE)
        if (project, file) == BUSY:
            return _not_loaded(data, _BUSY)
        if not session.has(project, file):
            return _not_loaded(data, Problem("FILE_NOT_FOUND", f"File not found: {project}/{file}"))
        session.file = project, file
        return {
            "ok": True,
            "request_id": data.get("request_id"),
            "filename": file,
            "project": project,
            "owner_sid": session.sid,
            "config": Trees(project, file).config(project, file),
            "code": "FILE_LOADED",
        }

    async def _layout(self, call: Call) -> None:
        data = _data(call)
        session = self._sessions.find(data.get(COOKIE))
        indices = data.get("displayArray")
        if session is None:
            await call.client.emit("error", _NO_SESSION.event())
            answer: dict[str, object] = {"error": "Session not found"}
        elif session.file is None:
            answer = {"error": "No file loaded"}
        elif not isinstance(indices, list):
            answer = {"error": "displayArray is not a list of tree indices"}
        else:
            trees = Trees(*session.file)
            # No tree twice: what is sent for one request is bounded by the file.
            wanted = sorted({index for index in indices if type(index) is int and 0 <= index < trees.count})
            buffer = trees.layout(wanted, bool(data.get("sparsification")))
            answer = {"buffer": buffer, "global_min_time": 0.0, "global_max_time": 1.0, "tree_indices": wanted}
        await call.ack({**answer, "request_id": data.get("request_id")})


def _cookie(value: bytes) -> str | None:
    try:
        morsel = SimpleCookie(value.decode("latin-1")).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel else None


def _data(call: Call) -> Mapping[str, object]:
    data = call.values[0] if call.values else None
    return data if isinstance(data, dict) else {}


def _not_loaded(data: Mapping[str, object], problem: Problem) -> Mapping[str, object]:
    return {"ok": False, "request_id": data.get("request_id"), **problem.event(), "recoverable": True}


async def _finish_load(call: Call, result: Mapping[str, object]) -> None:
    await call.ack(result)
    await call.client.emit("load-file-result", result)


async def _fail_load(call: Call) -> None:
    await _finish_load(call, _not_loaded(_data(call), INJECTED))
