"""What is checked before the start: everything that can be known to be wrong without sending a byte."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from locust import User
from locust.util.load_locustfile import is_user_class

from wireswarm.errors import ConfigurationError
from wireswarm.plugin.tags import has_tasks, without_tasks
from wireswarm.users import WireUser


def selected_classes(options: argparse.Namespace) -> list[type[User]]:
    """The user classes that this run would use, before its tags are looked at.

    Locust has imported the locustfiles when the options are parsed, but does not say what it found, so it is looked up
    by the same rule (`locust/util/load_locustfile.py`).
    """
    found: dict[str, type[User]] = {}
    for name in options.locustfile.split(","):
        path = Path(name.strip())
        files = path.rglob("*.py") if path.is_dir() else [path]
        for file in files:
            module = sys.modules.get(file.stem)
            found |= {n: c for n, c in vars(module).items() if is_user_class(c)} if module else {}
    chosen = set(options.user_classes or found)
    return [cls for name, cls in found.items() if name in chosen]


def find_problems(options: argparse.Namespace) -> list[str]:
    """Everything that is wrong with the run that these options describe; empty where it can start."""
    classes = selected_classes(options)
    problems: list[str] = []
    tags, exclude_tags = options.tags or (), options.exclude_tags or ()
    if not options.worker:  # a worker's tags and host come from its master
        if classes and len(without_tasks(classes, tags, exclude_tags)) == len(classes):
            problems.append(_no_tasks_left(classes, tags, exclude_tags))
        classes = [c for c in classes if has_tasks(c, tags, exclude_tags)]
    for cls in classes:
        if issubclass(cls, WireUser):
            problems += _problems_of(cls, options)
    return list(dict.fromkeys(problems))


def _problems_of(cls: type[WireUser], options: argparse.Namespace) -> Iterable[str]:
    checks: list[Callable[[], object]] = [cls.prepare]
    host = options.host or cls.host
    # In the web UI the host can still be typed in.
    if not options.worker and (host or options.headless or options.autostart):
        checks += [lambda client=client: client.resolve_base(host) for client in cls.clients()]  # type: ignore[misc]
    checks += [auth.check for auth in {c.auth if c.auth is not None else cls.auth for c in cls.clients()} if auth]
    for check in checks:
        try:
            check()
        except ConfigurationError as error:
            yield from error.problems


def _no_tasks_left(classes: Iterable[type[User]], tags: Iterable[str], exclude_tags: Iterable[str]) -> str:
    given = [f"--tags {' '.join(tags)}"] if tags else []
    given += [f"--exclude-tags {' '.join(exclude_tags)}"] if exclude_tags else []
    there = sorted({tag for cls in classes for tag in _all_tags(cls)})
    return f"{' '.join(given)} leaves no task to run; the tags there are: {', '.join(there) or 'none'}"


def _all_tags(holder: object) -> Iterable[str]:
    yield from getattr(holder, "locust_tag_set", ())
    for task in getattr(holder, "tasks", ()):
        yield from _all_tags(task)
