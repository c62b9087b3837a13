"""A run as exporters see it, made of events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wireswarm.metrics import Recorder, Results
from wireswarm.sample import Failure, Reason, Sample
from wireswarm.thresholds import Evaluator, Judgement, parse_thresholds

MILLISECOND = 1_000_000


class LiveRun:
    """Feeds a `Results` through a `Recorder`, as a process does."""

    def __init__(self) -> None:
        self.recorder = Recorder(clock=lambda: 0.0)
        self.results = Results(now=lambda: 1_700_000_000.0)
        self._second = 0

    def request(self, milliseconds: float, method: str = "GET", name: str = "/x", *, failed: bool = False) -> None:
        measured = sample(milliseconds, method, name, failed=failed)
        self.recorder.on_request(
            method,
            name,
            milliseconds,
            measured.response_bytes,
            sample=measured,
            exception=ValueError() if failed else None,
        )

    def flow(self, milliseconds: float, name: str, steps: Sequence[tuple[str, float]], *, failed: bool = False) -> None:
        """A flow that has ended; one that failed did so in its last step."""
        last = len(steps) - 1
        taken = [(step, int(ms * MILLISECOND), failed and at == last) for at, (step, ms) in enumerate(steps)]
        context: dict[str, Any] = {"steps": taken}
        measured = sample(milliseconds, "FLOW", name, failed=failed)
        measured = measured._replace(status=0, read=measured.done)
        self.recorder.on_request("FLOW", name, milliseconds, 0, sample=measured, context=context)

    def report(self) -> None:
        """Merge what was measured since the last time, a second later."""
        self._second += 1
        self.recorder.tick(float(self._second), users=1)
        assert self.results.add("local", self.recorder.take_report(float(self._second)))
        self.results.tick(float(self._second))


def sample(milliseconds: float, method: str = "GET", name: str = "/x", *, failed: bool = False) -> Sample:
    """A request that ended at a certain moment."""
    done = 1_700_000_000_123_456_789
    failure = Failure(Reason.STATUS, "status 500, expected 200") if failed else None
    sent = done - int(milliseconds * MILLISECOND)
    return Sample(method, name, sent, done, done + 1000, 10, 20, 500 if failed else 200, failure)


def judged(results: Results, *texts: str) -> list[Judgement]:
    """How these thresholds stand."""
    return Evaluator(parse_thresholds(texts)).judge(results, results.elapsed_s)
