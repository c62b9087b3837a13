from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import jwt
import pytest

from wireswarm.target.faults import Faults
from wireswarm.target.settings import FAKE_JWT_SECRET, TargetSettings

Start = Callable[..., Any]

HEALTHY = b'{"ok":true,"redis":true,"status":"healthy"}'

WITHOUT_ACCELERATION = (
    sys.executable,
    "-c",
    "import sys; sys.modules['httptools'] = sys.modules['uvloop'] = None\n"
    "from wireswarm.target.command import main; main()",
)


def get(connection: http.client.HTTPConnection, path: str = "/health", method: str = "GET") -> tuple[int, bytes]:
    connection.request(method, path)
    response = connection.getresponse()
    return response.status, response.read()


def connect(target: Any) -> closing[http.client.HTTPConnection]:
    return closing(http.client.HTTPConnection(*target.address, timeout=10))


@pytest.fixture
def fresh(target: Any) -> Iterator[Any]:
    """The shared target with its counts at zero."""
    target.reset()
    return target


def test_health(fresh: Any) -> None:
    with connect(fresh) as connection:
        assert get(connection) == (200, HEALTHY)
        assert get(connection, method="HEAD") == (200, b"")
    assert fresh.counters() == {
        "GET /health": {"received": 1, "answered": 1},
        "HEAD /health": {"received": 1, "answered": 1},
    }


def test_counters_are_what_was_sent(fresh: Any) -> None:
    with connect(fresh) as connection:
        for _ in range(7):
            get(connection)
        for _ in range(5):
            assert get(connection, "/eater_get_today")[0] == 401
        for _ in range(3):
            assert get(connection, "/feedback", "POST")[0] == 401
        assert get(connection, "/nowhere?a=1") == (404, b'{"error":"no such path"}')
        assert get(connection, "/feedback", "DELETE")[0] == 405
        # What is asked of the target itself is not counted.
        assert get(connection, "/_target/nowhere")[0] == 404
        assert get(connection, "/_target/counters")[0] == 200
    assert fresh.counters() == {
        "GET /eater_get_today": {"received": 5, "answered": 5},
        "GET /health": {"received": 7, "answered": 7},
        "POST /feedback": {"received": 3, "answered": 3},
        "other": {"received": 2, "answered": 2},
    }
    fresh.reset()
    assert fresh.counters() == {}


def test_a_reset_forgets_the_accounts(start_target: Start) -> None:
    target = start_target(environment={"TEST_JWT_SECRET": "a secret of this test, which is long enough"})
    token = jwt.encode(
        {"email": "a@example.com", "exp": time.time() + 60}, "a secret of this test, which is long enough"
    )
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/protobuf"}
    with connect(target) as connection:

        def today() -> int:
            connection.request("GET", "/eater_get_today", headers=headers)
            response = connection.getresponse()
            assert response.status == 200
            return len(response.read())

        empty = today()
        connection.request("POST", "/eater_receive_photo", b"\x12\x01x", headers)
        response = connection.getresponse()
        assert (response.status, bool(response.read())) == (200, True)
        assert today() > empty
        target.reset()
        assert today() == empty
    fake = jwt.encode({"email": "a@example.com", "exp": time.time() + 60}, FAKE_JWT_SECRET)
    with connect(target) as connection:
        connection.request("GET", "/eater_get_today", headers={"Authorization": f"Bearer {fake}"})
        response = connection.getresponse()
        assert (response.status, response.read()) == (401, b'{"error":"the token\'s signature is wrong"}')


def test_errors_and_waits_are_the_seeds(start_target: Start) -> None:
    knobs = {"error_rate": 0.3, "seed": 7}
    target = start_target(latency="5ms", jitter="5ms", **knobs)
    faults = Faults(TargetSettings(latency=0.005, jitter=0.005, **knobs))  # type: ignore[arg-type]
    expected = [faults.draw() for _ in range(100)]
    assert 15 < sum(fate.fails for fate in expected) < 45
    with connect(target) as connection:
        for _ in range(2):
            late = []
            for delay, fails in expected:
                begin = time.perf_counter()
                answer = get(connection)
                # uvloop's timers count whole milliseconds from the last turn of the loop.
                late.append(time.perf_counter() - begin - delay)
                assert answer == ((500, b'{"error":"injected error"}') if fails else (200, HEALTHY))
            assert -0.002 < min(late) < 0.002
            target.reset()
            # The target's own calls never fail, nor do they draw.
            for _ in range(20):
                assert get(connection, "/_target/counters")[0] == 200


