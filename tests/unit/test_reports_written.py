"""Reports as files, by their names."""

from __future__ import annotations

from pathlib import Path

import pytest
import report_summaries as made

from wireswarm.errors import ConfigurationError
from wireswarm.reports.written import check_path, write_report


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("a.html", b"<!doctype html>"),
        ("a.XML", b"<?xml"),
        ("a.md", b"## "),
        ("a.json", b'{"schema":"wireswarm-summary/1"'),
    ],
)
def test_the_name_tells_the_format(tmp_path: Path, name: str, begins: bytes) -> None:
    path = tmp_path / "deep" / "er" / name
    assert check_path(path) == []

    write_report(made.rich(), path)

    assert path.read_bytes().startswith(begins)


@pytest.mark.parametrize("name", ["report", "report.pdf", ".html"])
def test_other_names_are_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"allowed: \.html, \.json, \.md, \.xml"):
        write_report(made.rich(), tmp_path / name)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_there_stays_where_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("old", "utf-8")
    long = tmp_path / f"{'x' * 300}.md"

    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_report(made.rich(), long)
    assert [file.name for file in tmp_path.iterdir()] == ["report.md"]
    assert path.read_text("utf-8") == "old"
