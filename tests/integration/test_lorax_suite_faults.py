"""The Lorax suite against what is faulty, busy, forgetful, or no Lorax at all."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from gevent.pywsgi import WSGIServer

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import CHATER, LocustProcess, Target, failures, received, reported, write

LORAX = CHATER.with_name("lorax.py")
BASICS = ("--headless", "--only-summary")

ELSEWHERE = """
import lorax
from wireswarm import SocketIOClient


class Elsewhere(lorax.LoraxLoadUser):
    socket = SocketIOClient(cookies=True, headers=lorax.HEADERS, transports=lorax.TRANSPORTS, {0})
"""

FAULTY = """
import lorax
from locust import constant

lorax.LoraxMixedUser.Browse.think_time = 0.01
for name in ("LoraxHttpUser", "LoraxSocketUser", "LoraxMixedUser"):
    getattr(lorax, name).wait_time = constant(0.01)
from lorax import LoraxHttpUser, LoraxMixedUser, LoraxSocketUser


class LoadUser(lorax.LoraxLoadUser):
    def on_stop(self):
        print("ended connected", self.socket.connected)
"""

FORGETFUL = """
import lorax
from locust import constant


class Loader(lorax.LoraxSocketUser):
    wait_time = constant(0.01)

    def measure_latency(self):
        self.load(self.file)

    tasks = [measure_latency]
"""


class PlainServer:
    """Answers Lorax's HTTP calls, and knows nothing of Socket.IO. Keeps the headers of each path."""

    def __init__(self) -> None:
        self.seen: dict[str, list[dict[str, str]]] = {}
        self._server = WSGIServer(("127.0.0.1", 0), self._answer, log=None)
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.stop()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        path = environ["PATH_INFO"]
        self.seen.setdefault(path, []).append({k: v for k, v in environ.items() if k.startswith("HTTP_")})
        answers: dict[str, object] = {
            "/init-session": {"sid": "s1"},
            "/projects": {"projects": {"Small": {"files": ["small.trees"]}}},
        }
        if path not in answers:
            start_response("200 OK", [("Content-Type", "text/html")])
            return [b"<html>not what you think</html>"]
        start_response("200 OK", [("Content-Type", "application/json"), ("Set-Cookie", "lorax_sid=s1; Path=/")])
        return [json.dumps(answers[path]).encode()]


@pytest.fixture
def plain() -> Iterator[PlainServer]:
    server = PlainServer()
    yield server
    server.stop()


def test_what_is_no_lorax_is_one_clear_failure_each(target: Target, plain: PlainServer, tmp_path: Path) -> None:
    path = write(tmp_path, ELSEWHERE.format("socketio_path='nowhere'"), "path.py")
    namespace = write(tmp_path, ELSEWHERE.format("namespace='/nobody'"), "namespace.py")
    # An endpoint that answers and is no Socket.IO, a path that is none, a namespace that is none.
    cases = {
        ("plain", "websocket"): (LORAX, plain.url, "connect", "status 200"),
        ("plain", "polling"): (LORAX, plain.url, "connect", ""),
        ("path", "websocket"): (path, target.url, "connect", "status 404"),
        ("path", "polling"): (path, target.url, "connect", "status 404"),
        ("namespace", "websocket"): (namespace, target.url, "connect", "namespace /nobody refused: Invalid namespace"),
        ("namespace", "polling,websocket"): (namespace, target.url, "connect", "refused: Invalid namespace"),
    }
    with ExitStack() as stack:
        runs = {}
        for (case, transports), (locustfile, host, *_) in cases.items():
            report = tmp_path / f"{case} {transports}"
            users = ("LoraxLoadUser",) if case == "plain" else ()
            options = ("-u", 3, "-r", 3, "--iterations", 3, "--host", host, "--json-file", report, *users)
            environment = {"LOCUST_SOCKET_TRANSPORTS": transports, "LOCUST_ORIGIN": "https://example.org"}
            run = stack.enter_context(LocustProcess(locustfile, *BASICS, *options, environment=environment))
            runs[case, transports] = run, report
        for key, (run, report) in runs.items():
            *_, message = cases[key]
            assert run.end() == 1, run.output
            assert "Traceback" not in run.output
            [name] = {name for name in failures(report) if not name.startswith("FLOW")}
            assert name.startswith("SIO connect"), name
            assert failures(report) == {name: 3, "FLOW load_cycle": 3}
            assert message in run.output, run.output
    # What was sent to the plain server is what Lorax needs.
    for path_ in ("/init-session", "/projects", "/socket.io/"):
        assert {headers["HTTP_ORIGIN"] for headers in plain.seen[path_]} == {"https://example.org"}
    for path_ in ("/projects", "/socket.io/"):
        assert {headers["HTTP_COOKIE"] for headers in plain.seen[path_]} == {"lorax_sid=s1"}


def test_injected_errors_are_the_errors_that_are_reported(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report = start_target(error_rate=0.1, seed=3), tmp_path / "run"
    faulty = write(tmp_path, FAULTY)
    options = ("-u", 40, "-r", 40, "--iterations", 600, "--host", target.url, "--json-file", report)
    with LocustProcess(faulty, *BASICS, *options) as run:
        assert run.end() == 1, run.output
    assert "Traceback" not in run.output
    assert reported(report) == received(target.counters())
    failed = sum(count for name, count in failures(report).items() if not name.startswith("FLOW"))
    assert failed / reported(report).total() == pytest.approx(0.1, abs=0.04)
    # Whatever failed, the socket is closed at the end of a cycle.
    assert run.output.count("ended connected False") == 10
    assert "ended connected True" not in run.output


def test_a_busy_server_says_so(target: Target, tmp_path: Path) -> None:
    report = tmp_path / "run"
    options = ("-u", 3, "-r", 3, "--iterations", 3, "--host", target.url, "--json-file", report, "LoraxLoadUser")
    environment = {"LOAD_TEST_FILE": "Faults:busy.trees"}
    with LocustProcess(LORAX, *BASICS, *options, environment=environment) as run:
        assert run.end() == 1, run.output
    assert failures(report) == {"SIO load_file": 3, "FLOW load_cycle": 3}
    assert "check failed: SERVER_BUSY" in run.output


def test_users_whose_session_is_forgotten_begin_another_one(
    start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, report = start_target(), tmp_path / "run"
    options = ("-u", 5, "-r", 5, "-t", "60s", "--host", target.url, "--json-file", report)
    with LocustProcess(write(tmp_path, FORGETFUL), *BASICS, *options) as run:
        run.until(lambda: received(target.counters())["SIO load_file"] >= 10)
        target.reset()
        run.until(lambda: received(target.counters())["SIO connect"] >= 5)
        run.until(lambda: received(target.counters())["SIO load_file"] >= 50)
        run.process.terminate()
        assert run.end() == 1, run.output
    assert "Traceback" not in run.output
    assert failures(report) == {"SIO load_file": 5}
    assert "check failed: SESSION_NOT_FOUND" in run.output
