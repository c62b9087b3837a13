"""`wireswarm report`: a saved summary once more, in the terminal or as files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from wireswarm.errors import ConfigurationError
from wireswarm.reports.saved import read_summary, summary_schema
from wireswarm.reports.terminal import show_summary
from wireswarm.reports.written import check_path, write_report


@click.command()
@click.argument("summary", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Write a file in place of the terminal, by its name's end: .html, .xml (JUnit), .md or .json; repeatable.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of summaries, and do nothing else.")
def report(summary: Path | None, outputs: Sequence[Path], schema: bool) -> None:
    """Show a SUMMARY that --summary has written.

    The exit code is 0, whatever the verdict of the run was.
    """
    if schema:
        click.echo(json.dumps(summary_schema(), indent=2))
        return
    if summary is None:
        raise ConfigurationError("found no SUMMARY; allowed: a file that --summary has written")
    problems = [problem for path in outputs for problem in check_path(path)]
    if problems:
        raise ConfigurationError(problems)
    read = read_summary(summary)
    for path in outputs:
        write_report(read, path)
        click.echo(f"wrote {path}")
    if not outputs:
        show_summary(Console(), read)
