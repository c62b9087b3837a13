"""Locust in a container: its signals, its results, its exit code; and stock users that get credentials."""

from __future__ import annotations

import base64
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gevent.pywsgi import WSGIServer

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import LocustProcess, Target, master_port, received

POD = (sys.executable, "-m", "wireswarm", "pod")
USERS = """
from locust import constant, task
from wireswarm import RestUser


class Visitor(RestUser):
    wait_time = constant(0.01)

    @task
    def look(self):
        self.client.get("/health")
"""
QUICK = ("--headless", "-u", 2, "-r", 2)
BREACH = ("--threshold", "GET /health: p50 < 1us")


@pytest.fixture
def locustfile(tmp_path: Path) -> Path:
    file = tmp_path / "locustfile.py"
    file.write_text(USERS)
    return file


def test_sigterm_ends_it_with_all_reports_and_the_verdict(
    start_target: Callable[..., Target], locustfile: Path, tmp_path: Path
) -> None:
    target, results = start_target(), tmp_path / "results"
    options = (*QUICK, *BREACH, "--host", target.url)
    pod = {"WIRESWARM_POD_RESULTS": str(results), "WIRESWARM_POD_LINGER": "10m"}
    with LocustProcess(locustfile, *options, command=POD, environment=pod) as run:
        run.spawned()
        run.until(lambda: received(target.counters()).total() > 5)
        run.process.send_signal(signal.SIGTERM)
        assert run.end() == 3, run.output
    assert (results / "exit_code").read_text() == "3\n"
    assert {path.name for path in results.iterdir()} >= {
        *("locust_stats.csv", "locust_stats_history.csv", "locust_failures.csv", "locust_exceptions.csv"),
        *("report.html", "metrics.json", "junit.xml"),
    }
    summary = json.loads((results / "metrics.json").read_text())
    assert (summary["exit_code"], summary["run"]["ended_by"]) == (3, "signal")
    assert summary["total"]["count"] == received(target.counters()).total()


def test_a_breach_can_succeed_and_the_results_stay_for_a_while(
    start_target: Callable[..., Target], locustfile: Path, tmp_path: Path
) -> None:
    pod = {
        "WIRESWARM_POD_RESULTS": str(tmp_path / "results"),
        "WIRESWARM_POD_LINGER": "10m",
        "WIRESWARM_POD_SUCCEED": "true",
    }
    options = (*QUICK, *BREACH, "--host", start_target().url, "--iterations", 5)
    with LocustProcess(locustfile, *options, command=POD, environment=pod) as run:
        run.line(r"Exit code 3 of the run is told as 0")
        run.line(r"The results are in .*results, for another 600 s; SIGTERM ends the wait")
        assert json.loads((tmp_path / "results" / "metrics.json").read_text())["total"]["count"] == 5
        run.process.send_signal(signal.SIGTERM)
        assert run.end() == 0, run.output


def test_a_mistake_fails_whatever_is_asked_for(locustfile: Path, tmp_path: Path) -> None:
    pod = {"WIRESWARM_POD_SUCCEED": "true", "WIRESWARM_POD_LINGER": "10m", "WIRESWARM_POD_RESULTS": str(tmp_path / "r")}
    with LocustProcess(locustfile, *QUICK, "--threshold", "p95 < fast", command=POD, environment=pod) as run:
        assert run.end() == 2, run.output
    assert "p95 < fast" in run.output
    with LocustProcess(locustfile, *QUICK, command=POD, environment={"WIRESWARM_POD_LINGER": "ever"}) as run:
        assert run.end() == 2
    assert "--pod-linger (WIRESWARM_POD_LINGER): not a duration: 'ever'" in run.output


@pytest.mark.parametrize("broken", ["locustfile", "workers", "checksum"])
def test_what_never_ran_is_no_verdict(broken: str, locustfile: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (results / "metrics.json").write_text("{}")  # of a run before
    (results / "exit_code").write_text("0\n")
    pod = {"WIRESWARM_POD_SUCCEED": "true", "WIRESWARM_POD_LINGER": "10m", "WIRESWARM_POD_RESULTS": str(results)}
    options: tuple[object, ...] = (*QUICK, "--host", "http://127.0.0.1:9", "--iterations", 1)
    if broken == "locustfile":
        locustfile.write_text("raise ValueError")
    elif broken == "workers":
        options = (*options, "--master", *master_port()[:4], "--expect-workers", 1, "--expect-workers-max-wait", 1)
    else:
        pod["WIRESWARM_POD_SHA256"] = f"{'0' * 64}  {locustfile}"
    with LocustProcess(locustfile, *options, command=POD, environment=pod) as run:
        code = run.end()
    assert code == (2 if broken == "checksum" else 1), run.output
    if broken != "checksum":
        assert (results / "exit_code").read_text() == "1\n"


STOCK = """
import os
from locust import FastHttpUser, HttpUser

OTHER = os.environ["OTHER"]


def ask(user):
    for url in ("/own", OTHER + "/other", "/redirect"):
        user.client.get(url, name=url.rpartition("/")[2])


class Stock(HttpUser):
    tasks = [ask]


class Fast(FastHttpUser):
    tasks = [ask]
"""


class _Server:
    """Tells which credentials came to it; `/redirect` leads to the other one."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str | None]] = set()
        self.other = ""
        self._server = WSGIServer(("127.0.0.1", 0), self._answer, log=None)
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.stop()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        path = environ["PATH_INFO"]
        self.seen.add((path, environ.get("HTTP_AUTHORIZATION")))
        if path == "/redirect":
            start_response("302 Found", [("Location", f"{self.other}/redirected"), ("Content-Length", "0")])
            return []
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


@pytest.fixture
def servers() -> Iterator[tuple[_Server, _Server]]:
    own, other = _Server(), _Server()
    own.other = other.url
    yield own, other
    own.close()
    other.close()


def test_stock_users_send_the_credentials_to_their_own_host_alone(
    servers: tuple[_Server, _Server], tmp_path: Path
) -> None:
    own, other = servers
    file = tmp_path / "stock.py"
    file.write_text(STOCK)
    environment = {
        "OTHER": other.url,
        "WIRESWARM_STOCK_BASIC_AUTH": "true",
        "BASIC_AUTH_USERNAME": "fake-user",
        "BASIC_AUTH_PASSWORD": "fake-password",
    }
    options = ("--headless", "-u", 2, "-r", 2, "--iterations", 6, "--host", own.url)
    with LocustProcess(file, *options, command=POD, environment=environment) as run:
        assert run.end() == 0, run.output
    field = "Basic " + base64.b64encode(b"fake-user:fake-password").decode()
    assert own.seen == {("/own", field), ("/redirect", field)}
    assert other.seen == {("/other", None), ("/redirected", None)}


def test_without_credentials_stock_users_do_not_start(tmp_path: Path) -> None:
    file = tmp_path / "stock.py"
    file.write_text(STOCK)
    environment = {"OTHER": "http://127.0.0.1:9", "WIRESWARM_STOCK_BASIC_AUTH": "true", "BASIC_AUTH_USERNAME": "fake"}
    options = ("--headless", "-u", 2, "--host", "http://127.0.0.1:9", "--iterations", 1)
    with LocustProcess(file, *options, command=POD, environment=environment) as run:
        assert run.end() == 2, run.output
    assert "BASIC_AUTH_PASSWORD: found nothing; WIRESWARM_STOCK_BASIC_AUTH needs it" in run.output
