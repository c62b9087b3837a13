"""The server for Prometheus, as the WSGI application that it is; that it listens is for the integration tests."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest
from live_run import LiveRun

from wireswarm.errors import ConfigurationError
from wireswarm.exporters import Live, ScrapeServer, registry_of, scrape
from wireswarm.exporters.scrape import problems_of


class Server:
    """Stands for gevent's: takes a port, or finds it taken."""

    def __init__(self, address: tuple[str, int], application: Any, **_options: Any) -> None:
        self.address, self.application = address, application
        self.server_port = 4321
        self.stopped: list[float] = []

    def start(self) -> None:
        if self.address[1] == 1:
            raise OSError(errno.EACCES, "no matter what it says")
        if self.address[0] == "nowhere.invalid":
            raise socket.gaierror(-2, "Name or service not known")

    def stop(self, timeout: float) -> None:
        self.stopped.append(timeout)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ScrapeServer:
    monkeypatch.setattr(scrape, "WSGIServer", Server)
    run = LiveRun()
    run.request(3.0)
    run.report()
    live = Live(results=run.results, users=2)
    return ScrapeServer(registry_of(lambda: live), "127.0.0.1", 0)


def ask(server: ScrapeServer, path: str, method: str = "GET", **headers: str) -> tuple[str, dict[str, str], bytes]:
    answered: list[Any] = []
    body = server._answer({"PATH_INFO": path, "REQUEST_METHOD": method, **headers}, lambda *told: answered.extend(told))
    return answered[0], dict(answered[1]), b"".join(body)


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_the_metrics_are_at_their_path(server: ScrapeServer, path: str) -> None:
    status, headers, body = ask(server, path)

    assert status == "200 OK"
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert headers["Content-Length"] == str(len(body))
    assert b"wireswarm_users 2.0\n" in body


def test_a_head_has_everything_but_the_body(server: ScrapeServer) -> None:
    status, headers, body = ask(server, "/metrics", "HEAD")

    assert (status, body) == ("200 OK", b"")
    assert int(headers["Content-Length"]) > 0


def test_open_metrics_are_negotiated(server: ScrapeServer) -> None:
    _, headers, body = ask(server, "/metrics", HTTP_ACCEPT="application/openmetrics-text;version=1.0.0")

    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", "404 Not Found"),
        ("/metrics/more", "GET", "404 Not Found"),
        ("/metrics", "POST", "405 Method Not Allowed"),
        ("/metrics", "DELETE", "405 Method Not Allowed"),
    ],
)
def test_nothing_else_is_there(server: ScrapeServer, path: str, method: str, status: str) -> None:
    answered, headers, body = ask(server, path, method)

    assert answered == status
    assert b"/metrics" in body, "where to look instead"
    assert headers["Content-Length"] == str(len(body))


def test_it_knows_its_port_and_is_stopped_within_a_second(server: ScrapeServer) -> None:
    assert server.port == 4321
    server.stop()
    assert server._server.stopped == [1]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("host", "port", "told"),
    [
        ("127.0.0.1", 1, "--prometheus-port 1: cannot listen on 127.0.0.1: Permission denied"),
        ("", 1, "--prometheus-port 1: cannot listen on this machine: Permission denied"),
        (
            "nowhere.invalid",
            9646,
            "--prometheus-port 9646: cannot listen on nowhere.invalid: [Errno -2] Name or service not known",
        ),
    ],
)
def test_a_port_that_cannot_be_had_is_told(monkeypatch: pytest.MonkeyPatch, host: str, port: int, told: str) -> None:
    monkeypatch.setattr(scrape, "WSGIServer", Server)
    with pytest.raises(ConfigurationError) as refused:
        ScrapeServer(registry_of(Live), host, port)

    assert list(refused.value.problems) == [told]


def test_problems_are_found_by_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []

    class Socket:
        def close(self) -> None:
            tried.append("closed")

    def create_server(address: tuple[str, int], family: int) -> Socket:
        tried.append((address, family))
        if address[1] == 2:
            raise OSError(errno.EADDRINUSE, "in use")
        return Socket()

    monkeypatch.setattr(scrape.socket, "create_server", create_server)

    assert problems_of("::1", 3) == []
    assert problems_of("127.0.0.1", 2) == ["--prometheus-port 2: cannot listen on 127.0.0.1: Address already in use"]
    assert tried == [(("::1", 3), socket.AF_INET6), "closed", (("127.0.0.1", 2), socket.AF_INET)]
