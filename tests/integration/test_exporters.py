"""Exporters in real runs, read by those they are meant for: Prometheus, InfluxDB, whoever reads k6's files."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gevent
import pytest
from prometheus_client.parser import text_string_to_metric_families

# Under `--import-mode=importlib` the tests' own helpers are on no path.
sys.path.insert(0, str(Path(__file__).parent))

from locust_process import (
    PATIENCE,
    QUICK_CHATER,
    LocustProcess,
    Target,
    Web,
    free_port,
    master_port,
    received,
    refused,
    reported,
    write,
)

BASICS = ("--headless", "--only-summary", "-u", 4, "-r", 4, "--web-host", "127.0.0.1")

RUN = """
from locust import constant, task
from wireswarm import ProtobufUser


class Visitor(ProtobufUser):
    wait_time = constant(0.01)
    asked = 0

    @task
    def ask(self):
        self.asked += 1
        if self.asked % 10:
            self.client.get("/health")
        else:
            self.client.get("/health", name="fails", status=404)
"""


def program(name: str, where: str = "") -> str:
    """The path of a program that a test needs, which is skipped by its name without."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{where}")
    if found is not None:
        return found
    if os.environ.get("WIRESWARM_REQUIRE_PEERS") == "1":
        pytest.fail(f"{name} is not installed, and WIRESWARM_REQUIRE_PEERS=1")
    pytest.skip(f"{name} is not installed")


@contextmanager
def running(command: list[str], is_up: Callable[[], object]) -> Iterator[None]:
    """A server, ended at the end."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with gevent.Timeout(PATIENCE, AssertionError(f"{command[0]} did not start")):
            while not is_up():
                assert process.poll() is None, f"{command[0]} ended"
                gevent.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=PATIENCE)
        finally:
            process.kill()
            process.wait()


def ask(port: int, path: str, method: str = "GET", body: str | None = None) -> tuple[int, str]:
    """The status and the body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def answers(port: int, path: str) -> bool:
    """Whether somebody is there, and content."""
    try:
        return ask(port, path)[0] < 300
    except OSError:
        return False


def scraped(port: int) -> dict[str, float]:
    """The sum of each metric, over all labels."""
    status, text = ask(port, "/metrics")
    assert status == 200, text
    sums: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] += sample.value
    return dict(sums)


def lines(path: Path) -> list[dict[str, Any]]:
    """The points of a file of samples."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text("utf-8")
    return [line for line in map(json.loads, text.splitlines()) if line["type"] == "Point"]


def by_name(points: list[dict[str, Any]]) -> Counter[str]:
    """How often each request is in there."""
    return Counter(f"{p['data']['tags']['method']} {p['data']['tags']['name']}" for p in points)


# ---- Prometheus


@pytest.mark.parametrize("processes", [(), ("--processes", 2)], ids=["local", "distributed"])
def test_a_headless_run_is_scraped_while_it_goes_on(
    processes: tuple[object, ...], start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, port = start_target(), free_port()
    network = master_port() if processes else ()
    options = (*BASICS, "--prometheus-port", port, "--host", target.url, *processes, *network)
    with LocustProcess(write(tmp_path, RUN), *options) as run:
        run.line(rf"Metrics for Prometheus at http://127.0.0.1:{port}/metrics")
        run.until(lambda: scraped(port).get("wireswarm_failures_total", 0) > 5)
        values = scraped(port)
        requests = received(target.counters()).total()
        assert 0 < values["wireswarm_requests_total"] <= requests
        assert values["wireswarm_users"] == 4
        assert values["wireswarm_workers"] == (2 if processes else 1)
        assert ask(port, "/")[0] == 404
        assert ask(port, "/metrics", "POST")[0] == 405
        run.signal(signal.SIGTERM)
        assert run.end() == 1, run.output
    assert "Traceback" not in run.output


def test_prometheus_itself_reads_it(start_target: Callable[..., Target], tmp_path: Path) -> None:
    prometheus, promtool = program("prometheus"), program("promtool")
    target, port, own = start_target(), free_port(), free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "scrape_configs: [{job_name: wireswarm, scrape_interval: 500ms, scrape_timeout: 500ms, "
        f"static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n",
        "utf-8",
    )
    server = [
        prometheus,
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}",
    ]

    def query(expression: str) -> list[dict[str, Any]]:
        status, text = ask(own, f"/api/v1/query?{urlencode({'query': expression})}")
        assert status == 200, text
        result: list[dict[str, Any]] = json.loads(text)["data"]["result"]
        return result

    locustfile = write(tmp_path, QUICK_CHATER)
    with (
        running(server, lambda: answers(own, "/-/ready")),
        LocustProcess(locustfile, *BASICS, "--prometheus-port", port, "--host", target.url) as run,
    ):
        run.until(lambda: query("wireswarm_flow_step_duration_seconds_count > 3"))
        text = ask(port, "/metrics")[1]
        # The dashboard's own questions, each of which Prometheus has to understand.
        dashboard = json.loads((Path(__file__).parents[2] / "deploy/grafana/wireswarm.json").read_text("utf-8"))
        for panel in dashboard["panels"]:
            for asked in panel["targets"]:
                query(asked["expr"].replace("$__rate_interval", "5s").replace("$instance", ".*"))
        p95 = "histogram_quantile(0.95, sum by (le) (rate(wireswarm_request_duration_seconds_bucket[10s])))"
        run.until(lambda: query(p95) and 0 < float(query(p95)[0]["value"][1]) < 60)
        run.signal(signal.SIGTERM)
        run.end()
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_port_that_is_taken_is_refused_before_the_start(target: Target, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = (*BASICS, "--prometheus-port", port, "--host", target.url, "--processes", 2, *master_port())
        with LocustProcess(write(tmp_path, RUN), *options) as run:
            said = refused(run)
    problem = f"error: --prometheus-port {port}: cannot listen on 127.0.0.1: Address already in use"
    assert said == [problem]


def test_the_web_ui_has_the_metrics_too(target: Target, tmp_path: Path) -> None:
    port = free_port()
    options = ("--web-host", "127.0.0.1", "--web-port", port, "--host", target.url, "--web-base-path", "/load")
    with LocustProcess(write(tmp_path, RUN), *options) as run:
        run.line("Starting web interface")
        run.until(Web(port).is_up)
        status, text = ask(port, "/load/metrics")
        assert status == 200
        assert "wireswarm_users 0.0" in text
        run.signal(signal.SIGTERM)
        assert run.end() == 0, run.output


def test_behind_a_login_the_metrics_are_too(target: Target, tmp_path: Path) -> None:
    port, own = free_port(), free_port()
    login = """
