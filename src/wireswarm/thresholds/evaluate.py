"""Judging thresholds, each second while the run goes on and once on its final data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from wireswarm.thresholds.metric import Scope
from wireswarm.thresholds.model import Threshold
from wireswarm.thresholds.readable import Readable
from wireswarm.thresholds.selecting import matching, nothing_matched, spelled
from wireswarm.thresholds.telling import told
from wireswarm.thresholds.values import Value, value_of_requests, value_of_run, value_of_series

TOTAL_SUBJECT = "total"
RUN_SUBJECT = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One threshold, judged on one request, on the total, or on the run.

    It has all that `wireswarm.reports.summary.ThresholdRow` has.
    """

    threshold: Threshold
    metric: str
    expression: str
    selector: str
    subject: str
    """What it was judged on: `POST /orders`, `FLOW checkout`, `total`, `run`; the selector where nothing matched it."""
    passed: bool
    """Whether it holds. Without data it does not."""
    value: float | None
    """In `unit`; None without data. Of a window: the worst so far."""
    limit: float
    unit: str
    detail: str
    source: str
    breached_since_s: float | None = None
    """The second of the run since when it has been breached without a break; None where it is not now."""
    abort: bool = False
    """Whether it has been breached for its `abort_after`, so that the run is to end."""

    @property
    def aborted(self) -> bool:
        """Whether it ended the run; see `abort`."""
        return self.abort


@dataclass(slots=True)
class _Memory:
    """What is remembered of one threshold on one subject from one look to the next."""

    worst: float | None = None
    since: float | None = None
    aborted: bool = False


class Evaluator:
    """Judges the thresholds of one run.

    A threshold over a window is breached if any complete window was that it was judged on, so it has to be judged each
    second. A run that is shorter than the window is judged as one window.
    """

    def __init__(self, thresholds: Iterable[Threshold]) -> None:
        self.thresholds = tuple(thresholds)
        self.judgements: list[Judgement] = []
        """The last ones."""
        self._memories: dict[tuple[int, str], _Memory] = {}

    def judge(self, results: Readable, now_s: float, final: bool = False) -> list[Judgement]:
        """Judge every threshold on every request that it matches.

        Args:
            results: what was measured so far.
            now_s: seconds since the start of the run.
            final: whether nothing will be added to the results.
        """
        look = _Look(results)
        self.judgements = [
            judgement
            for number, threshold in enumerate(self.thresholds)
            for judgement in self._judge(number, threshold, look, now_s, final)
        ]
        return self.judgements

    def _judge(self, number: int, threshold: Threshold, look: _Look, now_s: float, final: bool) -> Iterator[Judgement]:
        subjects = list(look.subjects(threshold))
        if not subjects:
            reason = nothing_matched(threshold.selector, look.keys)
            yield _judgement(threshold, threshold.selector, None, reason, _Memory())
        for subject, key in subjects:
            memory = self._memories.setdefault((number, subject), _Memory())
            current = look.value(threshold, key, final=final)
            if current.value is not None:
                _remember(memory, threshold, current.value, now_s, final)
            value = current.value if threshold.window_s is None else memory.worst
            yield _judgement(threshold, subject, value, current.reason, memory)


def _remember(memory: _Memory, threshold: Threshold, value: float, now_s: float, final: bool) -> None:
    operator, limit = threshold.operator, threshold.limit
    memory.worst = value if memory.worst is None else operator.worse(memory.worst, value, limit)
    if operator.holds(value, limit):
        memory.since = None
        return
    if memory.since is None:
        memory.since = now_s
    # What is judged at the end has nothing left to end.
    if threshold.abort_after_s is not None and not final and now_s - memory.since >= threshold.abort_after_s:
        memory.aborted = True


def _judgement(threshold: Threshold, subject: str, value: float | None, reason: str, memory: _Memory) -> Judgement:
    if value is None:
        passed, detail = False, f"no data: {reason}"
    else:
        passed = threshold.operator.holds(value, threshold.limit) and not memory.aborted
        detail = told(threshold, value, worst=threshold.window_s is not None, aborted=memory.aborted)
    return Judgement(
        threshold=threshold,
        metric=threshold.metric.name,
        expression=threshold.expression,
        selector=threshold.selector,
        subject=subject,
        passed=passed,
        value=value,
        limit=threshold.limit,
        unit=threshold.unit,
        detail=detail,
        source=threshold.source,
        breached_since_s=memory.since,
        abort=memory.aborted,
    )


class _Look:
    """One look at the results, in which nothing is merged twice."""

    def __init__(self, results: Readable) -> None:
        self._results = results
        self._tallies: dict[tuple[int | None, str], tuple[Any, float]] = {}
        self.keys = list(results.keys())

    def subjects(self, threshold: Threshold) -> Iterator[tuple[str, Any]]:
        """What a threshold is judged on: a name for people, and the key, None for what is no request's."""
        if threshold.metric.scope is not Scope.REQUESTS:
            yield RUN_SUBJECT, None
        elif not threshold.selector:
            yield TOTAL_SUBJECT, None
        else:
            for key in matching(threshold.selector, self.keys):
                yield spelled(key), key

    def value(self, threshold: Threshold, key: Any, *, final: bool) -> Value:
        """The value now, of the last window where there is one."""
        metric, window_s = threshold.metric, threshold.window_s
        if metric.scope is Scope.RUN:
            return value_of_run(metric, self._results)
        if metric.scope is Scope.SERIES:
            return value_of_series(threshold, self._results, final=final)
        whole = self._tally(None, key)
        if window_s is None or not whole[0].count:
            return value_of_requests(metric, *whole)
        tally, seconds = self._tally(window_s, key)
        if seconds <= 0:
            return Value(None, "no second of a window is known")
        if seconds < window_s and not final:
            return Value(None, "no window is complete")
        value = value_of_requests(metric, tally, seconds, idle=True)
        if value.value is not None:
            return value
        reason = value_of_requests(metric, *whole).reason or f"{value.reason} in the last window"
        return Value(None, reason)

    def _tally(self, window_s: int | None, key: Any) -> tuple[Any, float]:
        name = "" if key is None else spelled(key)
        if (window_s, name) not in self._tallies:
            results = self._results
            if window_s is not None:
                found = results.over(window_s, key)
            else:
                found = (results.total if key is None else results.tally(key)), results.elapsed_s
            self._tallies[window_s, name] = found
        return self._tallies[window_s, name]
