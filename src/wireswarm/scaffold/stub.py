"""A stub of a service: it answers as a file says. For the tests that suites are written with.

HTTP from the standard library, in threads; Socket.IO 5 over WebSocket as far as a suite needs it. It keeps no state,
checks no credentials, and measures nothing.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from wireswarm.errors import ConfigurationError, RemoteProtocolError
from wireswarm.wire.socketio import EVENT, Packet, decode, encode_ack, encode_event, prefix_of

_OPEN: Final = {"sid": "stub", "upgrades": [], "pingInterval": 25_000, "pingTimeout": 60_000, "maxPayload": 1_000_000}
_UNITS: Final = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_PARAMETER: Final = re.compile(r"\{\w+\}")
_CONNECT: Final = re.compile(rb"40(/[^,{]*)?")
_READ: Final = 65_536

Answer = Mapping[str, Any]


@contextmanager
def stub_server(answers: Path) -> Iterator[str]:
    """Serve a file of answers on a free port of 127.0.0.1, while the `with` lasts.

    Each line is a JSON object: `{"method": "GET", "path": "/orders/{id}", "status": 200, "json": …}`, for Socket.IO
    `{"event": "ping", "namespace": "/", "reply": "pong", "json": …}`; `json` is the acknowledgement where there is no
    `reply`.

    Args:
        answers: the file.

    Yields:
        The address, such as `http://127.0.0.1:49152`.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    rows = _read(answers)
    handler = type("Handler", (_Handler,), {"answers": _by_path(rows), "events": [r for r in rows if "path" not in r]})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _read(path: Path) -> list[Answer]:
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}; allowed: a file of answers") from None
    except ValueError as error:
        raise ConfigurationError(f"{path}: found no JSON: {error}; allowed: an object on each line") from None


def _by_path(rows: list[Answer]) -> list[tuple[str, re.Pattern[str], Answer]]:
    """The answers of HTTP, those with the fewest parameters first: `/orders/new` is not an `{id}`."""
    found = [row for row in rows if "path" in row]
    found.sort(key=lambda row: len(_PARAMETER.findall(row["path"])))
    return [(row["method"], _pattern(row["path"]), row) for row in found]


def _pattern(template: str) -> re.Pattern[str]:
    literals = (re.escape(part.replace("{{", "{").replace("}}", "}")) for part in _PARAMETER.split(template))
    return re.compile("[^/]+".join(literals))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answers: list[tuple[str, re.Pattern[str], Answer]]
    events: list[Answer]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class calls it
        """Say nothing."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._upgrade()
            return
        path = urlsplit(self.path).path
        row = next((r for method, p, r in self.answers if method == self.command and p.fullmatch(path)), None)
        status, kind, body = 404, "text/plain", b"the stub has no answer to that\n"
        if row is not None:
            status, kind = row.get("status", 200), row.get("type") or "application/json"
            body = json.dumps(row["json"]).encode() if "json" in row else b""
        self.send_response(status)
        if status not in {204, 304}:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in {204, 304}:
            self.wfile.write(body)

    def _upgrade(self) -> None:
        self.close_connection = True
        protocol = ServerProtocol()
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        protocol.receive_data(f"GET {self.path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))
        for request in protocol.events_received():
            if isinstance(request, Request):
                protocol.send_response(protocol.accept(request))
        with suppress(OSError):  # the client may go at any time
            _Socket(self.connection, protocol, self.events).serve()


class _Socket:
    """One connection of Socket.IO."""

    def __init__(self, connection: socket.socket, protocol: ServerProtocol, events: list[Answer]) -> None:
        self._connection = connection
        self._protocol = protocol
        self._events = events

    def serve(self) -> None:
        """Answer until the client goes."""
        self._say(b"0" + json.dumps(_OPEN).encode())
        while data := self._connection.recv(_READ):
            self._protocol.receive_data(data)
            for frame in self._protocol.events_received():
                if getattr(frame, "opcode", None) is Opcode.TEXT:
                    self._hear(bytes(getattr(frame, "data", b"")))
            self._flush()
            if self._protocol.close_expected():
                return

    def _hear(self, text: bytes) -> None:
        with suppress(RemoteProtocolError):  # what is none of Socket.IO's packets: an answer to a ping
            connect = _CONNECT.match(text)  # a client's, which the codec, the other side's, does not know
            if connect is not None:
                namespace = (connect[1] or b"/").decode()
                self._say(b"40" + prefix_of(namespace) + b'{"sid":"stub"}')
                self._push(namespace)
                return
            packet = decode(text)
            if packet.type == EVENT:
                self._answer(packet)

    def _push(self, namespace: str) -> None:
        for row in self._events:
            if "push" in row and row["namespace"] == namespace:
                data = {row["sent_at"]: time.time() * _UNITS[row["unit"]]}
                self._say(encode_event(prefix_of(namespace), b"", row["push"], data)[0])

    def _answer(self, packet: Packet) -> None:
        name, space = packet.data[0], packet.namespace
        row = next((r for r in self._events if r.get("event") == name and r["namespace"] == space), {})
        if "reply" in row:
            self._say(encode_event(prefix_of(space), b"", row["reply"], row.get("json"))[0])
        if packet.id is not None:
            self._say(encode_ack(prefix_of(space), packet.id, (row.get("json"),))[0])

    def _say(self, text: bytes) -> None:
        self._protocol.send_text(text)
        self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            self._connection.sendall(data)
