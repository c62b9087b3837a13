"""Arrivals: when, of which class, and who takes them, by a virtual clock."""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.load import (
    HORIZON,
    Arrival,
    Constant,
    Desk,
    Shape,
    Stage,
    Stages,
    Stripes,
    Ticket,
    Wave,
    arrival_times,
    plan_arrivals,
    stripe,
    turns,
)


def times(rate: Shape, count: int | None = None, **settings: object) -> list[float]:
    return list(itertools.islice(arrival_times(rate, **settings), count))  # type: ignore[arg-type]


class TestTimes:
    def test_constant_arrivals_come_as_by_a_clock(self) -> None:
        assert times(Constant(4), 5) == [0.0, 0.25, 0.5, 0.75, 1.0]

    def test_a_rate_that_ends_has_a_last_arrival(self) -> None:
        found = times(Constant(100, 60))
        assert len(found) == 6000
        assert found[-1] == pytest.approx(59.99)

    def test_a_ramp_has_as_many_as_the_area_under_it(self) -> None:
        found = times(Stages((Stage(10, 100), Stage(10, 100), Stage(10, 0))))
        assert len(found) == 2000
        assert [sum(a <= t < a + 10 for t in found) for a in (0, 10, 20)] == pytest.approx([500, 1000, 500], abs=1)
        assert found == sorted(found)

    def test_where_the_rate_is_nothing_nobody_comes(self) -> None:
        gap = Stages((Stage(1, 10), Stage(0, 0), Stage(5, 0), Stage(0, 10), Stage(1, 10)), start=10)
        found = times(gap)
        assert len(found) == 20
        assert not [t for t in found if 1.0 < t < 6.0]

    def test_a_curve_is_followed(self) -> None:
        found = times(Wave(10, 30, period=20, cycles=2))
        assert len(found) == pytest.approx(800, abs=1)
        assert sum(5 <= t < 15 for t in found) > 1.4 * sum(t < 5 or 15 <= t < 20 for t in found)

    def test_poisson_arrivals_vary_as_they_should(self) -> None:
        found = times(Constant(100), 10_001, kind="poisson", seed=7)
        gaps = [b - a for a, b in itertools.pairwise(found)]
        assert statistics.mean(gaps) == pytest.approx(0.01, rel=0.03)
        assert statistics.stdev(gaps) / statistics.mean(gaps) == pytest.approx(1, abs=0.05)

    @pytest.mark.parametrize("seed", range(20))
    def test_they_do_so_with_any_seed(self, seed: int) -> None:
        gaps = [b - a for a, b in itertools.pairwise(times(Constant(1), 10_001, kind="poisson", seed=seed))]
        assert statistics.mean(gaps) == pytest.approx(1, rel=0.03)
        assert statistics.stdev(gaps) / statistics.mean(gaps) == pytest.approx(1, abs=0.05)

    def test_a_seed_repeats_and_another_does_not(self) -> None:
        one, same, other = (times(Constant(5), 50, kind="poisson", seed=seed) for seed in (1, 1, 2))
        assert one == same != other

    @given(
        st.lists(st.tuples(st.floats(0, 20), st.floats(0, 50)), min_size=1, max_size=6),
        st.sampled_from(["constant", "poisson"]),
    )
    def test_times_are_in_order_and_inside(self, stages: list[tuple[float, float]], kind: str) -> None:
        rate = Stages(tuple(Stage(*stage) for stage in stages))
        found = times(rate, kind=kind)
        assert found == sorted(found)
        assert all(0 <= t <= rate.duration for t in found)
        if kind == "constant":
            area = sum((p.start_level + p.end_level) / 2 * (p.end - p.start) for p in rate.segments())
            assert len(found) == pytest.approx(math.ceil(area), abs=1)


class TestClasses:
    def test_they_are_drawn_by_weight(self) -> None:
        plan = list(itertools.islice(plan_arrivals(Constant(10), {"A": 3, "B": 1, "C": 0}), 10_000))
        counts = Counter(arrival.user_class for arrival in plan)
        assert set(counts) == {"A", "B"}
        assert counts["A"] == pytest.approx(7500, rel=0.03)
        assert [arrival.number for arrival in plan[:3]] == [0, 1, 2]

    def test_without_a_weight_there_is_no_plan(self) -> None:
        with pytest.raises(ValueError, match="no user class has a weight"):
            next(plan_arrivals(Constant(1), {"A": 0}))


class TestTurns:
    def test_each_worker_has_a_turn_for_each_of_its_users(self) -> None:
        users = {"b": {"A": 1, "B": 0}, "a": {"A": 3, "B": 2}}
        assert turns(users) == {"A": ["a", "b", "a", "a"], "B": ["a", "a"]}

    def test_nobody_has_no_turns(self) -> None:
        assert turns({"a": {"A": 0}}) == {"A": []}


WEIGHTS = {"A": 2.0, "B": 1.0}


def plan(count: int, kind: str = "poisson") -> list[Arrival]:
    return list(itertools.islice(plan_arrivals(Constant(50), WEIGHTS, kind=kind, seed=3), count))  # type: ignore[arg-type]


