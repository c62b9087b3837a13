"""Real Socket.IO servers as processes: the reference server on Node, and python-socketio's own."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import gevent
import pytest

HERE = Path(__file__).parent
NODE_PEER = HERE / "node_peer"


def missing(what: str) -> None:
    """Skip, except where the machine is known to have all peers."""
    if os.environ.get("WIRESWARM_REQUIRE_PEERS") == "1":
        pytest.fail(f"{what}, and WIRESWARM_REQUIRE_PEERS=1")
    pytest.skip(what)


def node_command() -> list[str]:
    """What starts the reference server, which is installed where it is not yet."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing("Node and npm are not installed")
        raise AssertionError
    installed = NODE_PEER / "node_modules" / ".package-lock.json"
    lock = NODE_PEER / "package-lock.json"
    with (NODE_PEER / "package.json").open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # others may run these tests at the same time
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            ended = subprocess.run(command, cwd=NODE_PEER, capture_output=True, text=True, timeout=120, check=False)
            if ended.returncode:
                missing(f"npm could not install socket.io: {ended.stderr.strip()[-500:]}")
    return [node, str(NODE_PEER / "server.js")]


class Peer:
    """A running server.

    Its arguments are the interval of its pings and their timeout, in seconds; 25 and 20 are both servers' own.
    """

    def __init__(self, name: str, *arguments: float) -> None:
        command = node_command() if name == "node" else [sys.executable, str(HERE / "socketio_peer.py")]
        self.name = name
        self.process = subprocess.Popen([*command, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        with gevent.Timeout(30):
            self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def stop(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()  # type: ignore[union-attr]
