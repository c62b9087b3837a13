"""A server that does to its connections exactly what a test says: bytes, pauses, resets, silence.

It lives in the process of the test, on gevent's loop, and listens on a free port of the loopback interface.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent
import gevent.socket

PATIENCE = 20.0
"""Seconds after which a script is stuck."""

Script = Callable[["Peer"], object]


class Peer:
    """The server's side of one connection, for a script that runs in a greenlet of its own."""

    def __init__(self, sock: Any, number: int) -> None:
        self.sock = sock
        self.number = number
        """Which connection this is, counted from 1."""
        self.received = b""

    def request(self) -> bytes:
        """Read one request, head and body. `b""` where the client has closed the connection instead."""
        head = self.head()
        if not head:
            return b""
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(self.received) < length:
            self._receive()
        body, self.received = self.received[:length], self.received[length:]
        return head + body

    def head(self) -> bytes:
        """Read the head of a request, and leave its body."""
        while b"\r\n\r\n" not in self.received:
            if not self._receive():
                return b""
        head, end, self.received = self.received.partition(b"\r\n\r\n")
        return head + end

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.sock.sendall(data)

    def end(self) -> bytes:
        """Read until the client closes the connection; what it still sent."""
        while self._receive():
            pass
        return self.received

    def close(self) -> None:
        """Close the connection in good order, as far as TCP knows."""
        self.sock.close()

    def reset(self) -> None:
        """Close the connection with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def send_and_reset(self, data: bytes) -> None:
        """Both at once, without a turn of the loop in between."""
        self.sock.send(data)
        self.reset()

    def send_and_close(self, data: bytes) -> None:
        """Both at once, without a turn of the loop in between."""
        self.sock.send(data)
        self.sock.close()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on with TLS. Closing the connection after this sends no close_notify; `unwrap` does."""
        self.sock = context.wrap_socket(self.sock, server_side=True)

    def unwrap(self) -> None:
        """Send TLS's close_notify, and do not wait for the client's."""
        self.sock.settimeout(0)
        with suppress(OSError):  # that the client has not said the same is an ssl.SSLError, which is one
            self.sock.unwrap()
        self.sock.settimeout(PATIENCE)

    def _receive(self) -> bool:
        try:
            data = self.sock.recv(1 << 20)
        except ConnectionResetError:
            return False
        self.received += data
        return bool(data)


class ScriptedServer:
    """Runs a script for every connection; use it in a `with`, whose end raises what went wrong in a script."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None, backlog: int = 2048) -> None:
        self._script = script
        self._tls = tls
        self._listener = gevent.socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self._greenlets: list[gevent.Greenlet[..., Any]] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.accepted = 0

    def __enter__(self) -> ScriptedServer:
        self._acceptor = gevent.spawn(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._acceptor.kill()
        self._listener.close()
        if kind is not None:
            gevent.killall(self._greenlets)
        gevent.joinall(self._greenlets, timeout=PATIENCE)
        stuck = [greenlet for greenlet in self._greenlets if not greenlet.ready()]
        gevent.killall(stuck)
        if kind is None:
            assert not stuck, "a script waits for what the client does not do"
            for greenlet in self._greenlets:
                greenlet.get()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            self.accepted += 1
            self._greenlets.append(gevent.spawn(self._serve, sock, self.accepted))

    def _serve(self, sock: Any, number: int) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(PATIENCE)
        peer = Peer(sock, number)
        try:
            if self._tls is not None:
                try:
                    peer.start_tls(self._tls)
                except OSError:
                    return  # the client has not liked what it saw, which is for its side of the test to judge
            self._script(peer)
        finally:
            peer.sock.close()


def answer(body: bytes = b"", *fields: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer of a known length."""
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *fields, b"", body]
    return b"\r\n".join(lines)


def hold_up(seconds: float) -> None:
    """Keep the whole process from doing anything else, as a greedy task does."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