class TestStripes:
    @pytest.mark.parametrize("workers", [1, 3, 7])
    @pytest.mark.parametrize("kind", ["constant", "poisson"])
    def test_the_union_is_the_plan_for_any_number_of_workers(self, workers: int, kind: str) -> None:
        names = [f"w{number}" for number in range(workers)]
        users = {name: {"A": 2, "B": 1 if index % 2 == 0 else 0} for index, name in enumerate(names)}
        shares = [list(stripe(plan(2000, kind), Stripes(turns(users)), name)) for name in names]

        assert sorted(arrival for share in shares for arrival in share) == plan(2000, kind)
        sizes = [sum(a.user_class == "A" for a in share) for share in shares]
        assert max(sizes) - min(sizes) <= 2
        assert not [a for share in shares[1::2] for a in share if a.user_class == "B"]

    def test_others_take_over_from_a_moment_on(self) -> None:
        before, after = turns({"a": {"A": 1, "B": 1}}), turns({"a": {"A": 1}, "b": {"A": 1, "B": 1}})
        shares = {}
        for name in ("a", "b"):
            stripes = Stripes(before)
            stripes.restripe(10.0, after)
            shares[name] = list(stripe(plan(1000), stripes, name))

        assert sorted(shares["a"] + shares["b"]) == plan(1000)
        assert min(arrival.at for arrival in shares["b"]) >= 10.0
        assert [a for a in shares["a"] if a.at < 10.0] == [a for a in plan(1000) if a.at < 10.0]
        assert not [a for a in shares["a"] if a.at >= 10.0 and a.user_class == "B"]

    def test_who_joins_late_need_not_know_what_was_before(self) -> None:
        users = turns({"a": {"A": 1, "B": 1}, "b": {"A": 2, "B": 1}})
        known, late = Stripes(turns({"a": {"A": 1, "B": 1}})), Stripes({})
        for stripes in (known, late):
            stripes.restripe(5.0, users)
        found = [list(stripe(plan(1000), stripes, "b")) for stripes in (known, late)]
        assert found[0] == found[1] != []

    def test_one_that_is_told_too_late_agrees_with_the_others_from_then_on(self) -> None:
        before = turns({"a": {"A": 1, "B": 1}, "b": {"A": 1, "B": 1}})
        after = turns({"a": {"A": 1, "B": 1}, "b": {"A": 1, "B": 1}, "c": {"A": 1, "B": 1}})
        takers = []
        for name, told_at in (("a", 0.0), ("b", 7.3), ("c", 0.0)):  # it holds from 5 s on
            stripes = Stripes(before if name != "c" else {})
            mine, told = [], False
            for arrival in plan(1000):
                if not told and arrival.at >= told_at:
                    stripes.restripe(5.0, after)
                    told = True
                if stripes.taker(arrival) == name:
                    mine.append(arrival)
            takers.append(mine)
        late = [arrival for mine in takers for arrival in mine if arrival.at >= 7.3]
        assert sorted(late) == [arrival for arrival in plan(1000) if arrival.at >= 7.3]

    def test_changes_come_in_the_order_of_their_moments(self) -> None:
        stripes = Stripes({})
        stripes.restripe(2.0, {"A": ["b"]})
        stripes.restripe(1.0, {"A": ["a"]})
        assert [stripes.taker(Arrival(0, at, "A")) for at in (0.5, 1.0, 1.9, 2.0, 9.0)] == [None, "a", "a", "b", "b"]


class Process:
    """A desk, its users, and a clock that only the test moves."""

    def __init__(
        self, worker: str, users: dict[str, dict[str, int]], arrivals: list[Arrival], limit: float = 10
    ) -> None:
        self.desk = Desk(limit)
        self.stripes = Stripes(turns(users))
        self.desk.begin(iter(arrivals), self.stripes, worker)
        self.starts: list[tuple[float, Arrival]] = []
        for name, count in users[worker].items():
            for _ in range(count):
                assert not self.desk.ask(Ticket(name), -1.0)

    def run(self, until: float, busy_s: float = 0.0) -> None:
        """Every user takes so long for each arrival."""
        busy: list[tuple[float, Ticket]] = []
        now = 0.0
        while now <= until:
            while not self.desk.look_ahead(now):
                pass
            for ticket in self.desk.advance(now):
                self._start(now, ticket, busy, busy_s)
            for end, ticket in [b for b in busy if b[0] <= now]:
                busy.remove((end, ticket))
                free = Ticket(ticket.user_class)
                if self.desk.ask(free, now):
                    self._start(now, free, busy, busy_s)
            now = max(math.nextafter(now, math.inf), min([self.desk.next_at, *(end for end, _ in busy)]))

    def _start(self, now: float, ticket: Ticket, busy: list[tuple[float, Ticket]], busy_s: float) -> None:
        assert ticket.arrival is not None
        assert ticket.arrival.user_class == ticket.user_class
        self.starts.append((now, ticket.arrival))
        busy.append((now + busy_s, ticket))


