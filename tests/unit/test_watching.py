"""Reading values from the target while the test runs, over a network that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import gevent
import pytest
from fake_user import Network, first_line, reply
from manual_clock import ManualClock

from wireswarm.errors import RequestFailed
from wireswarm.net.guard import GUARD
from wireswarm.plugin.watching import ReadingFailed, Watcher, value_in
from wireswarm.profiles import PrometheusSelector, Watch
from wireswarm.sample import Failure, Reason
from wireswarm.wire.http1 import Response

MEMORY = Watch(name="memory", url="/memory_status?all=1", key=("rss_MB",), unit="MB")
RESET = RequestFailed(Failure(Reason.RESET, "connection reset by the server"))


class Series:
    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.readings: list[tuple[float, float | None]] = []

    def add(self, elapsed_s: float, value: float | None) -> None:
        self.readings.append((elapsed_s, value))


class Results:
    def __init__(self) -> None:
        self.series: dict[str, Series] = {}

    def watch(self, name: str, unit: str) -> Series:
        return self.series.setdefault(name, Series(unit))


class LimitedClock(ManualClock):
    """A clock at which a greenlet falls asleep for good after so many naps."""

    def __init__(self, naps: int, slow: float = 0.0) -> None:
        super().__init__()
        self._naps = naps
        self._slow = slow

    def sleep(self, seconds: float) -> None:
        if len(self.slept) == self._naps:
            gevent.sleep(60)
        super().sleep(seconds)
        gevent.sleep(0)

    def monotonic(self) -> float:
        self.elapsed += self._slow
        return self.elapsed


@pytest.fixture(autouse=True)
def every_host_is_allowed() -> Iterator[None]:
    yield
    GUARD.allow_only([])


def run(
    network: Network, *watches: Watch, clock: ManualClock, host: str | None = "http://host:8000/base"
) -> dict[str, Series]:
    results = Results()
    watcher = Watcher(watches, results, host=host, clock=clock, connect=network)
    assert watcher.check() == []
    watcher.start()
    gevent.sleep(0)
    for _ in range(50):
        gevent.sleep(0)
    watcher.stop()
    return results.series


def memory(megabytes: float) -> Response:
    return reply(b'{"rss_MB": %f}' % megabytes)


def test_a_value_is_read_at_the_start_then_regularly_and_at_the_end() -> None:
    network = Network(memory(100), memory(110), memory(120), memory(130))
    series = run(network, MEMORY, clock=LimitedClock(2))["memory"]
    assert (series.unit, series.readings) == ("MB", [(0.0, 100.0), (5.0, 110.0), (10.0, 120.0), (10.0, 130.0)])
    assert network.origins == ["http://host:8000"] * 4


def test_the_path_is_below_the_host() -> None:
    network = Network(memory(100), memory(100))
    run(network, MEMORY, clock=LimitedClock(0))
    assert {first_line(request) for request in network.sent} == {"GET /base/memory_status?all=1"}


def test_a_reading_that_fails_is_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    network = Network(RESET, memory(5), reply(b"{}"), reply(b"", 500))
    series = run(network, MEMORY, clock=LimitedClock(2))["memory"]
    assert [value for _, value in series.readings] == [None, 5.0, None, None]
    assert [record.getMessage() for record in caplog.records] == [
        "watch.memory: /memory_status?all=1 could not be read: connection reset by the server"
    ]


def test_readings_that_are_slow_are_not_made_up_for() -> None:
    network = Network(*[memory(1) for _ in range(4)])
    clock = LimitedClock(2, slow=4.0)
    readings = run(network, MEMORY, clock=clock)["memory"].readings
    moments = [moment for moment, _ in readings]
    assert moments == sorted(set(moments))
    assert all(seconds <= 5.0 for seconds in clock.slept)


def test_a_host_that_may_not_be_hit_is_found_before_the_start_and_not_asked_later() -> None:
    GUARD.allow_only(["host:8000"])
    network, results = Network(), Results()
    elsewhere = Watch(name="load", url="http://other:9100/metrics", key=("a",))
    watcher = Watcher([MEMORY, elsewhere], results, host="http://host:8000", clock=LimitedClock(0), connect=network)
    (problem,) = watcher.check()
    assert re.match("watch.load: other(:9100)? is not one of the allowed hosts: host:8000", problem)
    GUARD.allow_only(["nowhere"])
    watcher.start()
    gevent.sleep(0)
    watcher.stop()
    assert [value for series in results.series.values() for _, value in series.readings] == [None] * 4
    assert network.connections == []


def test_without_a_host_only_absolute_urls_can_be_watched() -> None:
    elsewhere = Watch(name="load", url="http://other:9100/metrics", key=("a",))
    watcher = Watcher([MEMORY, elsewhere], Results(), host=None, connect=Network())
    (problem,) = watcher.check()
    assert problem.startswith("watch.memory: there is no host to send requests to")


def test_stopping_what_was_not_started_reads_nothing() -> None:
    network, results = Network(), Results()
    Watcher([MEMORY], results, host="http://host:8000", connect=network).stop()
    assert (network.connections, results.series) == ([], {})


def test_braces_in_a_url_are_sent_as_they_are_meant() -> None:
    network = Network(reply(b'{"data": {"result": [{"value": [1.5, "7"]}]}}'), reply(b"[]"))
    url = 'http://prom:9090/api/v1/query?query=up{job="api"}'
    watch = Watch(name="up", url=url.replace('"', "%22"), key=("data", "result", "0", "value", "1"))
    series = run(network, watch, clock=LimitedClock(0), host=None)["up"]
    assert series.readings[0] == (0.0, 7.0)
    assert first_line(network.sent[0]) == "GET /api/v1/query?query=up%7Bjob=%22api%22%7D"


# ---- The value in an answer ------------------------------------------------------------------------------------------


def in_json(body: bytes, key: str) -> float:
    return value_in(reply(body), Watch(name="m", url="/m", key=tuple(key.split("."))))


def in_prometheus(body: bytes, name: str, **labels: str) -> float:
    return value_in(reply(body), Watch(name="m", url="/m", prometheus=PrometheusSelector(name, labels)))


@pytest.mark.parametrize(
    ("body", "key", "value"),
    [
        (b'{"a": 5}', "a", 5.0),
        (b'{"a": {"b": [1, {"c": 2.5}]}}', "a.b.1.c", 2.5),
        (b'[{"a": "7.5"}]', "0.a", 7.5),
        (b'{"1": -3}', "1", -3.0),
    ],
)
def test_the_value_in_a_json_answer(body: bytes, key: str, value: float) -> None:
    assert in_json(body, key) == value


@pytest.mark.parametrize(
    ("body", "key", "reason"),
    [
        (b"{", "a", "the answer is not JSON"),
        (b"{}", "a", "there is no a in the answer"),
        (b'{"a": [1]}', "a.1", "there is no a.1 in the answer"),
        (b'{"a": [1]}', "a.x", "there is no a.x in the answer"),
        (b'{"a": 1}', "a.b", "there is no a.b in the answer"),
        (b'{"a": true}', "a", "a is no number"),
        (b'{"a": null}', "a", "a is no number"),
        (b'{"a": "many"}', "a", "a is no number"),
        (b'{"a": "NaN"}', "a", "a is no number"),
        (b'{"a": "inf"}', "a", "a is no number"),
    ],
)
def test_no_value_in_a_json_answer(body: bytes, key: str, reason: str) -> None:
    with pytest.raises(ReadingFailed, match=f"^{reason}$"):
        in_json(body, key)


EXPOSITION = b"""# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000
http_requests_total_other 99
rss_bytes 1.5e6
broken{ 1
odd NaN
"""


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("rss_bytes", {}, 1.5e6),
        ("http_requests_total", {"code": "400"}, 3.0),
        ("http_requests_total", {"method": "post"}, 1030.0),
        ("http_requests_total", {}, 1030.0),
    ],
)
def test_the_value_in_prometheuss_format(name: str, labels: dict[str, str], value: float) -> None:
    assert in_prometheus(EXPOSITION, name, **labels) == value


@pytest.mark.parametrize(
    ("name", "labels", "reason"),
    [
        ("http_requests", {}, "there is no series http_requests with those labels in the answer"),
        ("rss_bytes", {"pod": "a"}, "there is no series rss_bytes with those labels in the answer"),
        ("broken", {}, "the answer is not in Prometheus's text format"),
        ("odd", {}, "the value is not finite"),
    ],
)
def test_no_value_in_prometheuss_format(name: str, labels: dict[str, str], reason: str) -> None:
    with pytest.raises(ReadingFailed, match=f"^{reason}$"):
        in_prometheus(EXPOSITION, name, **labels)


def test_bytes_that_are_no_text_are_no_value() -> None:
    with pytest.raises(ReadingFailed):
        in_prometheus(b"\xff\xfe", "up")
