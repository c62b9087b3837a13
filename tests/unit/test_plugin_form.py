"""The web UI's form: what it offers of a profile, and what it says instead of starting a test."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

import pytest
from locust import LoadTestShape, User, task
from locust.env import Environment
from locust.runners import MasterRunner

from wireswarm.plugin.form import form_problems, install_form_check


class Visitor(User):
    @task
    def visit(self) -> None: ...


class Buyer(User):
    @task
    def buy(self) -> None: ...


class Growing(LoadTestShape):
    def tick(self) -> None:
        return None


def environment(**changes: Any) -> Environment:
    usual = {"arrival_rate": "", "arrivals": "constant", "max_lateness": "10s", "iterations": 0, "num_users": None}
    shape = changes.pop("shape", None)
    return Environment(user_classes=[Visitor, Buyer], parsed_options=Namespace(**(usual | changes)), shape_class=shape)


def problems(form: dict[str, str], *classes: str, **changes: Any) -> list[str]:
    return form_problems(environment(**changes), form, list(classes))


@pytest.mark.parametrize(
    "form",
    [
        {"user_count": "1"},
        {"user_count": "2", "arrival_rate": "5/s"},
        {"user_count": "2", "arrival_rate": "1m:5/s", "arrivals": "poisson", "max_lateness": ""},
        {"user_count": "some", "arrival_rate": "5/s"},
        {"user_count": "5", "iterations": "7"},
        {"user_count": "5", "iterations": "", "arrival_rate": "5/s"},
    ],
)
def test_what_can_be_started(form: dict[str, str]) -> None:
    assert problems(form) == []


@pytest.mark.parametrize(
    ("form", "found"),
    [
        ({"iterations": "few"}, ["iterations: found 'few'"]),
        ({"iterations": "-1"}, ["iterations: found -1"]),
        (
            {"arrival_rate": "fast", "arrivals": "often", "max_lateness": "long", "iterations": "3", "user_count": "1"},
            [
                "--arrival-rate fast",
                "--arrivals often",
                "--max-lateness long",
                "--arrival-rate with --iterations",
                "-u 1 is too few for an arrival rate",
            ],
        ),
    ],
)
def test_all_that_is_wrong_is_told(form: dict[str, str], found: list[str]) -> None:
    assert [problem.split(";")[0][: len(start)] for problem, start in zip(problems(form), found, strict=True)] == found


def test_what_the_command_line_says_counts_where_nothing_is_typed() -> None:
    assert problems({}, arrival_rate="5/s", num_users=2) == []
    assert problems({}, arrival_rate="5/s")[0].startswith("-u 1 is too few")
    assert problems({"arrival_rate": ""}, arrival_rate="fast") == []


def test_users_are_needed_for_the_classes_that_are_picked() -> None:
    chosen = environment(arrival_rate="5/s")
    chosen.available_user_classes = {"Visitor": Visitor, "Buyer": Buyer}  # type: ignore[dict-item]
    assert form_problems(chosen, {"user_count": "1"}, ["Buyer"]) == []
    assert len(form_problems(chosen, {"user_count": "1"}, ["Buyer", "Visitor"])) == 1


def test_a_load_shape_beside_a_rate_is_named() -> None:
    (problem,) = problems({"arrival_rate": "5/s", "user_count": "9"}, shape=Growing())
    assert problem.startswith("--arrival-rate with the load shape Growing: allowed: one of them")


def test_each_worker_needs_users() -> None:
    distributed = environment(arrival_rate="5/s")
    distributed.runner = runner = MasterRunner.__new__(MasterRunner)
    type(runner).__del__ = lambda self: None  # type: ignore[attr-defined]
    runner.clients = type("Nodes", (), {"ready": [1, 2, 3], "spawning": [], "running": []})()  # type: ignore[assignment]
    (problem,) = form_problems(distributed, {"user_count": "5"}, [])
    assert "2 user classes on 3 workers; allowed: 6 users or more" in problem


def test_the_web_ui_says_so_and_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["locust"])  # which the web UI parses
    served = environment(num_users=2, spawn_rate=1, run_time=None, stats_history_enabled=True)
    runner = served.create_local_runner()
    web_ui = served.create_web_ui("127.0.0.1", 0, delayed_start=True)
    install_form_check(served)
    assert web_ui.app is not None
    client = web_ui.app.test_client()
    form = {"user_count": "4", "spawn_rate": "1", "arrival_rate": "fast"}
    answer = json.loads(client.post("/swarm", data=form).data)
    assert answer["success"] is False
    assert answer["message"].startswith("--arrival-rate fast: found the rate 'fast'; allowed: ")
    assert runner.state == "ready"
    assert served.parsed_options is not None
    assert served.parsed_options.arrival_rate == ""
    runner.quit()


def test_without_a_web_ui_there_is_no_form() -> None:
    install_form_check(environment())
