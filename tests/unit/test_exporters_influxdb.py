"""Points for InfluxDB: their lines, the differences they are made of, and what happens when nobody takes them."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest
from gevent.event import Event
from hypothesis import given
from hypothesis import strategies as st
from live_run import LiveRun
from manual_clock import ManualClock

from wireswarm.errors import ConfigurationError
from wireswarm.exporters import InfluxPusher, Live, parse_influxdb_url
from wireswarm.exporters.influxdb import Batch, Refused, Unreachable
from wireswarm.exporters.intervals import Intervals
from wireswarm.exporters.line_protocol import line

V2 = {"WIRESWARM_INFLUXDB_TOKEN": "canary-token"}


def test_a_line() -> None:
    assert line("requests", {"type": "GET", "name": "/x"}, {"count": 3, "p50_ms": 1.5}, 17) == (
        "requests,name=/x,type=GET count=3i,p50_ms=1.5 17"
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("/a b", r"/a\ b"),
        ("a,b=c", r"a\,b\=c"),
        ("two\nlines", r"two\ lines"),
        ("C:\\", "C:/"),
        ('"quoted" é', '"quoted"\\ é'),
    ],
)
def test_what_would_end_a_tag_is_escaped(name: str, written: str) -> None:
    assert line("m", {"name": name}, {"count": 1}, 1) == f"m,name={written} count=1i 1"


def test_what_the_server_would_refuse_is_left_out() -> None:
    assert line("m", {"empty": ""}, {"nan": float("nan"), "inf": float("inf"), "ok": 1}, 1) == "m ok=1i 1"
    assert line("m", {}, {"nan": float("nan")}, 1) == ""


@given(
    st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5000), st.booleans()), max_size=9), max_size=6)
)
def test_the_differences_add_up_to_the_results(reports: list[list[tuple[str, int, bool]]]) -> None:
    run, intervals, counts, failures = LiveRun(), Intervals(pause=lambda: None), {}, {}
    for events in reports:
        for name, milliseconds, failed in events:
            run.request(milliseconds, name=name, failed=failed)
        run.report()
        for difference in intervals.since_last(run.results):
            counts[difference.name] = counts.get(difference.name, 0) + difference.count
            failures[difference.name] = failures.get(difference.name, 0) + difference.failures
    assert counts == {key.name: run.results.tally(key).count for key in run.results.keys()}  # noqa: SIM118
    assert failures == {key.name: run.results.tally(key).failures for key in run.results.keys()}  # noqa: SIM118


def test_a_difference_has_the_percentiles_of_its_interval_alone() -> None:
    run, intervals = LiveRun(), Intervals(pause=lambda: None)
    for _ in range(100):
        run.request(1)
    run.report()
    intervals.since_last(run.results)
    run.request(50)
    run.report()
    (difference,) = intervals.since_last(run.results)
    assert difference.count == 1
    assert difference.latency is not None
    assert difference.latency.p50 == difference.latency.max == pytest.approx(50, rel=0.001)
    assert intervals.since_last(run.results) == [], "nothing new"


def test_another_test_begins_at_nothing() -> None:
    run, intervals = LiveRun(), Intervals(pause=lambda: None)
    run.request(1)
    run.report()
    intervals.since_last(run.results)
    run.results.restart()
    run.results.start_time += 60
    run.recorder.restart()
    run.request(2)
    run.report()
    assert [d.count for d in intervals.since_last(run.results)] == [1]


class Database:
    """Takes batches, or fails as a test wants."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.fails: Callable[[], None] = lambda: None

    def __call__(self, batch: Batch) -> None:
        self.fails()
        self.bodies.append(batch.body.decode())

    def refuse(self) -> None:
        raise Refused("it answers 400: canary")

    def be_away(self) -> None:
        raise Unreachable("it cannot be reached")


def pusher_of(run: LiveRun, database: Database, **options: int) -> InfluxPusher:
    live = Live(results=run.results, users=3, workers={"running": 2, "missing": 1}, validity="VALID")
    return InfluxPusher(lambda: live, database, "http://db/write", clock=ManualClock(), **options)


def test_a_batch_has_the_run_and_every_request_with_something_new() -> None:
    run, database = LiveRun(), Database()
    run.request(10)
    run.request(20, failed=True)
    run.flow(30, "checkout", [("pay", 30)])
    run.report()
    pusher = pusher_of(run, database)
    pusher.gather()
    assert pusher.send_all()
    (body,) = database.bodies
    at = "1700000000000000000"
    took_10, took_30 = (f"p50_ms={ms},p95_ms={ms},p99_ms={ms},max_ms={ms}" for ms in (10.007, 30.015))
    assert sorted(body.splitlines()) == [
        rf"wireswarm_flow_steps,name=checkout:\ pay,type=STEP count=1i,failures=0i,{took_30} {at}",
        f"wireswarm_flows,name=checkout,type=FLOW count=1i,failures=0i,{took_30} {at}",
        f"wireswarm_requests,name=/x,type=GET count=2i,failures=1i,{took_10} {at}",
        f"wireswarm_run,validity=VALID user_count=3i,worker_count=2i,dropped=0i,abandoned=0i {at}",
    ]