from flask_login import UserMixin
from locust import events


@events.init.add_listener
def log_in(environment, **_):
    environment.web_ui.login_manager.user_loader(lambda _name: UserMixin())
    environment.web_ui.app.config["SECRET_KEY"] = "of the tests"
"""
    options = ("--web-host", "127.0.0.1", "--web-port", port, "--web-login", "--prometheus-port", own)
    with LocustProcess(write(tmp_path, RUN + login), *options, "--host", target.url) as run:
        run.until(Web(port).is_up)
        status, text = ask(port, "/metrics")
        assert status == 302, text
        assert "wireswarm" not in text
        assert scraped(own)["wireswarm_users"] == 0, "by choice there is one without"
        run.signal(signal.SIGTERM)
        assert run.end() == 0, run.output


# ---- InfluxDB

INFLUX = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
[http]
bind-address = "127.0.0.1:{port}"
auth-enabled = {auth}
log-enabled = false
"""
LOGIN = {"WIRESWARM_INFLUXDB_USER": "writer", "WIRESWARM_INFLUXDB_PASSWORD": "canary-of-the-tests"}


@contextmanager
def influxdb(folder: Path, *, auth: bool) -> Iterator[int]:
    """Debian's InfluxDB 1.6 with a database `load`; its port."""
    port = free_port()
    config = folder / "influxdb.conf"
    text = INFLUX.format(rpc=free_port(), port=port, folder=folder / "influx", auth=str(auth).lower())
    config.write_text(text, "utf-8")
    with running([program("influxd", "/usr/sbin"), "-config", str(config)], lambda: answers(port, "/ping")):
        if auth:
            user, password = LOGIN.values()
            statement = f"CREATE USER {user} WITH PASSWORD '{password}' WITH ALL PRIVILEGES"
            assert ask(port, f"/query?{urlencode({'q': statement})}", "POST", "")[0] == 200
        influx(port, "CREATE DATABASE load", "POST")
        yield port


def influx(port: int, statement: str, method: str = "GET") -> list[dict[str, Any]]:
    """The series that InfluxDB answers a question with."""
    user, password = LOGIN.values()
    asked = urlencode({"q": statement, "db": "load", "u": user, "p": password})
    status, text = ask(port, f"/query?{asked}", method, "" if method == "POST" else None)
    assert status == 200, text
    series: list[dict[str, Any]] = json.loads(text)["results"][0].get("series", [])
    return series


@pytest.mark.parametrize("auth", [False, True], ids=["open", "password"])
def test_influxdb_has_every_request_at_the_end(auth: bool, start_target: Callable[..., Target], tmp_path: Path) -> None:
    target = start_target()
    processes = ("--processes", 2, *master_port()) if auth else ()
    with influxdb(tmp_path, auth=auth) as port:
        options = (*BASICS, "--influxdb", f"http://127.0.0.1:{port}/?db=load", "--host", target.url, *processes)
        with LocustProcess(
            write(tmp_path, RUN), *options, "--iterations", 300, environment=LOGIN if auth else {}
        ) as run:
            assert run.end() == 1, run.output
        counts = influx(port, "SELECT SUM(count), SUM(failures), MAX(max_ms) FROM wireswarm_requests GROUP BY *")
        users = influx(port, "SELECT COUNT(user_count) FROM wireswarm_run")
    by_request = {series["tags"]["name"]: series["values"][0][1:] for series in counts}
    assert sum(count for count, _, _ in by_request.values()) == 300
    assert received(target.counters()).total() == 300
    assert by_request["/health"][1] == 0
    assert by_request["fails"][0] == by_request["fails"][1] > 0
    assert 0 < by_request["/health"][2] < 60_000
    assert users[0]["values"][0][1] >= 1
    assert "canary" not in run.output


