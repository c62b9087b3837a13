"""What the chart renders, replayed: the containers of its pods as processes, with their arguments, variables, files."""

from __future__ import annotations

import base64
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from gevent.pywsgi import WSGIServer

sys.path.insert(0, str(Path(__file__).parent))

from containers import Container, unavailable
from helm_charts import ROOT, Helm, Manifest, Release, need, need_helm
from locust_process import Target, Web, free_port, received

REPORTS = {
    *("locust_stats.csv", "locust_stats_history.csv", "locust_failures.csv", "locust_exceptions.csv"),
    *("report.html", "metrics.json", "junit.xml", "exit_code"),
}

VISITOR = """
import tempfile
from contextlib import suppress
from locust import constant, task
from wireswarm import RestUser


for place in ("/x", "/usr/x", "/etc/hosts", "/locustfiles/x", "/locust/x"):
    with suppress(OSError):
        open(place, "a")
        raise AssertionError(f"{place} can be written to")
tempfile.TemporaryFile(dir="/tmp").close()


class Visitor(RestUser):
    wait_time = constant(0.01)

    @task
    def look(self):
        self.client.get("/health")
"""

EACH_ROW = """
from locust import constant, task
from wireswarm import DataFile, RestUser, load_protos

pb = load_protos("/protos")
assert pb.Order(sku="A1").sku == "A1"


class Customer(RestUser):
    wait_time = constant(0.01)
    rows = DataFile("/test_data/users.jsonl", order="once", at_end="stop_test", columns={"user_id": int})

    @task
    def order(self):
        self.client.get("/health", params={"user": next(self.rows)["user_id"]})
"""


@pytest.fixture(scope="module")
def helm() -> Iterator[Helm]:
    need_helm()
    need(unavailable())
    with Helm() as helm:
        yield helm


def template(release: Release, name: str) -> Manifest:
    """The pod of an object."""
    return dict(release.pods())[name]


def summary(container: Container) -> dict[str, Any]:
    """What a container has left."""
    read: dict[str, Any] = json.loads((container.results / "metrics.json").read_text("utf-8"))
    return read


