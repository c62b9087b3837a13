"""A summary as a file of the kind that its name asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from wireswarm.errors import ConfigurationError
from wireswarm.reports.github import render_markdown
from wireswarm.reports.html import render_html
from wireswarm.reports.junit import render_junit
from wireswarm.reports.saved import encode, write_file
from wireswarm.reports.summary import Summary

FORMATS: Final[Mapping[str, Callable[[Summary], bytes]]] = {
    ".html": lambda summary: render_html(summary).encode(),
    ".json": encode,
    ".md": lambda summary: render_markdown(summary).encode(),
    ".xml": lambda summary: render_junit(summary).encode(),
}
"""What is written, by the end of the file's name: the page, the summary itself, Markdown, JUnit."""


def write_report(summary: Summary, path: Path) -> None:
    """Write a report whole or not at all, with its folder.

    Raises:
        ConfigurationError: the name has none of the known ends, or the file cannot be written.
    """
    problems = check_path(path)
    if problems:
        raise ConfigurationError(problems)
    write_file(path, FORMATS[path.suffix.lower()](summary))


def check_path(path: Path) -> list[str]:
    """What is wrong with the name of a report, before there is one to write."""
    if path.suffix.lower() in FORMATS:
        return []
    end = repr(path.suffix) if path.suffix else "no dot and no word"
    return [f"{path}: found a file name that ends in {end}; allowed: {', '.join(FORMATS)}"]
