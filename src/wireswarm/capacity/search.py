"""The search for the highest rate that holds: up in steps, then between the last that held and the first that failed.

Pure: it is asked for the next rate and told what came of it. Steps are noisy, so the two rates that the result stands
on, the highest that holds and the lowest that fails, are each measured twice, and a third time where the two disagree.
To confirm these alone costs two or three steps; to repeat every step would cost as many as there are.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final, NamedTuple

from wireswarm.capacity.model import Ended, Outcome

FACTOR: Final = 2.0
"""From one step upwards to the next."""
CONFIRMATIONS: Final = 2
"""How often a rate that decides is measured at least."""
MAX_STEPS: Final = 60
"""A search never has more steps, however the outcomes contradict each other."""
_DIGITS: Final = 4
"""Significant digits of a rate."""


class Bracket(NamedTuple):
    """What is known so far."""

    holds: float | None
    """The highest rate that holds."""
    fails: float | None
    """The lowest rate that fails; above `holds`."""


class Search:
    """Rates to try, one after the other."""

    def __init__(self, first: float, *, ceiling: float = math.inf, precision: float = 0.05) -> None:
        """Begin.

        Args:
            first: the lowest rate, above 0.
            ceiling: the highest rate that may be tried, not below the first one.
            precision: how far apart the two rates of the result may be, as a share of the lower one.
        """
        self._first = first
        self._ceiling = ceiling
        self._precision = precision
        self._votes: dict[float, Counter[Outcome]] = {}
        self._steps = 0

    @property
    def bracket(self) -> Bracket:
        """The rates that the result is between, by what most steps say."""
        decided = {rate: outcome for rate in self._votes if (outcome := self._decided(rate))}
        fails = min((rate for rate, outcome in decided.items() if outcome is Outcome.FAILS), default=None)
        below = math.inf if fails is None else fails
        holds = [rate for rate, outcome in decided.items() if outcome is Outcome.HOLDS and rate < below]
        return Bracket(max(holds, default=None), fails)

    @property
    def generator_limit(self) -> float | None:
        """The rate that the load generator did not manage twice; None where there is none."""
        limits = [rate for rate, votes in self._votes.items() if votes[Outcome.GENERATOR] >= CONFIRMATIONS]
        return min(limits, default=None)

    @property
    def ended(self) -> Ended | None:
        """Why there is no next rate; None while there is one."""
        if self.generator_limit is not None:
            return Ended.GENERATOR
        if self._steps < MAX_STEPS and self.next_rate() is not None:
            return None
        bracket = self.bracket
        if bracket.holds is None:
            return Ended.NOTHING
        return Ended.CEILING if bracket.fails is None else Ended.FOUND

    def note(self, rate: float, outcome: Outcome) -> None:
        """What came of a step."""
        self._votes.setdefault(rate, Counter())[outcome] += 1
        self._steps += 1

    def next_rate(self) -> float | None:
        """The rate to try; None where the search is over."""
        if self.generator_limit is not None or self._steps >= MAX_STEPS:
            return None
        undecided = [rate for rate in self._votes if self._decided(rate) is None]
        if undecided:
            return min(undecided)
        holds, fails = self.bracket
        if holds is None:
            return self._first if fails is None else self._unconfirmed(fails)
        if fails is None:
            if holds >= self._ceiling:
                return self._unconfirmed(holds)
            return min(_rounded(holds * FACTOR), self._ceiling)
        middle = _rounded(math.sqrt(holds * fails))
        if fails > holds * (1 + self._precision) and holds < middle < fails:
            return middle
        return self._unconfirmed(fails, holds)

    def _unconfirmed(self, *rates: float) -> float | None:
        for rate in rates:
            if self._votes[rate].total() - self._votes[rate][Outcome.GENERATOR] < CONFIRMATIONS:
                return rate
        return None

    def _decided(self, rate: float) -> Outcome | None:
        votes = self._votes[rate]
        if votes[Outcome.HOLDS] == votes[Outcome.FAILS]:
            return None
        return Outcome.HOLDS if votes[Outcome.HOLDS] > votes[Outcome.FAILS] else Outcome.FAILS


def _rounded(rate: float) -> float:
    return float(f"{rate:.{_DIGITS}g}")
