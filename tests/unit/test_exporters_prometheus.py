"""What a scrape shows of a run, as Prometheus reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from live_run import LiveRun, judged
from prometheus_client.parser import text_string_to_metric_families

from wireswarm.exporters import Live, expose, registry_of
from wireswarm.metrics import Reading
from wireswarm.sample import Counter

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "wireswarm.json"

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(live: Live) -> Values:
    body, content_type = expose(registry_of(lambda: live, pause=lambda: None), "")
    assert content_type.startswith("text/plain; version=0.0.4")
    values: Values = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in values, "Prometheus refuses a scrape with a duplicate"
            values[key] = sample.value
    return values


def value(values: Values, metric: str, /, **labels: str) -> float:
    return values[metric, frozenset(labels.items())]


def names(values: Values) -> set[str]:
    return {name for name, _ in values}


def full_run() -> Live:
    """A run in which there is something of everything."""
    run = LiveRun()
    for milliseconds in (1, 2, 30, 400):
        run.request(milliseconds)
    run.request(7, failed=True)
    run.request(8, failed=True)
    run.request(5, "POST", "/orders")
    run.flow(90, "checkout", [("pay", 40), ("ship", 50)])
    run.flow(5, "checkout", [("pay", 5)], failed=True)
    run.recorder.lag(0.002)
    run.recorder.drop(3)
    run.recorder.count({Counter.CONNECTS: 4}, abandoned=2, start_retries=1)
    run.recorder.observe(Reading(seconds=1.0, cpu_s=0.5, memory_mb=64.0, users=3, connections=7))
    run.report()
    return Live(
        results=run.results,
        users=3,
        workers={"running": 2, "missing": 1},
        judgements=judged(run.results, "p95 < 1us", "count > 1", "GET /nowhere: p95 < 1s"),
        validity="DEGRADED",
        lost={"influxdb": 5},
    )


def test_requests_and_failures_are_counted_by_name_and_reason() -> None:
    values = scrape(full_run())
    assert value(values, "wireswarm_requests_total", type="GET", name="/x") == 6
    assert value(values, "wireswarm_requests_total", type="POST", name="/orders") == 1
    assert value(values, "wireswarm_failures_total", type="GET", name="/x", reason="status") == 2


def test_flows_and_steps_are_apart_so_that_a_sum_counts_nothing_twice() -> None:
    values = scrape(full_run())
    assert sum(v for (name, _), v in values.items() if name == "wireswarm_requests_total") == 7
    assert value(values, "wireswarm_flows_total", flow="checkout") == 2
    assert value(values, "wireswarm_flow_failures_total", flow="checkout", reason="status") == 1
    assert value(values, "wireswarm_flow_steps_total", flow="checkout", step="pay") == 2
    assert value(values, "wireswarm_flow_step_failures_total", flow="checkout", step="pay") == 1
    assert value(values, "wireswarm_flow_step_failures_total", flow="checkout", step="ship") == 0
    assert value(values, "wireswarm_flow_step_duration_seconds_sum", flow="checkout", step="ship", outcome="ok") == (
        pytest.approx(0.05)
    )


def test_latencies_are_histograms_in_seconds_of_successes_and_failures_apart() -> None:
    values = scrape(full_run())
    name, labels = "wireswarm_request_duration_seconds", {"type": "GET", "name": "/x", "outcome": "ok"}
    assert value(values, f"{name}_count", **labels) == 4
    assert value(values, f"{name}_sum", **labels) == pytest.approx(0.433)
    assert value(values, f"{name}_bucket", **labels, le="0.0025") == 2
    assert value(values, f"{name}_bucket", **labels, le="0.05") == 3
    assert value(values, f"{name}_bucket", **labels, le="+Inf") == 4
    assert value(values, f"{name}_count", **(labels | {"outcome": "failed"})) == 2


def test_the_load_generator_tells_about_itself() -> None:
    values = scrape(full_run())
    assert value(values, "wireswarm_users") == 3
    assert value(values, "wireswarm_workers", state="running") == 2
    assert value(values, "wireswarm_workers", state="missing") == 1
    assert value(values, "wireswarm_event_loop_lag_seconds_count") == 1
    assert value(values, "wireswarm_delay_seconds_count") == 7
    assert value(values, "wireswarm_delay_seconds_sum") == pytest.approx(7e-6)
    assert value(values, "wireswarm_dropped_total") == 3
    assert value(values, "wireswarm_abandoned_total") == 2
    assert value(values, "wireswarm_start_retries_total") == 1
    assert value(values, "wireswarm_events_total", event="connects") == 4
    assert value(values, "wireswarm_worker_cpu_ratio", worker="local") == 0.5
    assert value(values, "wireswarm_worker_memory_bytes", worker="local") == 64e6
    assert value(values, "wireswarm_open_connections", worker="local") == 7
    assert value(values, "wireswarm_export_dropped_total", exporter="influxdb") == 5


def test_thresholds_and_validity_are_states() -> None:
    values = scrape(full_run())
    assert value(values, "wireswarm_threshold_ok", expression="p95 < 1us", subject="total") == 0
    assert value(values, "wireswarm_threshold_ok", expression="count > 1", subject="total") == 1
    assert [v for (name, _), v in values.items() if name == "wireswarm_threshold_ok"] == [0, 1], "no data, no state"
    assert value(values, "wireswarm_validity", state="DEGRADED") == 1
    assert value(values, "wireswarm_validity", state="VALID") == 0


def test_the_same_threshold_from_two_sources_is_one_state() -> None:
    live = full_run()
    values = scrape(Live(results=live.results, judgements=[*live.judgements, *live.judgements]))
    assert value(values, "wireswarm_threshold_ok", expression="p95 < 1us", subject="total") == 0


def test_before_anything_was_measured_there_is_a_scrape_too() -> None:
    values = scrape(Live(users=2))
    assert value(values, "wireswarm_users") == 2
    assert "wireswarm_requests_total" not in names(values)
    assert "wireswarm_delay_seconds_count" in names(scrape(Live(results=LiveRun().results)))


def test_names_with_quotes_and_line_feeds_are_read_back() -> None:
    run = LiveRun()
    name = 'a "b" \\ c\nd é'
    run.request(1, "GET", name)
    run.report()
    assert sum(v for (n, _), v in scrape(Live(results=run.results)).items() if n == "wireswarm_requests_total") == 1


def test_open_metrics_are_answered_where_they_are_asked_for() -> None:
    live = full_run()
    body, content_type = expose(
        registry_of(lambda: live, pause=lambda: None), "application/openmetrics-text;version=1.0.0"
    )
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_a_scrape_of_many_names_lets_the_load_go_on() -> None:
    run, pauses = LiveRun(), []
    for number in range(300):
        run.request(number, name=f"/{number}")
    run.report()
    live = Live(results=run.results)
    body, _ = expose(registry_of(lambda: live, pause=lambda: pauses.append(None)), "")
    assert len(pauses) > body.count(b"\n") / 300


def test_the_dashboard_shows_metrics_that_exist_by_labels_that_exist() -> None:
    values = scrape(full_run())
    labels = {name: {label for label, _ in keys} for name, keys in values}
    text = DASHBOARD.read_text("utf-8")
    dashboard = json.loads(text)
    expressions = [t["expr"] for panel in dashboard["panels"] for t in panel.get("targets", [])]
    expressions += [v["query"] for v in dashboard["templating"]["list"] if v["type"] == "query"]
    used = {name for expression in expressions for name in re.findall(r"wireswarm_\w+", expression)}
    assert len(used) >= 15
    assert used <= names(values)
    for expression in expressions:
        of = set().union(*(labels[name] for name in re.findall(r"wireswarm_\w+", expression)))
        for by in re.findall(r"by \(([^)]*)\)", expression):
            assert {label.strip() for label in by.split(",")} <= of | {"instance"}, expression
        for name, matchers in re.findall(r"(wireswarm_\w+)\{([^}]*)\}", expression):
            assert set(re.findall(r"(\w+)=~?\"", matchers)) <= labels[name] | {"instance"}, expression
