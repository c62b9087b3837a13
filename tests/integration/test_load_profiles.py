"""Profiles, stages and shapes as users start them: `wireswarm run` and `plan`, `--stage`, workers, the web UI."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from wireswarm.commands.plan import plan
from wireswarm.load import Constant, arrival_times

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

[profiles.arrivals]
users = 6
arrival_rate = "20/s"
arrivals = "poisson"
max_lateness = "3s"
run_time = "3s"

[profiles.arrival-stages]
users = 6
stages = ["1s:20/s", "1s:20/s"]

[profiles.arrival-wave]
users = 6
shape = {type = "wave", low = "10/s", high = "30/s", period = "2s"}
"""

GROWING = """

class Growing(wireswarm.PlanShape):
    plan = wireswarm.Steps((1,), 60)
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
    drawn = CliRunner().invoke(plan, [str(suite), name], catch_exceptions=False)
    assert (drawn.exit_code, drawn.output.startswith(f"{name}: at most ")) == (0, True)
    assert "█" in drawn.output
    picture = tmp_path / "plan.svg"
    assert CliRunner().invoke(plan, [str(suite), name, "-o", str(picture)], catch_exceptions=False).exit_code == 0
    assert ET.parse(picture).getroot().tag.endswith("}svg")


def test_a_plan_is_drawn_by_the_command(locustfile: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "wireswarm", "plan", str(locustfile), "staged"]
    drawn = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert drawn.startswith("staged: at most 6 users, 3.0 s\n")
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
    arguments = ("--stage", "0s:4,4s:4", "--stage", "1s:0", "--processes", "2", "--summary", summary, *master_port())
    with LocustProcess(locustfile, "--headless", "--load-profile", "plain", *arguments) as locust:
        assert locust.end() == 0, locust.output
    saved = json.loads(summary.read_text("utf-8"))
    assert saved["run"]["users"] == 4
    assert saved["run"]["duration_s"] < 60, "the profile's run time has no part in it"
    assert saved["total"]["count"] > 10


def test_the_run_time_ends_a_shape_early(locustfile: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    arguments = ("--stage", "0s:2,10m:2", "-t", "2s", "--summary", summary)
    with LocustProcess(locustfile, "--headless", *arguments) as locust:
        assert locust.end() == 0, locust.output
    assert json.loads(summary.read_text("utf-8"))["run"]["ended_by"] == "run time"


@pytest.mark.slow
@pytest.mark.parametrize("open_load", [(), ("--arrival-rate", "20/s")], ids=["closed", "open"])
def test_a_locustfile_that_takes_long_to_import_takes_nothing_off_the_run_time(
    tmp_path: Path, open_load: tuple[str, ...]
) -> None:
    # Without giving the event loop a turn: it counts from when it last had one.
    busy = "import time\nbegan = time.monotonic()\nwhile time.monotonic() < began + 3:\n    pass\n"
    path, summary = write(tmp_path, busy + LOCUSTFILE), tmp_path / "summary.json"
    options = ("--headless", "-u", 2, "-t", "4s", "--summary", summary, *open_load)
    with LocustProcess(path, *options) as locust:
        assert locust.end() == 0, locust.output
    saved = json.loads(summary.read_text("utf-8"))
    assert saved["run"]["duration_s"] > 3.9
    assert saved["run"]["ended_by"] == "run time"
    if open_load:
        assert saved["total"]["count"] + saved["dropped"] == 80


def test_a_shape_of_the_locustfile_beside_stages_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, LOCUSTFILE + GROWING)
    with LocustProcess(path, "--headless", "--stage", "1m:5") as locust:
        lines = refused(locust)
    assert any("--stage says how many users there are, and so does Growing" in line for line in lines)


def test_an_arrival_rate_beside_others_that_say_how_much_load_there_is_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, LOCUSTFILE + GROWING)
    # Before --processes forks: there is nobody left behind.
    options = ("--arrival-rate", "5/s", "-u", 5, "--iterations", 9, "--processes", 2, *master_port())
    with LocustProcess(path, "--headless", *options) as locust:
        lines = refused(locust)
    assert [line.partition(":")[2].partition(":")[0].strip() for line in lines if line.startswith("error")] == [
        "--arrival-rate with --iterations",
        "--arrival-rate with the load shape Growing",
    ]


WEB: list[tuple[str, dict[str, Any], dict[str, Any], int]] = [
    ("plain", {"num_users": 17, "spawn_rate": 3.5, "run_time": 420, "hide_common_options": None}, {}, 0),
    ("staged", {"num_users": None, "hide_common_options": True}, {"arrival_rate": ""}, 0),
    (
        "arrivals",
        {"num_users": 6, "spawn_rate": 6, "run_time": 3},
        {"arrival_rate": "20/s", "arrivals": "poisson", "max_lateness": "3s"},
        len(list(itertools.takewhile(lambda at: at < 3, arrival_times(Constant(20), kind="poisson")))),
    ),
    ("arrival-stages", {"num_users": 6, "run_time": None}, {"arrival_rate": "1s:20/s,1s:20/s"}, 30),
    (
        "arrival-wave",
        {"num_users": 6, "run_time": None},
        {"arrival_rate": '{type = "wave", low = 10, high = 30, period = "2s"}'},
        0,
    ),
]


def offered(page: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the web UI's form begins with: Locust's fields, and ours."""
    arguments = json.loads(page.partition("window.templateArgs = ")[2].partition("\n")[0].rstrip(";"))
    return arguments, {name: option["default_value"] for name, option in arguments["extra_options"].items()}


