"""How long a step is, and how many users it has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from wireswarm.capacity.model import MARGIN_S
from wireswarm.thresholds import Threshold
from wireswarm.thresholds.metric import Source

SHORTEST_S: Final = 10
"""A window as long as this shows a queue that grows by 3 %, whatever the rate."""
TAIL: Final = 100
"""Values that are to lie beyond a percentile, so that it is more than the luck of a few."""
_USUAL_PERCENT: Final = 95.0
_SLACK: Final = 1.25
"""More users than Little's law asks for."""
_LEAST_USERS: Final = 10
_USUAL_LIMIT_S: Final = 1.0
_LONGEST_LIMIT_S: Final = 10.0
MAX_USERS: Final = 20_000


class Size(NamedTuple):
    """Of a step."""

    warm_up_s: int
    window_s: int
    users: int

    @property
    def seconds(self) -> int:
        """How long arrivals come."""
        return self.warm_up_s + self.window_s + MARGIN_S


class Planning:
    """Sizes of steps by their rate. The pool of users grows where it turns out to be too small."""

    def __init__(
        self, criteria: Sequence[Threshold], *, warm_up_s: int, longest_s: int, users: int | None = None, least: int = 1
    ) -> None:
        """Begin.

        Args:
            criteria: what steps are judged by.
            warm_up_s: seconds before the window.
            longest_s: the longest window.
            users: so many in every step; None for as many as it takes.
            least: users that there have to be, by the number of classes and processes.
        """
        self._warm_up_s = warm_up_s
        self._longest_s = longest_s
        self._users = users
        self._least = max(least, _LEAST_USERS)
        percents = [c.metric.percent for c in criteria if c.metric.percent]
        self._percent = min(max(percents, default=_USUAL_PERCENT), 99.99)
        limits = [c.limit / 1000 for c in criteria if c.metric.source in {Source.LATENCY, Source.DUE}]
        self._busy_s = min(max(limits, default=_USUAL_LIMIT_S), _LONGEST_LIMIT_S)

    @property
    def grows(self) -> bool:
        """Whether the number of users is ours to choose."""
        return self._users is None

    def size(self, rate: float) -> Size:
        """The size of a step.

        Its window is as long as it takes for `TAIL` values beyond the highest percentile that is asked about, but no
        shorter than `SHORTEST_S` and no longer than was allowed. Its users are so many that latencies up to the
        limits do not use all of them up (Little's law: at a rate R, R·W are busy that take W).
        """
        needed = math.ceil(TAIL / (1 - self._percent / 100) / rate)
        window = min(max(needed, SHORTEST_S), self._longest_s)
        return Size(self._warm_up_s, window, self._users or self._pool(rate))

    def grow(self, rate: float, users: int, started_per_s: float) -> bool:
        """All users were busy: from now on take as many as their iterations turn out to need.

        Returns:
            False where there cannot be more.
        """
        if self._users is not None or users >= MAX_USERS:
            return False
        busy_s = users / max(started_per_s, 0.01)
        self._busy_s = max(self._busy_s, busy_s, 1.5 * users / rate / _SLACK)
        return self._pool(rate) > users

    def _pool(self, rate: float) -> int:
        return min(max(self._least, math.ceil(rate * self._busy_s * _SLACK)), MAX_USERS)
