"""From what was measured to the summary."""

from __future__ import annotations

import pytest
import report_summaries as made

from wireswarm.metrics import FLOW, STEP, Recorder, Results, Validity
from wireswarm.reports.build import build_summary
from wireswarm.reports.saved import decode, encode
from wireswarm.thresholds import Evaluator, parse_threshold


def measured() -> Results:
    """Three seconds of requests and a flow."""
    recorder, results = Recorder(), Results()
    for second in range(3):
        for index in range(20):
            recorder.on_request("GET", "/x", 10.0 + index, 100)
        recorder.on_request("POST", "/y", 50.0, 10, exception=ValueError("no such order"))
        recorder.on_request(FLOW, "checkout", 80.0, 0)
        for step in ("pay", "choose"):
            recorder.on_request(STEP, f"checkout: {step}", 20.0, 0)
        recorder.tick(second + 1.0, users=second + 1)
        results.add("local", recorder.take_report(now_s=second + 1.0))
        results.tick(second + 1.0)
    results.finish(3.0)
    return results


def test_requests_flows_and_their_steps_go_apart() -> None:
    summary = build_summary(
        measured(),
        [],
        run=made.run(),
        validity=Validity("VALID", []),
        exit_code=0,
        steps={"checkout": ["choose", "pay", "never"]},
        notes=["one more thing"],
    )

    assert summary.verdict == "passed"
    assert [(row.type, row.name, row.count, row.failures) for row in summary.requests] == [
        ("GET", "/x", 60, 0),
        ("POST", "/y", 3, 3),
    ]
    (get, post) = summary.requests
    assert (get.rps, get.latency.min_ms, get.latency.max_ms) == (20.0, 10.0, 29.0)
    assert get.latency.p50_ms == pytest.approx(19.0, rel=1e-3)
    assert sum(count for _, count in get.latency.buckets) == 60
    assert (post.latency.count, post.failed.count, post.failed.p50_ms) == (0, 3, 50.0)
    assert (summary.total.count, summary.total.failures) == (63, 3), "flows and steps are no exchanges"
    (flow,) = summary.flows
    assert (flow.row.name, flow.row.count) == ("checkout", 3)
    assert [step.name for step in flow.steps] == ["choose", "pay"], "in the order that they run in"
    assert [(row.name, row.count) for row in summary.errors] == [("/y", 3)]
    assert summary.notes[-1] == "one more thing"


def test_the_time_line_and_the_batches_add_up() -> None:
    summary = build_summary(measured(), [], run=made.run(), validity=Validity("VALID", []), exit_code=0)

    assert sum(point.count for point in summary.timeline) == 63
    assert sum(point.failures for point in summary.timeline) == 3
    assert sum(batch.count for batch in summary.requests[0].batches) == 60
    assert summary.requests[0].batches[0].mean_ms == 19.5


def test_judgements_are_copied_and_a_run_with_an_exit_code_failed() -> None:
    results = measured()
    thresholds = [
        parse_threshold("GET /x: p95 < 5ms", source="--threshold"),
        parse_threshold("/no: p95 < 5ms", source="--threshold"),
    ]
    judgements = Evaluator(thresholds).judge(results, 3.0, final=True)

    summary = build_summary(results, judgements, run=made.run(), validity=Validity("INVALID", ["why"]), exit_code=3)

    assert (summary.verdict, summary.exit_code) == ("failed", 3)
    found, missing = summary.thresholds
    assert (found.subject, found.passed, found.limit, found.unit) == ("GET /x", False, 5.0, "ms")
    assert found.value == pytest.approx(28.0, rel=1e-3)
    assert (missing.passed, missing.value) == (False, None)
    assert (summary.validity.state, summary.validity.reasons) == ("INVALID", ["why"])


def test_a_run_that_measured_nothing_has_a_summary() -> None:
    summary = build_summary(Results(), [], run=made.run(duration_s=0.0), validity=Validity("VALID", []), exit_code=0)

    assert (summary.total.count, summary.total.rps, summary.requests, summary.timeline) == (0, 0.0, [], [])
    assert decode(encode(summary), "it") == summary


def test_credentials_are_taken_out() -> None:
    recorder, results = Recorder(), Results()
    error = ValueError("refused: Authorization: Bearer abcdefghijklmnop")
    recorder.on_request("GET", "/x?token=topsecretvalue", 1.0, 0, exception=error)
    recorder.tick(1.0, users=1)
    results.add("local", recorder.take_report(now_s=1.0))
    results.finish(1.0)

    summary = build_summary(
        results,
        [],
        run=made.run(),
        validity=Validity("VALID", []),
        exit_code=0,
        notes=["Authorization: Bearer abcdefghijklmnop"],
    )

    assert b"abcdefghijklmnop" not in encode(summary)
