"""Node.js with the reference server `socket.io`, which counts what it has done; see `socketio/server.mjs`."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil
from contenders import INSTALL_SOCKETIO, SOCKETIO, node

_PACKAGE: Final = SOCKETIO / "node_modules/socket.io/package.json"


@dataclass(frozen=True)
class SocketIOServer:
    """A running server."""

    url: str
    pid: int
    counter: str = "acks"
    """Which of its counters is looked at."""
    ca_file: Path | None = None

    def counting(self, counter: str) -> SocketIOServer:
        """The same server, with another of its counters looked at."""
        return replace(self, counter=counter)

    def address(self, *, tls: bool) -> str:
        """Where it listens."""
        if tls:
            raise ValueError("there is no TLS here")
        return self.url

    def counts(self) -> dict[str, int]:
        """All that it has counted since its start."""
        with urllib.request.urlopen(f"{self.url}/counts") as response:
            counts: dict[str, int] = json.load(response)
        return counts

    def requests(self) -> int:
        """How much it has done so far of what is looked at."""
        return self.counts()[self.counter]

    def refused(self) -> list[str]:
        """Every emit so far with wrong data, and every request that was refused."""
        counts = self.counts()
        return ["an emit with wrong data"] * counts["wrong"] + ["a refused connection"] * counts["refused"]

    def processes(self) -> list[psutil.Process]:
        """All that it runs."""
        return [psutil.Process(self.pid)]


def version() -> str:
    """Which server it is, on which Node.js."""
    package = json.loads(_PACKAGE.read_text(encoding="utf-8"))
    said = subprocess.run([_node(), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return f"socket.io {package['version']} on Node.js {said.removeprefix('v')}"


@contextmanager
def socketio_server(core: int) -> Iterator[SocketIOServer]:
    """Run the server on that core.

    Raises:
        SystemExit: it is not installed, or does not start.
    """
    command = ["taskset", "-c", str(core), _node(), str(SOCKETIO / "server.mjs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                raise SystemExit("the Socket.IO server did not start")
            yield SocketIOServer(f"http://127.0.0.1:{port}", process.pid)
        finally:
            process.terminate()


def _node() -> str:
    path = node()
    if path is None or not _PACKAGE.exists():
        raise SystemExit(f"Node.js with socket.io is not installed: {INSTALL_SOCKETIO}")
    return path
