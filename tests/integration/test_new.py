"""`wireswarm new`: for each source, the suite that it writes runs against a server, passes lint and its own test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import LocustProcess, Target, reported
from orders_server import orders_server
from scaffold_sources import LORAX, MONEY, ORDERS, PLATFORM, Recorder, record

from wireswarm import cli
from wireswarm.protos import load_protos

ROOT = Path(__file__).resolve().parents[2]
HAR_SETTINGS = {f"SHOP_{name}": "for-a-test" for name in ("ACCESS_TOKEN", "COOKIE", "PASSWORD", "X_API_KEY")}
COMMAND = (sys.executable, "-m", "wireswarm", "locust")


def new(folder: Path, *options: object) -> Path:
    """Write a suite; returns its locustfile."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["new", "shop", "--dir", str(folder / "shop"), *map(str, options)])
    assert ended.value.code == 0
    return folder / "shop" / "shop.py"


QUICK = """
import random

import shop
from locust import constant

random.seed(7)


class Quick(shop.ShopUser):
    wait_time = constant(0)
"""
"""The suite without the pauses that people make, and with the same choices in every run."""


def run(locustfile: Path, url: str, **environment: str) -> Mapping[str, int]:
    """Run it to its end without a failure; returns its requests."""
    report, quick = locustfile.with_name("report"), write(locustfile.parent, "quick.py", QUICK)
    options = ("--headless", "-u", 3, "-r", 3, "--iterations", 100, "--host", url, "--json-file", report, "Quick")
    with LocustProcess(quick, *options, command=COMMAND, environment=environment) as process:
        assert process.end() == 0, process.output
    quick.unlink()
    return reported(report)


def lint(folder: Path) -> None:
    """The project's own rules, and ruff's defaults."""
    for options in (["--config", str(ROOT / "pyproject.toml")], ["--isolated"]):
        for command in (["check"], ["format", "--check"]):
            full = [sys.executable, "-m", "ruff", *command, "--no-cache", *options, str(folder)]
            for place in (ROOT, folder):  # which decides what counts as first-party
                ended = subprocess.run(full, cwd=place, capture_output=True, text=True, check=False)
                assert ended.returncode == 0, ended.stdout


def write_protos(folder: Path) -> Path:
    (folder / "orders" / "v1").mkdir(parents=True)
    (folder / "orders" / "v1" / "money.proto").write_text(MONEY)
    path = folder / "orders" / "v1" / "orders.proto"
    path.write_text(ORDERS)
    return path


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_an_example_runs_against_the_target(target: Target, tmp_path: Path) -> None:
    locustfile = new(tmp_path)

    requests = run(locustfile, target.url)

    assert {"GET /health", "GET /api/workspaces", "POST /api/workspaces"} <= requests.keys()
    lint(locustfile.parent)


@pytest.mark.parametrize("style", ["connect", pytest.param("twirp", marks=pytest.mark.slow)])
def test_methods_of_protos_run_by_connect_and_twirp(style: str, tmp_path: Path) -> None:
    locustfile = new(tmp_path, "--proto", write_protos(tmp_path), "--style", style)

    with orders_server(load_protos(locustfile.parent / "proto" / "orders.proto")) as server:
        run(locustfile, server.url)

    methods = {"CreateOrder", "GetOrder", "ListOrders", "UpdateOrder", "DeleteOrder", "GetShelf"}
    assert server.seen.keys() == {f"{style} {method}" for method in methods}
    lint(locustfile.parent)


def test_methods_of_protos_run_over_their_own_paths(tmp_path: Path) -> None:
    locustfile = new(tmp_path, "--proto", write_protos(tmp_path))

    with orders_server(load_protos(locustfile.parent / "proto" / "orders.proto")) as server:
        run(locustfile, server.url)

    assert server.seen["POST /v1/orders"] == server.seen["GET /v1/orders/*"] == server.seen["DELETE /v1/orders/*"] > 0
    assert {"GET /v1/orders", "PUT /v1/new-order", "PATCH /v1/orders/*"} <= server.seen.keys()
    lint(locustfile.parent)


def test_what_openapi_describes_runs_against_the_target(target: Target, tmp_path: Path) -> None:
    locustfile = new(tmp_path, "--openapi", write(tmp_path, "platform.yaml", PLATFORM))

    requests = run(locustfile, target.url)

    assert requests["GET /api/workspaces/{id}/workflows/{workflow_id}/executions"] > 0
    assert {"GET /health", "GET /api/workspaces"} <= requests.keys()
    lint(locustfile.parent)


def test_events_run_against_the_target(target: Target, tmp_path: Path) -> None:
    locustfile = new(tmp_path, "--socketio", write(tmp_path, "lorax.yaml", LORAX))

    requests = run(locustfile, target.url)

    assert requests["SIO connect"] == requests["POST /init-session"] == 3
    assert requests["SIO ping -> pong"] > 0
    lint(locustfile.parent)


def test_a_recording_runs_against_the_target(target: Target, tmp_path: Path) -> None:
    recording = write(tmp_path, "platform.har", json.dumps(record(target.url)))
    locustfile = new(tmp_path, "--har", recording)

    requests = run(locustfile, target.url, **HAR_SETTINGS)

    assert requests["GET /api/workspaces/{workspace_id}/workflows/{workflow_id}/executions"] == 100
    lint(locustfile.parent)
    files = (path for path in locustfile.parent.rglob("*") if path.is_file() and path.suffix != ".pyc")
    written = "".join(path.read_text("utf-8") for path in files)
    assert not [secret for secret in Recorder.secrets if secret in written]


def test_a_recording_without_its_secrets_is_refused(target: Target, tmp_path: Path) -> None:
    locustfile = new(tmp_path, "--har", write(tmp_path, "platform.har", json.dumps(record(target.url))))

    with LocustProcess(locustfile, "--headless", "--host", target.url, command=COMMAND) as process:
        assert process.end() == 2, process.output

    assert "Traceback" not in process.output
    for name in HAR_SETTINGS:
        assert f"{name}: is not set" in process.output


@pytest.mark.slow
@pytest.mark.parametrize("source", ["example", "proto", "connect", "twirp", "openapi", "socketio", "har"])
def test_the_test_that_comes_with_a_suite_passes(source: str, target: Target, tmp_path: Path) -> None:
    options: dict[str, list[object]] = {
        "example": [],
        "proto": ["--proto", write_protos(tmp_path / "a")],
        "connect": ["--proto", write_protos(tmp_path / "b"), "--style", "connect"],
        "twirp": ["--proto", write_protos(tmp_path / "c"), "--style", "twirp", "--auth", "basic"],
        "openapi": ["--openapi", write(tmp_path, "platform.yaml", PLATFORM)],
        "socketio": ["--socketio", write(tmp_path, "lorax.yaml", LORAX)],
        "har": ["--har", write(tmp_path, "platform.har", json.dumps(record(target.url)))],
    }
    folder = new(tmp_path, *options[source]).parent

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(folder)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)

    assert ended.returncode == 0, ended.stdout
    assert "5 passed" in ended.stdout
