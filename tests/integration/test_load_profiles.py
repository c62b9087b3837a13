"""Profiles, stages and shapes as users start them: `wireswarm run` and `plan`, `--stage`, workers, the web UI."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from .conftest import TargetProcess
from .locust_process import LocustProcess, Web, free_port, master_port, refused, write

ROOT = Path(__file__).resolve().parents[2]
WIRESWARM = (sys.executable, "-m", "wireswarm", "locust")

PROFILES = [
    pytest.param(path.with_suffix(".py"), name, id=f"{path.stem}-{name}")
    for path in sorted((ROOT / "locustfiles").glob("*.toml"))
    if path.with_suffix(".py").is_file()
    for name in tomllib.loads(path.read_text("utf-8")).get("profiles", {})
]

LOCUSTFILE = """
import os
import gevent
from locust import User, constant, task
import wireswarm

print("TEST_MARK is", os.environ.get("TEST_MARK"))


class Somebody(User):
    wait_time = constant(0)

    @task
    def work(self):
        gevent.sleep(0.05)
        self.environment.events.request.fire(
            request_type="X", name="x", response_time=1, response_length=0, exception=None
        )
"""
PROFILE_FILE = """
[profiles.staged]
stages = ["0s:3", "1s:3", "0s:6", "1s:6", "0s:1", "1s:1"]
environment = {TEST_MARK = "set by the profile"}

[profiles.plain]
users = 17
spawn_rate = 3.5
run_time = "7m"
"""


@pytest.fixture
def locustfile(tmp_path: Path) -> Path:
    write(tmp_path, PROFILE_FILE, "orders.toml")
    return write(tmp_path, LOCUSTFILE, "orders.py")


@pytest.mark.slow
@pytest.mark.parametrize(("suite", "name"), PROFILES)
def test_every_profile_of_every_suite_starts(suite: Path, name: str, target: TargetProcess, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    arguments = ("--load-profile", name, "--host", target.url, "--headless", "-t", "2s", "--summary", summary)
    with LocustProcess(suite, *arguments, "--stop-timeout", "2", command=WIRESWARM) as locust:
        # A threshold is breached where a run is too short for what it is about.
        assert locust.end() in {0, 3}, locust.output
    saved = json.loads(summary.read_text("utf-8"))
    assert saved["run"]["profile"] == name
    assert saved["run"]["users"] > 0
    assert saved["total"]["count"] > 0


@pytest.mark.parametrize(("suite", "name"), PROFILES)
def test_every_profile_of_every_suite_is_drawn(suite: Path, name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wireswarm", "plan", str(suite), name]
    drawn = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert drawn.startswith(f"{name}: at most ")
    assert "█" in drawn
    subprocess.run([*command, "-o", str(tmp_path / "plan.svg")], check=True)
    assert (tmp_path / "plan.svg").read_text("utf-8").startswith("<svg ")


def test_stages_of_a_profile_are_followed_and_their_end_ends_the_run(locustfile: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    with LocustProcess(locustfile, "--headless", "--load-profile", "staged", "--summary", summary) as locust:
        assert locust.end() == 0, locust.output
    for users in (3, 6, 1):
        assert f"Shape test updating to {users} users" in locust.output
    assert "TEST_MARK is set by the profile" in locust.output
    run = json.loads(summary.read_text("utf-8"))["run"]
    assert (run["users"], run["ended_by"]) == (6, "shape")
    assert 2.5 < run["duration_s"] < 6


def test_stages_on_the_command_line_with_workers(locustfile: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    arguments = ("--stage", "0s:4,1s:4", "--stage", "1s:0", "--processes", "2", "--summary", summary, *master_port())
    with LocustProcess(locustfile, "--headless", "--load-profile", "plain", *arguments) as locust:
        assert locust.end() == 0, locust.output
    saved = json.loads(summary.read_text("utf-8"))
    assert saved["run"]["users"] == 4
    assert saved["run"]["duration_s"] < 10, "the profile's run time has no part in it"
    assert saved["total"]["count"] > 10


def test_the_run_time_ends_a_shape_early(locustfile: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    arguments = ("--stage", "0s:2,10m:2", "-t", "2s", "--summary", summary)
    with LocustProcess(locustfile, "--headless", *arguments) as locust:
        assert locust.end() == 0, locust.output
    assert json.loads(summary.read_text("utf-8"))["run"]["ended_by"] == "run time"


def test_a_shape_of_the_locustfile_beside_stages_is_refused(tmp_path: Path) -> None:
    text = LOCUSTFILE + "\n\nclass Own(wireswarm.PlanShape):\n    plan = wireswarm.Steps((1,), 60)\n"
    path = write(tmp_path, text)
    with LocustProcess(path, "--headless", "--stage", "1m:5") as locust:
        lines = refused(locust)
    assert any("--stage says how many users there are, and so does Own" in line for line in lines)


def test_the_web_ui_offers_the_numbers_of_the_profile(locustfile: Path) -> None:
    port = free_port()
    arguments = ("--load-profile", "plain", "--web-host", "127.0.0.1", "--web-port", port)
    with LocustProcess(locustfile, *arguments) as locust:
        web = Web(port)
        locust.until(web.is_up)
        page = web.get("/")
    for offered in ('"num_users": 17', '"spawn_rate": 3.5', '"run_time": 420'):
        assert offered in page


def test_run_lists_runs_and_knows_what_was_meant(locustfile: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "wireswarm", "run", str(locustfile), *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)

    listed = run("--list")
    assert listed.returncode == 0
    assert "staged" in listed.stdout
    assert "17" in listed.stdout
    wrong = run("plane")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert '(did you mean "plain"?); allowed: staged, plain' in wrong.stderr
    assert "found no profile after the locustfile; allowed: staged, plain" in run("--host", "http://x").stderr
    done = run("plain", "-t", "3s", "--users", "2")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "results").iterdir()
    assert folder.name.endswith("-plain")
    assert json.loads((folder / "summary.json").read_text("utf-8"))["run"]["users"] == 2
