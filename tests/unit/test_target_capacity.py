"""The target's limited capacity: a queue with one server."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manual_clock import ManualClock

from wireswarm.errors import ConfigurationError
from wireswarm.target.capacity import Server
from wireswarm.target.faults import Faults
from wireswarm.target.settings import TargetSettings


def served(server: Server, arrivals: list[float]) -> list[float]:
    """When each arrival is through."""
    return [at + wait for at in arrivals if (wait := server.take(at)) is not None]


def test_who_finds_nobody_is_served_at_once() -> None:
    server = Server(100)
    assert [server.take(at) for at in (0.0, 0.5, 1.0)] == pytest.approx([0.01, 0.01, 0.01])


def test_who_comes_together_is_served_one_after_the_other() -> None:
    server = Server(100)
    assert [server.take(5.0) for _ in range(4)] == pytest.approx([0.01, 0.02, 0.03, 0.04])
    assert server.take(5.03) == pytest.approx(0.02), "one was still being served"


def test_beyond_the_capacity_latency_grows_without_limit() -> None:
    server = Server(300)
    waits = [server.take(number / 400) or 0.0 for number in range(4000)]
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(4000 / 300 - 4000 / 400, abs=0.01)


def test_a_full_queue_refuses_until_there_is_room() -> None:
    server = Server(8, max_waiting=3)
    assert [server.take(0.0) is None for _ in range(6)] == [False] * 4 + [True] * 2  # one is served, three wait
    assert server.take(0.2) is not None


@given(
    rate=st.floats(1, 1e4),
    gaps=st.lists(st.floats(0, 1), min_size=1, max_size=200),
)
def test_no_two_are_served_closer_than_the_service_takes_and_none_out_of_turn(rate: float, gaps: list[float]) -> None:
    arrivals = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    ends = served(Server(rate), arrivals)
    assert all(later - earlier >= (1 / rate) * 0.999 - 1e-9 for earlier, later in itertools.pairwise(ends))


def test_random_arrivals_wait_as_queueing_theory_says() -> None:
    # M/D/1, Pollaczek-Khinchine: the mean wait before service is rho / (2 mu (1 - rho)).
    draw, rate, load = random.Random(1), 100.0, 0.8
    server, now, waits = Server(rate), 0.0, []
    for _ in range(200_000):
        now += draw.expovariate(rate * load)
        waits.append((server.take(now) or 0) - 1 / rate)
    assert sum(waits) / len(waits) == pytest.approx(load / (2 * rate * (1 - load)), rel=0.05)


def test_it_comes_before_the_latency_and_a_reset_empties_the_queue() -> None:
    clock = ManualClock()
    faults = Faults(TargetSettings(capacity=10, latency=0.5), clock=clock.monotonic)
    assert faults.any
    assert [faults.draw().delay for _ in range(3)] == pytest.approx([0.6, 0.7, 0.8])
    faults.reset()
    assert faults.draw().delay == pytest.approx(0.6)


def test_what_finds_the_queue_full_fails_at_once() -> None:
    faults = Faults(TargetSettings(capacity=0.001), clock=lambda: 0.0)
    faults._server = Server(0.001, max_waiting=0)
    assert [tuple(faults.draw()) for _ in range(2)] == [(1000.0, False), (0.0, True)]


def test_without_it_nobody_waits() -> None:
    assert Faults(TargetSettings()).draw().delay == 0


@pytest.mark.parametrize("capacity", [0, -1, float("nan"), float("inf")])
def test_it_is_above_0(capacity: float) -> None:
    with pytest.raises(ConfigurationError, match=r"^capacity is .*/s: it must be above 0$"):
        TargetSettings(capacity=capacity)
