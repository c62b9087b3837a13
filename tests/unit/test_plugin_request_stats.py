"""Locust's statistics, collected: whoever reads them sees what Locust itself would have counted."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import locust.stats
import pytest
from hypothesis import given
from hypothesis import strategies as st
from locust.env import Environment
from locust.stats import RequestStats

from wireswarm.events import fire_request
from wireswarm.metrics import Histogram, Recorder
from wireswarm.plugin.request_stats import CollectedStats, collect
from wireswarm.sample import Failure, Reason, Sample

START = 1_800_000_000
NAMES = (("GET", "/a"), ("POST", "/a"), ("SIO", "order"))


class _Time:
    """What Locust takes for the time."""

    def __init__(self) -> None:
        self.now = float(START)

    def time(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> _Time:
    found = _Time()
    monkeypatch.setattr(locust.stats, "time", found)
    return found


def environment() -> tuple[Environment, Recorder]:
    found, recorder = Environment(user_classes=[]), Recorder(lambda: 0.0)
    found.create_local_runner()
    collect(found, recorder)
    return found, recorder


def success(environment: Environment, at: float, milliseconds: float, key: tuple[str, str] = NAMES[0]) -> None:
    read = round(at * 1_000_000_000)
    sample = Sample(*key, read - round(milliseconds * 1e6), read, read, 1, 10, 200)
    fire_request(environment.events.request.fire, {}, sample, None, None, None)


def everything(stats: RequestStats) -> dict[str, Any]:
    """All that an entry has, by name; sums of floats as far as the order of adding leaves them alone."""
    found = {}
    for name, entry in {"total": stats.total, **stats.entries}.items():
        numbers = {
            key: copy.deepcopy(value) for key, value in vars(entry).items() if key not in {"stats", "start_time"}
        }
        numbers["total_response_time"] = round(numbers["total_response_time"], 6)
        found[str(name)] = numbers
    return found


steps = st.tuples(
    st.sampled_from(["success", "failure", "stock", "look"]),
    st.sampled_from(NAMES),
    st.floats(0.0, 20_000.0),
    st.floats(0.0, 1.5),  # seconds until the next one
)


@given(st.lists(steps, max_size=60))
def test_it_counts_what_locust_counts(steps: list[tuple[str, tuple[str, str], float, float]]) -> None:
    time = _Time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(locust.stats, "time", time)
        ours, _ = environment()
        theirs = Environment(user_classes=[])
        theirs.create_local_runner()
        for kind, key, milliseconds, pause in steps:
            nanoseconds = round(milliseconds * 1e6)
            read = round(time.now * 1e9)
            failure = Failure(Reason.STATUS, "status 500") if kind == "failure" else None
            error = RuntimeError("status 500") if failure else None
            sample = Sample(*key, read - nanoseconds, read, read, 1, 10, 200, failure)
            for each in (ours, theirs):
                if kind == "stock":
                    each.events.request.fire(
                        request_type=key[0], name=key[1], response_time=milliseconds, response_length=3, exception=None
                    )
                elif kind != "look":
                    fire_request(each.events.request.fire, {}, sample, None, error, None)
            if kind == "look":
                assert ours.stats.total.num_requests == theirs.stats.total.num_requests
            time.now = (read + round(pause * 1e9)) / 1e9
        assert isinstance(ours.stats, CollectedStats)
        found, expected = everything(ours.stats), everything(theirs.stats)
        assert found.keys() == expected.keys()
        for name, numbers in expected.items():
            if numbers["last_request_timestamp"] is not None:
                assert found[name].pop("last_request_timestamp") == pytest.approx(numbers.pop("last_request_timestamp"))
            assert found[name].pop("total_response_time") == pytest.approx(numbers.pop("total_response_time"))
            assert found[name].pop("min_response_time") == pytest.approx(numbers.pop("min_response_time"))
            assert found[name].pop("max_response_time") == pytest.approx(numbers.pop("max_response_time"))
            assert found[name] == numbers


def test_both_count_each_request_once(time: _Time) -> None:
    found, recorder = environment()
    success(found, START, 5)
    success(found, START, 7)
    assert len(found.events.request._handlers) == 1
    assert found.stats.total.num_requests == 2
    assert found.stats.entries["/a", "GET"].total_content_length == 20
    (row,) = recorder.take_report(1.0)["rows"]
    assert row[:2] == ["GET", "/a"]
    assert Histogram.from_message(row[2][0][5]).total == 2


def test_what_a_report_takes_is_gone(time: _Time) -> None:
    """A worker's: `serialize_stats` clears the entries, and the total is reset after it."""
    found, _ = environment()
    success(found, START, 5)
    (sent,) = found.stats.serialize_stats()
    success(found, START, 9)
    assert sent["num_requests"] == 1
    (sent,) = found.stats.serialize_stats()
    assert (sent["num_requests"], sent["max_response_time"]) == (1, 9)
    assert found.stats.total.get_stripped_report()["num_requests"] == 2


@pytest.mark.parametrize("forget", ["reset_all", "clear_all"])
def test_what_was_collected_is_forgotten_with_the_rest(forget: str, time: _Time) -> None:
    found, _ = environment()
    success(found, START, 5)
    getattr(found.stats, forget)()
    assert found.stats.total.num_requests == 0
    success(found, START, 6)
    assert found.stats.total.num_requests == found.stats.total.max_response_time - 5 == 1


def test_the_statistics_stay_the_object_that_others_have() -> None:
    found = Environment(user_classes=[])
    found.create_local_runner()
    before = found.stats
    collect(found, Recorder(lambda: 0.0))
    assert found.stats is found.runner.stats is before  # type: ignore[union-attr]
    assert isinstance(before, CollectedStats)


def test_a_bucketing_of_the_users_own_counts(time: _Time, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = environment()
    monkeypatch.setattr(locust.stats, "bucket_response_time", lambda milliseconds: 1000)
    success(found, START, 5)
    assert found.stats.total.response_times == {1000: 1}


def test_without_locusts_listener_the_recorder_still_listens() -> None:
    found, recorder = Environment(user_classes=[]), Recorder(lambda: 0.0)
    heard = SimpleNamespace(requests=0)
    found.events.request.add_listener(lambda **_: setattr(heard, "requests", heard.requests + 1))
    collect(found, recorder)
    success(found, START, 5)
    assert heard.requests == 1
    assert len(recorder.take_report(1.0)["rows"]) == 1
    assert found.stats.total.num_requests == 0
