"""What the evaluator reads: `wireswarm.metrics.Results`, or anything else that can tell as much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol


class DistributionLike(Protocol):
    """A distribution of durations, in microseconds."""

    @property
    def total(self) -> int:
        """How many."""

    @property
    def minimum(self) -> int:
        """The shortest."""

    @property
    def maximum(self) -> int:
        """The longest."""

    @property
    def mean(self) -> float:
        """The average."""

    def percentile(self, percent: float) -> float:
        """The duration that so many percent are not longer than."""


class TallyLike(Protocol):
    """What is known of one request, or of all together."""

    @property
    def ok(self) -> DistributionLike:
        """Service times of the successes."""

    @property
    def due(self) -> DistributionLike | None:
        """Response times of the successes from when they were due; None where nothing was scheduled."""

    @property
    def count(self) -> int:
        """Successes and failures."""

    @property
    def failures(self) -> int:
        """Failures."""


class KeyLike(Protocol):
    """Type and name of a request."""

    @property
    def type(self) -> str:
        """Such as `POST`; `FLOW` and `STEP` are no exchanges."""

    @property
    def name(self) -> str:
        """Such as `/orders`."""


class WorkerLike(Protocol):
    """One process that generates load."""

    @property
    def cpu_mean(self) -> float:
        """Share of one core over the run."""

    @property
    def cpu_max(self) -> float:
        """The highest share that was read."""


class SeriesLike(Protocol):
    """Values that were read from the target."""

    @property
    def unit(self) -> str:
        """Of the values."""

    @property
    def points(self) -> Sequence[tuple[float, float]]:
        """Seconds since the start, and values; sorted."""

    @property
    def errors(self) -> int:
        """How many readings failed."""


class Readable(Protocol):
    """Everything that a threshold can be about."""

    def keys(self) -> Iterable[Any]:
        """The keys (see `KeyLike`) of all requests, flows and steps so far."""

    def tally(self, key: Any) -> TallyLike:
        """What is known of one of `keys()`."""

    @property
    def total(self) -> TallyLike:
        """All exchanges together."""

    def over(self, window_s: float | None, key: Any | None) -> tuple[TallyLike, float]:
        """The same of the last complete seconds (None: of the whole run; a key of None: of the total).

        Returns:
            The tally, and how many seconds it covers: fewer than were asked for at the start of the run, and 0 where
            nothing is known of windows.
        """

    @property
    def elapsed_s(self) -> float:
        """Seconds that were measured."""

    @property
    def dropped(self) -> int:
        """Scheduled arrivals that no user was free for."""

    @property
    def abandoned(self) -> int:
        """Requests without an answer that was judged."""

    @property
    def workers(self) -> Mapping[str, WorkerLike]:
        """The processes that generate load, by name."""

    @property
    def series(self) -> Mapping[str, SeriesLike]:
        """The watched series by name."""
