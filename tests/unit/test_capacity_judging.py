"""What a step of a search for the capacity says, and how large it is."""

from __future__ import annotations

from typing import Any

import pytest
from capacity_steps import BROKEN, HELD, LATE, reading

from wireswarm.capacity import Outcome, Planning, judge_step
from wireswarm.capacity.planning import MAX_USERS
from wireswarm.thresholds import parse_thresholds


def judged(rate: float = 100, *, random: bool = False, **changes: Any) -> tuple[Outcome, str, bool]:
    return tuple(judge_step(rate, 13, reading(rate, **changes), random=random))  # type: ignore[return-value]


def test_a_step_in_which_everything_is_right_holds() -> None:
    assert judged() == (Outcome.HOLDS, "", False)


def test_a_broken_criterion_is_the_targets() -> None:
    broken = BROKEN.__class__(expression="errors < 1%", subject="POST /a", passed=False, detail="errors was 3%")
    outcome, reason, _ = judged(criteria=[HELD, BROKEN, broken])
    assert (outcome, reason) == (Outcome.FAILS, "p95 was 612 ms, limit 500 ms; POST /a: errors was 3%")


def test_a_queue_that_grows_fails_before_it_has_broken_anything() -> None:
    grows = {"early_p50_ms": 50.0, "late_p50_ms": 150.0}
    assert judged(completed=950, **grows)[:2] == (
        Outcome.FAILS,
        "a queue grows: 95.0 of 100 arrivals a second were answered",
    )
    assert judged(completed=985, **grows)[0] is Outcome.HOLDS, "that few are still under way"
    assert judged(completed=950)[0] is Outcome.HOLDS, "flows of the warm-up are not over yet; nothing gets slower"
    assert judged(completed=950, early_p50_ms=0.5, late_p50_ms=0.9)[0] is Outcome.HOLDS, "that is noise"
    assert judged(completed=None, **grows)[0] is Outcome.HOLDS, "nobody can tell"


def test_random_arrivals_may_be_fewer() -> None:
    grows = {"early_p50_ms": 50.0, "late_p50_ms": 150.0}
    assert judged(completed=930, random=True, **grows)[0] is Outcome.HOLDS
    assert judged(completed=800, random=True, **grows)[0] is Outcome.FAILS


def test_numbers_that_cannot_be_trusted_say_nothing_of_the_target() -> None:
    outcome, reason, starved = judged(criteria=[BROKEN], invalid=["local was late: event-loop lag 300 ms at p99"])
    assert (outcome, starved) == (Outcome.GENERATOR, False)
    assert reason == "the load generator is the limit: local was late: event-loop lag 300 ms at p99"


def test_a_busy_generator_is_the_limit_only_where_something_does_not_hold() -> None:
    assert judged(cpu=0.97)[0] is Outcome.HOLDS
    assert judged(cpu=0.97, criteria=[BROKEN])[:2] == (
        Outcome.GENERATOR,
        "the load generator is the limit: it used 97% of a core",
    )


@pytest.mark.parametrize("late", [{"dropped": 1}, {"start_lag_p99_ms": 101.0}])
def test_too_few_users_are_the_limit_where_all_holds(late: dict[str, Any]) -> None:
    outcome, reason, starved = judged(started=650, **late)
    assert (outcome, starved) == (Outcome.GENERATOR, True)
    assert reason == "all 20 users were busy, and started 50.0 of 100 arrivals a second"


def test_too_few_users_prolong_what_counts_from_the_due_moment_and_nothing_else() -> None:
    assert judged(dropped=1, criteria=[HELD, LATE])[2], "more users may make it hold"
    assert judged(dropped=1, criteria=[BROKEN, LATE])[0] is Outcome.FAILS, "more users make that no better"


# Sizes


def planning(*criteria: str, **changes: Any) -> Planning:
    options = {"warm_up_s": 3, "longest_s": 20, **changes}
    return Planning(parse_thresholds(criteria), **options)


@pytest.mark.parametrize(
    ("criterion", "rate", "window"),
    [
        ("p95 < 500ms", 10, 20),  # 2000 arrivals would take 200 s
        ("p95 < 500ms", 125, 16),
        ("p95 < 500ms", 1000, 10),
        ("p99 < 500ms", 700, 15),
        ("p100 < 500ms", 1000, 20),
        ("errors < 1%", 150, 14),
    ],
)
def test_a_window_is_long_enough_for_its_percentile_within_bounds(criterion: str, rate: float, window: int) -> None:
    size = planning(criterion).size(rate)
    assert (size.window_s, size.warm_up_s, size.seconds) == (window, 3, window + 4)


def test_a_shorter_step_time_wins() -> None:
    assert planning("p95 < 500ms", longest_s=4).size(10).window_s == 4


@pytest.mark.parametrize(
    ("criteria", "rate", "users"),
    [
        (["p95 < 500ms", "errors < 1%"], 300, 188),
        (["p95 < 500ms", "p99 < 2s"], 300, 750),
        (["errors < 1%"], 100, 125),
        (["p95 < 1m"], 10, 125),
        (["p95 < 500ms"], 1, 10),
        (["p95 < 10s"], 1e6, MAX_USERS),
    ],
)
def test_there_are_users_for_latencies_up_to_the_limit(criteria: list[str], rate: float, users: int) -> None:
    assert planning(*criteria).size(rate).users == users


def test_users_grow_to_what_their_iterations_turn_out_to_need() -> None:
    sizes = planning("p95 < 500ms")
    assert sizes.grow(20, 13, 2.0), "13 users that start 2 a second are busy for 6.5 s each"
    assert sizes.size(20).users == 163
    assert sizes.size(40).users == 325, "so it will be at other rates"


def test_users_grow_by_a_half_at_least() -> None:
    sizes = planning("p95 < 500ms")
    assert sizes.grow(100, 63, 95)
    assert sizes.size(100).users == 95


def test_given_users_do_not_grow() -> None:
    sizes = planning("p95 < 500ms", users=5)
    assert not sizes.grow(100, 5, 10)
    assert sizes.size(100).users == 5
    assert not planning().grow(1e6, MAX_USERS, 10)


def test_there_are_as_many_as_the_classes_need() -> None:
    assert planning("p95 < 500ms", least=40).size(1).users == 40
