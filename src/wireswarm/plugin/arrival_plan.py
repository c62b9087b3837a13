"""The plan of an open load: out of a run's options, and as the message by which the master tells it to workers."""

from __future__ import annotations

import argparse
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, cast, get_args

from locust import User
from locust.dispatch import UsersDispatcher
from locust.runners import WorkerNode

from wireswarm.durations import parse_duration
from wireswarm.load import Arrival, ArrivalKind, Shape, plan_arrivals
from wireswarm.profiles.inline import RATE_TEXTS_ALLOWED, parse_rate_text

MAX_LATENESS: Final = "10s"
"""An arrival that waits for a user longer than that is dropped, unless `--max-lateness` says otherwise."""
_POOL_PER_PROCESS: Final = 100
"""Users that a process starts per second without trouble, by Locust's experience."""


class ArrivalPlan(NamedTuple):
    """Everything that the sequence of arrivals follows from; plain values, as messages have them."""

    rate: str
    """As `--arrival-rate` has it."""
    kind: str
    seed: int
    weights: Mapping[str, float]
    """Of the user classes."""
    until: float | None
    """Seconds after which nobody arrives any more; None where only the rate says."""
    max_lateness: float

    @property
    def shape(self) -> Shape:
        """Arrivals per second over time."""
        return parse_rate_text(self.rate)

    @property
    def end(self) -> float:
        """Seconds until the last arrival; `math.inf` where there is no last one."""
        duration = self.shape.duration
        return duration if self.until is None else min(duration, self.until)

    def arrivals(self) -> Iterator[Arrival]:
        """All of them."""
        plan = plan_arrivals(self.shape, self.weights, kind=cast("ArrivalKind", self.kind), seed=self.seed)
        until = self.until
        return plan if until is None else itertools.takewhile(lambda arrival: arrival.at < until, plan)


def add_arrival_options(group: Any) -> None:
    """Add the options to a group of Locust's parser."""
    for name, metavar, default, text in (
        (
            "arrival-rate",
            "<rate>",
            "",
            "Start so many flows or tasks a second (200/s, 50/m, or stages: 2m:200/s,5m:200/s), however slow the "
            "target is. The users of -u take turns; their wait_time is ignored.",
        ),
        ("arrivals", "<kind>", "constant", "How they arrive: constant, evenly; poisson, as people do."),
        ("max-lateness", "<duration>", MAX_LATENESS, "Drop what no user was free for within that time."),
    ):
        option = group.add_argument(
            f"--{name}",
            metavar=metavar,
            default=default,
            env_var=f"WIRESWARM_{name.upper().replace('-', '_')}",
            help=text,
        )
        _show_in_web_ui(option)
    group.add_argument(
        "--arrival-seed",
        metavar="<number>",
        type=int,
        default=0,
        env_var="WIRESWARM_ARRIVAL_SEED",
        help="Another number is another sequence of arrivals; the same one repeats.",
    )


def _show_in_web_ui(option: Any) -> None:
    # What LocustArgumentParser.add_argument does outside of groups.
    option.include_in_web_ui = True
    option.is_secret = option.is_required = option.is_multiple = False


def rate_shape_of(options: argparse.Namespace | None) -> Shape | None:
    """The arrival rate that options ask for; None for a closed load.

    Raises:
        ValueError: it is none.
    """
    text = _text(options, "arrival_rate")
    return parse_rate_text(text) if text else None


def plan_of(options: argparse.Namespace | None, classes: Iterable[type[User]]) -> ArrivalPlan | None:
    """The plan that options ask for; None for a closed load.

    Raises:
        ValueError: an option is wrong.
    """
    if rate_shape_of(options) is None:
        return None
    run_time = getattr(options, "run_time", None)
    return ArrivalPlan(
        rate=_text(options, "arrival_rate"),
        kind=_text(options, "arrivals") or "constant",
        seed=int(getattr(options, "arrival_seed", 0) or 0),
        weights={cls.__name__: float(cls.weight) for cls in classes},
        until=float(run_time) if run_time else None,
        max_lateness=parse_duration(_text(options, "max_lateness") or MAX_LATENESS),
    )


