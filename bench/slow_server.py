"""An endpoint that answers 20 ms after a request arrived, and knows how long it took: the truth of the case `clock`.

Run by itself it serves until it is ended; its first line says which port. `slow_server(core)` runs it on a core.
A thread per connection sleeps and answers: one client calls it, and the kernel's timers are finer than those of an
event loop. A request's time begins with the kernel's stamp of its arrival.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from locustfiles.messages import KINDS

DELAY_NS: Final = 20_000_000
_SO_TIMESTAMPNS: Final = 35  # from the kernel's asm-generic/socket.h; Python has no name for it
_TIMESPEC: Final = struct.Struct("@ll")
_HEAD: Final = "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n"


class _Service:
    """Answers requests, and keeps how long each took."""

    def __init__(self) -> None:
        body = KINDS["small"].answer(success=True, message="ok").SerializeToString()
        self._answer: bytes = _HEAD.format("application/x-protobuf", len(body)).encode() + body
        self._took: list[int] = []

    def serve(self, connection: socket.socket) -> None:
        """Answer the requests of one connection until it is closed."""
        connection.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            request = b""
            while True:
                data, ancillary, _, _ = connection.recvmsg(65536, 256)
                if not data:
                    return
                arrived = _stamp(ancillary)
                request += data
                if _complete(request):
                    connection.sendall(self._answer_to(request, arrived))
                    request = b""

    def _answer_to(self, request: bytes, arrived: int) -> bytes:
        if request.startswith(b"POST /slow "):
            time.sleep(max(0, arrived + DELAY_NS - time.time_ns()) / 1e9)
            self._took.append(time.time_ns() - arrived)
            return self._answer
        if request.startswith(b"POST /reset "):
            self._took.clear()
        body = json.dumps(_percentiles(sorted(self._took))).encode()
        return _HEAD.format("application/json", len(body)).encode() + body


def _stamp(ancillary: list[tuple[int, int, bytes]]) -> int:
    for _, kind, value in ancillary:
        if kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack_from(value)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return time.time_ns()


def _complete(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    _, _, length = head.lower().partition(b"\r\ncontent-length:")
    return bool(end) and len(body) >= int(length.partition(b"\r\n")[0] or 0)


def _percentiles(took: list[int]) -> dict[str, float]:
    if not took:
        return {"p50_ms": 0, "p99_ms": 0, "count": 0}
    last = len(took) - 1
    return {"p50_ms": took[round(last * 0.5)] / 1e6, "p99_ms": took[round(last * 0.99)] / 1e6, "count": len(took)}


class SlowServer:
    """A running slow server."""

    def __init__(self, port: int, pid: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.pid = pid

    def reset(self) -> None:
        """Forget the times so far."""
        self._ask("/reset")

    def times(self) -> dict[str, float]:
        """How long its answers took since the last reset: p50, p99 in milliseconds, and how many they are."""
        return dict(self._ask("/times"))

    def _ask(self, path: str) -> dict[str, float]:
        request = urllib.request.Request(self.url + path, data=b"-")
        with urllib.request.urlopen(request) as response:
            times: dict[str, float] = json.load(response)
        return times


@contextmanager
def slow_server(core: int) -> Iterator[SlowServer]:
    """Run the slow server on that core."""
    command = ["taskset", "-c", str(core), sys.executable, __file__]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield SlowServer(int(process.stdout.readline()), process.pid)
        finally:
            process.terminate()


def main() -> None:
    """Serve for ever."""
    service = _Service()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=service.serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
