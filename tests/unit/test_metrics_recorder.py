"""What the recorder makes of request events, of our clients and of others, and what it refuses."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import msgpack
import pytest

from wireswarm.errors import RequestFailed
from wireswarm.metrics import MAX_ERRORS, MAX_KEYS, ErrorKey, Key, Reading, Recorder, Results
from wireswarm.sample import Failure, HttpPhases, Reason, Sample, SocketPhases

MS = 1_000_000


def sample(ms: float = 1.0, **fields: Any) -> Sample:
    done = 10**18 + int(ms * MS)
    defaults: dict[str, Any] = {"read": done, "request_bytes": 10, "response_bytes": 100, "status": 200}
    return Sample("GET", "/x", 10**18, done, **(defaults | fields))


def record(recorder: Recorder, made: Sample, **event: Any) -> None:
    recorder.on_request(made.type, made.name, made.service_ns / MS, made.response_bytes, sample=made, **event)


def results_of(recorder: Recorder, seconds: float = 1.0) -> Results:
    """After the journey that a report makes."""
    recorder.tick(seconds, 1)
    results = Results()
    results.tick(seconds)
    report = msgpack.loads(msgpack.dumps(recorder.take_report(seconds, stopped=True)), strict_map_key=False)
    results.add("local", report)
    results.finish(seconds)
    return results


def test_successes_and_failures_are_apart_with_their_bytes() -> None:
    recorder = Recorder()
    failure = Failure(Reason.STATUS, "status 500")
    record(recorder, sample(2.0))
    record(recorder, sample(4.0))
    record(recorder, sample(900.0, failure=failure, status=500), exception=RequestFailed(failure))

    results = results_of(recorder)

    tally = results.tally(Key("GET", "/x"))
    assert (tally.count, tally.failures) == (3, 1)
    assert tally.ok.percentile(100) == 4_000
    assert tally.ok.mean == 3_000
    assert tally.failed.percentile(50) == 900_000
    assert (tally.request_bytes, tally.response_bytes) == (30, 300)
    assert results.errors[ErrorKey("GET", "/x", "status", "status 500")].count == 1


def test_samples_count_to_the_microsecond_and_other_clients_by_what_they_say() -> None:
    recorder = Recorder()
    record(recorder, sample(0.417))
    recorder.on_request("GET", "/other", 0.417, 5)

    results = results_of(recorder)

    assert results.tally(Key("GET", "/x")).ok.maximum == 417
    assert results.tally(Key("GET", "/other")).ok.maximum == 417


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "12", []])
def test_a_time_that_is_no_number_is_rejected_and_still_an_event(value: Any) -> None:
    recorder = Recorder()
    recorder.on_request("GET", "/x", value, None)
    recorder.on_request("GET", "/x", value, math.nan, exception=ValueError("no"))

    tally = results_of(recorder).total

    assert (tally.count, tally.failures, tally.rejected) == (2, 1, 2)
    assert tally.ok.total == tally.failed.total == 0


@pytest.mark.parametrize(("value", "counted_as"), [(-5.0, 0), (3_600_001.0, 3_600_000_000), (10**400, 3_600_000_000)])
def test_a_time_that_cannot_be_is_clamped_and_counted(value: Any, counted_as: int) -> None:
    recorder = Recorder()
    recorder.on_request("GET", "/x", value, 0)

    tally = results_of(recorder).total

    assert (tally.count, tally.ok.clamped, tally.ok.maximum) == (1, 1, counted_as)


def test_the_total_is_the_sum_of_the_entries() -> None:
    recorder = Recorder()
    for number, time in enumerate([1.0, None, math.nan, -3.0, 1e12, 2.5]):
        recorder.on_request("GET", f"/{number % 2}", time, 7)
    results = results_of(recorder)

    entries = [results.tally(key) for key in results.keys()]  # noqa: SIM118 - no mapping

    assert results.total.count == sum(tally.count for tally in entries) == 6
    assert sum(point.count for point in results.timeline) == 6


def test_the_delay_and_answers_without_a_stamp() -> None:
    recorder = Recorder()
    record(recorder, sample(1.0, read=10**18 + 31 * MS))
    record(recorder, sample(1.0))
    record(recorder, sample(1.0, status=0, failure=Failure(Reason.RESET, "reset")))  # no answer

    results = results_of(recorder)

    assert (results.delay.total, results.delay.maximum, results.unstamped) == (1, 30_000, 1)
    assert results.clock == "mixed"


def test_setting_up_a_connection_is_a_time_of_its_own() -> None:
    recorder = Recorder()
    for phases in (
        HttpPhases(0, 0, 0, 5 * MS, 0),
        HttpPhases(MS, 2 * MS, 3 * MS, 9 * MS, 0),
        SocketPhases(4 * MS, 0, MS),
    ):
        record(recorder, sample(20.0, phases=phases))

    setup = results_of(recorder).setup

    assert (setup.total, setup.minimum, setup.maximum) == (2, 5_000, 6_000)


def test_times_from_the_moment_they_were_due() -> None:
    recorder = Recorder()
    record(recorder, sample(5.0, due=10**18 - 95 * MS))
    record(recorder, sample(5.0, due=10**18, failure=Failure(Reason.LATE, "late")))

    due = results_of(recorder).total.due

    assert due is not None
    assert (due.total, due.maximum) == (1, 100_000)


def test_a_flow_and_its_steps_are_no_exchanges() -> None:
    recorder = Recorder()
    record(recorder, sample(1.0))
    flow = Sample("FLOW", "checkout", 0, 9 * MS, 9 * MS, 0, 0, 0, Failure(Reason.FLOW, "step pay: no"))
    steps = [("create", 4 * MS, False), ("pay", 5 * MS, True)]
    recorder.on_request("FLOW", "checkout", 9.0, 0, exception=RuntimeError(), sample=flow, context={"steps": steps})

    results = results_of(recorder)

    assert results.total.count == 1
    assert results.tally(Key("FLOW", "checkout")).failures == 1
    assert results.tally(Key("STEP", "checkout: create")).ok.maximum == 4_000
    assert results.tally(Key("STEP", "checkout: pay")).failed.maximum == 5_000
    assert sum(point.count for point in results.timeline) == 1


def test_other_clients_errors_are_counted_by_type_and_stable_text() -> None:
    recorder = Recorder()
    for address in ("0x7f01dead", "0x7f01beef"):
        recorder.on_request("GET", "/x", 1.0, 0, exception=OSError(f"<socket at {address}> broke\nand more"))
    recorder.on_request("GET", "/x", 1.0, 0, exception="just text")
    recorder.on_request("GET", "/x", 1.0, 0, exception=ValueError("Authorization: Bearer abcdef.123456-XYZ"))
    recorder.on_request("GET", "/x", 1.0, 0, exception=ValueError("\udcff" + "x" * 900))

    errors = results_of(recorder).errors

    assert errors[ErrorKey("GET", "/x", "OSError", "<socket at 0x…> broke")].count == 2
    assert errors[ErrorKey("GET", "/x", "error", "just text")].count == 1
    assert all(len(key.message) <= 200 and "abcdef" not in key.message for key in errors)
    assert sum(error.count for error in errors.values()) == 5


def test_counters_exceptions_and_readings_come_once() -> None:
    recorder = Recorder()
    recorder.count({"connects": 2}, abandoned=1, start_retries=3)
    recorder.count_exception("ValueError: boom")
    recorder.count_exception("ValueError: boom")
    recorder.drop(4)
    recorder.late(5 * MS)
    recorder.lag(0.002)
    recorder.observe(Reading(1.0, 0.5, 80.0, 3, 2))
    recorder.observe(Reading(1.0, 1.0, 90.0, 2, 2, clock_step_s=-0.5))
    results = results_of(recorder)

    assert (results.counters, results.exceptions) == ({"connects": 2}, {"ValueError: boom": 2})
    assert (results.abandoned, results.start_retries, results.dropped) == (1, 3, 4)
    assert (results.start_lag.maximum, results.lag.maximum) == (5_000, 2_000)
    worker = results.workers["local"]
    assert (worker.cpu_mean, worker.cpu_max, worker.busy_s) == (0.75, 1.0, 1.0)
    assert (worker.memory_first_mb, worker.memory_mb, worker.memory_max_mb) == (80.0, 90.0, 90.0)
    assert (worker.clock_steps, worker.clock_step_s, worker.users_max) == (1, 0.5, 3)
    empty = recorder.take_report(2.0)
    assert empty["rows"] == empty["errors"] == empty["readings"] == []
    assert empty["counters"] == empty["exceptions"] == {}
    assert not any(empty["numbers"])


def test_names_and_errors_beyond_a_thousand_are_counted_together() -> None:
    recorder = Recorder()
    for number in range(MAX_KEYS + 500):
        recorder.on_request("GET", f"/orders/{number}", 1.0, 0, exception=ValueError(f"order {number}"))

    results = results_of(recorder)

    assert len(results.keys()) <= MAX_KEYS + 1
    assert results.total.count == results.total.failures == MAX_KEYS + 500
    assert results.tally(Key("*", "(other)")).count == 500
    assert len(results.errors) <= MAX_ERRORS + 1
    assert sum(error.count for error in results.errors.values()) == MAX_KEYS + 500
    assert len(results.notes) == 2


def test_a_soak_of_unique_names_and_texts_keeps_its_size() -> None:
    recorder, results = Recorder(), Results()

    def soak(first: int, last: int) -> None:
        for second in range(first, last):
            for number in range(4):
                unique = second * 100 + number
                event = {"exception": ValueError(f"order {unique}")} if number % 2 else {}
                recorder.on_request("GET", f"/orders/{unique}", 1.0 + unique % 977 / 10, 10, **event)
                recorder.on_request("POST", "/orders", 1.0 + unique % 977 / 10, 10)
            recorder.tick(second + 1.0, 10)
            results.tick(second + 1.0)
            results.add("local", recorder.take_report(second + 1.0))

    soak(0, 1_300)
    tracemalloc.start()
    soak(1_300, 1_310)  # what is allocated from here on is what grows
    before, _ = tracemalloc.get_traced_memory()
    soak(1_310, 2_300)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert results.total.count == 2_300 * 8
    assert len(results.timeline) <= 600
    assert after - before < 1_000_000


def test_reports_that_nobody_takes_stay_small() -> None:
    recorder = Recorder()
    for second in range(500):
        recorder.on_request("GET", "/x", 5.0, 1)
        recorder.tick(second + 1.0, 1)

    report = recorder.take_report(500.0)

    assert len(report["rows"][0][2]) <= 61
    results = Results()
    results.tick(500.0)
    results.add("a", report)
    assert (results.total.count, results.total.response_bytes) == (500, 500)


def test_a_restart_forgets_everything_and_counts_reports_from_one() -> None:
    recorder = Recorder()
    record(recorder, sample())
    recorder.take_report(1.0)
    record(recorder, sample())
    recorder.restart("again")

    report = recorder.take_report(1.0)

    assert (report["run"], report["sequence"], report["rows"]) == ("again", 1, [])


def test_a_secret_in_a_request_name_is_redacted() -> None:
    recorder, results = Recorder(), Results()
    recorder.on_request("GET", "/x?access_token=fake-token-of-a-stock-user", 1.0, 1)
    recorder.tick(1.0, users=1)
    results.add("local", recorder.take_report(1.0, stopped=True))
    (key,) = results.keys()
    assert key.name.startswith("/x?access_token=")
    assert "fake-token" not in key.name


@pytest.mark.parametrize(("read", "delays", "unstamped"), [(5_700_000, 1, 0), (5_000_000, 0, 1)])
def test_the_delay_of_a_socket_that_has_no_status(read: int, delays: int, unstamped: int) -> None:
    recorder, results = Recorder(), Results()
    sample = Sample("SIO", "ping", 0, 5_000_000, read, 10, 10, 0)
    recorder.on_request("SIO", "ping", 5.0, 10, sample=sample)
    recorder.tick(1.0, users=1)
    results.add("local", recorder.take_report(1.0, stopped=True))
    assert (results.delay.total, results.unstamped) == (delays, unstamped)


def test_exceptions_beyond_a_thousand_texts_are_counted_together_and_known_ones_still_apart() -> None:
    recorder = Recorder()
    for number in range(MAX_ERRORS + 5):
        recorder.count_exception(f"ValueError: number {number}")
    recorder.count_exception("ValueError: number 3")

    exceptions = results_of(recorder).exceptions

    assert len(exceptions) == MAX_ERRORS + 1
    assert exceptions["(other)"] == 5
    assert exceptions["ValueError: number 3"] == 2


def test_kills_and_late_starts_come_once() -> None:
    recorder = Recorder()
    recorder.count_kill()
    recorder.late(3 * MS)
    first, second = results_of(recorder), results_of(recorder)

    assert (first.kills, first.start_lag.maximum) == (1, 3_000)
    assert first.notes == ["Users that did not end within the stop timeout were killed in what they were doing."]
    assert (second.kills, second.start_lag.total, second.notes) == (0, 0, [])


def test_a_second_in_which_a_value_is_clamped_counts_all_its_values() -> None:
    recorder = Recorder()
    for milliseconds in (1.0, -5.0, 4_000_000.0, 2.0):
        recorder.on_request("GET", "/x", milliseconds, 0)

    ok = results_of(recorder).tally(Key("GET", "/x")).ok
    assert (ok.total, ok.clamped, ok.minimum, ok.maximum) == (4, 2, 0, 3_600_000_000)
    assert ok.sum == 1_000 + 2_000 + 3_600_000_000


def test_a_failed_step_is_a_failure_of_that_step() -> None:
    recorder = Recorder()
    steps = [("pay", MS, False), ("ship", 2 * MS, True)]
    flow = Sample("FLOW", "checkout", 10**18, 10**18 + 3 * MS, 10**18, 0, 0, 0, Failure(Reason.STATUS, "no"))
    record(recorder, flow, context={"steps": steps}, exception=ValueError("no"))
    record(recorder, flow, context={}, exception=ValueError("no"))

    results = results_of(recorder)

    assert results.tally(Key("FLOW", "checkout")).failures == 2
    assert [(tally.count, tally.failures) for tally in map(results.tally, steps_of(results))] == [(1, 0), (1, 1)]
    assert results.total.count == 0


def steps_of(results: Results) -> list[Key]:
    return [key for key in results.keys() if key.type == "STEP"]  # noqa: SIM118 - no mapping
