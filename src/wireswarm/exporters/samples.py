"""One line of JSON per request, shaped as k6's JSON output: https://grafana.com/docs/k6/latest/results-output/real-time/json/.

So what reads k6's files reads these. Lines are put together from parts that are encoded once per name and status, which
costs a microsecond or two each.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import orjson

from wireswarm.auth.redaction import redact
from wireswarm.metrics import FLOW
from wireswarm.sample import HttpPhases, Sample

HTTP: Final = "http_req_duration"
"""k6's own metric: time from sending the request to the complete answer, in milliseconds."""
FLOW_DURATION: Final = "flow_duration"
OTHER: Final = "request_duration"
"""Exchanges that are no HTTP requests."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_REMEMBERED: Final = 4096


class Foreign(NamedTuple):
    """A request of somebody else's client, as Locust's event tells it."""

    type: str
    name: str
    milliseconds: float
    response_bytes: int
    status: int
    reason: str
    """The exception's type; empty for a success."""
    message: str
    done: int
    """When the event came, in nanoseconds since the epoch."""


class Encoder:
    """Turns what was measured into lines."""

    def __init__(self) -> None:
        self._declared: set[str] = set()
        self._second = -1
        self._second_text = ""

    def lines(self, items: Iterable[Sample | Foreign]) -> Iterator[str]:
        """The lines of these requests, each with its end; a metric is declared before its first point."""
        for item in items:
            metric = _metric_of(item.type)
            if metric not in self._declared:
                self._declared.add(metric)
                yield _declaration(metric)
            yield self._of_sample(metric, item) if isinstance(item, Sample) else self._of_foreign(metric, item)

    def _of_sample(self, metric: str, sample: Sample) -> str:
        failure = sample.failure
        reason, message = failure or ("", "")
        tags = _tags(sample.type, sample.name, sample.status, reason, message)
        extra = ""
        if sample.due is not None:
            extra = f',"response_time":"{(sample.done - sample.due) / 1e6}"'
        if isinstance(sample.phases, HttpPhases):
            extra += _phases(sample.phases)
        return self._line(
            metric,
            sample.done,
            (sample.done - sample.sent) / 1e6,
            tags,
            f'"request_bytes":"{sample.request_bytes}","response_bytes":"{sample.response_bytes}"{extra}',
        )

    def _of_foreign(self, metric: str, event: Foreign) -> str:
        tags = _tags(event.type, event.name, event.status, event.reason, event.message)
        return self._line(metric, event.done, event.milliseconds, tags, f'"response_bytes":"{event.response_bytes}"')

    def _line(self, metric: str, done_ns: int, milliseconds: float, tags: str, metadata: str) -> str:
        second, rest = divmod(done_ns, 1_000_000_000)
        if second != self._second:
            self._second, self._second_text = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return (
            f'{{"metric":"{metric}","type":"Point","data":{{"time":"{self._second_text}.{rest:09d}Z",'
            f'"value":{milliseconds!r},"tags":{tags},"metadata":{{{metadata}}}}}}}\n'
        )


def foreign(
    request_type: object,
    name: object,
    response_time: object,
    response_length: object,
    exception: object,
    response: object,
    now_ns: int,
) -> Foreign | None:
    """What can be kept of somebody else's event; None where its time is no time."""
    if not isinstance(response_time, int | float) or not math.isfinite(response_time) or response_time < 0:
        return None
    reason = message = ""
    if exception is not None:
        reason = type(exception).__name__ if isinstance(exception, BaseException) else "error"
        message = _text(exception)
    length, status = response_length, getattr(response, "status_code", 0)
    return Foreign(
        _text(request_type),
        _text(name),
        float(response_time),
        length if isinstance(length, int) else 0,
        status if isinstance(status, int) else 0,
        reason,
        message,
        now_ns,
    )


def _text(value: object) -> str:
    # Other people's code: what it raises must not end the user's request.
    try:
        return str(value)[:1000]
    except Exception:
        return type(value).__name__


def _metric_of(request_type: str) -> str:
    if request_type in _METHODS:
        return HTTP
    return FLOW_DURATION if request_type == FLOW else OTHER


def _declaration(metric: str) -> str:
    about: dict[str, object] = {
        "name": metric,
        "type": "trend",
        "contains": "time",
        "thresholds": [],
        "submetrics": None,
    }
    return orjson.dumps({"type": "Metric", "data": about, "metric": metric}).decode() + "\n"


@lru_cache(_REMEMBERED)
def _tags(request_type: str, name: str, status: int, reason: str, message: str) -> str:
    tags = {"method": request_type, "name": name, "expected_response": "false" if reason else "true"}
    if request_type in _METHODS:
        tags["status"] = str(status)
    if reason:
        tags |= {"error": message, "error_reason": str(reason)}
    # A file name or a header can hold what is no text.
    clean = {key: redact(value).encode("utf-8", "replace").decode() for key, value in tags.items()}
    return orjson.dumps(clean).decode()


def _phases(phases: HttpPhases) -> str:
    # k6's names, as in its `http_req_…` metrics.
    dns, connect, tls, first_byte, download = phases
    text = f',"waiting":"{first_byte / 1e6}","receiving":"{download / 1e6}"'
    if dns or connect or tls:
        text += f',"looking_up":"{dns / 1e6}","connecting":"{connect / 1e6}","tls_handshaking":"{tls / 1e6}"'
    return text
