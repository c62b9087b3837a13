"""Arrivals: when each flow of an open load begins, of which user class, and which worker takes it.

An open load does not wait for the system under test: people keep coming. The whole plan is one sequence that follows
from a shape of rates and a seed. Every worker goes through all of it and takes its own stripe, so that the union of the
stripes is the same plan for any number of workers.
"""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

from wireswarm.load.shapes import Shape

ArrivalKind = Literal["constant", "poisson"]
"""`constant`: evenly, as by a clock. `poisson`: independent of one another, as people come."""


class Arrival(NamedTuple):
    """One flow that is to begin."""

    number: int
    """Which of the whole plan, from 0 on."""
    at: float
    """Seconds since the start."""
    user_class: str
    """Name of the class whose user it is for."""


def arrival_times(rate: Shape, *, kind: ArrivalKind = "constant", seed: int = 0) -> Iterator[float]:
    """When arrivals happen, in seconds since the start, in order. Endless where the shape is.

    The n-th one of a constant sequence is where the area under the rate is n. Those of a Poisson process are where it
    is the sum of n exponentially distributed numbers (Çinlar's inversion), so rates may change as they like.

    Args:
        rate: arrivals per second over time.
        kind: see `ArrivalKind`.
        seed: of the random numbers; the same one gives the same times.
    """
    areas = _areas(kind, seed)
    area = next(areas)
    passed = 0.0
    for start, end, first, last in rate.segments():
        length = end - start
        slope = 0.0 if math.isinf(length) else (last - first) / length
        inside = math.inf if math.isinf(length) and first else (first + last) / 2 * length if first or last else 0.0
        while area < passed + inside:
            wanted = area - passed
            # The root of first·x + slope·x²/2 = wanted, in the form that loses no digits where the slope is small.
            root = first + math.sqrt(max(first * first + 2 * slope * wanted, 0.0))
            yield start + (2 * wanted / root if root else 0.0)
            area = next(areas)
        passed += inside


def _areas(kind: ArrivalKind, seed: int) -> Iterator[float]:
    if kind == "constant":
        number = 0
        while True:
            yield number
            number += 1
    exponential = random.Random(f"{seed} times").expovariate  # noqa: S311 - a load, and no secret
    area = 0.0
    while True:
        area += exponential(1.0)
        yield area


def plan_arrivals(
    rate: Shape, weights: Mapping[str, float], *, kind: ArrivalKind = "constant", seed: int = 0
) -> Iterator[Arrival]:
    """The whole plan: each arrival with the class that it is for, drawn by weight.

    Args:
        rate: arrivals per second over time.
        weights: of the user classes, by name; at least one is above 0.
        kind: see `ArrivalKind`.
        seed: of the random numbers, which are others for times and classes.

    Raises:
        ValueError: no class has a weight.
    """
    names = sorted(name for name, weight in weights.items() if weight > 0)
    if not names:
        raise ValueError("no user class has a weight above 0")
    bounds = list(accumulate(weights[name] for name in names))
    draw, whole, last = random.Random(f"{seed} classes").random, bounds[-1], len(names) - 1  # noqa: S311 - as above
    for number, at in enumerate(arrival_times(rate, kind=kind, seed=seed)):
        yield Arrival(number, at, names[min(bisect(bounds, draw() * whole), last)])


def turns(users: Mapping[str, Mapping[str, int]]) -> dict[str, list[str]]:
    """For each user class, the workers in the order in which they take its arrivals: each once for each of its users.

    Args:
        users: for each worker, how many users of each class it has.
    """
    holders: dict[str, list[str]] = {}
    for name in sorted({name for counts in users.values() for name in counts}):
        counts = {worker: users[worker].get(name, 0) for worker in sorted(users)}
        rounds = range(max(counts.values()))
        holders[name] = [worker for number in rounds for worker, count in counts.items() if count > number]
    return holders


class Stripes:
    """Which worker takes which arrival: those that hold users of a class take turns at that class's arrivals.

    Every worker has one, is told the same, and asks it about every arrival of the plan in order. Whose turn it is
    follows from how many arrivals of the class came before, ever: so workers agree again as soon as all of them have
    been told of a change, even where one was told too late.
    """

    def __init__(self, holders: Mapping[str, Sequence[str]]) -> None:
        """Begin.

        Args:
            holders: for each user class, the workers that have users of it, in an order that is the same everywhere.
        """
        self._holders = holders
        self._turns: dict[str, int] = {}
        self._next: list[tuple[float, Mapping[str, Sequence[str]]]] = []
        self._change = math.inf

    def restripe(self, at: float, holders: Mapping[str, Sequence[str]]) -> None:
        """From the first arrival at that moment or later on, these workers take turns.

        Args:
            at: seconds since the start, later than every arrival that any worker has asked about.
            holders: as at the beginning.
        """
        self._next.append((at, holders))
        self._next.sort(key=lambda change: change[0])
        self._change = self._next[0][0]

    def taker(self, arrival: Arrival) -> str | None:
        """The worker that takes it; None where nobody has users of its class."""
        while arrival.at >= self._change:
            _, self._holders = self._next.pop(0)
            self._change = self._next[0][0] if self._next else math.inf
        name = arrival.user_class
        turn = self._turns.get(name, 0)
        self._turns[name] = turn + 1
        workers = self._holders.get(name)
        return workers[turn % len(workers)] if workers else None


def stripe(arrivals: Iterable[Arrival], stripes: Stripes, worker: str) -> Iterator[Arrival]:
    """The arrivals that a worker takes."""
    return (arrival for arrival in arrivals if stripes.taker(arrival) == worker)