def arrival_problems(options: argparse.Namespace, classes: Iterable[type[User]], *, shape: str = "") -> list[str]:
    """What is wrong with the options of an open load, and with what is given beside them.

    Args:
        options: of the run.
        classes: the user classes that have tasks.
        shape: as for `conflicts`.
    """
    if not _text(options, "arrival_rate"):
        return []
    problems = []
    try:
        parse_rate_text(options.arrival_rate)
    except ValueError as error:
        problems.append(f"--arrival-rate {options.arrival_rate}: found {error}; allowed: {RATE_TEXTS_ALLOWED}")
    kinds = get_args(ArrivalKind)
    if options.arrivals not in kinds:
        problems.append(f"--arrivals {options.arrivals}: allowed: {', '.join(kinds)}")
    try:
        parse_duration(_text(options, "max_lateness") or MAX_LATENESS)
    except ValueError:
        problems.append(f"--max-lateness {options.max_lateness}: allowed: a duration such as 10s")
    problems += conflicts(options, shape)
    if options.worker:
        return problems
    if options.num_users is None:
        if options.headless or options.autostart:
            problems.append("--arrival-rate needs -u: how many users there are to take what arrives")
        return problems
    return problems + pool_problems(list(classes), int(options.num_users), _processes(options))


def conflicts(options: argparse.Namespace | None, shape: str = "") -> list[str]:
    """What does not go with an arrival rate, where there is one.

    Args:
        options: of the run.
        shape: name of the load shape that would say how many users there are, if there is one.
    """
    if not _text(options, "arrival_rate"):
        return []
    found = []
    if getattr(options, "iterations", 0):
        found.append("--arrival-rate with --iterations: allowed: one of them; --run-time ends a run with a rate")
    if shape:
        found.append(
            f"--arrival-rate with the load shape {shape}: allowed: one of them; "
            "the rate itself can have stages or a shape"
        )
    return found


def pool_problems(classes: list[type[User]], users: int, workers: int) -> list[str]:
    """Whether so many users are too few for the classes on so many workers."""
    classes = [cls for cls in classes if cls.weight > 0 or cls.fixed_count]
    if not classes:
        return []
    if users < len(classes) * workers:
        return [
            f"-u {users} is too few for an arrival rate: {len(classes)} user classes on {workers} workers; "
            f"allowed: {len(classes) * workers} users or more"
        ]
    # Small weights can leave a class without a user, and its arrivals without anybody to take them.
    dispatcher = UsersDispatcher([WorkerNode("all")], classes)
    dispatcher.new_dispatch(users, spawn_rate=users)
    counts = next(dispatcher)["all"]
    empty = sorted(cls.__name__ for cls in classes if cls.weight > 0 and not counts[cls.__name__])
    return [f"-u {users} leaves {', '.join(empty)} without a user to take what arrives; pass more"] if empty else []


def settle_pool(options: argparse.Namespace) -> None:
    """With an arrival rate, users are a pool that is there from the start, unless a spawn rate was asked for."""
    if _text(options, "arrival_rate") and options.num_users and options.spawn_rate is None:
        options.spawn_rate = min(int(options.num_users), _POOL_PER_PROCESS * _processes(options))


def _processes(options: argparse.Namespace) -> int:
    processes = int(getattr(options, "processes", None) or 0)
    if processes < 0:
        processes = os.cpu_count() or 1
    return max(1, processes, int(getattr(options, "expect_workers", None) or 0) if _is_master(options) else 0)


def _is_master(options: argparse.Namespace) -> bool:
    return bool(getattr(options, "master", False))


def _text(options: argparse.Namespace | None, name: str) -> str:
    return str(getattr(options, name, "") or "").strip()
