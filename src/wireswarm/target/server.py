"""Runs the reference target on uvicorn: binds, says that it is ready, serves until a signal, and ends promptly."""

from __future__ import annotations

import errno
import gc
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from wireswarm.errors import ConfigurationError, UsageError
from wireswarm.target.app import create_app
from wireswarm.target.engine_session import MAX_PAYLOAD
from wireswarm.target.settings import TargetSettings
from wireswarm.target.transport import JoiningProtocol, LenientProtocol

KEEP_ALIVE = 120
"""Seconds after which an idle connection is closed: longer than a user thinks, so that a load test never meets a
connection that is just being closed. (uvicorn's default is 5.)"""

GRACE = 1
"""Seconds that requests under way get to finish after a signal. Idle connections are closed at once."""

_BACKLOG = 4096
"""Connections that may wait to be accepted; the kernel's own limit may be lower."""

Ready = Callable[[str, int], object]
"""Called with the host as it was given, and the port that is listened on."""


def serve(settings: TargetSettings, host: str, port: int, *, ready: Ready = lambda host, port: None) -> None:
    """Serve until SIGINT or SIGTERM; both are a normal end.

    To be called in the main thread of a process of its own, because asyncio stands on what gevent replaces.

    Args:
        settings: What to serve.
        host: The address or name to listen on.
        port: The port; 0 is a free one.
        ready: Called once connections are accepted.

    Raises:
        ConfigurationError: The address cannot be listened on.
        UsageError: The process is patched by gevent, as it is once `locust` was imported.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey and monkey.is_module_patched("socket"):
        raise UsageError("the target needs a process of its own: gevent has replaced this one's sockets")
    listener = bind(host, port)
    try:
        _Server(settings, listener, lambda: ready(host, listener.getsockname()[1])).run_to_end()
    finally:
        listener.close()


class _Server(uvicorn.Server):
    """uvicorn, with a signal as a normal end and a call when it is ready."""

    def __init__(self, settings: TargetSettings, listener: socket.socket, ready: Callable[[], object]) -> None:
        self._app = create_app(settings)
        super().__init__(
            uvicorn.Config(
                self._app,
                loop="auto",
                http=JoiningProtocol,
                ws=LenientProtocol,
                ws_max_size=MAX_PAYLOAD,
                # Engine.IO has a heartbeat of its own.
                ws_ping_interval=None,
                lifespan="off",
                interface="asgi3",
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self._listener = listener
        self._ready = ready

    def run_to_end(self) -> None:
        """Serve until a signal."""
        # uvicorn puts back the handlers that it found and raises the signal again, which would be the process's end:
        # it finds ours. They also catch a signal that comes before uvicorn has its own.
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.run(sockets=[self._listener])
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets=sockets)
        # With 100,000 accounts a full collection takes 0.1 s, which a load test would see as latency. There is nothing
        # in it to find: requests leave no cycles behind. So look at the young objects only, and at more of them a time.
        gc.freeze()
        gc.set_threshold(10_000, 20, 100)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what is open, and end."""
        await self._app.close()
        await super().shutdown(sockets=sockets)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.should_exit = True


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigurationError: The address is not one of this machine, or the port is taken or not allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"cannot listen on {host}: the name does not resolve") from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        # Connections of an instance that just ended would keep its port for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Here and not only in uvicorn: with SO_REUSEADDR it is listen() that fails for the second of two.
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            problem = f"port {port} is in use on {host}: stop what uses it or pass --port with another one"
        else:
            problem = f"cannot listen on port {port} of {host}: {error.strerror}"
        raise ConfigurationError(problem) from error
    return listener