def test_the_targets_own_calls_do_not_wait(start_target: Start) -> None:
    target = start_target(latency="30s", error_rate=1)
    begin = time.perf_counter()
    target.reset()
    assert target.counters() == {}
    assert time.perf_counter() - begin < 10


def raw(target: Any, request: bytes) -> socket.socket:
    """A connection that has sent this; it is to be closed."""
    connection = socket.create_connection(target.address, timeout=10)
    connection.sendall(request)
    return connection


def await_received(target: Any, endpoint: str) -> None:
    """Ask until the target has received a request for that endpoint."""
    deadline = time.monotonic() + 10
    while endpoint not in target.counters():
        assert time.monotonic() < deadline


def test_a_client_that_leaves_early_is_received_and_not_answered(start_target: Start) -> None:
    target = start_target(latency="700ms")
    with raw(target, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"):
        await_received(target, "GET /health")
    with connect(target) as connection:
        # It waits as long and came later: when it is answered, the first one's time is over too.
        assert get(connection, "/nowhere")[0] == 404
    assert target.counters() == {
        "GET /health": {"received": 1, "answered": 0},
        "other": {"received": 1, "answered": 1},
    }
    assert target.errors() == ""


def test_a_client_that_leaves_in_the_middle_of_its_request(start_target: Start) -> None:
    target = start_target()
    token = jwt.encode({"email": "a@example.com", "exp": time.time() + 60}, FAKE_JWT_SECRET)
    head = (
        f"POST /feedback HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/protobuf\r\nContent-Length: 100\r\n\r\n"
    )
    with raw(target, head.encode() + b"only this"):
        await_received(target, "POST /feedback")
    with connect(target) as connection:
        assert get(connection) == (200, HEALTHY)
    assert target.counters()["POST /feedback"] == {"received": 1, "answered": 0}
    assert target.errors() == ""


@pytest.mark.parametrize("begin", [b"GET /health?x=", b"GET /health HTTP/1.1\r\nX: "])
def test_a_head_without_an_end_is_not_kept(fresh: Any, begin: bytes) -> None:
    with closing(raw(fresh, begin)) as connection, pytest.raises(ConnectionError):
        connection.sendall(b"x" * 64 * 1024 * 1024)
    with connect(fresh) as other:
        assert get(other)[0] == 200


def test_pipelined_requests_are_answered_in_order(fresh: Any) -> None:
    request = b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"
    both = request % (b"/health", b"") + request % (b"/nowhere", b"Connection: close\r\n")
    with raw(fresh, both) as connection, connection.makefile("rb") as stream:
        answers = stream.read()
    assert answers.startswith(b"HTTP/1.1 200 OK\r\n")
    assert HEALTHY + b"HTTP/1.1 404 Not Found\r\n" in answers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_with_connections_open(start_target: Start, number: signal.Signals) -> None:
    target = start_target()
    with connect(target) as connection:
        assert get(connection)[0] == 200
        target.process.send_signal(number)
        assert target.process.wait(timeout=5) == 0
    assert target.errors() == ""


def test_a_signal_leaves_requests_a_second(start_target: Start) -> None:
    target = start_target(latency="60s")
    with raw(target, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n") as connection, connection.makefile("rb") as stream:
        await_received(target, "GET /health")
        target.process.terminate()
        answer = stream.read()
        assert target.process.wait(timeout=5) == 0
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert answer.endswith(b'{"error":"the target is shutting down"}')
    assert "Traceback" not in target.errors()


def test_a_request_under_way_is_finished(start_target: Start) -> None:
    target = start_target(latency="500ms")
    with raw(target, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n") as connection, connection.makefile("rb") as stream:
        await_received(target, "GET /health")
        target.process.terminate()
        answer = stream.read()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert target.process.wait(timeout=5) == 0
    assert target.errors() == ""


def test_a_port_in_use(fresh: Any) -> None:
    _, port = fresh.address
    ran = subprocess.run(
        [sys.executable, "-m", "wireswarm.target", "--port", str(port)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == (
        f"error: port {port} is in use on 127.0.0.1: stop what uses it or pass --port with another one\n"
    )


def test_another_host(start_target: Start) -> None:
    assert start_target(host="localhost").url.startswith("http://localhost:")


def test_it_also_runs_without_httptools_and_uvloop(start_target: Start) -> None:
    target = start_target(command=WITHOUT_ACCELERATION, latency="5ms")
    with connect(target) as connection:
        for _ in range(3):
            assert get(connection) == (200, HEALTHY)
    assert json.loads(json.dumps(target.counters())) == {"GET /health": {"received": 3, "answered": 3}}
    target.process.terminate()
    assert target.process.wait(timeout=5) == 0
    assert target.errors() == ""