def test_a_database_that_is_away_gets_everything_later(caplog: pytest.LogCaptureFixture) -> None:
    run, database = LiveRun(), Database()
    pusher = pusher_of(run, database)
    database.fails = database.be_away
    for milliseconds in (1, 2, 3):
        run.request(milliseconds)
        run.report()
        pusher.gather()
        assert not pusher.send_all()
    database.fails = lambda: None
    assert pusher.send_all()
    assert ["count=1i" in body for body in database.bodies] == [True] * 3, "in their order, each once"
    assert pusher.lost == 0
    assert len(caplog.records) == 1, "told once"


def test_a_full_queue_drops_the_oldest_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    run, database = LiveRun(), Database()
    pusher = pusher_of(run, database, limit=2)
    for milliseconds in range(1, 6):
        run.request(milliseconds, name=f"/{milliseconds}")
        run.report()
        pusher.gather()
    assert pusher.lost == 3
    pusher.send_all()
    assert ["name=/4" in database.bodies[0], "name=/5" in database.bodies[1]] == [True, True]
    pusher.finish()
    assert [r.getMessage() for r in caplog.records] == [
        "InfluxDB at http://db/write: it is away or too slow: batches are dropped",
        "InfluxDB at http://db/write: 3 batches were not written",
    ]


def test_a_refused_batch_does_not_hold_up_the_others() -> None:
    run, database = LiveRun(), Database()
    pusher = pusher_of(run, database)
    database.fails = database.refuse
    pusher.gather()
    assert pusher.send_all()
    database.fails = lambda: None
    pusher.gather()
    assert pusher.send_all()
    assert len(database.bodies) == 1
    assert pusher.lost == 1


def test_the_end_writes_what_is_left_and_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    run, database = LiveRun(), Database()
    run.request(1)
    run.report()
    pusher = pusher_of(run, database)
    pusher.finish()
    assert "count=1i" in database.bodies[0]
    assert not caplog.records
    database.fails = Event().wait  # type: ignore[assignment]
    with gevent.Timeout(5):
        pusher.finish(within_s=0.01)
    assert "1 batches were not written" in caplog.text


def test_greenlets_gather_and_send_and_a_stuck_database_holds_up_nobody() -> None:
    run, database, stuck, taken = LiveRun(), Database(), Event(), Event()

    def wait() -> None:
        taken.set()
        stuck.wait()

    database.fails = wait
    clock = ManualClock()
    sleeps = iter(range(3))

    def sleep(seconds: float) -> None:
        assert seconds == 5
        if next(sleeps, None) is None:
            Event().wait()
        gevent.sleep(0)

    clock.sleep = sleep  # type: ignore[method-assign]
    pusher = InfluxPusher(lambda: Live(results=run.results), database, "x", clock=clock)
    pusher.start()
    assert taken.wait(5)
    stuck.set()
    pusher.finish()
    assert len(database.bodies) == 4, "three intervals and the end"


def test_urls() -> None:
    v1 = parse_influxdb_url("http://127.0.0.1:8086/?db=k6", {})
    assert (v1.url, v1.parameters, v1.login) == ("http://127.0.0.1:8086/write", {"db": "k6"}, None)
    env = {"WIRESWARM_INFLUXDB_USER": "u", "WIRESWARM_INFLUXDB_PASSWORD": "canary-password"}
    behind = parse_influxdb_url("https://db.example/influx/?db=k6&rp=short", env)
    assert behind.url == "https://db.example/influx/write"
    assert behind.parameters == {"db": "k6", "rp": "short"}
    assert behind.login == ("u", "canary-password")
    v2 = parse_influxdb_url("http://h:8086?org=o&bucket=b", V2)
    assert (v2.url, v2.parameters, v2.token) == (
        "http://h:8086/api/v2/write",
        {"org": "o", "bucket": "b"},
        "canary-token",
    )
    assert "canary" not in f"{behind!r} {behind} {v2!r} {v2}"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("127.0.0.1:8086", "no http or https URL"),
        ("ftp://h/?db=x", "no http or https URL"),
        ("http://h:8086", "has no db"),
        ("http://h:port/?db=x", "this is no URL"),
        ("http://h/?db=x&precision=s", "found the parameters precision"),
        ("http://h/?org=o", "has no bucket"),
        ("http://h/?org=o&bucket=b", "set WIRESWARM_INFLUXDB_TOKEN"),
        ("http://u:canary@h/?db=x", "found a user or password in the URL"),
        ("http://h/?db=x&u=a&p=canary", "found p, u in the URL"),
        ("http://h/?org=o&bucket=b&token=canary", "found token in the URL"),
    ],
)
def test_wrong_urls(url: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse_influxdb_url(url, {})
    assert told in str(error.value)
    assert "canary" not in str(error.value)


def test_all_problems_of_a_url_at_once() -> None:
    with pytest.raises(ConfigurationError) as error:
        parse_influxdb_url("gopher://u:p@h/?token=x", {})
    assert len(error.value.problems) == 4
