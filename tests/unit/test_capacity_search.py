"""The search for the highest rate that holds, against servers that are models."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wireswarm.capacity import Bracket, Ended, Outcome, Search, knee_of
from wireswarm.capacity.search import MAX_STEPS

HOLDS, FAILS, GENERATOR = Outcome.HOLDS, Outcome.FAILS, Outcome.GENERATOR


def find(search: Search, outcome: Callable[[float], Outcome]) -> list[float]:
    """The rates that it tries."""
    tried = []
    while (rate := search.next_rate()) is not None:
        assert search.ended is None
        tried.append(rate)
        search.note(rate, outcome(rate))
    assert search.ended is not None
    return tried


def limited(capacity: float) -> Callable[[float], Outcome]:
    return lambda rate: HOLDS if rate <= capacity else FAILS


def test_up_by_doubling_then_narrowing_in_then_both_ends_again() -> None:
    search = Search(10)
    tried = find(search, limited(300))
    assert tried == [10, 20, 40, 80, 160, 320, 226.3, 269.1, 293.4, 306.4, 306.4, 293.4]
    assert (search.bracket, search.ended) == (Bracket(293.4, 306.4), Ended.FOUND)


@given(
    capacity=st.floats(1, 1e5), first=st.floats(0.1, 100), precision=st.floats(0.01, 0.5), ceiling=st.floats(100, 1e4)
)
def test_the_capacity_is_between_the_two_rates_and_they_are_as_near_as_asked(
    capacity: float, first: float, precision: float, ceiling: float
) -> None:
    search = Search(first, ceiling=ceiling, precision=precision)
    tried = find(search, limited(capacity))
    holds, fails = search.bracket
    assert max(tried) <= ceiling
    if search.ended is Ended.NOTHING:
        assert (holds, fails) == (None, first)
        assert capacity < first
    elif search.ended is Ended.CEILING:
        assert (holds, fails) == (ceiling, None)
        assert capacity >= ceiling
    else:
        assert holds is not None
        assert fails is not None
        assert holds <= capacity < fails
        assert fails <= holds * (1 + precision)
    deciding = [rate for rate in (holds, fails) if rate is not None]
    assert all(tried.count(rate) >= 2 for rate in deciding)


@given(outcomes=st.lists(st.sampled_from([HOLDS, FAILS, GENERATOR]), min_size=MAX_STEPS, max_size=MAX_STEPS))
def test_it_ends_whatever_the_steps_say(outcomes: list[Outcome]) -> None:
    answers = iter(outcomes)
    search = Search(10, ceiling=10_000)
    assert len(find(search, lambda _rate: next(answers))) <= MAX_STEPS
    holds, fails = search.bracket
    assert holds is None or fails is None or holds < fails


@pytest.mark.parametrize("rate", [80.0, 293.4, 306.4])
def test_one_wrong_step_decides_nothing(rate: float) -> None:
    right, told = limited(300), []

    def outcome(tried: float) -> Outcome:
        if tried == rate and not told:
            told.append(tried)
            return HOLDS if right(tried) is FAILS else FAILS
        return right(tried)

    search = Search(10)
    find(search, outcome)
    holds, fails = search.bracket
    assert holds is not None
    assert fails is not None
    assert holds <= 300 < fails <= 1.05 * holds


def test_a_first_step_that_fails_by_chance_is_taken_again() -> None:
    outcomes = iter([FAILS, HOLDS, HOLDS])
    search = Search(10, ceiling=10)
    assert find(search, lambda _rate: next(outcomes)) == [10, 10, 10]
    assert (search.ended, search.bracket) == (Ended.CEILING, Bracket(10, None))


def test_the_generators_limit_ends_it_when_it_is_seen_twice() -> None:
    search = Search(10)
    tried = find(search, lambda rate: GENERATOR if rate > 100 else HOLDS)
    assert tried == [10, 20, 40, 80, 160, 160]
    assert (search.ended, search.bracket, search.generator_limit) == (Ended.GENERATOR, Bracket(80, None), 160)


def test_a_generator_that_stumbled_once_goes_on() -> None:
    stumbled: list[float] = []

    def outcome(rate: float) -> Outcome:
        if rate == 80 and not stumbled:
            stumbled.append(rate)
            return GENERATOR
        return limited(300)(rate)

    search = Search(10)
    assert find(search, outcome)[:6] == [10, 20, 40, 80, 80, 160]
    assert search.ended is Ended.FOUND


class Queue:
    """M/D/1: random arrivals at one server. A step is simulated, with its warm-up."""

    def __init__(self, capacity: float, seed: int) -> None:
        self._service = 1 / capacity
        self._random = random.Random(seed)

    def p95(self, rate: float, warm_up: float = 3, window: float = 20) -> float:
        now = free_at = 0.0
        waits = []
        while now < warm_up + window:
            now += self._random.expovariate(rate)
            free_at = max(now, free_at) + self._service
            if now >= warm_up:
                waits.append(free_at - now)
        return sorted(waits)[int(0.95 * len(waits))]


def bound(capacity: float, limit: float) -> float:
    """The rate at which the 95th percentile of M/D/1 reaches a limit, by its exponential tail."""
    # P(W > t) ~ exp(-theta t), theta the root of rate (e^(theta/mu) - 1) = theta; found by bisection over the rate.
    low, high = 0.01 * capacity, 0.9999 * capacity
    for _ in range(60):
        rate = (low + high) / 2
        a, b = 1e-9, 1e4 * capacity
        for _ in range(200):
            theta = math.sqrt(a * b)
            a, b = (theta, b) if rate * math.expm1(min(theta / capacity, 700)) < theta else (a, theta)
        decay = math.log(1 / 0.05) / theta
        low, high = (rate, high) if decay + 1 / capacity < limit else (low, rate)
    return low


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_a_real_queue_is_found_within_a_tenth_whatever_the_seed(seed: int) -> None:
    queue, limit = Queue(300, seed), 0.1
    search = Search(40)
    find(search, lambda rate: HOLDS if queue.p95(rate) < limit else FAILS)
    assert search.ended is Ended.FOUND
    assert search.bracket.holds == pytest.approx(bound(300, limit), rel=0.1)


# The knee


def test_the_knee_is_the_last_load_before_it_takes_off() -> None:
    assert knee_of([(50, 3.6), (100, 3.5), (200, 3.8), (283, 11), (308, 340), (322, 674), (400, 835)]) == 283


def test_the_knee_of_a_known_curve() -> None:
    # 1/(1-x) is farthest below its diagonal where its slope is the diagonal's.
    points = [(x / 100, 1 / (1 - x / 100)) for x in range(100)]
    slope = (points[-1][1] - points[0][1]) / 0.99
    assert knee_of(points) == pytest.approx(1 - slope**-0.5, abs=0.01)


def test_several_steps_of_one_load_count_as_their_median_in_any_order() -> None:
    points = [(100.0, 5.0), (400.0, 900.0), (200.0, 5.0), (300.0, 6.0), (300.0, 6.0), (300.0, 800.0)]
    assert knee_of(points) == knee_of(points[::-1]) == 300


def test_what_does_not_hold_is_no_knee() -> None:
    points = [(100.0, 5.0), (200.0, 9.0), (280.0, 60.0), (300.0, 70.0), (310.0, 200.0), (400.0, 2000.0)]
    assert knee_of(points) == 300
    assert knee_of(points, highest=290) == 280
    assert knee_of(points, highest=50) is None


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(1, 2), (2, 100)],
        [(1, 10), (2, 11), (3, 12)],
        [(1, 0), (2, 0), (3, 0)],
        [(1, 100), (2, 200), (3, 210)],  # concave
    ],
)
def test_a_curve_without_a_knee(points: list[tuple[float, float]]) -> None:
    assert knee_of(points) is None
