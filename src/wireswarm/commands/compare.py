"""`wireswarm compare`: has this run got worse than that one?"""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console

from wireswarm.durations import parse_duration
from wireswarm.errors import ConfigurationError
from wireswarm.reports.compare import Tolerance
from wireswarm.reports.compare import compare as compare_summaries
from wireswarm.reports.comparison_text import show_comparison
from wireswarm.reports.saved import read_summary

REGRESSION: Final = 3
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")


@click.command()
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--tolerance", default="10%", show_default=True, help="Of latencies and rates, of the baseline's.")
@click.option("--tolerance-time", default="5ms", show_default=True, help="Of latencies, which must exceed both.")
@click.option("--tolerance-errors", default="0.5%", show_default=True, help="Of shares of failures: percentage points.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(base: Path, new: Path, tolerance: str, tolerance_time: str, tolerance_errors: str, as_json: bool) -> None:
    """Compare the summary NEW with the summary BASE, request by request.

    Exit code 3 where anything got worse by more than the tolerance and by more than chance; docs/compare.md has the
    method.
    """
    limits = parse_tolerance(tolerance, tolerance_time, tolerance_errors)
    comparison = compare_summaries(read_summary(base), read_summary(new), limits)
    if as_json:
        document = {"passed": comparison.passed, **msgspec.to_builtins(comparison)}
        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))
    else:
        show_comparison(Console(), comparison)
    sys.exit(0 if comparison.passed else REGRESSION)


def parse_tolerance(relative: str, time: str, errors: str) -> Tolerance:
    """Read what was given for the three limits.

    Raises:
        ConfigurationError: one of them is none; lists all.
    """
    problems: list[str] = []
    part, points = _percent("--tolerance", relative, problems), _percent("--tolerance-errors", errors, problems)
    seconds = math.nan
    try:
        seconds = parse_duration(time)
    except ValueError:
        problems.append(f"--tolerance-time: found {time!r}; allowed: a duration, such as 5ms")
    if problems:
        raise ConfigurationError(problems)
    return Tolerance(relative=part, time_ms=seconds * 1000, errors=points)


def _percent(option: str, text: str, problems: list[str]) -> float:
    match = _PERCENT.fullmatch(text.strip())
    if match is None:
        problems.append(f"{option}: found {text!r}; allowed: a share of 0 or more in percent, such as 10%")
        return math.nan
    return float(match[1]) / 100
