"""What is checked before the start: everything that can be known to be wrong without sending a byte."""

from __future__ import annotations

import argparse
import functools
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from locust import FastHttpUser, HttpUser, User
from locust.util.load_locustfile import is_user_class

from wireswarm.clients.declaration import Declaration
from wireswarm.errors import ConfigurationError
from wireswarm.net.guard import GUARD
from wireswarm.net.origin import parse_base_url
from wireswarm.net.tls import context_for
from wireswarm.plugin.tags import all_flows, all_tags, has_tasks, is_idle
from wireswarm.users import WireUser

_USER_INFO = re.compile(r"(?<=//)[^/]*@")


def selected_classes(options: argparse.Namespace) -> list[type[User]]:
    """The user classes that this run would use, before its tags are looked at.

    Locust has imported the locustfiles when the options are parsed, but does not say what it found, so it is looked up
    by the same rule (`locust/util/load_locustfile.py`).
    """
    found = _found_classes(options)
    chosen = set(options.user_classes or found)
    return [cls for name, cls in found.items() if name in chosen]


def find_problems(options: argparse.Namespace) -> list[str]:
    """Everything that is wrong with the run that these options describe; empty where it can start."""
    found = _found_classes(options)
    problems = [
        f"there is no user class {name} in {options.locustfile}; there is {', '.join(found)}"
        for name in options.user_classes
        if found and name not in found
    ]
    if options.check_only and not found:
        problems.append(f"there is no user class in {options.locustfile}")
    classes = selected_classes(options)
    tags, exclude_tags = options.tags or (), options.exclude_tags or ()
    left = [c for c in classes if has_tasks(c, tags, exclude_tags)]
    if not options.worker:  # a worker's tags and host come from its master
        if classes and not left and (tags or exclude_tags):
            problems.append(_no_tasks_left(classes, tags, exclude_tags))
        for cls in left or classes:
            # In the web UI the host can still be typed in.
            if options.host or cls.host or options.headless or options.autostart:
                problems += _host_problems(cls, options.host)
    problems += [
        f"{cls.__name__} has no task; mark a method with @task, in the class itself or a User that it builds on"
        for cls in classes
        if is_idle(cls)
    ]
    problems += problems_of(left or classes)
    return list(dict.fromkeys(problems))


def problems_of(classes: Iterable[type[User]]) -> list[str]:
    """What is wrong with user classes themselves, wherever their requests go. Loads what they need."""
    problems: list[str] = []
    for cls in classes:
        problems += [
            f"{flow.__qualname__} has no method marked with @step" for flow in all_flows([cls]) if not flow.steps
        ]
        if issubclass(cls, WireUser):
            auths = dict.fromkeys(cls.auth if client.auth is None else client.auth for client in cls.clients())
            problems += _run([functools.partial(_prepare, cls), *(auth.check for auth in auths if auth is not None)])
    return list(dict.fromkeys(problems))


def _found_classes(options: argparse.Namespace) -> dict[str, type[User]]:
    found: dict[str, type[User]] = {}
    for name in options.locustfile.split(","):
        path = Path(name.strip())
        for file in path.rglob("*.py") if path.is_dir() else [path]:
            module = sys.modules.get("locustfile" if file.stem == "locust" else file.stem)
            found |= {n: c for n, c in vars(module).items() if is_user_class(c)} if module else {}
    return found


@functools.cache
def _prepare(cls: type[WireUser]) -> None:
    cls.prepare()


def _host_problems(cls: type[User], host: str | None) -> Iterator[str]:
    source = "--host" if host else f"{cls.__name__}.host"
    host = host or cls.host
    if issubclass(cls, WireUser):
        relative = [c for c in cls.clients() if not c.base_url or c.base_url.startswith("/")]
        wrong = _run([functools.partial(parse_base_url, host, source=source)]) if host and relative else []
        yield from wrong
        if not wrong:
            yield from _run(functools.partial(_check_client, cls, client, host) for client in cls.clients())
    elif issubclass(cls, HttpUser | FastHttpUser):
        if host is None:
            yield "there is no host to send requests to: pass --host, as in http://127.0.0.1:8000"
        elif host:
            # A user and password in it are for requests to understand.
            bare = _USER_INFO.sub("", host)
            yield from _run([lambda: GUARD.check(parse_base_url(bare, source=source).origin)])


def _check_client(cls: type[WireUser], client: Declaration, host: str | None) -> None:
    origin = client.resolve_base(host).origin
    GUARD.check(origin)
    client.resolve_proxy(cls)
    if origin.scheme == "https":
        context_for(client.resolve_tls(cls))


def _run(checks: Iterable[Callable[[], object]]) -> list[str]:
    problems: list[str] = []
    for check in checks:
        try:
            check()
        except ConfigurationError as error:
            problems += error.problems
    return problems


def _no_tasks_left(classes: Iterable[type[User]], tags: Iterable[str], exclude_tags: Iterable[str]) -> str:
    given = [f"--tags {' '.join(tags)}"] if tags else []
    given += [f"--exclude-tags {' '.join(exclude_tags)}"] if exclude_tags else []
    there = sorted({tag for cls in classes for tag in all_tags(cls)})
    return f"{' '.join(given)} leaves no task to run; the tags there are: {', '.join(there) or 'none'}"
