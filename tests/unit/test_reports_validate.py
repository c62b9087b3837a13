"""Judging runs that are over: our summaries, and Locust's CSV files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import report_summaries as made

from wireswarm import ConfigurationError, validate_results
from wireswarm.reports.judging import SavedRun, judge_summary
from wireswarm.reports.locust_csv import read_locust_csv
from wireswarm.reports.saved import write_summary
from wireswarm.thresholds import parse_threshold

HEADER = (
    "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,"
    "Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%\n"
)
GET = "GET,/projects,100,1,20,25.5,5.25,400.5,100.0,10.0,0.1,20,22,25,30,50,80,120,200,400,400,400\n"
POST = 'POST,"/init, session",300,0,40,45.0,30.0,900.0,100.0,30.0,0.0,40,42,45,50,60,70,80,90,900,900,900\n'
FLOW = "FLOW,full,10,0,5000,5000.0,4000.0,6000.0,0.0,1.0,0.0,5000,5000,5000,5000,6000,6000,6000,6000,6000,6000,6000\n"
ALL = ",Aggregated,400,1,38,40.1,5.25,900.0,100.0,40.0,0.1,38,41,44,48,58,72,90,110,900,900,900\n"
PROFILES = """
[thresholds]
"*" = ["p95 < 500ms", "errors < 1%"]
[profiles.medium]
users = 50
thresholds."GET /projects" = ["p95 < 100ms", "max < 1s"]
[profiles.strict]
thresholds."GET /projects" = ["p95 < 50ms"]
thresholds."POST *" = ["errors < 0.1%"]
thresholds."/nowhere" = ["p95 < 1s"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With results of Locust's, a summary, and profiles."""
    (tmp_path / "results_stats.csv").write_text(HEADER + GET + POST + ALL, "utf-8")
    (tmp_path / "locustfile.toml").write_text(PROFILES, "utf-8")
    write_summary(made.rich(), tmp_path / "summary.json")
    return tmp_path


def test_as_the_lorax_document_calls_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("WIRESWARM_PROFILE_FILE", raising=False)

    assert validate_results("results", "medium") == {"passed": True, "failures": []}
    assert validate_results("results", "strict") == {
        "passed": False,
        "failures": [
            "GET /projects: p95 < 50ms: p95 was 80 ms, limit 50 ms",
            '/nowhere: p95 < 1s: no data: nothing matched "/nowhere"; there were: GET /projects, POST /init, session',
        ],
    }


def test_a_summary_is_judged_by_the_same_profile(folder: Path) -> None:
    profiles = folder / "locustfile.toml"

    for results in (folder / "summary.json", folder):
        verdict = validate_results(results, "medium", profiles)
        assert not verdict["passed"]
        assert verdict["failures"][0] == "total: errors < 1%: errors was 2.48%, limit 1%"
        assert verdict["failures"][1].startswith('GET /projects: p95 < 100ms: no data: nothing matched "GET /projects"')
        assert len(verdict["failures"]) == 3


def test_the_profile_file_is_found_beside_the_runs_locustfile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WIRESWARM_PROFILE_FILE", raising=False)
    summary = msgspec.structs.replace(made.rich(), run=made.run(locustfile=str(folder / "locustfile.py")))
    write_summary(summary, folder / "other.json")

    assert len(validate_results(folder / "other.json", "medium")["failures"]) == 3


def test_the_environment_names_the_profile_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "own.toml").write_text('[profiles.medium]\nthresholds."*" = ["count > 400"]\n', "utf-8")
    monkeypatch.setenv("WIRESWARM_PROFILE_FILE", str(folder / "own.toml"))

    assert validate_results(folder / "results", "medium")["failures"] == [
        "total: count > 400: count was 400, limit 400"
    ]


def test_what_cannot_be_judged_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    monkeypatch.delenv("WIRESWARM_PROFILE_FILE", raising=False)
    with pytest.raises(ConfigurationError, match="nothing: found no results; allowed: a summary, a folder"):
        validate_results(folder / "nothing", "medium", folder / "locustfile.toml")
    with pytest.raises(ConfigurationError, match="found no such profile"):
        validate_results(folder / "results", "large", folder / "locustfile.toml")
    with pytest.raises(ConfigurationError, match="found no profile file here; pass --profile-file"):
        validate_results(folder / "results", "medium")
    (folder / "bare.toml").write_text("[profiles.bare]\nusers = 1\n", "utf-8")
    with pytest.raises(ConfigurationError, match=r"profiles\.bare: found no thresholds to judge by"):
        validate_results(folder / "results", "bare", folder / "bare.toml")


EXPRESSIONS = (
    "p50 < 1ms",
    "p95 < 1ms",
    "p99.9 < 1ms",
    "max < 1ms",
    "min < 1us",
    "mean < 1ms",
    "errors < 0.01%",
    "count < 1",
    "rps < 1/s",
)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_saved_run_has_the_values_that_its_report_shows(expression: str) -> None:
    summary = made.rich()
    (row,) = (row for row in summary.requests if row.name == "/modify_food_record")
    (judged,) = judge_summary(summary, [parse_threshold(f"POST /modify_food_record: {expression}", source="test")])
    latency = row.latency
    shown = {
        "p50": latency.p50_ms,
        "p95": latency.p95_ms,
        "p99.9": latency.p999_ms,
        "max": latency.max_ms,
        "min": latency.min_ms,
        "mean": latency.mean_ms,
        "errors": 100 * row.failures / row.count,
        "count": row.count,
        "rps": row.rps,
    }

    assert judged.value == pytest.approx(shown[expression.partition(" ")[0]], rel=1e-3)
    assert not judged.passed


