"""The reports that are text: terminal, progress line, Markdown, JUnit."""

from __future__ import annotations

import io
from xml.etree import ElementTree as ET

import msgspec
import pytest
import report_summaries as made
from rich.console import Console

from wireswarm.reports.github import render_markdown
from wireswarm.reports.junit import render_junit
from wireswarm.reports.live import Progress, progress_line
from wireswarm.reports.summary import Summary
from wireswarm.reports.terminal import show_summary, sparkline

CASES = {
    "rich": made.rich(),
    "empty": made.empty(),
    "one request": made.of_requests([made.row("/a", 5.0, 1)]),
    "only failures": made.of_requests([made.row("/a", 5.0, 40, failures=40)]),
    "hostile": made.hostile(),
    "many": made.many(200),
}


def in_terminal(summary: Summary, width: int = 100, *, colour: bool = False) -> str:
    """What is printed."""
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=colour, color_system="standard" if colour else None)
    show_summary(console, summary)
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("summary", CASES.values(), ids=CASES)
def test_no_line_is_wider_than_the_terminal(summary: Summary, width: int) -> None:
    text = in_terminal(summary, width)

    assert max(len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize("summary", CASES.values(), ids=CASES)
def test_without_a_terminal_there_is_no_escape(summary: Summary) -> None:
    assert "\x1b" not in in_terminal(summary)
    assert "\x07" not in in_terminal(summary)


def test_the_terminal_shows_thresholds_verdict_and_the_table() -> None:
    lines = [" ".join(line.split()) for line in in_terminal(made.rich(), 120).splitlines()]

    assert "Request count req/s failed p50 p95 p99 p99.9 max" in lines
    assert any(line.startswith("POST /modify_food_record 2,400 40.0 2.5% 44.3 101 146 198 229") for line in lines)
    assert any(line.startswith("All requests 13,100 218 2.5%") for line in lines)
    assert any(line.startswith("upload_photo 500 0 ") for line in lines)
    assert "status 500, expected 200 GET /eater_get_today 250" in lines
    assert "✓ total: p95 < 500ms p95 was 212 ms, limit 500 ms" in lines
    assert "✗ total: errors < 1% errors was 2.48 %, limit 1 %" in lines
    assert "The run is DEGRADED" in lines
    assert "worker-2 used 91 % of its core for 4 s" in lines
    assert lines[-1] == "FAILED: 13,100 requests in 1 min, 325 failed (2.5 %), 2 of 5 thresholds breached, exit code 3"


def test_of_many_the_busiest_are_shown_and_every_failed_threshold() -> None:
    text = in_terminal(made.many(200))

    assert "/orders/0199/" in text
    assert "/orders/0001/items/{item}/attachments  3" not in text
    assert "the 60 of 200 requests that were sent most often" in text
    assert text.count("✗") == len([row for row in made.many(200).thresholds if not row.passed])


def test_what_is_left_out_and_what_was_dropped_is_said() -> None:
    (flow,) = made.rich().flows
    text = in_terminal(made.empty(flows=[flow] * 62, dropped=7, errors=[*made.many(20).errors]), 120)

    assert "2 more flows are in the summary" in text
    assert "5 more kinds of failure, 5 in all" in text
    assert "7 arrivals found no free user" in text


def test_nothing_of_a_name_is_markup() -> None:
    summary = made.of_requests([made.row("/[red]x[/red]", 5.0, 40)])

    assert "/[red]x[/red]" in in_terminal(summary, colour=True)


def test_a_sparkline_keeps_the_peaks() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0.0] * 10 + [5.0] + [0.0] * 89, 10) == "▁█▁▁▁▁▁▁▁▁"
    assert sparkline([0, 0], 5) == "▁▁"
    assert sparkline([], 5) == ""


def test_the_progress_line() -> None:
    progress = Progress(elapsed_s=20, total_s=60, users=10, rps=523.2, p95_ms=12.3, count=2000, failures=3)

    assert progress_line(progress) == "0:20/1:00 · 10 users · 523 requests/s · p95 12.3 ms · 3 failed (0.15 %)"


def test_the_progress_line_without_an_end_and_with_breaches() -> None:
    breached = ["POST /x: p95 < 5s", "a\x1b[31m\nb" * 30, "c", "d"]
    progress = Progress(
        elapsed_s=3723, total_s=None, users=1, rps=0, p95_ms=None, count=0, failures=0, breached=breached
    )
    line = progress_line(progress)

    assert line.startswith("1:02:03 · 1 user · 0 requests/s · p95 – · 0 failed · ✗ POST /x: p95 < 5s · ✗ a b")
    assert line.endswith(" · ✗ 2 more")
    assert line.isprintable()


def test_the_progress_line_is_short() -> None:
    progress = Progress(elapsed_s=1, total_s=2, users=1, rps=1, p95_ms=1, count=1, failures=1, breached=["x" * 500] * 9)

    assert len(progress_line(progress)) < 220


@pytest.mark.parametrize("summary", CASES.values(), ids=CASES)
def test_junit_is_xml_with_a_case_for_each_threshold(summary: Summary) -> None:
    root = ET.fromstring(render_junit(summary))
    cases = root.findall("testsuite/testcase")

    assert len(cases) == len(summary.thresholds) + 2
    assert root.get("tests") == str(len(cases))
    assert int(root.get("failures", "")) == len(root.findall(".//failure"))


def test_junit_says_what_failed() -> None:
    root = ET.fromstring(render_junit(made.rich()))
    failed = {
        f"{case.get('classname')} {case.get('name')}": case[0].get("message")
        for case in root.iter("testcase")
        if case.find("failure") is not None
    }

    assert failed == {
        "thresholds.total errors < 1%": "errors was 2.48 %, limit 1 %",
        "thresholds.POST /nowhere p99 < 500ms": "no data: nothing matched",
    }


@pytest.mark.parametrize(("code", "failed"), [(0, []), (1, ["exit code"]), (3, []), (4, [])])
def test_junit_has_failures_that_no_threshold_tells(code: int, failed: list[str]) -> None:
    root = ET.fromstring(render_junit(made.empty(exit_code=code)))

    assert [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None] == failed


def test_junit_has_an_invalid_run_as_a_failure() -> None:
    invalid = msgspec.structs.replace(made.rich().validity, state="INVALID")
    root = ET.fromstring(render_junit(made.empty(validity=invalid)))

    (failure,) = root.iter("failure")
    assert failure.text == "worker-2 used 91 % of its core for 4 s\n12 answers had no kernel stamp"


def test_markdown_has_the_verdict_and_tables() -> None:
    lines = render_markdown(made.rich()).splitlines()

    assert lines[0] == "## ❌ Load test load failed"
    assert "| ❌ | total | errors &#60; 1% | errors was 2.48 %, limit 1 % |" in lines
    assert any(line.startswith("| POST /manual\\_weight | 2,400 | 40.0 | 0 % | 27.8 ms |") for line in lines)
    assert any(line.startswith("| **All requests** | 13,100 |") for line in lines)
    assert "### ⚠️ The run is DEGRADED" in lines


def test_markdown_of_the_hostile_is_text() -> None:
    text = render_markdown(made.hostile())

    assert "<" not in text
    assert "\x1b" not in text
    for line in text.splitlines():
        if line.startswith("| POST"):
            assert line.count("|") == 10, "a name has broken out of its cell"


def test_markdown_of_many_fits_a_step() -> None:
    text = render_markdown(made.many(1000))

    assert len(text.encode()) < 1_000_000
    assert "The first 100 of 1,000 requests." in text
    assert "980 more kinds of failure." in text
