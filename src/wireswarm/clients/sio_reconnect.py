"""When to try again after a connection was lost: a growing wait, fully jittered, so that many do not come at once."""

from __future__ import annotations

import random
from dataclasses import dataclass

from wireswarm.errors import UsageError


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Waits between attempts: each is drawn evenly from 0 up to a limit, which grows by a factor to a maximum."""

    initial: float = 5.0
    """The first limit, in seconds. A thousand sockets that lose their server come back a fifth of them a second."""
    maximum: float = 10.0
    """What the limit does not go beyond, in seconds."""
    factor: float = 2.0

    def __post_init__(self) -> None:
        if not (0 < self.initial <= self.maximum and self.factor >= 1):
            raise UsageError("Reconnect: initial is above 0 and no more than maximum, and factor is 1 or more")

    def limit(self, attempt: int) -> float:
        """The longest wait before that attempt, counted from 0."""
        return min(self.maximum, self.initial * self.factor ** min(attempt, 64))

    def wait(self, attempt: int) -> float:
        """The wait before that attempt, in seconds."""
        return random.uniform(0.0, self.limit(attempt))  # noqa: S311 - spreads users, protects nothing


def reconnect_policy(setting: bool | Reconnect) -> Reconnect | None:
    """What a client's `reconnect` stands for; None for no attempts."""
    return setting if isinstance(setting, Reconnect) else Reconnect() if setting else None
