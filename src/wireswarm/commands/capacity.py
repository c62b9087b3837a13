"""`wireswarm capacity`: the highest arrival rate that a system holds."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from types import FrameType
from typing import Final

import click
from rich.console import Console

from wireswarm.capacity import Capacity, Ended, Planning
from wireswarm.capacity.html import render_capacity
from wireswarm.capacity.model import encode
from wireswarm.capacity.text import show_capacity
from wireswarm.commands.finding import Finder, Task
from wireswarm.commands.profiles import read_profiles
from wireswarm.commands.steps import Steps
from wireswarm.durations import parse_duration
from wireswarm.errors import ConfigurationError
from wireswarm.load import Constant, parse_rate
from wireswarm.profiles import Profile, ProfileFile, select
from wireswarm.reports.saved import write_file
from wireswarm.thresholds import Threshold, parse_thresholds
from wireswarm.thresholds.metric import Scope, Source

DEFAULTS: Final = ("p95 < 500ms", "errors < 1%")
"""What has to hold, unless `--until` or the profile say something else."""

EXIT_CODES: Final = {
    Ended.FOUND: 0,
    Ended.CEILING: 0,
    Ended.INTERRUPTED: 1,
    Ended.NOTHING: 3,
    Ended.GENERATOR: 4,
}
"""As those of a run: 3 where not even the lowest rate keeps to the criteria, 4 where the generator is the limit."""

_OURS: Final = {
    "-t": "--step-time says how long a step is",
    "--run-time": "--step-time says how long a step is",
    "--arrival-rate": "the search chooses the rates; --from and --to bound them",
    "--stage": "the search chooses the load",
    "--iterations": "--step-time says how long a step is",
    "-r": "users are there before a step begins",
    "--spawn-rate": "users are there before a step begins",
    "--threshold": "--until says what has to hold",
    "--thresholds": "--until says what has to hold",
    "--summary": "--results names the folder for everything",
    "--report": "--results names the folder for everything",
    "--check": "it is done before the first step anyway",
    "--worker": "--processes starts workers",
    "--master": "--processes starts workers",
}
"""Options of a run that say what is said otherwise here."""
_POOL_TRIES: Final = 8


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("locustfile", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--until",
    multiple=True,
    metavar="EXPRESSION",
    help="What has to hold, as in thresholds; repeatable. Default: the profile's thresholds, or "
    f"{' and '.join(DEFAULTS)}.",
)
@click.option("--from", "first", default="10/s", show_default=True, metavar="RATE", help="The first and lowest rate.")
@click.option("--to", "ceiling", metavar="RATE", help="The highest rate to try.")
@click.option("--step-time", default="20s", show_default=True, metavar="DURATION", help="The longest step's window.")
@click.option("--warm-up", default="3s", show_default=True, metavar="DURATION", help="What goes before each window.")
@click.option("--precision", default="5%", show_default=True, metavar="SHARE", help="How near to know the rate.")
@click.option("-u", "--users", type=click.IntRange(1), help="Users of each step. Default: as many as it takes.")
@click.option("--processes", type=int, help="Processes that make the load, -1 for one per core.")
@click.option("-H", "--host", help="What to test.")
@click.option("--load-profile", metavar="NAME", help="Take thresholds, tags and arrivals from that profile.")
@click.option("--profile-file", type=click.Path(path_type=Path), help="The file with the profiles.")
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="A new folder below this one gets the reports.",
)
def capacity(
    locustfile: Path,
    arguments: Sequence[str],
    until: Sequence[str],
    first: str,
    ceiling: str | None,
    step_time: str,
    warm_up: str,
    precision: str,
    users: int | None,
    processes: int | None,
    host: str | None,
    load_profile: str | None,
    profile_file: Path | None,
    results: Path,
) -> None:
    """Find the highest arrival rate at which everything holds that --until says.

    The rate doubles from step to step until something does not hold, and is then narrowed in. Further arguments are
    Locust's, such as --tags. Exits with 0 when it is found, 3 when not even --from holds, 4 when the load generator is
    the limit, 1 when it was interrupted.
    """
    options = _Options()
    low = options.rate("--from", first)
    high = None if ceiling is None else options.rate("--to", ceiling)
    if low and high and high < low:
        options.problems.append(f"--to {ceiling} is below --from {first}; allowed: the same or more")
    longest_s = options.seconds("--step-time", step_time, least=2)
    warm_up_s = options.seconds("--warm-up", warm_up, least=2)
    share = options.share("--precision", precision)
    options.problems += [f"{given}: {why}" for given in _given(arguments) if (why := _OURS.get(given))]
    file, profile = options.profile(locustfile, profile_file, load_profile)
    criteria = options.criteria(until, file, profile)
    ours: list[str] = []
    for name, value in (
        ("--host", host),
        ("--processes", processes),
        ("--load-profile", load_profile),
        ("--profile-file", profile_file),
    ):
        ours += [] if value is None else [name, str(value)]
    forwarded = [*ours, *arguments]
    if not locustfile.is_file():
        options.problems.append(f"{locustfile}: found no such file; allowed: a locustfile")
        raise ConfigurationError(options.problems)
    folder = _new_folder(results)
    steps = Steps(locustfile, forwarded, [str(criterion) for criterion in criteria], folder / "steps")
    least = options.pool(steps, low, users)
    if options.problems:
        raise ConfigurationError(options.problems)
    task = Task(
        locustfile=str(locustfile),
        profile=load_profile or "",
        criteria=[str(criterion) for criterion in criteria],
        first=low,
        ceiling=high,
        precision=share,
        random=_arrivals(arguments, profile) == "poisson",
    )
    planning = Planning(criteria, warm_up_s=warm_up_s, longest_s=longest_s, users=users, least=least)
    sys.exit(_find(task, planning, steps, folder))


def _find(task: Task, planning: Planning, steps: Steps, folder: Path) -> int:
    console = Console()
    try:
        (folder / "steps").mkdir(parents=True)
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be made: {error.strerror}; allowed: --results FOLDER") from error
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        found = Finder(task, planning, steps, console).find()
    finally:
        signal.signal(signal.SIGTERM, before)
    show_capacity(found, console)
    _write(found, folder)
    console.print(f"The report is {folder / 'report.html'}", highlight=False, markup=False, soft_wrap=True)
    return EXIT_CODES[found.ended]


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _write(found: Capacity, folder: Path) -> None:
    write_file(folder / "capacity.json", encode(found))
    write_file(folder / "report.html", render_capacity(found).encode())


def _new_folder(below: Path) -> Path:
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-capacity"
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(folder for folder in (below / name for name in names) if not folder.exists())


def _given(arguments: Sequence[str]) -> list[str]:
    """The options among arguments, without the values."""
    return list(dict.fromkeys(argument.partition("=")[0] for argument in arguments if argument.startswith("-")))


def _arrivals(arguments: Sequence[str], profile: Profile | None) -> str:
    """How arrivals are spread, by the first of these that says it: command line, environment, profile."""
    given = ""
    for argument, following in zip(arguments, [*arguments, ""][1:], strict=True):
        name, sign, value = argument.partition("=")
        if name == "--arrivals":
            given = value if sign else following
    return given or os.environ.get("WIRESWARM_ARRIVALS", "") or (profile and profile.arrivals) or ""


class _Options:
    """Reads options, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def rate(self, name: str, text: str) -> float:
        """A rate, per second; 0 for a wrong one."""
        try:
            rate = parse_rate(text)
        except ValueError as error:
            self.problems.append(f"{name} {text}: found {error}; allowed: a rate above 0 such as 200/s or 50/m")
            return 0.0
        if not isinstance(rate, Constant):
            self.problems.append(f"{name} {text}: found stages; allowed: a rate above 0 such as 200/s or 50/m")
            return 0.0
        return rate.value

    def seconds(self, name: str, text: str, *, least: int) -> int:
        """A duration in whole seconds."""
        try:
            seconds = parse_duration(text)
        except ValueError:
            seconds = -1.0
        if not seconds.is_integer() or not least <= seconds <= 600:
            self.problems.append(f"{name} {text}: allowed: whole seconds from {least}s to 10m")
            return least
        return int(seconds)

    def share(self, name: str, text: str) -> float:
        """A share that is given in per cent."""
        try:
            share = float(text.removesuffix("%")) / 100
        except ValueError:
            share = 0.0
        if not 0.01 <= share <= 1:
            self.problems.append(f"{name} {text}: allowed: from 1% to 100%")
        return share

    def profile(
        self, locustfile: Path, path: Path | None, name: str | None
    ) -> tuple[ProfileFile | None, Profile | None]:
        """The profile of that name."""
        if name is None or not locustfile.is_file():
            return None, None
        try:
            file = read_profiles(locustfile, path)
            return file, select(file, name)
        except ConfigurationError as error:
            self.problems += error.problems
            return None, None

    def criteria(
        self, texts: Sequence[str], file: ProfileFile | None, profile: Profile | None
    ) -> tuple[Threshold, ...]:
        """What has to hold."""
        if not texts:
            thresholds = () if file is None else file.thresholds_of(profile)
            usable = tuple(threshold for threshold in thresholds if not _unusable(threshold))
            for threshold in thresholds:
                if threshold not in usable:
                    click.echo(f"Left out: {threshold}: {_unusable(threshold)}", err=True)
            return usable or parse_thresholds(DEFAULTS, source="--until")
        try:
            thresholds = parse_thresholds(texts, source="--until")
        except ConfigurationError as error:
            self.problems += error.problems
            return ()
        self.problems += [f"--until {t}: {why}" for t in thresholds if (why := _unusable(t))]
        return thresholds

    def pool(self, steps: Steps, rate: float, users: int | None) -> int:
        """The least number of users that a step can have, found by checking the whole run."""
        least = users or 10
        for _ in range(_POOL_TRIES):
            problems = steps.check(rate or 1.0, least)
            if users or not any(problem.startswith(f"-u {least} ") for problem in problems):
                break
            least *= 2
        self.problems += problems
        return least


def _unusable(threshold: Threshold) -> str:
    """Why a threshold says nothing of a step."""
    if threshold.window_s is not None:
        return "found a window; allowed: none, since each step is one"
    if threshold.metric.scope is Scope.SERIES:
        return f"found the watched series {threshold.metric.series}; allowed: what is measured on requests"
    if threshold.metric.source in {Source.RPS, Source.COUNT}:
        return f"found {threshold.metric.name}, which follows from the rate; allowed: latencies and failures"
    return ""
