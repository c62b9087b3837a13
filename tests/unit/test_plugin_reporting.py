"""What a run leaves behind: names of files, which folder, and what the process says at its end."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_run import LiveRun, judged
from locust.argument_parser import get_empty_argument_parser
from locust.env import Environment

from wireswarm.metrics import Validity
from wireswarm.plugin.ending import ENDED_BY
from wireswarm.plugin.reporting import SUMMARY, Reporting, add_report_options, choose_folder, report_problems
from wireswarm.reports.compare import compare
from wireswarm.reports.saved import read_summary
from wireswarm.reports.summary import Summary

VALID = Validity("VALID", [])


def options_of(*arguments: str, **more: Any) -> Namespace:
    parser = get_empty_argument_parser(add_help=False, default_config_files=[])
    add_report_options(parser.add_argument_group("ours"))
    options: Namespace = parser.parse_args(arguments)
    vars(options).update({"worker": False, "csv_prefix": None, "load_profile": "", **more})
    return options


@pytest.fixture(autouse=True)
def _no_step_summary(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    tables = logging.getLogger("locust.stats_logger")
    yield
    for hidden in list(tables.filters):
        tables.removeFilter(hidden)


class Reported:
    """One environment, its reporting, and a test in it."""

    def __init__(self, options: Namespace | None, **settings: Any) -> None:
        self.live = LiveRun()
        self.environment = Environment(parsed_options=options, **settings)
        self.environment.create_local_runner()
        self.reporting = Reporting(self.environment, self.live.results)

    def test(self, *thresholds: str, code: int = 0) -> Summary:
        self.reporting.start()
        self.live.request(12)
        self.live.report()
        summary = self.reporting.summarise(judged(self.live.results, *thresholds), VALID, code)
        self.reporting.finish(summary, None)
        return summary


def test_names_of_files_are_looked_at_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.xml").mkdir()
    options = options_of(
        *("--report", "page.pdf", "--summary", str(tmp_path / "file" / "x.json")),
        *("--junit", str(tmp_path / "folder.xml"), "--results", str(tmp_path / "file" / "deep")),
    )

    problems = report_problems(options)

    assert [problem.split()[0] for problem in problems] == ["--summary", "--report", "--junit", "--results"]
    assert problems[1] == "--report page.pdf: allowed: a file name that ends in .html, .md"


def test_right_names_are_no_problem(tmp_path: Path) -> None:
    new = str(tmp_path / "new" / "folder")
    options = options_of(
        "--report", f"{new}/a.HTML", "--summary", f"{new}/b.json", "--junit", "c.xml", "--results", new
    )

    assert report_problems(options) == report_problems(options_of()) == []


def test_each_run_has_a_folder_of_its_own(tmp_path: Path) -> None:
    first = options_of("--results", str(tmp_path), load_profile="smoke")
    choose_folder(first)
    folder = Path(first.results_folder)
    assert folder.parent == tmp_path
    assert folder.name.endswith("-smoke")
    assert first.csv_prefix == str(folder / "locust")

    reported = Reported(first)
    reported.test()
    assert {path.name for path in folder.iterdir()} == {"summary.json", "report.html", "junit.xml", "summary.md"}
    reported.test()
    folders = sorted(tmp_path.iterdir())
    assert len(folders) == 2
    assert all(read_summary(path / "summary.json").total.count for path in folders)


def test_a_worker_and_a_run_without_results_have_no_folder(tmp_path: Path) -> None:
    for options in (options_of(), options_of("--results", str(tmp_path), worker=True)):
        choose_folder(options)
        assert options.csv_prefix is None
    own = options_of("--results", str(tmp_path), csv_prefix="mine")
    choose_folder(own)
    assert own.csv_prefix == "mine"


def test_what_was_run_is_told_without_credentials() -> None:
    options = options_of(locustfile="orders.py", load_profile="smoke", tags=["a"], exclude_tags=None, run_time=60)
    reported = Reported(options, host="https://somebody:secret@example.com/api")
    vars(reported.environment)[ENDED_BY] = "before"
    summary = reported.test()

    assert summary.run.host == "https://example.com/api"
    assert (summary.run.locustfile, summary.run.profile, summary.run.tags) == ("orders.py", "smoke", ["a"])
    assert summary.run.ended_by == "", "what ended the test before is forgotten"
    assert summary.run.processes == 1
    assert summary.run.environment["Locust"]


def test_library_use_without_options_has_a_summary_and_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    reported = Reported(None)
    summary = reported.test()
    reported.reporting.progress([])
    reported.reporting.quit(0)

    assert vars(reported.environment)[SUMMARY] == summary
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr().err == ""


def test_a_headless_process_says_at_its_end_how_it_went(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "[b]odd[/b].json"
    reported = Reported(options_of("--summary", str(path), headless=True))
    reported.test("p95 < 1us", code=3)
    reported.reporting.quit(3)

    said = capsys.readouterr().err
    assert "✗  total: p95 < 1us" in said
    assert "FAILED: 1 request" in said
    assert said.splitlines()[-1] == f"Written: {path}"


def test_the_exit_code_of_the_process_has_the_last_word(tmp_path: Path) -> None:
    reported = Reported(options_of("--summary", str(tmp_path / "s.json")))
    reported.test()
    assert read_summary(tmp_path / "s.json").verdict == "passed"
    reported.reporting.quit(1)

    summary = read_summary(tmp_path / "s.json")
    assert (summary.verdict, summary.exit_code) == ("failed", 1)


def test_without_a_test_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Reported(options_of(headless=True)).reporting.quit(1)

    assert capsys.readouterr().err == ""


def test_a_file_that_cannot_be_written_is_told_once_and_fails_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    blocked, right = tmp_path / "blocked" / "j.xml", tmp_path / "s.json"
    reported = Reported(options_of("--junit", str(blocked), "--summary", str(right), headless=True))
    (tmp_path / "blocked").write_text("")
    reported.test()
    assert reported.environment.process_exit_code == 1
    reported.reporting.quit(1)

    assert [record.message.startswith(f"{blocked}: ") for record in caplog.records] == [True]
    assert read_summary(right).exit_code == 1
    assert f"Written: {right}\n" in capsys.readouterr().err.replace("\n\n", "\n")
    reported.environment.process_exit_code = 3
    reported.test()
    assert reported.environment.process_exit_code == 3, "there was a reason already"


def test_the_step_summary_is_added_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "step.md"
    path.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    reported = Reported(options_of())
    reported.test("p95 < 1s")
    reported.reporting.quit(0)

    assert path.read_text().startswith("before\n## ")


def test_a_step_summary_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    reported = Reported(options_of())
    reported.test()
    reported.reporting.quit(0)

    assert caplog.messages == ["GITHUB_STEP_SUMMARY: Is a directory"]


def test_stock_tables_are_hidden_between_quitting_and_quit(caplog: pytest.LogCaptureFixture) -> None:
    reported = Reported(options_of(headless=True, print_stats=False))
    tables = logging.getLogger("locust.stats_logger")
    tables.addHandler(caplog.handler)
    try:
        tables.error("before")
        reported.environment.events.quitting.fire(environment=reported.environment, reverse=True)
        tables.error("a table")
        reported.environment.events.quit.fire(exit_code=0)
        tables.error("after")
    finally:
        tables.removeHandler(caplog.handler)

    assert list(dict.fromkeys(caplog.messages)) == ["before", "after"]


def test_regressions_are_notes() -> None:
    slow, fast = Reported(options_of(baseline="base.json")), Reported(None)
    for _ in range(300):
        fast.live.request(10)
        slow.live.request(100)
    comparison = compare(fast.test(), slow.test())

    notes = slow.reporting.notes_on(comparison)
    assert notes
    assert all(note.startswith("Worse than base.json: ") for note in notes)
