"""`wireswarm capacity` without a load: its options, and the search over steps that are made up."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from capacity_steps import BROKEN, HELD, reading
from rich.console import Console

from wireswarm.capacity import Capacity, Ended, Outcome, Planning, Reading
from wireswarm.commands import capacity as command
from wireswarm.commands.finding import MORE_PROCESSES, MORE_USERS, Finder, Task
from wireswarm.commands.steps import Plan, StepError
from wireswarm.errors import ConfigurationError
from wireswarm.profiles import Profile
from wireswarm.thresholds import parse_thresholds


class MadeUp:
    """Steps whose readings a function gives."""

    def __init__(self, measure: Callable[[Plan], Reading]) -> None:
        self._measure = measure
        self.plans: list[Plan] = []

    def run(self, plan: Plan, progress: Callable[[float], None]) -> Reading:
        self.plans.append(plan)
        progress(1.0)
        return self._measure(plan)

    def summary(self, plan: Plan) -> Path:
        return Path("/nowhere")


def search(measure: Callable[[Plan], Reading], **changes: Any) -> tuple[Capacity, list[Plan], str]:
    """What is found, in which steps, and what was printed."""
    steps = MadeUp(measure)
    users = changes.pop("users", None)
    criteria = changes.pop("criteria", ["p95 < 500ms"])
    task = Task(
        locustfile="a.py",
        profile="",
        criteria=criteria,
        first=10,
        ceiling=None,
        precision=0.05,
        random=False,
    )._replace(**changes)
    planning = Planning(parse_thresholds(criteria), warm_up_s=3, longest_s=20, users=users)
    console = Console(file=io.StringIO(), width=120)
    found = Finder(task, planning, steps, console).find()  # type: ignore[arg-type]
    return found, steps.plans, console.file.getvalue()  # type: ignore[attr-defined]


def limited(capacity: float) -> Callable[[Plan], Reading]:
    def measure(plan: Plan) -> Reading:
        if plan.rate <= capacity:
            return reading(plan.rate, plan.size.seconds, p95_ms=5 if plan.rate < 0.9 * capacity else 90)
        return reading(plan.rate, plan.size.seconds, p95_ms=900, criteria=[BROKEN])

    return measure


def test_it_finds_the_capacity_and_tells_each_step() -> None:
    found, plans, printed = search(limited(300))
    assert (found.ended, found.rate, found.fails_at) == (Ended.FOUND, 293.4, 306.4)
    assert found.knee == 269.1
    assert [step.rate for step in found.steps] == [plan.rate for plan in plans]
    assert len(printed.splitlines()) == len(plans) + 2
    assert [plan.number for plan in plans] == list(range(1, len(plans) + 1))


def test_it_ends_where_the_generator_is_the_limit_and_says_what_helps() -> None:
    def measure(plan: Plan) -> Reading:
        return reading(plan.rate, invalid=["local was late"] if plan.rate > 50 else [])

    found, plans, _ = search(measure)
    assert [plan.rate for plan in plans] == [10, 20, 40, 80, 80]
    assert (found.ended, found.rate, found.limit_at, found.advice) == (Ended.GENERATOR, 40, 80, MORE_PROCESSES)


def test_given_users_that_are_too_few_are_the_generators_limit() -> None:
    found, plans, _ = search(lambda plan: reading(plan.rate, dropped=int(plan.rate > 50), users=5), users=5)
    assert {plan.size.users for plan in plans} == {5}
    assert (found.ended, found.rate, found.advice) == (Ended.GENERATOR, 40, MORE_USERS)


def test_users_that_are_too_few_become_more_until_they_are_enough() -> None:
    def measure(plan: Plan) -> Reading:
        busy_s = 3.0  # a flow with pauses
        started = min(plan.rate, plan.size.users / busy_s) * plan.size.seconds
        late = 9000.0 if plan.size.users < busy_s * plan.rate else 1.0
        return reading(plan.rate, started=int(started), users=plan.size.users, start_lag_p99_ms=late)

    found, plans, printed = search(measure, ceiling=80)
    assert (found.ended, found.rate) == (Ended.CEILING, 80)
    assert [(plan.rate, plan.size.users) for plan in plans[:2]] == [(10, 10), (10, 38)]
    assert len(plans) == 6, "what was learned at the first rate holds for the others"
    assert "again with more" in printed
    assert [step.outcome for step in found.steps][:2] == [Outcome.GENERATOR, Outcome.HOLDS]


def test_users_that_bring_nothing_show_that_the_target_is_the_limit() -> None:
    def measure(plan: Plan) -> Reading:
        # However many wait for it, 60 a second are answered; nothing fails, and nobody asks how long it takes.
        started = int(min(plan.rate, 60) * plan.size.seconds)
        late = 9000.0 if plan.rate > 60 else 1.0
        return reading(plan.rate, started=started, users=plan.size.users, start_lag_p99_ms=late, criteria=[HELD])

    found, _, printed = search(measure, criteria=["errors < 1%"])
    assert found.ended is Ended.FOUND
    assert found.rate == pytest.approx(60, rel=0.06)
    assert "users did not start more than" in printed


def test_an_interrupted_search_tells_what_is_known() -> None:
    def measure(plan: Plan) -> Reading:
        if plan.number == 4:
            raise KeyboardInterrupt
        return reading(plan.rate)

    found, _, _ = search(measure)
    assert (found.ended, found.rate, len(found.steps)) == (Ended.INTERRUPTED, 40, 3)


@pytest.mark.parametrize("error", [StepError("no reading"), ConfigurationError("too many files")])
def test_a_later_step_that_cannot_be_run_ends_it_with_what_is_known(error: Exception) -> None:
    def measure(plan: Plan) -> Reading:
        if plan.number == 3:
            raise error
        return reading(plan.rate)

    found, _, _ = search(measure)
    assert (found.ended, found.rate, found.limit_at, found.advice) == (Ended.GENERATOR, 20, 40, str(error))


@pytest.mark.parametrize("error", [StepError("no reading"), ConfigurationError("too many files")])
def test_a_first_step_that_cannot_be_run_is_refused(error: Exception) -> None:
    def measure(plan: Plan) -> Reading:
        raise error

    with pytest.raises(ConfigurationError, match=str(error)):
        search(measure)


# Options


def problems(locustfile: Path, *arguments: str) -> Sequence[str]:
    """What is wrong with a command."""
    with pytest.raises(ConfigurationError) as error:
        command.capacity.main([str(locustfile), *arguments], standalone_mode=False)
    return error.value.problems


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path / "no.py",
        *("--from", "x", "--to", "1m:5/s", "--step-time", "1s", "--warm-up", "2m5", "--precision", "0.1%"),
        *("--until", "p95 < 5", "-t", "5m", "--stage=1m:5", "--results", str(tmp_path)),
    )
    assert [problem.partition(": found")[0] for problem in found] == [
        "--from x",
        "--to 1m:5/s",
        "--step-time 1s: allowed: whole seconds from 2s to 10m",
        "--warm-up 2m5: allowed: whole seconds from 2s to 10m",
        "--precision 0.1%: allowed: from 1% to 100%",
        "-t: --step-time says how long a step is",
        "--stage: the search chooses the load",
        "--until",
        f"{tmp_path / 'no.py'}",
    ]


def test_a_ceiling_below_the_first_rate_and_an_unknown_profile(tmp_path: Path) -> None:
    found = problems(tmp_path / "no.py", "--from", "50/s", "--to", "20/s", "--load-profile", "x")
    assert found[0] == "--to 20/s is below --from 50/s; allowed: the same or more"


@pytest.mark.parametrize(
    ("until", "why"),
    [
        ("p95 < 5s over 10s", "found a window; allowed: none, since each step is one"),
        ("heap.growth < 5MB", "found the watched series heap; allowed: what is measured on requests"),
        ("rps > 5", "found rps, which follows from the rate; allowed: latencies and failures"),
    ],
)
def test_a_criterion_that_says_nothing_of_a_step(tmp_path: Path, until: str, why: str) -> None:
    assert f"--until {until}: {why}" in problems(tmp_path / "no.py", "--until", until)


PROFILES = """
[thresholds]
"*" = ["p95 < 800ms", "p99 < 2s over 30s"]
[profiles.rush]
users = 5
[profiles.rush.thresholds]
"GET /a" = ["errors < 2%"]
[profiles.none]
extends = "rush"
"""


def test_a_profile_says_what_has_to_hold(tmp_path: Path) -> None:
    locustfile = tmp_path / "a.py"
    locustfile.write_text("")
    locustfile.with_suffix(".toml").write_text(PROFILES)
    options = command._Options()
    file, profile = options.profile(locustfile, None, "rush")
    assert [str(c) for c in options.criteria((), file, profile)] == ["p95 < 800ms", "GET /a: errors < 2%"]
    assert [str(c) for c in options.criteria(["p50 < 1s"], file, profile)] == ["p50 < 1s"]
    assert not options.problems
    assert options.profile(locustfile, None, "rsh") == (None, None)
    assert "rsh" in options.problems[0]


def test_without_a_profile_the_usual_has_to_hold() -> None:
    assert [str(c) for c in command._Options().criteria((), None, None)] == list(command.DEFAULTS)


class Checked:
    """Steps that refuse fewer users than they need."""

    def __init__(self, needed: int) -> None:
        self._needed = needed

    def check(self, _rate: float, users: int) -> list[str]:
        return [f"-u {users} is too few for an arrival rate"] if users < self._needed else []


def test_the_pool_is_as_large_as_the_user_classes_need() -> None:
    options = command._Options()
    assert options.pool(Checked(35), 10, None) == 40  # type: ignore[arg-type]
    assert not options.problems
    assert options.pool(Checked(35), 10, 12) == 12  # type: ignore[arg-type]
    assert options.problems == ["-u 12 is too few for an arrival rate"]


@pytest.mark.parametrize(
    ("arguments", "profile", "variable", "kind"),
    [
        (("--tags", "poisson"), None, "", ""),
        (("--arrivals", "poisson"), "constant", "constant", "poisson"),
        (("--arrivals=constant",), "poisson", "poisson", "constant"),
        ((), "constant", "poisson", "poisson"),
        ((), "poisson", "", "poisson"),
    ],
)
def test_how_arrivals_are_spread(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], profile: str | None, variable: str, kind: str
) -> None:
    monkeypatch.setenv("WIRESWARM_ARRIVALS", variable)
    chosen = None if profile is None else Profile(name="p", arrivals=profile)
    assert command._arrivals(arguments, chosen) == kind


def test_thresholds_of_a_profile_that_say_nothing_of_a_step_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locustfile = tmp_path / "a.py"
    locustfile.write_text("")
    locustfile.with_suffix(".toml").write_text(PROFILES)
    options = command._Options()
    options.criteria((), *options.profile(locustfile, None, "rush"))
    assert capsys.readouterr().err == (
        "Left out: p99 < 2s over 30s: found a window; allowed: none, since each step is one\n"
    )
