"""What the web UI is told of a test: rows, pages and files, by Flask's test client."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import Any

import flask
import pytest
from live_run import LiveRun, judged
from locust import User
from locust.env import Environment
from locust.web import WebUI
from manual_clock import ManualClock

from wireswarm.metrics import Results, Validity
from wireswarm.plugin.exporting import JUDGEMENTS, VALIDITY
from wireswarm.plugin.measuring import RESULTS
from wireswarm.plugin.reporting import SUMMARY, Reporting
from wireswarm.plugin.webtab import install_webtab, with_tables
from wireswarm.plugin.webtab_rows import (
    MAX_PERCENTILE_ROWS,
    MAX_THRESHOLD_ROWS,
    PERCENTILES,
    STRUCTURES,
    VERDICT,
    Standing,
    percentile_rows,
    verdict_rows,
)
from wireswarm.reports.saved import decode

HOSTILE = "<script>document.title='broken into'</script>"
VALID = Validity("VALID", [])


def standing(run: LiveRun, *thresholds: str, **changes: Any) -> Standing:
    judgements = judged(run.results, *thresholds)
    return Standing(
        **{"running": True, "exit_code": 0, "results": run.results, "judgements": judgements, "validity": VALID}
        | changes
    )


def of_one_request(milliseconds: float = 12.0, name: str = "/x") -> LiveRun:
    run = LiveRun()
    run.request(milliseconds, name=name)
    run.report()
    return run


def quiet() -> None:
    """No pause."""


# ---- Rows


def test_a_test_that_goes_on_is_passing_or_failing_and_one_that_has_ended_passed_or_failed() -> None:
    run = of_one_request()
    first = [
        verdict_rows(standing(run, running=running, exit_code=code))[0]
        for running, code in ((True, 0), (True, 3), (False, 0), (False, 3))
    ]
    assert [(row["state"], row["check"]) for row in first] == [
        ("✓ passing", "verdict so far"),
        ("✗ failing", "verdict so far: exit code 3"),
        ("✓ PASSED", "verdict"),
        ("✗ FAILED", "verdict: exit code 3"),
    ]
    assert first[0]["found"] == "0:01 · 1 request · 1.00/s · 0 % failed"


def test_thresholds_that_fail_come_first_and_those_without_data_before_those_that_hold() -> None:
    run = of_one_request(12)
    texts = ("p95 < 1s", "GET /nobody: p95 < 1s", "max < 1ms")
    live = verdict_rows(standing(run, *texts))[2:]
    assert [row["state"] for row in live] == ["✗ breached", "… no data yet", "✓ holds"]
    assert live[0] | {"found": ""} == {
        "state": "✗ breached",
        "subject": "total",
        "check": "max < 1ms",
        "found": "",
        "source": "--threshold",
    }
    assert "limit 1 ms" in live[0]["found"]
    ended = verdict_rows(standing(run, *texts, running=False, exit_code=3))[2:]
    assert [row["state"] for row in ended] == ["✗ FAILED", "✗ FAILED", "✓ passed"]


def test_every_reason_for_doubt_has_a_row() -> None:
    run = of_one_request()
    rows = verdict_rows(standing(run, validity=Validity("INVALID", ["a worker was lost", "CPU at 100 %"])))
    assert [(row["state"], row["found"]) for row in rows[1:]] == [
        ("✗ INVALID", "a worker was lost"),
        ("✗ INVALID", "CPU at 100 %"),
    ]
    assert verdict_rows(standing(run, validity=Validity("DEGRADED", ["late"])))[1]["state"] == "! DEGRADED"


def test_no_threshold_is_told_when_all_is_over() -> None:
    assert verdict_rows(standing(of_one_request(), running=False))[-1]["found"] == "none was set"


def test_more_thresholds_than_can_be_shown_are_counted() -> None:
    run = of_one_request()
    (judgement,) = judged(run.results, "p95 < 1s")
    rows = verdict_rows(standing(run, judgements=[judgement] * (MAX_THRESHOLD_ROWS + 2)))
    assert len(rows) == 2 + MAX_THRESHOLD_ROWS + 1
    assert rows[-1]["found"] == "2 more thresholds: see the live report"


def test_percentiles_are_numbers_in_milliseconds_in_the_tables_columns() -> None:
    run = LiveRun()
    for milliseconds in range(1, 101):
        run.request(milliseconds)
    run.request(5, failed=True)
    run.report()
    total, row = percentile_rows(run.results, quiet)
    assert list(row) == [column for column, _ in STRUCTURES[PERCENTILES]]
    assert (row["type"], row["request"]) == ("GET", "/x")
    assert (row["count"], row["failures"], row["share"], row["rps"]) == (101, 1, 0.9901, 101.0)
    assert (row["p50"], row["p95"], row["p999"], row["max"]) == pytest.approx((50, 95, 100, 100), rel=0.001)
    assert total | {"type": "GET", "request": "/x"} == row


def test_flows_follow_the_exchanges_each_before_its_steps() -> None:
    run = LiveRun()
    run.flow(5, "b_flow", [("z", 1), ("a", 2)])
    run.flow(5, "a_flow", [("only", 1)])
    run.request(1, name="/z")
    run.request(1, name="/a")
    run.report()
    names = [row["request"] for row in percentile_rows(run.results, quiet)]
    assert names == ["total", "/a", "/z", "a_flow", "a_flow: only", "b_flow", "b_flow: a", "b_flow: z"]


def test_requests_that_only_failed_have_no_percentiles_and_no_requests_no_rate() -> None:
    run = LiveRun()
    assert percentile_rows(run.results, quiet)[0] == {
        "type": "",
        "request": "total",
        "count": 0,
        "failures": 0,
        "share": 0,
        "rps": 0,
    }
    run.request(1, failed=True)
    run.report()
    assert "p50" not in percentile_rows(run.results, quiet)[1]


def test_of_many_names_the_busiest_are_shown_with_a_pause_before_each() -> None:
    run, pauses = LiveRun(), []
    for number in range(MAX_PERCENTILE_ROWS + 3):
        for _ in range(1 if number < 3 else 2):
            run.request(1, name=f"/{number:04}")
    run.report()
    rows = percentile_rows(run.results, lambda: pauses.append(1))
    assert [row["request"] for row in rows[1:2]] == ["/0003"]
    assert rows[-1] == {"request": "3 more: see the live report"}
    assert len(pauses) == MAX_PERCENTILE_ROWS


def test_names_have_no_secrets_and_no_control_characters() -> None:
    run = of_one_request(name="/x?access_token=canary-of-the-tab\x1b[31m\n")
    text = json.dumps([percentile_rows(run.results, quiet), verdict_rows(standing(run, "GET *: p95 < 1ms"))])
    assert "/x?access_token=***" in text
    assert "canary" not in text
    assert "\\u001b" not in text


# ---- What Locust's statistics become


def test_tables_are_added_to_the_statistics() -> None:
    tables = [{"key": VERDICT, "data": []}]
    body = with_tables(b'{"stats": [{"name": "}"}], "state": "running"}\n', json.dumps(tables).encode())
    assert json.loads(body) == {"stats": [{"name": "}"}], "state": "running", "extended_stats": tables}


def test_tables_of_others_are_kept() -> None:
    theirs, ours = {"key": "length", "data": [1]}, {"key": VERDICT, "data": [2]}
    old = {"extended_stats": [theirs, {"key": VERDICT, "data": []}]}
    assert json.loads(with_tables(json.dumps(old).encode(), json.dumps([ours]).encode())) == {
        "extended_stats": [theirs, ours]
    }


# ---- In a web UI


class Visitor(User):
    host = "http://127.0.0.1:8000"


class Site:
    """An environment with its web UI, and a test that the test acts out."""

    def __init__(
        self, clock: ManualClock | None = None, *, base: str = "", login: bool = False, **options: Any
    ) -> None:
        names = ("num_users", "spawn_rate", "stats_history_enabled", "run_time")
        parsed = Namespace(**dict.fromkeys(names), **options)
        self.environment = Environment(user_classes=[Visitor], parsed_options=parsed)
        self.environment.create_local_runner()
        self.web_ui: WebUI = self.environment.create_web_ui(
            "127.0.0.1", 0, web_base_path=base, web_login=login, delayed_start=True
        )
        assert self.web_ui.app is not None
        self.app: flask.Flask = self.web_ui.app
        self.run = of_one_request(12, HOSTILE)
        vars(self.environment)[RESULTS] = self.results
        self.reporting = Reporting(self.environment, self.results)
        self.clock = clock or ManualClock()
        install_webtab(self.environment, self.clock)
        self.client = self.app.test_client()

    @property
    def results(self) -> Results:
        return self.run.results

    def start(self, *thresholds: str) -> None:
        self.environment.events.test_start.fire(environment=self.environment)
        vars(self.environment).update({JUDGEMENTS: judged(self.results, *thresholds), VALIDITY: VALID})

    def stop(self, code: int) -> None:
        events = self.environment.events
        events.test_stopping.fire(environment=self.environment)
        self.environment.process_exit_code = code
        attributes = vars(self.environment)
        attributes[SUMMARY] = self.reporting.summarise(attributes[JUDGEMENTS], VALID, code)
        events.test_stop.fire(environment=self.environment)

    def get(self, path: str) -> Any:
        return self.client.get(path)

    def tables(self) -> dict[str, Any]:
        return {table["key"]: table["data"] for table in self.get("/stats/requests").json["extended_stats"]}


@pytest.fixture(autouse=True)
def _nothing_from_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    # The UI parses the process's own arguments for every page.
    monkeypatch.setattr("sys.argv", ["locust"])


def template_arguments(page: str) -> dict[str, Any]:
    text = page.partition("window.templateArgs = ")[2]
    arguments: dict[str, Any] = json.JSONDecoder().raw_decode(text)[0]
    return arguments


def test_without_a_web_ui_there_is_nothing_to_extend() -> None:
    environment = Environment()
    environment.create_local_runner()
    vars(environment)[RESULTS] = LiveRun().results
    install_webtab(environment)
    assert not environment.events.test_start._handlers


def test_the_ui_has_the_tabs_the_downloads_and_the_link() -> None:
    site = Site()
    for _ in range(2):
        page = site.get("/").text
    arguments = template_arguments(page)
    assert [tab["title"] for tab in arguments["extended_tabs"]] == ["Verdict", "Percentiles"]
    assert [table["key"] for table in arguments["extended_tables"]] == [VERDICT, PERCENTILES]
    assert [link["href"] for link in arguments["extended_csv_files"]] == [
        "./wireswarm/report",
        "./wireswarm/summary.json",
        "./wireswarm/junit.xml",
    ]
    assert page.count('id="wireswarm-report"') == 1
    assert page.rstrip().endswith("</html>")


def test_tabs_of_a_locustfile_are_kept() -> None:
    site = Site()
    theirs = {"key": "length", "title": "Length"}
    site.web_ui.template_args["extended_tabs"] = [theirs]
    tabs = template_arguments(site.get("/").text)["extended_tabs"]
    assert tabs[0] == theirs
    assert len(tabs) == 3


def test_before_the_first_test_there_is_nothing_to_show() -> None:
    site = Site()
    assert "extended_stats" not in site.get("/stats/requests").json
    report = site.get("/wireswarm/report")
    assert "No test has been started yet" in report.text
    assert report.headers["Refresh"] == "5"
    assert "default-src 'none'" in report.headers["Content-Security-Policy"]
    for name in ("summary.json", "junit.xml"):
        assert site.get(f"/wireswarm/{name}").status_code == 404


def test_the_tables_come_with_the_statistics_each_time() -> None:
    site = Site()
    site.start("p95 < 1ms")
    for _ in range(2):  # the second time, Locust answers with what it has kept
        tables = site.tables()
        assert [row["state"] for row in tables[VERDICT]] == ["✗ failing", "✓ VALID", "✗ breached"]
        assert [row["request"] for row in tables[PERCENTILES]] == ["total", HOSTILE]
    assert site.get("/stats/requests").headers["Access-Control-Allow-Origin"]


def test_what_has_been_computed_serves_everybody_for_a_second() -> None:
    site = Site()
    site.start()
    before = site.tables()
    site.run.request(1, name="/new")
    site.run.report()
    site.clock.advance(0.9)
    assert site.tables() == before
    site.clock.advance(0.2)
    assert [row["request"] for row in site.tables()[PERCENTILES]] == ["total", "/new", HOSTILE]
    site.stop(0)  # which is told at once
    assert site.tables()[VERDICT][0]["state"] == "✓ PASSED"


def test_the_verdict_so_far_takes_failures_into_account_as_the_last_one_does() -> None:
    site = Site(exit_code_on_error=7)
    site.environment.stats.log_error("GET", "/x", "oh")
    site.start()
    assert site.tables()[VERDICT][0]["check"] == "verdict so far: exit code 7"
    site.start("errors < 1%")
    assert site.tables()[VERDICT][0]["check"] == "verdict so far"


def test_what_takes_long_is_computed_less_often() -> None:
    clock = ManualClock()
    site = Site(clock)
    summarise, made = site.reporting.summarise, []

    def slowly(*args: Any, **kwargs: Any) -> Any:
        clock.advance(0.5)
        made.append(1)
        return summarise(*args, **kwargs)

    site.reporting.summarise = slowly  # type: ignore[method-assign]
    site.start()
    for passed, count in ((0, 1), (5, 1), (4.9, 1), (0.2, 2)):
        clock.advance(passed)
        site.get("/wireswarm/summary.json")
        assert len(made) == count


def test_a_threshold_without_data_yet_is_no_failure_so_far() -> None:
    site = Site()
    site.start("GET /nobody: p95 < 1s")
    assert [row["state"] for row in site.tables()[VERDICT]] == ["✓ passing", "✓ VALID", "… no data yet"]


def test_the_report_of_a_running_test_loads_itself_again_and_that_of_an_ended_one_does_not() -> None:
    site = Site()
    site.start("p95 < 1ms")
    running = site.get("/wireswarm/report")
    assert running.headers["Refresh"] == "5"
    assert "The test is running. This is how it stands after 0:01" in running.text
    assert "✗" in running.text.partition("</title>")[0]
    assert HOSTILE not in running.text
    assert "&lt;script&gt;" in running.text
    site.stop(3)
    ended = site.get("/wireswarm/report")
    assert "Refresh" not in ended.headers
    assert "The test has ended." in ended.text
    assert "exit code 3" in ended.text


def test_the_report_forbids_itself_what_it_does_not_need() -> None:
    site = Site()
    site.start()
    report = site.get("/wireswarm/report")
    assert report.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert report.headers["X-Content-Type-Options"] == "nosniff"
    assert report.headers["Cache-Control"] == "no-store"
    policy = report.text.partition('http-equiv="Content-Security-Policy" content="')[2].partition('"')[0]
    assert policy.startswith("default-src &#39;none&#39;")
    assert "unsafe" not in policy


def test_files_of_the_running_and_of_the_last_test() -> None:
    site = Site()
    site.start("p95 < 1ms")
    for code in (None, 3):
        if code is not None:
            site.stop(code)
        saved = site.get("/wireswarm/summary.json")
        summary = decode(saved.data, "summary.json")
        assert (summary.verdict, summary.exit_code, summary.total.count) == ("failed", 3, 1)
        assert saved.headers["Content-Disposition"] == 'attachment; filename="summary.json"'
        junit = site.get("/wireswarm/junit.xml")
        assert junit.mimetype == "application/xml"
        assert 'failures="1"' in junit.text


def test_all_of_it_is_below_the_base_path() -> None:
    site = Site(base="/load")
    site.start()
    assert site.get("/load/wireswarm/report").status_code == 200
    assert site.get("/wireswarm/report").status_code == 404
    assert "extended_stats" in site.get("/load/stats/requests").json
    assert "./wireswarm/report" in site.get("/load/").text


@pytest.mark.parametrize("path", ["report", "summary.json", "junit.xml"])
def test_with_a_login_the_pages_need_one(path: str) -> None:
    site = Site(login=True)
    site.app.secret_key = "of this test"
    site.web_ui.login_manager.user_loader(lambda _name: None)
    site.start()
    answer = site.get(f"/wireswarm/{path}")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login")
    assert HOSTILE not in answer.text
    assert "extended_stats" not in site.get("/stats/requests").text


def test_the_statistics_wait_for_the_verdict_but_not_for_long() -> None:
    clock = EndingClock(after=3)
    site = clock.site = Site(clock)
    for state, waits in (("✓ PASSED", 3), ("✓ passing", 100)):
        clock.slept.clear()
        site.start()
        site.environment.events.test_stopping.fire(environment=site.environment)
        assert site.tables()[VERDICT][0]["state"] == state
        assert len(clock.slept) == pytest.approx(waits, abs=1)
        clock.after = 1000


class EndingClock(ManualClock):
    """Ends the site's test when it has been waited on a few times."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after
        self.site: Site | None = None

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.site is not None and len(self.slept) == self.after:
            self.site.environment.events.test_stop.fire(environment=self.site.environment)