def test_a_job_in_one_pod_runs_to_its_verdict_and_waits_for_whoever_fetches_the_results(
    helm: Helm, start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target = start_target()
    release = helm.release(
        {
            "loadTest": {"host": target.url, "users": 2, "spawnRate": 2, "iterations": 7},
            "assertions": {"thresholds": ["GET /health: count == 7"]},
            "locustfile": {"inline": VISITOR},
            "results": {"linger": "10m"},
        }
    )
    pod = template(release, "Job locust-locust")
    with Container(pod, release.objects, tmp_path) as run:
        assert not run.ready(pod)
        run.until(lambda: run.ready(pod))
        assert {path.name for path in run.results.iterdir()} >= REPORTS
        run.process.send_signal(signal.SIGTERM)  # `kill 1`, as NOTES.txt says
        assert run.end() == 0, run.output
    assert summary(run)["verdict"] == "passed"
    assert len(summary(run)["thresholds"]) == 3
    assert summary(run)["total"]["count"] == 7 == received(target.counters()).total()


def test_a_master_and_workers_share_the_data_and_a_breach_is_told_as_success(
    helm: Helm, start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target = start_target()
    release = helm.release(
        {
            "loadTest": {"host": target.url, "users": 4, "spawnRate": 4},
            "workers": {"replicas": 2, "port": free_port()},
            "assertions": {"thresholds": ["p50 < 1us"]},
            "locustfile": {"inline": EACH_ROW},
            "testData": {"files": {"users.jsonl": "".join(f'{{"user_id": {n}}}\n' for n in range(40))}},
            "protos": {"files": {"shop/order.proto": 'syntax = "proto3"; message Order { string sku = 1; }'}},
            "results": {"persistence": {"enabled": True}},
        }
    )
    claims = {"locust-locust-results": tmp_path / "claim"}
    processes = []
    for name, pod in (("locust", "master-1"), ("locust-worker", "worker-1"), ("locust-worker", "worker-2")):
        folder = tmp_path / pod
        folder.mkdir()
        found = template(release, f"Job locust-{name}")
        processes.append(Container(found, release.objects, folder, hosts=["locust-locust"], claims=claims, pod=pod))
    master, one, other = processes
    with master, one, other:
        assert [process.end() for process in processes] == [0, 0, 0], [process.output for process in processes]
    assert master.results == claims["locust-locust-results"] / "master-1"
    assert (master.results / "exit_code").read_text() == "3\n"
    assert summary(master)["exit_code"] == 3
    assert summary(master)["total"]["count"] == 40 == received(target.counters()).total()


def test_stock_users_get_basic_auth_and_a_breach_fails_the_job_that_asks_for_it(helm: Helm, tmp_path: Path) -> None:
    """The document's third example."""
    seen: set[str | None] = set()

    def answer(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        seen.add(environ.get("HTTP_AUTHORIZATION"))
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    server = WSGIServer(("127.0.0.1", 0), answer, log=None)
    server.start()
    release = helm.release(
        {
            "loadTest": {"host": f"http://127.0.0.1:{server.server_port}", "users": 1, "iterations": 3},
            "auth": {"username": "testuser", "password": "fake-password"},
            "assertions": {"p95ThresholdMs": 0.001, "failOnBreach": True},
            "results": {"linger": "0s"},
            "locustfile": {
                "inline": """
from locust import HttpUser, task
import os

class SecureAPIUser(HttpUser):
    def on_start(self):
        # Basic Auth already set by chart
        pass

    @task
    def protected_endpoint(self):
        self.client.get("/api/protected")
"""
            },
        }
    )
    with Container(template(release, "Job locust-locust"), release.objects, tmp_path) as run:
        assert run.end() == 3, run.output
    server.stop()
    assert seen == {"Basic " + base64.b64encode(b"testuser:fake-password").decode()}
    assert "fake-password" not in run.output


def test_a_deployment_has_a_web_ui_whose_tests_leave_a_folder_each(
    helm: Helm, start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, port = start_target(), free_port()
    release = helm.release(
        {
            "mode": "deployment",
            "loadTest": {"host": target.url, "users": 2, "spawnRate": 2},
            "web": {"port": port},
            "workers": {"replicas": 1, "port": free_port()},
            "locustfile": {"inline": VISITOR},
        }
    )
    processes = []
    for name in ("locust", "locust-worker"):
        (tmp_path / name).mkdir()
        pod = template(release, f"Deployment locust-{name}")
        processes.append(Container(pod, release.objects, tmp_path / name, hosts=["locust-locust"]))
    master, worker = processes
    web = Web(port)
    with master, worker:
        master.until(web.is_up)
        master.line("1 workers? connected|reported as ready|1 ready")
        web.swarm(user_count=2, spawn_rate=2, host=target.url)
        master.until(lambda: received(target.counters()).total() > 3)
        web.stop()
        master.until(lambda: list(master.results.glob("*/summary.json")))
        master.process.send_signal(signal.SIGTERM)
        assert master.end() == 0, master.output
        assert worker.end() == 0, worker.output


@pytest.mark.parametrize(("row", "code"), [('{"user_id": 1}', 0), ('{"user_id": "one"}', 2)])
def test_what_helm_test_runs_says_what_is_wrong_and_sends_nothing(
    helm: Helm, row: str, code: int, tmp_path: Path
) -> None:
    values = {
        "loadTest": {"host": "http://127.0.0.1:9"},
        "workers": {"replicas": 2},
        "locustfile": {"inline": EACH_ROW},
        "protos": {"files": {"order.proto": 'syntax = "proto3"; message Order { string sku = 1; }'}},
        "testData": {"files": {"users.jsonl": row}},
    }
    release = helm.release(values)
    pod = template(release, "Pod locust-locust-test")
    with Container(pod, release.objects, tmp_path, container="check") as run:
        assert run.end() == code, run.output
    assert ('/test_data/users.jsonl: line 1: "user_id"' in run.output) == (code == 2)


def test_the_documents_batch_test_from_the_helmfile(
    helm: Helm, start_target: Callable[..., Target], tmp_path: Path
) -> None:
    """The document's second example: locustfile and three data files injected, one of them selected; an own secret."""
    target = start_target(batch_time="50ms")
    folder = ROOT / "deploy" / "helmfile"
    (locust, _) = yaml.safe_load((folder / "helmfile.yaml").read_text("utf-8"))["releases"]
    values = yaml.safe_load((folder / locust["values"][0]).read_text("utf-8"))
    for each in locust["set"]:
        helm.merge(values, helm.assigned(f"{each['name']}={folder / each['file']}", "parse_set_file"))
    values["loadTest"] |= {"host": target.url, "users": 2, "iterations": 2, "allowedHosts": []}
    values["assertions"] |= {"p95ThresholdMs": 20000, "failOnBreach": True}
    values["results"] = {"linger": "0s"}
    release = helm.release(values)
    data = {"BASIC_AUTH_USERNAME": "admin", "BASIC_AUTH_PASSWORD": "password"}
    secret = {"kind": "Secret", "metadata": {"name": "control-layer-secret"}, "data": data}
    with Container(template(release, "Job locust-locust"), [*release.objects, secret], tmp_path) as run:
        assert run.end() == 0, run.output
    assert [flow["row"]["count"] for flow in summary(run)["flows"]] == [2]
    assert len(list(run.folders["/test_data"].iterdir())) == 3
