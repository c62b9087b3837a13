"""Data files and rules for generated messages, checked before the test starts."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TextIO

from locust import User

from wireswarm.data import DataFile, DataSettings, declared_files, declared_generators
from wireswarm.data.columns import Columns
from wireswarm.data.formats import SUFFIXES
from wireswarm.data.index import Tick
from wireswarm.data.table import layout_of, open_table
from wireswarm.errors import ConfigurationError
from wireswarm.plugin.options import DATA, GENERATE, chosen_profile
from wireswarm.thresholds.words import did_you_mean

QUIET_SECONDS: Final = 2.0
"""A file that takes longer to read is worth a line, and another one every so many seconds."""


def settings_of(options: argparse.Namespace | None) -> DataSettings:
    """What a run says about data."""
    return DataSettings(
        data_file=str(getattr(options, "data_file", "") or ""),
        data=json.loads(getattr(options, DATA, None) or "{}"),
        seed=int(getattr(options, "arrival_seed", 0) or 0),
    )


def feed_problems(options: argparse.Namespace, classes: Iterable[type[User]]) -> list[str]:
    """What is wrong with the data that these user classes take, and with the file that the run names.

    Every file is read from beginning to end. A worker does not know yet which file its run names.
    """
    classes = list(classes)
    settings, problems = settings_of(options), list[str]()
    feeds = [feed for feed in declared_files() if is_used(feed, classes)]
    for feed in feeds:
        if not (feed.from_option and options.worker):
            problems += _problems_in(lambda feed=feed: load(feed, settings))  # type: ignore[misc]
    if settings.data_file and not options.worker and not any(feed.from_option for feed in feeds):
        problems += _problems_in(lambda: _look_at(settings))
    return [*problems, *generator_problems(options)]


def generator_problems(options: argparse.Namespace | None) -> list[str]:
    """What is wrong with the rules for generated messages. Their generators have the run's rules from then on."""
    given, problems = json.loads(getattr(options, GENERATE, None) or "{}"), list[str]()
    seed = int(getattr(options, "arrival_seed", 0) or 0)
    names: dict[str, str] = {}
    for generator in declared_generators():
        descriptor = generator.kind.DESCRIPTOR
        names |= {descriptor.name: descriptor.name, descriptor.full_name: descriptor.name}
        own = _problems_in(lambda one=generator: one.settle({}, seed))  # type: ignore[misc]
        problems += own
        for name in () if own else (descriptor.name, descriptor.full_name):
            rules = {**given.get(descriptor.name, {}), **given.get(name, {})}
            wrong = _problems_in(lambda one=generator, rules=rules: one.settle(rules, seed))  # type: ignore[misc]
            problems += [_in_profile(options, problem) for problem in wrong]
    allowed = ", ".join(dict.fromkeys(names.values())) or "nothing, because no message is generated"
    problems += [
        _in_profile(options, f"generate.{name}: found no such message{did_you_mean(name, names)}; allowed: {allowed}")
        for name in given
        if name not in names
    ]
    return list(dict.fromkeys(problems))


def _in_profile(options: argparse.Namespace | None, problem: str) -> str:
    try:
        file, _ = chosen_profile(options)
    except ConfigurationError:  # a worker does not have it
        file = None
    return problem if file is None else f"{file.path}: {problem}"


def load(feed: DataFile, settings: DataSettings, *, pause: Callable[[], object] | None = None) -> None:
    """Read and check a feed's file.

    Args:
        feed: it.
        settings: what the run says about data.
        pause: is called again and again meanwhile, where other greenlets have something to do.

    Raises:
        ConfigurationError: something is wrong with it.
    """
    feed.settle(settings)
    feed.load(progress(feed.path, pause=pause))


def progress(
    path: Path,
    out: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[], object] | None = None,
) -> Tick:
    """Tells how far a file is checked, where that takes long."""
    told = clock()

    def tick(rows: int, share: float) -> None:
        nonlocal told
        if pause is not None:
            pause()
        now = clock()
        if now - told >= QUIET_SECONDS:
            told = now
            (out or sys.stderr).write(f"{path}: {rows:,} rows checked, {share:.0%}\n")

    return tick


def is_used(feed: DataFile, classes: Iterable[type[User]]) -> bool:
    """Whether users of these classes may take rows of a feed: of a module's or a flow's, any may."""
    users = tuple(owner for owner in feed.owners if issubclass(owner, User))
    if not users or len(users) < len(feed.owners):
        return True
    return any(issubclass(cls, users) for cls in classes)


def _look_at(settings: DataSettings) -> None:
    # Nobody declares it; the locustfile may read it by itself, then, and it may be of any kind.
    path = Path(settings.data_file)
    if path.suffix.lower() in SUFFIXES:
        columns, data = Columns(settings.data.get("columns")), settings.data
        layout = layout_of(path, data.get("format"), data.get("delimiter"), columns)
        open_table(path, layout, every_row=False, tick=progress(path))
    elif not path.is_file():
        raise ConfigurationError(f"{path}: found no such file; allowed: a data file")


def _problems_in(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except ConfigurationError as error:
        return list(error.problems)
    return []
