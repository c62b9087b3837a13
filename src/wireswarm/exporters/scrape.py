"""A server of its own for Prometheus, where there is no web UI or nobody is to log in to it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from typing import Any, Final

from gevent.pywsgi import WSGIServer
from prometheus_client import CollectorRegistry

from wireswarm.errors import ConfigurationError
from wireswarm.exporters.prometheus import expose

_OPTION: Final = "--prometheus-port"

StartResponse = Callable[[str, list[tuple[str, str]]], object]


class ScrapeServer:
    """Answers `GET /metrics` in greenlets of its own.

    Args:
        registry: what is exposed.
        host: the address to listen on; empty for all of this machine's.
        port: the port; 0 for a free one.

    Raises:
        ConfigurationError: the port is taken, or the address is not this machine's.
    """

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        self._registry = registry
        self._server = WSGIServer((host, port), self._answer, log=None, error_log=None)
        try:
            self._server.start()
        except OSError as error:
            raise ConfigurationError(_problem(_OPTION, host, port, error)) from None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_port or 0)

    def stop(self) -> None:
        """Close the port; answers that are under way get a second."""
        self._server.stop(timeout=1)

    def _answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].rstrip("/") != "/metrics":
            return _plain(start_response, "404 Not Found", b"metrics are at /metrics\n")
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _plain(start_response, "405 Method Not Allowed", b"GET /metrics\n")
        body, content_type = expose(self._registry, environ.get("HTTP_ACCEPT", ""))
        start_response("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [body] if environ["REQUEST_METHOD"] == "GET" else []


def problems_of(host: str, port: int, option: str = _OPTION) -> list[str]:
    """What keeps a server from listening there; finds out by doing so for a moment. `option` is what names the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        return [_problem(option, host, port, error)]
    return []


def _plain(start_response: StartResponse, status: str, body: bytes) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def _problem(option: str, host: str, port: int, error: OSError) -> str:
    # Those of name look-up have numbers of their own.
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return f"{option} {port}: cannot listen on {host or 'this machine'}: {reason}"
