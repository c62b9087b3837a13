"""The CSV tables have what happened last in them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from locust.env import Environment
from locust.stats import StatsCSVFileWriter

from wireswarm.plugin.tables import MAX_SECONDS, bound_failures, bound_seconds, write_tables_at_the_end


class Tables:
    """A run that writes its tables."""

    def __init__(self, path: Path) -> None:
        write_tables_at_the_end()
        self.path = path
        self.environment = Environment()
        self.environment.create_local_runner()
        self.writer = StatsCSVFileWriter(self.environment, [0.5, 0.95], str(path / "run"))

    def write_once(self) -> None:
        """What Locust does every second."""
        writing = gevent.spawn(self.writer)
        gevent.sleep(0)
        writing.kill()

    def request(self, name: str, error: Exception | None = None) -> None:
        self.environment.events.request.fire(
            request_type="GET", name=name, response_time=1.0, response_length=1, exception=error, context={}
        )

    def test_stop(self) -> None:
        self.environment.events.test_stop.fire(environment=self.environment)

    def rows(self, table: str) -> list[dict[str, str]]:
        with (self.path / f"run_{table}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    made = Tables(tmp_path)
    yield made
    made.writer.close_files()


def test_what_happened_after_the_last_second_is_in_them(tables: Tables) -> None:
    tables.request("/first")
    tables.write_once()
    tables.request("/first")
    tables.request("/last", ValueError("too late"))
    tables.environment.runner.log_exception("local", "a bug", "traceback")  # type: ignore[union-attr]

    tables.test_stop()
    tables.writer.close_files()

    counts = {row["Name"]: row["Request Count"] for row in tables.rows("stats")}
    assert counts == {"/first": "2", "/last": "1", "Aggregated": "3"}
    (failure,) = tables.rows("failures")
    assert (failure["Name"], failure["Occurrences"]) == ("/last", "1")
    (exception,) = tables.rows("exceptions")
    assert (exception["Count"], exception["Message"]) == ("1", "a bug")
    assert [row["Total Request Count"] for row in tables.rows("stats_history")] == ["1", "3"]


def test_statistics_that_are_reset_later_are_in_them_as_they_were(tables: Tables) -> None:
    # As with --json, before the files are closed.
    tables.write_once()
    tables.request("/a")
    tables.test_stop()

    tables.environment.stats.reset_all()
    tables.writer.close_files()

    assert [row["Request Count"] for row in tables.rows("stats")] == ["1", "1"]


def test_a_shorter_table_leaves_nothing_of_the_longer_one(tables: Tables) -> None:
    for number in range(20):
        tables.request(f"/{number}")
    tables.write_once()
    tables.environment.stats.clear_all()
    tables.request("/a")

    tables.test_stop()
    tables.writer.close_files()

    assert [row["Name"] for row in tables.rows("stats")] == ["/a", "Aggregated"]


def test_a_history_that_has_not_begun_gets_no_row_without_a_header(tables: Tables) -> None:
    tables.request("/a")

    tables.test_stop()
    tables.writer.close_files()

    assert (tables.path / "run_stats_history.csv").read_text(encoding="utf-8") == ""
    assert [row["Name"] for row in tables.rows("stats")] == ["/a", "Aggregated"]


def test_a_second_test_writes_its_own(tables: Tables) -> None:
    tables.request("/a")
    tables.test_stop()
    tables.environment.stats.clear_all()
    tables.request("/b")

    tables.test_stop()
    tables.writer.close_files()

    assert [row["Name"] for row in tables.rows("stats")] == ["/b", "Aggregated"]


def test_writing_ends_quietly_when_the_files_are_closed(tables: Tables) -> None:
    tables.writer.close_files()

    tables.writer()


def test_another_error_of_the_writer_is_not_hidden(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_writer: object) -> None:
        raise ValueError("no such percentile")

    monkeypatch.setattr(tables.writer, "_requests_data_rows", fail)

    with pytest.raises(ValueError, match="no such percentile"):
        tables.writer()


def test_doing_it_again_changes_nothing() -> None:
    write_tables_at_the_end()
    init, stats_writer = StatsCSVFileWriter.__init__, StatsCSVFileWriter.stats_writer

    write_tables_at_the_end()

    assert StatsCSVFileWriter.__init__ is init
    assert StatsCSVFileWriter.stats_writer is stats_writer


def test_failures_that_are_all_different_are_bounded(tables: Tables) -> None:
    stats = tables.environment.stats
    for number in range(2_500):
        tables.request("/a", ValueError(f"failure {number}"))
        if not number % 700:
            bound_failures(stats)
    bound_failures(stats)

    assert len(stats.errors) == 1_001
    assert sum(error.occurrences for error in stats.errors.values()) == stats.total.num_failures == 2_500
    assert list(stats.errors)[-1] == "(other)"
    assert stats.errors["(other)"].occurrences == 1_500
    assert "failure 999" in str(list(stats.errors.values())[999].error)


def test_counts_per_second_are_bounded_and_the_latest_are_kept(tables: Tables) -> None:
    stats = tables.environment.stats
    tables.request("/a", ValueError("failure"))
    entry, (now,) = stats.get("/a", "GET"), stats.total.num_reqs_per_sec
    assert entry.num_fail_per_sec
    for counts in (entry.num_reqs_per_sec, entry.num_fail_per_sec, stats.total.num_reqs_per_sec):
        counts.clear()
        counts.update((now - second, 1) for second in range(2 * MAX_SECONDS))  # newest first, as no run has them
    before = stats.total.current_rps

    bound_seconds(stats)

    for counts in (entry.num_reqs_per_sec, entry.num_fail_per_sec, stats.total.num_reqs_per_sec):
        assert set(counts) == {now - second for second in range(MAX_SECONDS)}
    assert len(stats.total.num_fail_per_sec) == 1, "few are left alone"
    assert stats.total.current_rps == before


def test_few_failures_are_left_alone(tables: Tables) -> None:
    tables.request("/a", ValueError("failure"))

    bound_failures(tables.environment.stats)

    assert [error.occurrences for error in tables.environment.stats.errors.values()] == [1]
