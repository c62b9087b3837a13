"""Engine.IO 4 by python-engineio, made to keep to the protocol where that library does not.

The library's server takes a request without a transport for polling, answers `OK` where `ok` is written, announces a
ping interval below one second as 0, finds dead clients late, ignores packets that are none and polls that are one too
many, and keeps a poll's answer waiting after the session was closed. The official test suite finds all of that.
So sessions and requests are handled here, and the library is left its identifiers, packets, CORS and ASGI adapter.
See https://github.com/socketio/socket.io/tree/main/docs/engine.io-protocol.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any
from urllib.parse import parse_qs

import engineio  # type: ignore[import-untyped]
from engineio.async_drivers.asgi import translate_request  # type: ignore[import-untyped]
from engineio.packet import OPEN, Packet  # type: ignore[import-untyped]
from starlette.types import Receive, Scope, Send

from wireswarm.target.answers import ClientLeft, Refusal, answer, read_body
from wireswarm.target.engine_session import MAX_PAYLOAD, SEPARATOR, EngineSession, ProtocolError

# The errors of the reference implementation: code and message of a 400.
_UNKNOWN_TRANSPORT = (0, "Transport unknown")
_UNKNOWN_SESSION = (1, "Session ID unknown")
_BAD_METHOD = (2, "Bad handshake method")
_BAD_REQUEST = (3, "Bad request")
_BAD_VERSION = (5, "Unsupported protocol version")

_FAREWELL = 0.5
"""Seconds that WebSockets get to take what is still to be sent, when all are closed."""

_TRANSPORTS = ("polling", "websocket")


class EngineServer(engineio.AsyncServer):  # type: ignore[misc]
    """Sessions and their requests. Intervals are those of the library's options, in seconds."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **options,
            async_mode="asgi",
            max_http_buffer_size=MAX_PAYLOAD,
            cors_allowed_origins="*",
            # Sessions watch over themselves.
            monitor_clients=False,
            logger=silent_logger(),
        )

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or serve a WebSocket until its end."""
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
        session: EngineSession | None = self.sockets.get(query.get("sid"))
        if problem := _problem(scope, query, session):
            await _refuse(scope, send, *problem)
        elif scope["type"] == "websocket":
            await self._serve(session, await translate_request(scope, receive, send))
        elif scope["method"] == "OPTIONS":
            await self._answer(send, {"REQUEST_METHOD": "OPTIONS", **_cors_environ(scope)}, b"")
        elif session is None:
            await self._open_polling(scope, receive, send)
        else:
            await self._exchange(session, scope, receive, send)

    async def close_all(self) -> None:
        """Close every session; polls and WebSockets are told, unless they take nothing any more."""
        sessions: list[EngineSession] = list(self.sockets.values())
        for session in sessions:
            await session.close(reason=self.reason.SERVER_DISCONNECT)
        if writers := [session.writer for session in sessions if session.writer]:
            await asyncio.wait(writers, timeout=_FAREWELL)

    async def _open(self, environ: dict[str, Any], transport: str) -> EngineSession:
        sid = self.generate_id()
        session = self.sockets[sid] = EngineSession(self, sid)
        handshake = {
            "sid": sid,
            "upgrades": ["websocket"] if transport == "polling" else [],
            "pingInterval": round(self.ping_interval * 1000),
            "pingTimeout": round(self.ping_timeout * 1000),
            "maxPayload": MAX_PAYLOAD,
        }
        await session.send(Packet(OPEN, handshake))
        await self._trigger_event("connect", sid, environ, run_async=False)
        session.schedule_ping()
        return session

    async def _open_polling(self, scope: Scope, receive: Receive, send: Send) -> None:
        environ = await translate_request(scope, receive, send)
        session = await self._open(environ, "polling")
        session.connected = True
        await self._answer_packets(scope, send, session.take())

    async def _serve(self, session: EngineSession | None, environ: dict[str, Any]) -> None:
        if session and (session.upgraded or session.upgrading):
            # Accepted first, as the reference implementation does: clients take a refusal for a failed connection.
            await environ["asgi.send"]({"type": "websocket.accept"})
            await environ["asgi.send"]({"type": "websocket.close"})
            return
        session = session or await self._open(environ, "websocket")
        await self._async["websocket"](session.serve, self)(environ)

    async def _exchange(self, session: EngineSession, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["method"] == "POST":
                await session.take_body(receive)
                await self._answer(send, _cors_environ(scope), b"ok", "text/html")
            else:
                await read_body(receive, 0)
                await self._answer_packets(scope, send, await session.wait_for_packets(receive))
        except ProtocolError:
            await _refuse(scope, send, *_BAD_REQUEST)
        except Refusal as refusal:
            await refusal.answer(send)
        except ClientLeft:
            await session.close(abort=True, reason=self.reason.TRANSPORT_ERROR)

    async def _answer_packets(self, scope: Scope, send: Send, packets: list[Packet]) -> None:
        body = SEPARATOR.join(packet.encode(b64=True) for packet in packets).encode()
        await self._answer(send, _cors_environ(scope), body)

    async def _answer(
        self, send: Send, environ: dict[str, str], body: bytes, content_type: str = "text/plain; charset=UTF-8"
    ) -> None:
        headers = [(name.lower().encode(), value.encode()) for name, value in self._cors_headers(environ)]
        await answer(send, body, content_type.encode(), headers=headers)


def silent_logger() -> logging.Logger:
    """For the libraries, which report their clients' mistakes: those are what a target is there to meet."""
    logger = logging.getLogger("wireswarm.target.sockets")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
        logger.setLevel(logging.CRITICAL)
    return logger


def _problem(scope: Scope, query: dict[str, str], session: EngineSession | None) -> tuple[int, str] | None:
    transport = query.get("transport")
    if scope["type"] == "http" and scope["method"] == "OPTIONS":
        return None
    if transport not in _TRANSPORTS:
        return _UNKNOWN_TRANSPORT
    if (scope["type"] == "websocket") != (transport == "websocket"):
        return _BAD_REQUEST
    if "sid" not in query:
        if query.get("EIO") != "4":
            return _BAD_VERSION
        return _BAD_METHOD if scope["type"] == "http" and scope["method"] != "GET" else None
    if session is None or session.overdue:
        return _UNKNOWN_SESSION
    if scope["type"] == "http" and (
        scope["method"] not in {"GET", "POST"} or session.upgraded or not session.connected
    ):
        return _BAD_REQUEST
    return None


async def _refuse(scope: Scope, send: Send, code: int, message: str) -> None:
    body = json.dumps({"code": code, "message": message}, separators=(",", ":")).encode()
    await answer_any(scope, send, body, 400)


async def answer_any(scope: Scope, send: Send, body: bytes, status: int) -> None:
    """Answer a request with JSON, be it one for a WebSocket or not."""
    prefix = "websocket." if scope["type"] == "websocket" else ""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": f"{prefix}http.response.start", "status": status, "headers": headers})
    await send({"type": f"{prefix}http.response.body", "body": body, "more_body": False})


def _cors_environ(scope: Scope) -> dict[str, str]:
    environ = {"REQUEST_METHOD": scope["method"]}
    for name, value in scope["headers"]:
        if name == b"origin":
            environ["HTTP_ORIGIN"] = value.decode("latin-1")
        elif name == b"access-control-request-headers":
            environ["HTTP_ACCESS_CONTROL_REQUEST_HEADERS"] = value.decode("latin-1")
    return environ
