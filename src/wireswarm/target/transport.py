"""What goes between uvicorn and its connections: one write for one answer, and patience with clients.

uvicorn writes an answer's head and its body one after the other, and uvloop hands each to the kernel at once: two
system calls here, and two segments that wake the client twice, which a load test would measure. This goes between
them and writes what one turn of the event loop has produced in one piece.
"""

from __future__ import annotations

import asyncio
import importlib.util
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.server import ServerProtocol

if TYPE_CHECKING or importlib.util.find_spec("httptools"):
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as HttpProtocol
else:
    from uvicorn.protocols.http.h11_impl import H11Protocol as HttpProtocol


LONGEST_HEAD = 64 * 1024
"""Bytes that a request's head may have beyond what comes with its first byte; httptools would take any number."""


class JoiningTransport(asyncio.Transport):
    """Another transport, with writes joined until the event loop's next turn. Closing writes what is left first."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._pending: list[bytes | bytearray | memoryview] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See `asyncio.WriteTransport.write`; not to be changed by the caller afterwards."""
        if not self._pending:
            self._loop.call_soon(self._flush)
        self._pending.append(data)

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        # A connection that was lost in the meantime has nobody to read it; uvloop raises for a write to it.
        if pending and not self._transport.is_closing():
            self._transport.write(pending[0] if len(pending) == 1 else b"".join(pending))

    def close(self) -> None:
        """See `asyncio.BaseTransport.close`."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """See `asyncio.BaseTransport.is_closing`."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """See `asyncio.ReadTransport.pause_reading`."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """See `asyncio.ReadTransport.resume_reading`."""
        self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """See `asyncio.BaseTransport.set_protocol`."""
        self._transport.set_protocol(protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See `asyncio.BaseTransport.get_extra_info`."""
        return self._transport.get_extra_info(name, default)


class JoiningProtocol(HttpProtocol):
    """uvicorn's HTTP/1.1 on a `JoiningTransport`; with httptools where that is installed, else with h11."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.BaseProtocol.connection_made`."""
        super().connection_made(JoiningTransport(transport, self.loop))

    _in_head = False
    _head_size = 0

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol.data_received`."""
        if self._in_head:
            self._head_size += len(data)
            if self._head_size > LONGEST_HEAD:
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Called by httptools; h11 has a limit of its own."""
        self._in_head, self._head_size = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Called by httptools."""
        self._in_head = False
        super().on_headers_complete()


class LenientProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSockets for any client, with quiet refusals."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Without extensions: the reference implementation of Engine.IO does not compress either.
        self.conn = _OfAnyOrigin(max_size=self.config.ws_max_size, logger=self.logger)

    async def send(self, message: Any) -> None:
        """See the ASGI specification, with the extension `websocket.http.response`."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            # Else a refusal is taken for an application that has not answered, and logged as an error.
            self.handshake_complete = True


class _OfAnyOrigin(ServerProtocol):
    def process_origin(self, headers: Headers) -> None:
        # python-socketio's client sends two Origins when it is given one, and users of Lorax give it one.
        return None
