"""Load shapes: how many users there are follows a shape, whoever asked for it: a class, `--stage` or a profile."""

from __future__ import annotations

import argparse
import logging
import math
import sys
from pathlib import Path
from typing import ClassVar

from locust import LoadTestShape
from locust.env import Environment
from locust.runners import WorkerRunner
from locust.util.load_locustfile import is_shape_class

from wireswarm.errors import ConfigurationError
from wireswarm.load import Shape
from wireswarm.plugin.arrival_plan import conflicts
from wireswarm.plugin.options import users_plan

logger = logging.getLogger(__name__)

Tick = tuple[int, float]

_TICK_SECONDS = 1.0
"""Locust asks so often (`locust/runners.py`, shape_worker)."""


class PlanShape(LoadTestShape):
    """A `LoadTestShape` that follows a `Shape`: `class Wavy(PlanShape): plan = Wave(10, 100, period=300, cycles=6)`.

    It ends when its plan does, or at `--run-time`, whichever comes first. The level follows from the time alone, so
    that no stage is skipped because an earlier one took longer than it should.
    """

    abstract: ClassVar[bool] = True
    plan: Shape
    """Users over time, rounded to whole ones."""
    spawn_rate: float | None = None
    """The most users that are started or stopped per second, where the plan jumps; None: as many as it says."""

    def __init__(self, plan: Shape | None = None, spawn_rate: float | None = None) -> None:
        """Follow a plan.

        Args:
            plan: instead of the class's.
            spawn_rate: instead of the class's.

        Raises:
            ConfigurationError: there is no plan.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._last: Tick | None = None
        self._level = 0.0
        self._since = 0.0
        if plan is not None:
            self.plan = plan
        if spawn_rate is not None:
            self.spawn_rate = spawn_rate
        if not isinstance(getattr(self, "plan", None), Shape):
            raise ConfigurationError(
                f"{type(self).__name__}.plan: allowed: a shape, as in plan = Wave(10, 100, period=300)"
            )
        self._forget()

    @property
    def use_common_options(self) -> bool:  # type: ignore[override]
        """Whether Locust's `--users`, `--spawn-rate` and `--run-time` have a meaning.

        Before the start Locust asks so as to warn that they have none, while run time and spawn rate do; afterwards,
        to show them in its web UI, where the number of users would have none.
        """
        return self.runner is None

    def reset_time(self) -> None:
        """See Locust."""
        super().reset_time()  # type: ignore[no-untyped-call]
        self._forget()

    def tick(self) -> Tick | None:
        """See Locust: users and spawn rate, or None at the end."""
        elapsed: float = self.get_run_time()  # type: ignore[no-untyped-call]
        if elapsed >= self._end():
            return None
        users = math.floor(self._reachable(self.plan.level(elapsed), elapsed) + 0.5)
        if self._last is None or users != self._last[0]:
            # All at once: Locust would wait within a slower start, and the next level would have to wait as well.
            change = abs(users - (self._last[0] if self._last else 0))
            self._last = (users, float(max(change, 1)))
        return self._last

    def _forget(self) -> None:
        self._last = None
        self._level = 0.0
        self._since = -_TICK_SECONDS  # so that the first users are there at once, as without a shape

    def _reachable(self, wanted: float, elapsed: float) -> float:
        if self.spawn_rate is not None:
            most = self.spawn_rate * max(elapsed - self._since, 0.0)
            wanted = min(max(wanted, self._level - most), self._level + most)
        self._level, self._since = wanted, elapsed
        return wanted

    def _end(self) -> float:
        options = self.runner.environment.parsed_options if self.runner else None
        run_time = getattr(options, "run_time", None)
        return min(self.plan.duration, float(run_time) if run_time else math.inf)


def shaping_problems(options: argparse.Namespace) -> list[str]:
    """What is wrong with the shape that options ask for, and with what else is there."""
    problems: list[str] = []
    if options.worker:
        return problems
    shapes = _shape_classes(options)
    try:
        plan = users_plan(options)
    except ConfigurationError:
        return problems  # which has been told
    if plan is None:
        # With a class picker it is a person who chooses one, or none.
        return problems + conflicts(options, "" if getattr(options, "class_picker", False) else ", ".join(shapes))
    source = _source(options)
    if getattr(options, "arrival_rate", ""):
        problems.append(f"{source} with --arrival-rate: allowed: one of them, which say how much load there is when")
    if shapes:
        problems.append(
            f"{source} says how many users there are, and so does {', '.join(shapes)}, a load shape of "
            f"{options.locustfile}; allowed: one of them"
        )
    return problems


def install_shaping(environment: Environment) -> None:
    """Follow the stages or the shape that the options or the profile ask for, where the runner is no worker's."""
    if isinstance(environment.runner, WorkerRunner):
        return
    options = environment.parsed_options
    plan = users_plan(options)
    if plan is not None and environment.shape_class is None:
        shape = PlanShape(plan.shape, getattr(options, "spawn_rate", None))
        shape.runner = environment.runner
        environment.shape_class = shape
        if environment.available_shape_classes is not None:  # which the web UI's class picker offers
            environment.available_shape_classes[_source(options)] = shape
    shape_class = environment.shape_class
    if isinstance(shape_class, PlanShape):
        _tell(shape_class, options, _source(options) if plan is not None else type(shape_class).__name__)


def _tell(shape: PlanShape, options: argparse.Namespace | None, source: str) -> None:
    if getattr(options, "num_users", None):
        logger.warning("-u has no effect: %s says how many users there are", source)
    rate = getattr(options, "spawn_rate", None)
    if rate and shape.spawn_rate is None:
        shape.spawn_rate = float(rate)


def _source(options: argparse.Namespace | None) -> str:
    if options is not None and options.stage:
        return "--stage"
    return f"--load-profile {getattr(options, 'load_profile', '')}".rstrip()


def _shape_classes(options: argparse.Namespace) -> list[str]:
    found: list[str] = []
    for name in options.locustfile.split(","):
        path = Path(name.strip())
        for file in path.rglob("*.py") if path.is_dir() else [path]:
            module = sys.modules.get("locustfile" if file.stem == "locust" else file.stem)
            found += [name for name, item in vars(module).items() if is_shape_class(item)] if module else []
    return sorted(set(found))
