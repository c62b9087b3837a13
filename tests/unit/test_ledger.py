from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from wireswarm.plugin.ledger import IterationLedger

WORKERS = st.sampled_from(["a", "b", "c"])


class Iterations(RuleBasedStateMachine):
    """Whatever workers do, and in whatever order the master hears of it, no iteration is handed out twice."""

    @initialize(total=st.integers(0, 60))
    def begin(self, total: int) -> None:
        self.ledger = IterationLedger(total)
        # What the workers really have: each iteration is a number.
        self.fresh = list(range(total))
        self.held: dict[str, list[int]] = {"a": [], "b": [], "c": []}
        self.lost: set[str] = set()
        self.begun: list[int] = []

    @rule(worker=WORKERS, workers=st.integers(0, 3))
    def grant(self, worker: str, workers: int) -> None:
        self._hand_out(worker, self.ledger.grant(worker, workers))

    @rule(worker=WORKERS)
    def grant_one(self, worker: str) -> None:
        self._hand_out(worker, self.ledger.grant_one(worker))

    @rule(worker=WORKERS, share=st.floats(0, 1))
    def finish(self, worker: str, share: float) -> None:
        self._found(worker)
        count = round(len(self.held[worker]) * share)
        self.begun += self.held[worker][:count]
        del self.held[worker][:count]
        self.ledger.finish(worker, count)

    @rule(worker=WORKERS, share=st.floats(0, 1))
    def give_back(self, worker: str, share: float) -> None:
        self._found(worker)
        count = round(len(self.held[worker]) * share)
        self.fresh += self.held[worker][:count]
        del self.held[worker][:count]
        self.ledger.give_back(worker, count)

    @rule(worker=WORKERS)
    def lose(self, worker: str) -> None:
        expected = 0 if worker in self.lost else len(self.held[worker])
        assert self.ledger.lose(worker) == expected
        self.lost.add(worker)

    @invariant()
    def it_adds_up(self) -> None:
        ledger = self.ledger
        held = {worker: [] if worker in self.lost else share for worker, share in self.held.items()}
        assert len(set(self.begun)) == len(self.begun) == ledger.done
        assert ledger.unassigned == len(self.fresh)
        assert {worker: ledger.held(worker) for worker in self.held} == {w: len(share) for w, share in held.items()}
        assert sorted(ledger.workers) == [worker for worker, share in held.items() if share]
        assert ledger.lost == sum(len(self.held[worker]) for worker in self.lost)
        assert ledger.unassigned + ledger.done + ledger.lost + sum(map(len, held.values())) == ledger.total
        assert ledger.complete == (not self.fresh and not any(held.values()))

    def teardown(self) -> None:
        # However it stands, it can be brought to its end.
        if not hasattr(self, "ledger"):
            return
        for worker in self.held:
            if worker not in self.lost:
                self.ledger.finish(worker, len(self.held[worker]))
        while not self.ledger.complete:
            share = self.ledger.grant("d", 2)
            assert share > 0
            self.ledger.finish("d", share)
        assert self.ledger.done + self.ledger.lost == self.ledger.total
        assert self.ledger.grant("d", 2) == self.ledger.grant_one("d") == 0

    def _hand_out(self, worker: str, share: int) -> None:
        if worker in self.lost:  # what it is given from now on is expected of it, apart from what it is not
            self._found(worker)
        handed, self.fresh = self.fresh[:share], self.fresh[share:]
        assert len(handed) == share
        assert bool(share) or not self.fresh
        self.held[worker] += handed

    def _found(self, worker: str) -> None:
        # As the master does with every report.
        self.ledger.find(worker)
        self.lost.discard(worker)


TestIterations = Iterations.TestCase


@given(total=st.integers(1, 10_000), workers=st.integers(1, 20))
def test_shares_shrink_towards_the_end(total: int, workers: int) -> None:
    ledger = IterationLedger(total)
    shares = []
    while share := ledger.grant("a", workers):
        shares.append(share)
    assert sum(shares) == total
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 1
    assert shares[0] <= max(1, total / (2 * workers)), "enough is left for the others"


@pytest.mark.parametrize("tell", [IterationLedger.finish, IterationLedger.give_back])
def test_nobody_has_done_more_than_was_handed_out(tell: Callable[[IterationLedger, str, int], None]) -> None:
    ledger = IterationLedger(4)
    share = ledger.grant("a", 1)
    tell(ledger, "a", share + 1)
    tell(ledger, "b", 1)
    assert ledger.held("a") == 0
    assert ledger.done + ledger.unassigned == 4


def test_nothing_to_do_is_complete() -> None:
    assert IterationLedger(0).complete
    assert not IterationLedger(1).complete
