"""A run as Prometheus scrapes it: https://prometheus.io/docs/instrumenting/exposition_formats/.

Everything is computed at the scrape, out of what is kept anyway, so that a run that nobody scrapes pays nothing. Flows
and their steps have metrics of their own, so that a sum over all requests counts no exchange twice.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from wireswarm.exporters.distribution import cumulative
from wireswarm.exporters.live import Live, Source
from wireswarm.exporters.pacing import Paced, Pause, let_others_run
from wireswarm.metrics import FLOW, STEP, ErrorKey, Histogram, Key, Results, WorkerReadings

_LINES_AT_A_TIME: Final = 200  # half a millisecond of formatting

VALIDITIES: Final = ("VALID", "DEGRADED", "INVALID")


def registry_of(source: Source, pause: Pause = let_others_run) -> CollectorRegistry:
    """A registry with nothing but that run in it.

    Args:
        source: looks at the run; called once per scrape.
        pause: called again and again while a scrape is answered, to let the load go on.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RunCollector(source, pause))
    return registry


def expose(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The answer to a scrape, in the format that its Accept field asks for, and its Content-Type."""
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class RunCollector(Collector):
    """The metrics of one run. See `registry_of`."""

    def __init__(self, source: Source, pause: Pause) -> None:
        self._source = source
        self._pause = pause

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`."""
        live = self._source()
        for metric in _metrics_of(live, self._pause):
            # A run with a thousand names has 40,000 lines, and every one takes some microseconds to be formatted.
            metric.samples = Paced(metric.samples, self._pause, _LINES_AT_A_TIME)  # type: ignore[assignment]
            yield metric


def _metrics_of(live: Live, pause: Pause) -> Iterator[Metric]:
    yield _gauge("wireswarm_users", "Users that run.", live.users)
    yield _labelled("wireswarm_workers", "Processes that generate load.", "state", live.workers)
    yield from _judged(live)
    yield _counter("wireswarm_export_dropped", "What an exporter had no room for.", "exporter", live.lost)
    if live.results is not None:
        yield from _requests(live.results, pause)
        yield from _failures(live.results)
        yield from _generator(live.results)


# ---- requests, flows, steps


class _Table(NamedTuple):
    """One kind of keys: its metrics' names, and its labels."""

    prefix: str
    failures: str
    subject: str
    labels: tuple[str, ...]
    values: Callable[[Key | ErrorKey], tuple[str, ...]]


def _step(key: Key | ErrorKey) -> tuple[str, ...]:
    flow, _, step = key.name.partition(": ")
    return flow, step


_REQUESTS = _Table(
    "wireswarm_request",
    "wireswarm_failures",
    "requests, flows apart",
    ("type", "name"),
    lambda key: (key.type, key.name),
)
_FLOWS = _Table("wireswarm_flow", "wireswarm_flow_failures", "flows", ("flow",), lambda key: (key.name,))
_STEPS = _Table("wireswarm_flow_step", "wireswarm_flow_step_failures", "steps of flows", ("flow", "step"), _step)
_TABLES: Final[Mapping[str, _Table]] = {FLOW: _FLOWS, STEP: _STEPS}


def _table_of(key: Key | ErrorKey) -> _Table:
    return _TABLES.get(key.type, _REQUESTS)


def _requests(results: Results, pause: Pause) -> Iterator[Metric]:
    counts, durations = {}, {}
    for table in (_REQUESTS, _FLOWS, _STEPS):
        counts[table] = CounterMetricFamily(
            f"{table.prefix}s", f"Ended {table.subject}: successes and failures.", labels=table.labels
        )
        durations[table] = HistogramMetricFamily(
            f"{table.prefix}_duration_seconds",
            f"Time from the beginning to the complete answer of {table.subject}, successes and failures apart.",
            labels=(*table.labels, "outcome"),
        )
    # A step's failures have no reason of their own: that is the request's, or the flow's.
    failed_steps = CounterMetricFamily(_STEPS.failures, f"Failed {_STEPS.subject}.", labels=_STEPS.labels)
    for key in results.keys():  # noqa: SIM118 - a list, made at the call
        table, tally = _table_of(key), results.tally(key)
        labels = table.values(key)
        counts[table].add_metric(labels, tally.count)
        if table is _STEPS:
            failed_steps.add_metric(labels, tally.failures)
        for outcome, histogram in (("ok", tally.ok), ("failed", tally.failed)):
            if histogram.total:
                _add(durations[table], (*labels, outcome), histogram)
        pause()
    for table, family in counts.items():
        yield family
        yield durations[table]
    yield failed_steps


def _failures(results: Results) -> Iterator[Metric]:
    counts: dict[_Table, Counts[tuple[str, ...]]] = {table: Counts() for table in (_REQUESTS, _FLOWS)}
    # Messages are left out: there are too many of them for labels.
    for key, error in list(results.errors.items()):
        table = _table_of(key)
        counts[table][*table.values(key), key.reason] += error.count
    for table, by_labels in counts.items():
        family = CounterMetricFamily(table.failures, f"Failed {table.subject}.", labels=(*table.labels, "reason"))
        for labels, count in by_labels.items():
            family.add_metric(labels, count)
        yield family


def _add(family: HistogramMetricFamily, labels: Iterable[str], histogram: Histogram) -> None:
    buckets = cumulative(histogram.buckets())
    family.add_metric(list(labels), buckets=buckets, sum_value=histogram.sum / 1e6)


# ---- the load generator about itself


def _generator(results: Results) -> Iterator[Metric]:
    for name, text, histogram in (
        ("wireswarm_delay_seconds", "How much later than its arrival an answer was read.", results.delay),
        ("wireswarm_event_loop_lag_seconds", "How late the event loop woke.", results.lag),
    ):
        family = HistogramMetricFamily(name, text, labels=())
        _add(family, (), histogram)
        yield family
    for name, text, count in (
        ("wireswarm_dropped", "Scheduled arrivals that no user was free for.", results.dropped),
        ("wireswarm_abandoned", "Requests whose task was ended before the answer was judged.", results.abandoned),
        ("wireswarm_start_retries", "on_start that had to be tried again.", results.start_retries),
    ):
        yield CounterMetricFamily(name, text, value=count)
    yield _counter("wireswarm_events", "What is counted beside the requests.", "event", results.counters)
    workers = dict(results.workers)
    for name, text, value in _READINGS:
        yield _labelled(name, text, "worker", {worker: value(readings) for worker, readings in workers.items()})


_READINGS: Final[tuple[tuple[str, str, Callable[[WorkerReadings], float]], ...]] = (
    ("wireswarm_worker_cpu_ratio", "CPU of a worker, in cores.", lambda r: r.cpu_latest),
    ("wireswarm_worker_memory_bytes", "Resident memory of a worker.", lambda r: r.memory_mb * 1e6),
    ("wireswarm_worker_users", "Users that run in a worker.", lambda r: r.users),
    ("wireswarm_open_connections", "Open connections of a worker.", lambda r: r.connections),
)


# ---- thresholds and validity


def _judged(live: Live) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "wireswarm_threshold_ok", "1 where a threshold holds, 0 where it is breached.", labels=("expression", "subject")
    )
    # The same threshold can come from the profile and from the command line; it is breached where one of them is.
    states: dict[tuple[str, str], bool] = {}
    for judgement in live.judgements:
        if judgement.value is None:
            continue  # no data yet, which is a breach at the end of the run alone
        labels = judgement.expression, judgement.subject
        states[labels] = states.get(labels, True) and judgement.passed
    for labels, passed in states.items():
        family.add_metric(labels, int(passed))
    yield family
    if live.validity:
        states_of = {state: int(state == live.validity) for state in VALIDITIES}
        yield _labelled("wireswarm_validity", "1 for what the run is judged to be.", "state", states_of)


# ---- families


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _labelled(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


def _counter(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, number in list(values.items()):
        family.add_metric([value], number)
    return family
