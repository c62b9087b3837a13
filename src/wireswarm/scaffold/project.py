"""All the files of a suite, and writing them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from wireswarm.errors import ConfigurationError
from wireswarm.scaffold.code import literal
from wireswarm.scaffold.locustfile import data_name, write_locustfile
from wireswarm.scaffold.model import Suite
from wireswarm.scaffold.parts import credentials, named
from wireswarm.scaffold.socketfile import write_socketfile

ANSWERS: Final = "answers.jsonl"

_PROFILES: Final = """\
# The runs of this suite. Choose one with `--load-profile NAME`; what stands on the command line wins.

[thresholds]
"*" = ["errors < 1%"]

[profiles.smoke]
description = "A few users for half a minute: does everything work"
users = 3
spawn_rate = 3
run_time = "30s"
thresholds."*" = ["p95 < 1s"]

[profiles.load]
description = "Normal, expected load"
users = 50
spawn_rate = 5
run_time = "10m"
thresholds."*" = ["p95 < 500ms", "p99 < 1s"]

[profiles.stress]
description = "More and more users, to see what gives first"
stages = ["2m:100", "5m:200", "5m:400", "2m:0"]
thresholds."*" = ["errors < 5%", "p95 < 2s"]
"""

_TEST: Final = '''\
"""The suite itself: against TARGET_HOST or, where that is not set, a stub of the service.

The stub gives the answers of `answers.jsonl`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# isort: split
from wireswarm.scaffold import stub_server

HERE = Path(__file__).resolve().parent
{settings}

@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """Where the service is."""
    given = os.environ.get("TARGET_HOST")
    if given:
        yield given
        return
    with stub_server(HERE / "answers.jsonl") as url:
        yield url


def wireswarm(*arguments: str) -> None:
    """Run the command; fails where that does."""
    command = [sys.executable, "-m", "wireswarm", *arguments]
    environment = {environment}
    subprocess.run(command, cwd=HERE, env=environment, check=True, timeout=120)


def test_every_task_works_once(host: str) -> None:
    """One user does everything once."""
    wireswarm("try", "{file}", "--host", host)


def test_a_run_works(host: str) -> None:
    """Some users, some tasks, no failure."""
    users = ("-u", "2", "-r", "2", "--iterations", "4")
    wireswarm("locust", "-f", "{file}", "--headless", *users, "--host", host)


@pytest.mark.parametrize("profile", ["smoke", "load", "stress"])
def test_the_profiles_are_in_order(host: str, profile: str) -> None:
    """Nothing is sent."""
    options = ("--headless", "--check", "--load-profile", profile)
    wireswarm("locust", "-f", "{file}", *options, "--host", host)
'''


def files_of(suite: Suite) -> dict[str, str]:
    """Every file of a suite: its name below the suite's folder, and what is in it."""
    name = suite.name
    events = suite.events
    found = {
        f"{name}.py": write_locustfile(suite) if events is None else write_socketfile(suite, events),
        f"{name}.toml": _PROFILES,
        f"test_{name}.py": _test(suite),
        "README.md": _readme(suite),
        ANSWERS: _lines(_answers(suite)),
    }
    for operation in suite.operations:
        if operation.body is not None:
            found[f"data/{data_name(suite, operation)}"] = _lines(operation.body.rows)
    for event in events.events if events else ():
        if isinstance(event.data, dict):
            found[f"data/{event.name}.jsonl"] = _lines([event.data])
    found |= {f"proto/{file}": text for file, text in suite.protos.items()}
    return found


def write_files(folder: Path, files: Mapping[str, str], *, force: bool = False) -> None:
    """Write them, all or none.

    Args:
        folder: where; it is made.
        files: by name below it.
        force: whether files that are there are replaced.

    Raises:
        ConfigurationError: a file is there already, or cannot be written; all that are.
    """
    paths = {folder / name: text for name, text in files.items()}
    there = [path for path in paths if path.exists() or path.is_symlink()]
    if there and not force:
        raise ConfigurationError(
            f"{path}: found a file; allowed: a new name, or --force to replace it" for path in there
        )
    for name in files:
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
            raise ConfigurationError(f"{name}: leads out of {folder}; allowed: files below it")
    for path, text in paths.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from None


def _test(suite: Suite) -> str:
    names = [*suite.credentials, *suite.variables]
    settings, environment = "", "dict(os.environ)"
    if names:
        # Not one line that a formatter may or may not join.
        values = "".join(f'    {literal(name)}: "for-the-stub",\n' for name in names)
        settings = f"# What has to be set, and means nothing to the stub.\nSETTINGS = {{\n{values}}}\n"
        environment = "SETTINGS | dict(os.environ)"
    text = _TEST.replace("{settings}", settings).replace("{environment}", environment)
    return text.replace("{file}", f"{suite.name}.py")


def _answers(suite: Suite) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for operation in suite.operations:
        answer = operation.answer
        row: dict[str, Any] = {"method": operation.method, "path": operation.path}
        row["status"] = answer.status[0] if answer.status else 200
        row["type"] = answer.content_type
        if answer.expect or answer.sample is not None:
            row["json"] = answer.sample
        if row not in found:
            found.append(row)
    events = suite.events
    if events is None:
        return found
    if events.session:
        method, path = events.session
        found.append({"method": method, "path": path, "status": 200, "type": "application/json", "json": {}})
    for event in events.events:
        row = {"event": event.event, "namespace": event.namespace}
        if event.reply:
            row |= {"reply": event.reply, "json": dict.fromkeys(event.keys, "text")}
        elif event.acknowledged:
            row["json"] = event.sample
        found.append(row)
    found += [
        {"push": push.event, "namespace": push.namespace, "sent_at": push.sent_at, "unit": push.unit}
        for push in events.pushes
    ]
    return found


def _lines(rows: list[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def needed(suite: Suite) -> list[tuple[str, str]]:
    """The environment variables that have to be set, and what they are."""
    return [*credentials(suite), *((name, "has to be set: a value that is in no file") for name in suite.variables)]


def _readme(suite: Suite) -> str:
    name = suite.name
    found = [
        f"# {named(suite)}",
        "",
        f"A load test, begun by `wireswarm new` from {suite.source}. All of it is yours to change.",
        "",
        "```console",
        f"$ wireswarm try {name}.py --host {suite.host}     # each task once, every exchange shown",
        f"$ wireswarm run {name}.py smoke --host {suite.host}",
        f"$ pytest test_{name}.py                 # against a stub, or against TARGET_HOST",
        "```",
        "",
        "| File | |",
        "|---|---|",
        f"| `{name}.py` | what users do |",
        f"| `{name}.toml` | how many of them when, and what has to hold |",
        "| `data/` | what they send: one JSON object a line, in turn |"
        if suite.events is None or _has_data(suite)
        else "",
        "| `proto/` | the messages |" if suite.protos else "",
        f"| `test_{name}.py`, `{ANSWERS}` | a test of the suite, and what its stub of the service answers |",
    ]
    found = [line for i, line in enumerate(found) if line or i < 13]
    variables = needed(suite)
    if variables:
        found += ["", "Environment variables:", "", *(f"- `{key}` {told}" for key, told in variables)]
    if suite.notes:
        found += ["", "Left out:", "", *(f"- {note}" for note in suite.notes)]
    return "\n".join(found) + "\n"


def _has_data(suite: Suite) -> bool:
    return suite.events is not None and any(isinstance(event.data, dict) for event in suite.events.events)
