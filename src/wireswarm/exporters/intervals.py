"""What has come since the last look: the results as differences, each of which is exported once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wireswarm.exporters.distribution import Quantiles, quantiles
from wireswarm.exporters.pacing import Pause, let_others_run
from wireswarm.metrics import Key, Results, Tally


@dataclass(frozen=True)
class Difference:
    """What one key has gained in an interval."""

    type: str
    name: str
    count: int
    failures: int
    latency: Quantiles | None
    """Of the interval's successes; None where there were none."""


@dataclass(frozen=True)
class _Seen:
    count: int = 0
    failures: int = 0
    ok: Mapping[int, int] = field(default_factory=dict)


class Intervals:
    """Remembers how far the results have been looked at.

    The differences of all looks add up to the results, whatever moment each comes at, and across a new beginning.
    """

    def __init__(self, pause: Pause = let_others_run) -> None:
        self._pause = pause
        self._start_time = 0.0
        self._seen: dict[Key, _Seen] = {}

    def since_last(self, results: Results) -> list[Difference]:
        """The keys with something new."""
        if results.start_time != self._start_time:
            self._start_time = results.start_time
            self._seen.clear()
        differences = []
        for key in results.keys():  # noqa: SIM118 - a list, made at the call
            difference = self._of(key, results.tally(key))
            if difference is not None:
                differences.append(difference)
                self._pause()
        return differences

    def _of(self, key: Key, tally: Tally) -> Difference | None:
        before = self._seen.get(key, _Seen())
        if tally.count in {0, before.count}:
            return None
        if tally.count < before.count:
            before = _Seen()  # the statistics were reset in the middle of the test
        now = _Seen(tally.count, tally.failures, dict(tally.ok.buckets()))
        self._seen[key] = now
        gained = [(index, count - before.ok.get(index, 0)) for index, count in now.ok.items()]
        return Difference(
            type=key.type,
            name=key.name,
            count=now.count - before.count,
            failures=now.failures - before.failures,
            latency=quantiles([pair for pair in gained if pair[1]]),
        )