def test_a_database_that_is_away_costs_the_load_nothing(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target = start_target()
    options = (*BASICS, "--influxdb", f"http://127.0.0.1:{free_port()}/?db=load", "--host", target.url)
    with LocustProcess(write(tmp_path, RUN), *options, "--iterations", 100) as run:
        assert run.end() == 1, run.output
    assert received(target.counters()).total() == 100
    assert "it cannot be reached (ConnectionError)" in run.output
    assert "batches were not written" in run.output
    assert "Traceback" not in run.output


def test_a_token_is_sent_and_never_shown(start_target: Callable[..., Target], tmp_path: Path) -> None:
    """Version 2: its interface as a fake has it, since no distribution packages the server."""
    from gevent.pywsgi import WSGIServer

    asked: list[tuple[str, str, str, str]] = []

    def write_api(environ: Mapping[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        body = environ["wsgi.input"].read().decode()
        asked.append((environ["PATH_INFO"], environ["QUERY_STRING"], environ["HTTP_AUTHORIZATION"], body))
        start_response("204 No Content", [])
        return []

    server = WSGIServer(("127.0.0.1", 0), write_api, log=None)
    server.start()
    target = start_target()
    try:
        url = f"http://127.0.0.1:{server.server_port}?org=o&bucket=b"
        options = (*BASICS, "--influxdb", url, "--host", target.url, "--iterations", 50)
        token = {"WIRESWARM_INFLUXDB_TOKEN": "canary-of-the-tests"}
        with LocustProcess(write(tmp_path, RUN), *options, environment=token) as run:
            assert run.end() == 1, run.output
    finally:
        server.stop()
    assert {entry[:3] for entry in asked} == {("/api/v2/write", "org=o&bucket=b", "Token canary-of-the-tests")}
    assert "wireswarm_requests,name=/health,type=GET count=" in "\n".join(entry[3] for entry in asked)
    assert "canary" not in run.output


# ---- samples


ENDS: dict[str, tuple[str, tuple[object, ...], signal.Signals | None]] = {
    "iterations": ("out.jsonl.gz", ("--iterations", 60), None),
    "run time": ("out.jsonl", ("--run-time", "2s"), None),
    "SIGTERM": ("out.jsonl.gz", (), signal.SIGTERM),
    "Ctrl-C": ("out.jsonl", (), signal.SIGINT),
}
"""How a run ends, with its file."""


def test_every_request_is_a_line_however_the_run_ends(start_target: Callable[..., Target], tmp_path: Path) -> None:
    with ExitStack() as stack:
        runs = {}
        for end, (name, options, _) in ENDS.items():
            target, folder = start_target(), tmp_path / end
            folder.mkdir()
            files = ("--samples", folder / name, "--json-file", folder / "stats")
            given = (*BASICS, "--tags", "full_flow", "--host", target.url, *files, *options)
            run = LocustProcess(write(folder, QUICK_CHATER), *given)
            runs[end] = stack.enter_context(run), target
        for end, (run, target) in runs.items():
            name, _, number = ENDS[end]
            if number is not None:
                run.until(lambda target=target: received(target.counters()).total() > 50)
                run.signal(number)
            run.end()
            found = by_name(lines(tmp_path / end / name))
            exchanges = Counter({key: count for key, count in found.items() if not key.startswith("FLOW ")})
            assert exchanges == reported(tmp_path / end / "stats"), end
            assert exchanges.total() == received(target.counters()).total() > 50, end
            assert found["FLOW full_flow"] > 0, end


def test_every_worker_has_a_file_of_its_own(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target = start_target()
    options = (*BASICS, "--samples", tmp_path / "out.jsonl.gz", "--host", target.url, "--iterations", 80)
    with LocustProcess(write(tmp_path, RUN), *options, "--processes", 2, *master_port()) as run:
        assert run.end() == 1, run.output
    files = sorted(path.name for path in tmp_path.glob("out*"))
    assert files == ["out-w0.jsonl.gz", "out-w1.jsonl.gz"]
    points = [point for file in files for point in lines(tmp_path / file)]
    assert len(points) == 80
    failed = [point for point in points if point["data"]["tags"]["expected_response"] == "false"]
    assert {point["data"]["tags"]["name"] for point in failed} == {"fails"}


def test_everything_wrong_with_the_options_at_once(target: Target, tmp_path: Path) -> None:
    options = ("--samples", "out.csv", "--influxdb", "http://u:canary@127.0.0.1/", "--host", target.url)
    with LocustProcess(write(tmp_path, RUN), *BASICS, *options) as run:
        said = refused(run)
    assert len(said) == 3, said
    assert "canary" not in run.output
