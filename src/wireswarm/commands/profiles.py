"""Profiles as the commands about them find and show them."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wireswarm.errors import ConfigurationError
from wireswarm.profiles import Course, Profile, ProfileFile, course_of, find_profile_file, read_profile_file
from wireswarm.reports.figures import clean, round_number, span

NONE = "–"


def read_profiles(locustfile: Path, profile_file: Path | None = None) -> ProfileFile:
    """The profiles of a locustfile.

    Args:
        locustfile: the file.
        profile_file: where its profiles are, if not beside it.

    Raises:
        ConfigurationError: there is no such file, or something is wrong with its profiles.
    """
    if not locustfile.is_file():
        raise ConfigurationError(f"{locustfile}: found no such file; allowed: a locustfile")
    path = profile_file or find_profile_file(locustfile)
    if path is None:
        expected = locustfile.with_suffix(".toml")
        raise ConfigurationError(f"{locustfile}: there is no profile file {expected}; write one or pass --profile-file")
    return read_profile_file(path)


def show_profiles(console: Console, file: ProfileFile) -> None:
    """Print a table of the profiles with their numbers."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Profile", no_wrap=True)
    for name in ("users", "per second", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("tags")
    table.add_column("what for")
    for profile in file.profiles.values():
        table.add_row(Text(profile.name, style="bold"), *map(Text, _cells(profile)))
    console.print(table)


def told(profile: Profile) -> str:
    """A profile's load in a line: `at most 200 users, 9 min`."""
    course = course_of(profile)
    unit = "arrivals per second" if course.plan.is_rate else "users"
    peak = _highest(course)
    return f"at most {peak} {unit}, {span(course.end) if course.ends else 'without an end'}"


def _highest(course: Course) -> str:
    peak = course.peak()
    return round_number(float(f"{peak:.4g}") if course.plan.is_rate else round(peak))


def _cells(profile: Profile) -> tuple[str, ...]:
    course = course_of(profile)
    peak = _highest(course)
    if course.plan.is_rate:
        users, rate = (str(profile.users) if profile.users else NONE), f"{peak} arrivals"
    else:
        users, rate = peak, (round_number(profile.spawn_rate) if profile.spawn_rate else NONE)
    tags = [*(profile.tags or ()), *(f"not {tag}" for tag in profile.exclude_tags or ())]
    time = span(course.end) if course.ends else NONE
    return users, rate, time, clean(", ".join(tags)), clean(profile.description or "")
