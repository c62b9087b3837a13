"""The `wireswarm` command as people run it."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHATER = ROOT / "locustfiles" / "chater.py"


def run(*arguments: str, cwd: Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wireswarm", *arguments],
        cwd=cwd,
        timeout=timeout,
        capture_output=True,
        text=True,
        check=False,
    )


def test_demo_walks_the_whole_flow_and_writes_its_reports(tmp_path: Path) -> None:
    ended = run("demo", "--run-time", "4s", cwd=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert "PASSED" in ended.stdout
    results = tmp_path / "results" / "demo"
    assert "Locust" in (results / "report.html").read_text(encoding="utf-8")
    with (results / "locust_stats.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    assert {
        "/eater_receive_photo",
        "/eater_get_today",
        "/modify_food_record",
        "/manual_weight",
        "/get_recommendation",
        "/delete_food",
        "full_flow",
    } <= set(rows)
    assert int(rows["Aggregated"]["Request Count"]) >= 9 * int(rows["full_flow"]["Request Count"]) > 0
    assert rows["Aggregated"]["Failure Count"] == "0"


def test_demo_with_a_wrong_option_says_what_locust_says(tmp_path: Path) -> None:
    ended = run("demo", "--users", "many", cwd=tmp_path)

    assert ended.returncode == 2
    assert "argument -u/--users" in ended.stderr


def test_try_shows_every_exchange_without_secrets(tmp_path: Path, target: object) -> None:
    ended = run("try", str(CHATER), "--host", target.url, "--tags", "full_flow", "auth", "--headers", cwd=tmp_path)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "chater.PhotoMessage" in ended.stdout
    assert "FLOW full_flow  ok" in ended.stdout
    assert "/eater_auth" in ended.stdout
    assert "/feedback" not in ended.stdout
    assert "0 failed" in ended.stdout
    assert "eyJ" not in ended.stdout + ended.stderr  # how every JWT begins


def test_try_fails_where_an_exchange_does(tmp_path: Path, start_target: object) -> None:
    faulty = start_target(error_rate=1.0)

    ended = run("try", str(CHATER), "--host", faulty.url, "--tags", "language", cwd=tmp_path)

    assert ended.returncode == 1
    assert "status 500" in ended.stdout
    assert "1 failed" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


LOCUSTFILE = """
from locust import TaskSet, task
from wireswarm import ProtobufUser, WireUser

class Inner(TaskSet):
    @task
    def one(self):
        print("inner task")
    @task
    def bug(self):
        raise TypeError("a bug in the locustfile")

class First(WireUser):
    tasks = [Inner]
    host = "http://127.0.0.1:1"

class Second(ProtobufUser):
    host = "http://127.0.0.1:1"
    @task
    def refused(self):
        self.client.get("/x")
"""


def test_try_does_each_task_of_each_class_once(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(LOCUSTFILE)

    ended = run("try", "mine.py", cwd=tmp_path)

    assert ended.returncode == 1
    assert ended.stdout.count("inner task") == 1
    assert "a bug in the locustfile" in ended.stdout
    assert "connection refused" in ended.stdout
    assert "2 failed" in ended.stdout


def test_try_takes_the_names_of_user_classes(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(LOCUSTFILE)

    ended = run("try", "mine.py", "Second", cwd=tmp_path)

    assert "inner task" not in ended.stdout
    assert "connection refused" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["try", "nope.py"], "error: nope.py: there is no such file"),
        (["try", "empty.py"], "error: empty.py: there is no User class in it"),
        (["target", "--port", "many"], "port"),
        (["nope"], "No such command"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(tmp_path: Path, arguments: list[str], problem: str) -> None:
    (tmp_path / "empty.py").write_text("")

    ended = run(*arguments, cwd=tmp_path)

    assert ended.returncode == 2
    assert problem in ended.stderr
    assert "Traceback" not in ended.stderr


def test_locust_shows_our_options_in_its_help(tmp_path: Path) -> None:
    ended = run("locust", "--help", cwd=tmp_path)

    assert ended.returncode == 0
    assert "--load-profile" in ended.stdout
    assert "--iterations" in ended.stdout


def test_version(tmp_path: Path) -> None:
    from wireswarm import __version__

    assert run("--version", cwd=tmp_path).stdout == f"wireswarm {__version__}\n"


ROWS = """
from locust import task
from wireswarm import DataFile, RestUser

class Buyer(RestUser):
    rows = DataFile("rows.csv", order="once", at_end="AT_END")

    def on_start(self):
        self.client.post("/echo/seen/{key}", path={"key": next(self.rows)["id"]}, expect=None)

    @task
    def buy(self):
        self.on_start()

    @task
    def buy_again(self):
        self.on_start()
"""


@pytest.mark.parametrize("end", ["stop_user", "stop_test"])
def test_try_takes_rows_and_waits_for_no_arrival(tmp_path: Path, target: object, end: str) -> None:
    (tmp_path / "rows.csv").write_text("id\n7\n8\n")
    (tmp_path / "buyer.py").write_text(ROWS.replace("AT_END", end))

    ended = run("try", "buyer.py", "--host", target.url, "--arrival-rate", "1/m", "-u", "1", cwd=tmp_path)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 exchanges and flows, 0 failed" in ended.stdout
    assert "rows.csv: all rows were taken" in ended.stdout
