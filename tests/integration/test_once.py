"""Set-up and tear-down once for the whole swarm, in real processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import LocustProcess, Target
from open_model import WAITS
from reliability_runs import COMMANDS, FORKED, KINDS, LOCAL, Start

ONCE = """
import os
from pathlib import Path
from uuid import uuid4

from locust import constant, task
from wireswarm import ConfigurationError, RestUser, once_per_swarm

HERE = Path(__file__).parent


def note(name, text):
    with (HERE / name).open("a") as file:
        file.write(text + "\\n")


@once_per_swarm
def api_key(environment):
    note("set-up", f"{os.getpid()} {environment.host}")
    FAILURE
    return {"key": f"key-{uuid4()}"}


@api_key.tear_down
def revoke(environment, result):
    note("tear-down", f"{os.getpid()} {result['key']}")


class Visitor(RestUser):
    wait_time = constant(0.1)

    def on_start(self):
        note("users", f"{os.getpid()} {api_key()['key']}")
        print("I have", api_key()["key"])

    @task
    def look(self):
        self.client.get("/health", expect=None)
"""


def lines(folder: Path, name: str) -> list[list[str]]:
    path = folder / name
    return [line.split() for line in path.read_text("utf-8").splitlines()] if path.exists() else []


@pytest.fixture
def start(start_target: Callable[..., Target], tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield Start(stack, start_target, tmp_path)


def test_every_user_of_every_process_gets_the_same(start: Start) -> None:
    text = ONCE.replace("FAILURE", "")
    runs = {kind: start(kind, text, "-u", 6, "-r", 6, "-t", "3s", kind=kind) for kind in KINDS}
    for kind, run in runs.items():
        run.ends()
        (set_up,), (tear_down,) = lines(run.folder, "set-up"), lines(run.folder, "tear-down")
        users = lines(run.folder, "users")
        assert set_up == [str(run.process.pid), run.target.url]
        assert tear_down[0] == set_up[0]
        assert {key for _, key in users} == {tear_down[1]}
        assert len(users) == 6
        assert len({pid for pid, _ in users}) == (1 if kind == LOCAL else 2)
        logs = [line for path in run.folder.glob("*.html") for line in path.read_text("utf-8").splitlines()]
        assert not [line for line in logs if tear_down[1] in line]


def test_a_worker_that_joins_late_gets_it_before_its_users(start: Start, tmp_path: Path) -> None:
    text, door = ONCE.replace("FAILURE", "") + WAITS, tmp_path / "door"
    run = start("late", text, "-u", 8, "-r", 8, "-t", "9s", kind=COMMANDS)
    options = [str(word) for word in run.workers[0]._command[run.workers[0]._command.index("--worker") :]]
    with LocustProcess(run.folder / "locustfile.py", *options, environment={"WAIT_FOR": str(door)}) as late:
        late.line("all is imported")
        run.spawned()
        door.touch()
        run.until(lambda: len({pid for pid, _ in lines(run.folder, "users")}) == 3)
        run.ends()
        assert late.end() == 0, late.output
    assert len(lines(run.folder, "set-up")) == 1
    assert len({key for _, key in lines(run.folder, "users")}) == 1


@pytest.mark.parametrize("kind", [LOCAL, FORKED])
@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        ("raise ConfigurationError('no key to be had')", 2, "locustfile.api_key: no key to be had"),
        ("return object()", 2, "cannot be sent to workers"),
        ("1 / 0", 1, "ZeroDivisionError"),
    ],
)
def test_a_set_up_that_fails_ends_the_run_before_it_begins(
    start: Start, kind: str, failure: str, code: int, said: str
) -> None:
    run = start("failing", ONCE.replace("FAILURE", failure), "-u", 4, "-t", "30s", kind=kind)
    assert run.end() == code, run.output
    assert said in run.output
    assert run.received() == 0
    assert lines(run.folder, "users") == lines(run.folder, "tear-down") == []