def test_flows_steps_workers_and_watched_series_are_judged_too() -> None:
    expressions = (
        "FLOW full_flow: p95 < 1ms",
        "STEP full_flow: weigh: count < 1",
        "cpu < 1%",
        "rss_MB.growth < 1",
        "due_p95 < 1ms",
        "abandoned < 1",
    )
    judged = judge_summary(made.rich(), [parse_threshold(text, source="test") for text in expressions])

    assert [one.subject for one in judged] == ["FLOW full_flow", "STEP full_flow: weigh", "run", "run", "total", "run"]
    assert all(one.value is not None and not one.passed for one in judged)
    assert judged[2].value == pytest.approx(83.0)


def test_a_window_is_taken_from_what_was_judged_while_the_run_went_on() -> None:
    summary = made.rich()
    row = msgspec.structs.replace(summary.thresholds[0], expression="errors < 5% over 30s")
    summary = msgspec.structs.replace(summary, thresholds=[row])
    known, unknown = (
        parse_threshold("errors < 5% over 30s", source="a"),
        parse_threshold("errors < 6% over 30s", source="a"),
    )

    assert judge_summary(summary, [known]) == [row]
    (judged,) = judge_summary(summary, [unknown])
    assert (judged.passed, judged.value) == (False, None)


def test_a_saved_runs_failures_are_counted_as_they_were() -> None:
    run = SavedRun(made.rich())

    assert (run.total.count, run.total.failures) == (13_100, 325)
    assert sum(run.tally(key).count for key in run.keys() if key.is_exchange) == 13_100  # noqa: SIM118


def test_csv_percentiles_are_those_of_the_columns(folder: Path) -> None:
    run = read_locust_csv(folder / "results_stats.csv")
    get, post = (run.tally(key) for key in run.keys())  # noqa: SIM118

    assert [get.ok.percentile(percent) / 1000 for percent in (50, 95, 99, 99.9, 100)] == [20, 80, 200, 400, 400]
    assert get.ok.percentile(97) / 1000 == 120, "the next higher one"
    assert (get.ok.minimum, get.ok.maximum, get.ok.mean) == (5250, 400_500, 25_500)
    assert (get.count, get.failures, post.count) == (100, 1, 300)
    assert run.elapsed_s == 10.0
    assert run.total.ok.percentile(95) / 1000 == 72, "Locust's own row"


def test_csv_total_leaves_flows_out(folder: Path) -> None:
    path = folder / "flows_stats.csv"
    path.write_text(HEADER + GET + POST + FLOW + ALL.replace("400,1,", "410,1,"), "utf-8")
    run = read_locust_csv(path)

    assert (run.total.count, run.total.failures, run.total.ok.total) == (400, 1, 400)
    assert run.total.ok.maximum == 900_000
    assert run.total.ok.percentile(50) / 1000 == 40
    assert run.total.ok.mean == pytest.approx((25.5 * 100 + 45 * 300) / 400 * 1000)


def test_csv_without_requests_or_successes_has_no_latency(folder: Path) -> None:
    nothing = ",Aggregated,0,0,0,0.0,0,0,0,0.0,0.0" + ",N/A" * 11 + "\n"
    (folder / "results_stats.csv").write_text(HEADER + nothing, "utf-8")
    assert validate_results(folder / "results", "medium", folder / "locustfile.toml")["failures"][:2] == [
        "total: p95 < 500ms: no data: there were no requests",
        "total: errors < 1%: no data: there were no requests",
    ]
    failed = GET.replace("100,1,", "100,100,")
    (folder / "results_stats.csv").write_text(HEADER + failed + failed.replace("GET,/projects", ",Aggregated"), "utf-8")
    failures = validate_results(folder / "results", "medium", folder / "locustfile.toml")["failures"]
    assert failures[0] == "total: p95 < 500ms: no data: none of the 100 requests succeeded"


def test_csv_that_cannot_be_read_is_named(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory\)"):
        read_locust_csv(folder)


def test_csv_knows_nothing_of_windows(folder: Path) -> None:
    (folder / "own.toml").write_text('[profiles.p]\nthresholds."*" = ["errors < 5% over 30s"]\n', "utf-8")

    assert validate_results(folder / "results", "p", folder / "own.toml") == {
        "passed": False,
        "failures": ["total: errors < 5% over 30s: no data: no second of a window is known"],
    }


def test_csv_does_not_tell_what_was_abandoned(folder: Path) -> None:
    (folder / "own.toml").write_text('[profiles.p]\nthresholds."*" = ["abandoned < 1", "cpu < 90%"]\n', "utf-8")

    assert validate_results(folder / "results", "p", folder / "own.toml")["failures"] == [
        "run: abandoned < 1: no data: Locust's CSV files do not tell it",
        "run: cpu < 90%: no data: no process has told its CPU time",
    ]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "found no column Type, Name"),
        (b"Type,Name\n", "found no column Request Count"),
        ((HEADER + GET).encode(), "found a damaged file (no row Aggregated: the run did not end)"),
        ((HEADER + GET[:40] + "\n" + ALL).encode(), "found a damaged file"),
        ((HEADER + ALL.replace("400,1", "x,1")).encode(), "found a damaged file (invalid literal"),
        (HEADER.encode() + b"\xff\n", "found a damaged file"),
    ],
)
def test_a_csv_that_is_none_is_refused(folder: Path, content: bytes, found: str) -> None:
    path = folder / "results_stats.csv"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        read_locust_csv(path)

    assert str(caught.value).startswith(f"{path}: {found}")