class TestDesk:
    @pytest.mark.parametrize("workers", [1, 3, 7])
    def test_everybody_starts_at_the_moment_that_is_due(self, workers: int) -> None:
        names = [f"w{number}" for number in range(workers)]
        users = {name: {"A": 20, "B": 20} for name in names}
        starts = []
        for name in names:
            process = Process(name, users, plan(500))
            process.run(100.0, busy_s=0.01)
            starts += process.starts
            assert process.desk.dropped == 0

        assert sorted(arrival for _, arrival in starts) == plan(500)
        assert {now - arrival.at for now, arrival in starts} == {0.0}

    def test_the_one_that_waited_longest_is_next(self) -> None:
        desk = Desk(1)
        desk.begin(iter([Arrival(0, 0.1, "A"), Arrival(1, 0.2, "A")]), Stripes({"A": ["me"]}), "me")
        first, other, second = Ticket("A"), Ticket("B"), Ticket("A")
        assert not any(desk.ask(ticket, 0.0) for ticket in (first, other, second))
        desk.look_ahead(0.0)

        assert desk.advance(0.0) == []
        assert desk.advance(0.15) == [first]
        assert desk.advance(0.25) == [second]
        assert desk.waiting == 1

    def test_who_finds_nobody_free_starts_late(self) -> None:
        process = Process("me", {"me": {"A": 1}}, [Arrival(n, n / 10, "A") for n in range(10)])
        process.run(100.0, busy_s=0.25)
        assert [now for now, _ in process.starts] == pytest.approx([n * 0.25 for n in range(10)])
        assert process.desk.dropped == 0
        assert not process.desk.is_late

    def test_and_is_dropped_past_the_limit(self) -> None:
        process = Process("me", {"me": {"A": 1}}, [Arrival(n, n / 10, "A") for n in range(100)], limit=1.0)
        process.run(100.0, busy_s=0.25)
        late = [now - arrival.at for now, arrival in process.starts]
        assert max(late) <= 1.0
        assert len(late) + process.desk.dropped == 100
        assert len(late) == pytest.approx(10.9 / 0.25, abs=2)

    def test_at_the_end_those_that_wait_are_dropped_and_those_of_the_future_are_not(self) -> None:
        desk = Desk(10)
        desk.begin(iter([Arrival(n, n / 10, "A") for n in range(10)]), Stripes({"A": ["me"]}), "me")
        desk.look_ahead(0.0)
        desk.advance(0.15)
        assert desk.has_late("A")
        assert not desk.is_over
        desk.close(0.25)
        assert desk.dropped == 3, "the one that was due since, too"
        assert desk.is_over
        assert desk.next_at == math.inf
        assert desk.advance(5.0) == []

    def test_what_a_user_leaves_behind_another_one_takes(self) -> None:
        desk = Desk(10)
        desk.begin(iter([Arrival(0, 0.1, "A")]), Stripes({"A": ["me"]}), "me")
        gone, gone_early, stays = Ticket("A"), Ticket("A"), Ticket("A")
        for ticket in (gone, gone_early, stays):
            desk.ask(ticket, 0.0)
        desk.withdraw(gone_early)
        desk.look_ahead(0.0)
        assert desk.advance(0.1) == [gone]
        desk.withdraw(gone)
        assert desk.advance(0.1) == [stays]
        assert stays.arrival == Arrival(0, 0.1, "A")
        desk.withdraw(Ticket("B"))

    def test_it_looks_no_further_ahead_than_it_may(self) -> None:
        desk = Desk(10)
        stripes = Stripes({"A": ["me"]})
        desk.begin(iter([Arrival(n, n / 10, "A") for n in range(100)]), stripes, "me")
        desk.look_ahead(0.0)
        stripes.restripe(HORIZON, {"A": ["other"]})
        late: list[Arrival] = []
        for step in range(100):
            desk.look_ahead(step / 10)
            late += [ticket.arrival for ticket in desk.advance(step / 10) if ticket.arrival]
        desk.close(10.0)
        assert desk.dropped == 3

    def test_a_long_past_is_gone_through_in_pieces(self) -> None:
        desk = Desk(10)
        desk.begin(iter(plan(2500)), Stripes({"A": ["me"], "B": ["me"]}), "me")
        assert [desk.look_ahead(1000.0) for _ in range(3)] == [False, False, True]

    def test_it_wakes_no_more_often_than_it_must(self) -> None:
        desk = Desk(10)
        desk.begin(iter([Arrival(0, 60.0, "A")]), Stripes({"A": ["me"]}), "me")
        desk.look_ahead(0.0)
        assert desk.next_at == 60.0 - HORIZON
        desk.look_ahead(59.9)
        assert desk.next_at == 60.0

    def test_without_a_plan_users_wait(self) -> None:
        desk = Desk(10)
        assert not desk.ask(Ticket("A"), -math.inf)
        assert desk.look_ahead(5.0)
        assert desk.next_at == math.inf
