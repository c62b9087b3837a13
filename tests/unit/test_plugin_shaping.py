"""A plan as Locust asks for it, tick by tick, and what is said where several would say how many users there are."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from locust import LoadTestShape
from locust.env import Environment
from locust.util.load_locustfile import is_shape_class

from wireswarm import ConfigurationError, PlanShape, Stage, Stages, Steps, Wave
from wireswarm.load import Shape
from wireswarm.plugin.shaping import install_shaping, shaping_problems


class Manual(PlanShape):
    """A shape whose time is set."""

    abstract = True
    now = 0.0

    def get_run_time(self) -> float:
        return self.now

    def at(self, *times: float) -> list[Any]:
        ticks = []
        for self.now in times:
            ticks.append(self.tick())
        return ticks


def manual(plan: Shape, spawn_rate: float | None = None, **options: Any) -> Manual:
    shape = Manual(plan, spawn_rate)
    shape.runner = SimpleNamespace(environment=SimpleNamespace(parsed_options=argparse.Namespace(**options)))  # type: ignore[assignment]
    return shape


def test_users_follow_the_plan_and_change_at_once() -> None:
    shape = manual(Stages((Stage(4, 8), Stage(2, 8), Stage(4, 0))))
    assert shape.at(0, 1, 2.25, 4, 5, 8, 9.9, 10) == [(0, 1), (2, 2), (5, 3), (8, 3), (8, 3), (4, 4), (0, 4), None]


def test_a_stage_that_began_while_locust_was_busy_is_not_skipped() -> None:
    shape = manual(Steps((5, 50, 7), 10))
    assert shape.at(0, 25) == [(5, 5), (7, 2)]


def test_the_run_time_ends_a_shape_early_and_its_own_end_ends_it_anyway() -> None:
    assert manual(Steps((5,), 10), run_time=3).at(2.9, 3) == [(5, 5), None]
    assert manual(Steps((5,), 10), run_time=30).at(9.9, 10) == [(5, 5), None]
    assert manual(Wave(5, 5, 60), run_time=None).at(1e6) == [(5, 5)]


def test_a_spawn_rate_bounds_how_fast_users_come_and_go() -> None:
    shape = manual(Steps((100, 0), 10), spawn_rate=20)
    users = [tick[0] for tick in shape.at(*range(10))]
    assert users == [20, 40, 60, 80, 100, 100, 100, 100, 100, 100]
    assert [tick[0] for tick in shape.at(*range(10, 16))] == [80, 60, 40, 20, 0, 0]


def test_time_that_begins_anew_does_not_stop_users_again() -> None:
    shape = manual(Steps((100,), 10), spawn_rate=20)
    assert shape.at(0) == [(20, 20)]
    shape.reset_time()  # Locust does, after the first tick
    assert shape.at(1) == [(40, 40)]


def test_a_class_with_a_plan_is_a_load_shape_and_its_base_is_none() -> None:
    class Wavy(PlanShape):
        plan = Wave(10, 100, 300, 6)

    assert is_shape_class(Wavy)
    assert not is_shape_class(PlanShape)
    assert Wavy().plan == Wave(10, 100, 300, 6)
    assert Wavy().use_common_options, "so that Locust does not say that -t is ignored"


@pytest.mark.parametrize("plan", [None, "1m:5"])
def test_a_class_without_a_plan_is_refused(plan: Any) -> None:
    class Empty(PlanShape):
        pass

    if plan:
        Empty.plan = plan
    with pytest.raises(ConfigurationError, match=r"^Empty\.plan: allowed: a shape, as in plan = Wave"):
        Empty()


# ---- Installing ------------------------------------------------------------------------------------------------------


def options(**given: Any) -> argparse.Namespace:
    usual = {"stage": [], "worker": False, "locustfile": "x.py", "data_file": "", "load_profile": "", "run_time": None}
    return argparse.Namespace(**{**usual, **given})


def installed(parsed: argparse.Namespace, shape: LoadTestShape | None = None) -> Environment:
    environment = Environment(user_classes=[], parsed_options=parsed, shape_class=shape, available_shape_classes={})
    environment.create_local_runner()
    install_shaping(environment)
    return environment


def test_stages_become_the_shape_of_the_environment() -> None:
    environment = installed(options(stage=["2m:200", "1m:0"], spawn_rate=5.0))
    shape = environment.shape_class
    assert isinstance(shape, PlanShape)
    assert shape.plan == Stages((Stage(120, 200), Stage(60, 0)))
    assert shape.spawn_rate == 5
    assert shape.runner is environment.runner
    assert not shape.use_common_options, "the web UI's numbers would have no effect"
    assert environment.available_shape_classes == {"--stage": shape}


def test_without_stages_there_is_no_shape() -> None:
    assert installed(options()).shape_class is None


def test_users_beside_a_plan_are_told_to_have_no_effect(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        installed(options(stage=["1m:5"], num_users=7))
        installed(options(num_users=7), manual(Steps((1,), 1)))
    assert [record.message for record in caplog.records] == [
        "-u has no effect: --stage says how many users there are",
        "-u has no effect: Manual says how many users there are",
    ]


def test_the_spawn_rate_of_the_command_line_bounds_a_class_that_has_none() -> None:
    shape = manual(Steps((1,), 1))
    installed(options(spawn_rate=3.0), shape)
    assert shape.spawn_rate == 3
    own = manual(Steps((1,), 1), spawn_rate=9)
    installed(options(spawn_rate=3.0), own)
    assert own.spawn_rate == 9


@pytest.fixture
def _a_locustfile_with_a_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("shapely")
    module.Own = type("Own", (PlanShape,), {"plan": Steps((1,), 1)})  # type: ignore[attr-defined]
    module.PlanShape = PlanShape  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shapely", module)


@pytest.mark.usefixtures("_a_locustfile_with_a_shape")
@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({}, []),
        ({"stage": ["1m:5"], "worker": True}, []),
        (
            {"stage": ["1m:5"]},
            [
                "--stage says how many users there are, and so does Own, a load shape of shapely.py; "
                "allowed: one of them"
            ],
        ),
        (
            {"stage": ["1m:5"], "locustfile": "other.py", "arrival_rate": "5/s"},
            ["--stage with --arrival-rate: allowed: one of them, which say how much load there is when"],
        ),
    ],
)
def test_problems(given: dict[str, Any], problems: Sequence[str], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert shaping_problems(options(**{"locustfile": "shapely.py", **given})) == list(problems)
