"""Both transports of Engine.IO as bare as can be: the test writes every packet, and sees every packet.

It is no part of the client that is tested elsewhere, so that a mistake in one cannot hide in the other.
"""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import suppress
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

Address = tuple[str, int]

TIMEOUT = 10
"""Seconds after which an answer that does not come fails a test."""


class Polling:
    """HTTP long-polling on one connection; `second` has another one for the same session."""

    def __init__(self, address: Address, path: str = "/socket.io/", **headers: str) -> None:
        self._address = address
        self._connection = http.client.HTTPConnection(*address, timeout=TIMEOUT)
        self._path = path
        self._headers = headers
        self.sid = ""

    def __enter__(self) -> Polling:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def open(self) -> dict[str, Any]:
        """Open a session; what the server says of it."""
        status, text = self.get()
        assert (status, text[:1]) == (200, "0"), (status, text)
        handshake: dict[str, Any] = json.loads(text[1:])
        self.sid = handshake["sid"]
        return handshake

    def second(self) -> Polling:
        """The same session on another connection, which is established."""
        other = Polling(self._address, self._path, **self._headers)
        other.sid = self.sid
        other._connection.connect()
        return other

    def request(self, method: str, query: str | None = None, body: str | None = None) -> None:
        """Send a request, and do not wait for the answer."""
        if query is None:
            query = "EIO=4&transport=polling" + (f"&sid={self.sid}" if self.sid else "")
        self._connection.request(method, f"{self._path}?{query}", body and body.encode(), self._headers)

    def answer(self) -> tuple[int, str]:
        """Status and body of what was requested."""
        response = self._connection.getresponse()
        return response.status, response.read().decode()

    def get(self, query: str | None = None) -> tuple[int, str]:
        """Poll."""
        self.request("GET", query)
        return self.answer()

    def post(self, body: str) -> tuple[int, str]:
        """Send packets."""
        self.request("POST", body=body)
        return self.answer()

    def pass_by(self) -> None:
        """A round trip: what other connections sent before it has been read by the server after it."""
        self._connection.request("GET", "/_target/counters")
        assert self.answer()[0] == 200


class WebSocket:
    """A WebSocket; its handshake may have failed with a `status` other than 101."""

    def __init__(self, address: Address, query: str = "EIO=4&transport=websocket", path: str = "/socket.io/") -> None:
        self._connect(address, f"{path}?{query}", {})

    @classmethod
    def with_headers(cls, address: Address, headers: dict[str, str]) -> WebSocket:
        """One whose handshake carries these."""
        connected = cls.__new__(cls)
        connected._connect(address, "/socket.io/?EIO=4&transport=websocket", headers)
        return connected

    def _connect(self, address: Address, target: str, headers: dict[str, str]) -> None:
        host, port = address
        self._protocol = ClientProtocol(parse_uri(f"ws://{host}:{port}{target}"))
        self._socket = socket.create_connection(address, timeout=TIMEOUT)
        self._events: list[Frame | Response] = []
        self._message: list[bytes] = []
        request = self._protocol.connect()
        request.headers.update(headers)
        self._protocol.send_request(request)
        self._flush()
        response = self._next()
        assert isinstance(response, Response)
        self.status = response.status_code
        self.body = response.body

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, *messages: str | bytes) -> None:
        """Send messages."""
        for message in messages:
            if isinstance(message, bytes):
                self._protocol.send_binary(message)
            else:
                self._protocol.send_text(message.encode())
        self._flush()

    def receive(self) -> str | bytes | None:
        """The next message; None when the connection has ended."""
        while True:
            frame = self._next()
            if frame is None or (isinstance(frame, Frame) and frame.opcode is Opcode.CLOSE):
                return None
            assert isinstance(frame, Frame)
            if frame.opcode is Opcode.TEXT:
                return bytes(frame.data).decode()
            if frame.opcode is Opcode.BINARY:
                return bytes(frame.data)

    def rest(self) -> list[str | bytes]:
        """What is still received until the server ends the connection."""
        return list(iter(self.receive, None))

    def _next(self) -> Frame | Response | None:
        while not self._events:
            # A server that does not read to the end of what it refuses resets the connection.
            try:
                data = self._socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            self._events += self._protocol.events_received()  # type: ignore[arg-type]
            self._flush()
            if not data and not self._events:
                return None
        return self._events.pop(0)

    def _flush(self) -> None:
        with suppress(ConnectionError):
            for data in self._protocol.data_to_send():
                if data:
                    self._socket.sendall(data)


def open_websocket(address: Address, **headers: str) -> WebSocket:
    """A WebSocket session, its handshake read."""
    session = WebSocket.with_headers(address, headers)
    opening = session.receive()
    assert isinstance(opening, str)
    assert opening.startswith("0{"), opening
    return session


def connect(address: Address, payload: str = "", **headers: str) -> WebSocket:
    """A WebSocket that is connected to the main namespace; what it is greeted with is still to be received."""
    session = open_websocket(address, **headers)
    session.send(f"40{payload}")
    answer = session.receive()
    assert isinstance(answer, str)
    assert answer.startswith('40{"sid":"'), answer
    return session
