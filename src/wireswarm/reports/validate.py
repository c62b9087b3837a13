"""Judging runs that are over, from what they have left behind."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypedDict

from wireswarm.errors import ConfigurationError
from wireswarm.profiles import find_profile_file, read_profile_file, select
from wireswarm.reports.judging import judge_summary
from wireswarm.reports.locust_csv import CsvRun, read_locust_csv
from wireswarm.reports.saved import read_summary
from wireswarm.reports.summary import Summary, ThresholdRow
from wireswarm.thresholds import Evaluator, Judgement, Threshold

SUMMARY_NAME: Final = "summary.json"
"""Of the summary in a folder of results."""
PROFILE_FILE_VARIABLE: Final = "WIRESWARM_PROFILE_FILE"
_DEFAULT_LOCUSTFILE: Final = "locustfile.py"
_NOT_IN_CSV: Final = ("abandoned", "dropped")


class Verdict(TypedDict):
    """What `validate_results` returns."""

    passed: bool
    failures: list[str]


def validate_results(prefix: str | Path, profile: str, profile_file: str | Path | None = None) -> Verdict:
    """Judge a run that is over by the thresholds of a profile.

    Args:
        prefix: a summary that `--summary` has written, a folder with a `summary.json`, or the prefix that was given to
            Locust's `--csv`.
        profile: name of the profile.
        profile_file: the file that has it. If None: what `WIRESWARM_PROFILE_FILE` names, else the file beside the
            locustfile of the run, else `locustfile.toml` in the current folder.

    Returns:
        `passed`, and a line for each threshold in `failures` that does not hold. One that found no data does not.

    Raises:
        ConfigurationError: there are no such results or no such profile, or the profile has no thresholds.
    """
    judged = judge_saved(Path(prefix), profile, Path(profile_file) if profile_file is not None else None)
    failures = [told(one) for one in judged if not one.passed]
    return {"passed": not failures, "failures": failures}


def judge_saved(results: Path, profile: str, profile_file: Path | None = None) -> list[Judgement | ThresholdRow]:
    """The same, with everything that is known of each threshold."""
    found = read_results(results)
    locustfile = found.run.locustfile if isinstance(found, Summary) else ""
    thresholds = _thresholds(profile, profile_file or _find(locustfile, os.environ))
    if isinstance(found, Summary):
        return judge_summary(found, thresholds)
    return [one for threshold in thresholds for one in _judge_csv(found, threshold)]


def told(judgement: Judgement | ThresholdRow) -> str:
    """A judgement as a line."""
    return f"{judgement.subject}: {judgement.expression}: {judgement.detail}"


def read_results(path: Path) -> Summary | CsvRun:
    """Read what a path names: a summary, a folder with one, or the prefix of Locust's CSV files."""
    if path.is_dir() and (path / SUMMARY_NAME).is_file():
        return read_summary(path / SUMMARY_NAME)
    statistics = path.with_name(f"{path.name}_stats.csv")
    if path.is_file():
        return read_locust_csv(path) if path.suffix == ".csv" else read_summary(path)
    if statistics.is_file():
        return read_locust_csv(statistics)
    allowed = f"a summary, a folder with a {SUMMARY_NAME}, or the prefix of a PREFIX_stats.csv"
    raise ConfigurationError(f"{path}: found no results; allowed: {allowed}")


def _judge_csv(run: CsvRun, threshold: Threshold) -> Sequence[Judgement | ThresholdRow]:
    (first, *rest) = Evaluator([threshold]).judge(run, run.elapsed_s, final=True)
    if threshold.metric.name not in _NOT_IN_CSV:
        return [first, *rest]
    row = ThresholdRow(
        expression=first.expression,
        selector=first.selector,
        subject=first.subject,
        passed=False,
        value=None,
        limit=first.limit,
        unit=first.unit,
        detail="no data: Locust's CSV files do not tell it",
        source=first.source,
    )
    return [row]


def _thresholds(profile: str, profile_file: Path) -> Sequence[Threshold]:
    read = read_profile_file(profile_file)
    thresholds = read.thresholds_of(select(read, profile))
    if not thresholds:
        raise ConfigurationError(
            f"{profile_file}: profiles.{profile}: found no thresholds to judge by; allowed: at least one"
        )
    return thresholds


def _find(locustfile: str, environ: Mapping[str, str]) -> Path:
    if environ.get(PROFILE_FILE_VARIABLE):
        return Path(environ[PROFILE_FILE_VARIABLE])
    for candidate in filter(None, (locustfile, _DEFAULT_LOCUSTFILE)):
        found = find_profile_file(Path(candidate))
        if found is not None:
            return found
    beside = f" beside {locustfile} nor" if locustfile else ""
    raise ConfigurationError(f"found no profile file{beside} here; pass --profile-file (`profile_file`)")
