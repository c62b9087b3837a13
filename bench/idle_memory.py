"""How much memory an idle user takes, beside a bare Locust `User`: each kind in a process of its own.

Every user of ours has made one request, so its connection is open and everything that is made on first use is there.
The answer comes from a small server in a process of its own.

    python bench/idle_memory.py [--users 1200]
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import resource
import socket
import subprocess
import sys
from typing import Any, Final

KINDS: Final = ("bare Locust User", "ProtobufUser", "RestUser", "Locust FastHttpUser")
ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def main() -> None:
    """Measure all kinds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=1200, help="how many of each kind (default: %(default)s)")
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    _raise_file_limit(2 * options.users + 100)
    if options.kind:
        json.dump(_measure(options.kind, options.users), sys.stdout)
        return
    print(f"{options.users} users in one process, each with one open connection, idle")
    print(f"{'':24} {'KB per user':>12} {'over bare':>12} {'connections':>12}")
    base = None
    for kind in KINDS:
        command = [sys.executable, __file__, "--kind", kind, "--users", str(options.users)]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        base = found["kb"] if base is None else base
        print(f"{kind:24} {found['kb']:12.1f} {found['kb'] - base:+12.1f} {found['connections']:12}")


def _measure(kind: str, users: int) -> dict[str, Any]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    port = listener.getsockname()[1]
    child = os.fork()
    if not child:
        _serve(listener)
    listener.close()
    try:
        return _load(kind, users, f"http://127.0.0.1:{port}")
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def _load(kind: str, users: int, host: str) -> dict[str, Any]:
    import gevent
    import psutil
    from locust import FastHttpUser, User, constant, task
    from locust.env import Environment

    import wireswarm
    from wireswarm import ProtobufUser, RestUser

    logging.disable(logging.WARNING)  # the spawn rate is meant
    bases: dict[str, type[User]] = dict(zip(KINDS, (User, ProtobufUser, RestUser, FastHttpUser), strict=True))
    base = bases[kind]
    asked = 0

    class Idle(base):  # type: ignore[misc, valid-type]
        wait_time = constant(3600)

        @task
        def ask(self) -> None:
            nonlocal asked
            if base is not User:
                self.client.get("/")
            asked += 1

    def grow(wanted: int) -> int:
        environment.runner.start(wanted, spawn_rate=100_000)  # type: ignore[union-attr]
        while asked < wanted:
            gevent.sleep(0.05)
        gc.collect()
        return _resident_kb()

    Idle.host = host
    environment = Environment(user_classes=[Idle], host=host)
    environment.create_local_runner()
    wireswarm.attach(environment)
    before = grow(users // 10)  # modules, caches and pools are there after the first tenth
    after = grow(users)
    connections = len(psutil.Process().net_connections("tcp4"))
    return {"kb": (after - before) / (users - users // 10), "connections": connections}


def _resident_kb() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no path of this file system
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


def _serve(listener: socket.socket) -> None:
    import asyncio

    class Answering(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(ANSWER)

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, sock=listener)
        await server.serve_forever()

    asyncio.run(serve())


def _raise_file_limit(wanted: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(wanted, 4096)), hard))


if __name__ == "__main__":
    main()