@pytest.mark.parametrize(
    ("profile", "fields", "ours", "count"),
    [
        pytest.param(*case, id=case[0], marks=[pytest.mark.slow] if case[0] in {"staged", "arrival-wave"} else [])
        for case in WEB
    ],
)
def test_the_web_ui_offers_the_numbers_of_the_profile_and_starts_with_them(
    locustfile: Path, profile: str, fields: dict[str, Any], ours: dict[str, Any], count: int
) -> None:
    port = free_port()
    arguments = ("--load-profile", profile, "--web-host", "127.0.0.1", "--web-port", port)
    with LocustProcess(locustfile, *arguments) as locust:
        web = Web(port)
        locust.until(web.is_up)
        form, extra = offered(web.get("/"))
        assert {name: form[name] for name in fields} == fields
        assert {name: extra[name] for name in ours} == ours
        if profile == "plain":
            return
        # As the browser sends it: all that stands in the form.
        typed = {"user_count": form["num_users"] or 1, "spawn_rate": form["spawn_rate"] or 1}
        web.swarm(**typed, run_time=form["run_time"] or "", **extra)
        if not count:  # it has no end, or is one of users
            locust.until(lambda: web.result()[1] > 10)
            web.stop()
            return
        locust.until(lambda: web.result()[0] == "stopped")
        assert web.result()[1] == count


def test_the_web_ui_starts_nothing_that_is_wrong(locustfile: Path) -> None:
    port = free_port()
    with LocustProcess(locustfile, "--web-host", "127.0.0.1", "--web-port", port) as locust:
        web = Web(port)
        locust.until(web.is_up)
        answer = json.loads(web._ask("POST", "/swarm", "user_count=5&spawn_rate=5&arrival_rate=5%2Fs&iterations=3"))
        assert (answer["success"], answer["message"].partition(":")[0]) == (False, "--arrival-rate with --iterations")
        assert web.result()[0] == "ready"


@pytest.mark.slow
def test_a_worker_without_the_file_has_the_variables_of_the_profile(tmp_path: Path) -> None:
    text = LOCUSTFILE.replace(
        "    @task", '    def on_start(self):\n        print("now", os.environ["TEST_MARK"])\n\n    @task'
    )
    write(tmp_path, PROFILE_FILE, "orders.toml")
    path, port = write(tmp_path, text, "orders.py"), master_port()
    (tmp_path / "elsewhere").mkdir()
    elsewhere = write(tmp_path / "elsewhere", text, "orders.py")
    options = ("--headless", "--master", "--expect-workers", 1, "--load-profile", "staged", "-t", "3s")
    with LocustProcess(path, *options, *port) as master, LocustProcess(elsewhere, "--worker", *port) as worker:
        worker.line("now set by the profile")
        assert master.end() == 0, master.output
        assert worker.end() == 0, worker.output
    assert "TEST_MARK is None" in worker.output, "while the locustfile was imported there"


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
    assert '(did you mean "plain"?); allowed: staged, plain, ' in wrong.stderr
    assert "found no profile after the locustfile; allowed: staged, plain" in run("--host", "http://x").stderr
    done = run("plain", "-t", "3s", "--users", "2")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "results").iterdir()
    assert folder.name.endswith("-plain")
    assert json.loads((folder / "summary.json").read_text("utf-8"))["run"]["users"] == 2
