"""What the documentation says that can be run: blocks of its pages, marked by a comment on the line before.

    <!-- file: NAME, PATH -->            the block is the file PATH of the story NAME
    <!-- run: NAME[, exit N][, slow] --> the block is run: a shell's (`console`, `sh`, `bash`) or Python's
    <!-- prints: NAME -->                the block's lines are among what was printed by the step before

The blocks of one page and one name are a story: they happen in order, in one folder of their own. It has `locustfiles`,
`proto` and `test_data` as a checkout has them, and the guide's `orders.py` with its messages. In `console` the lines
after `$ ` are commands, and all others are printed. Where two lines are compared, numbers and durations are all alike,
and `…` stands for anything.

`http://localhost:8000` is the reference target: one that is shared, or the one that the story starts by
`wireswarm target … &`. `https://staging.example.com` is a server of orders, see `docs_orders.py`. A master binds to a
free port in place of `--master-bind-port 5557`.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

PATIENCE = 120
"""Seconds that one block may take, on a machine that is busy with other tests."""

TARGET = "http://localhost:8000"
STAGING = "https://staging.example.com"
MASTER = "--master-bind-port 5557"

_MARK = re.compile(r"<!-- (?P<kind>file|run|prints): (?P<rest>.+) -->")
_FENCE = re.compile(r"(?P<indent> *)(?P<fence>```+)(?P<language>\w*)")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# A status and an exit code say what happened, and digits in a word belong to it, as in p95.
_NUMBER = re.compile(r"(?<!\w)(?<!status )(?<!exit code )\d[\d,.]*(?: ?(?:ns|us|µs|ms|s|min|KB|MB)\b)?(?: \d+ s\b)?")


class Step(NamedTuple):
    """One marked block."""

    kind: str
    words: tuple[str, ...]
    """What the mark says after the story's name."""
    language: str
    text: str
    line: int

    @property
    def commands(self) -> str:
        """What a shell is to run."""
        if self.language != "console":
            return self.text
        taken, going_on = [], False
        for line in self.text.splitlines():
            if going_on or line.startswith("$ "):
                taken.append(line if going_on else line.removeprefix("$ "))
                going_on = line.endswith("\\")
        return "\n".join(taken)

    @property
    def printed(self) -> list[str]:
        """What is said to be printed."""
        if self.kind == "prints":
            return self.text.splitlines()
        if self.language != "console":
            return []
        commands = self.commands.splitlines()
        return [line for line in self.text.splitlines() if line.removeprefix("$ ") not in commands]

    @property
    def code(self) -> int:
        """The exit code that it has to have."""
        return next((int(word.removeprefix("exit ")) for word in self.words if word.startswith("exit ")), 0)


class Story(NamedTuple):
    """The marked blocks of one page that belong together."""

    page: Path
    name: str
    steps: list[Step]

    @property
    def slow(self) -> bool:
        """Whether it takes many seconds."""
        return any("slow" in step.words for step in self.steps)

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix().removeprefix('docs/')}:{self.name}"


def blocks_of(text: str) -> Iterator[tuple[str, str, int, str]]:
    """The fenced blocks of a page: language, text without its indent, line, and the last line before that has text."""
    lines = text.splitlines()
    before, number = "", 0
    while number < len(lines):
        opening = _FENCE.match(lines[number])
        if opening is None:
            before = lines[number].strip() or before
            number += 1
            continue
        start, indent, inside = number, len(opening["indent"]), []
        number += 1
        while number < len(lines) and not lines[number].strip().startswith(opening["fence"]):
            inside.append(lines[number][indent:])
            number += 1
        yield opening["language"], "\n".join(inside) + "\n", start + 1, before
        before, number = "", number + 1


def stories_of(page: Path) -> list[Story]:
    """The stories of a page.

    Raises:
        ValueError: a mark is none that means anything.
    """
    stories: dict[str, Story] = {}
    text, found = page.read_text(encoding="utf-8"), 0
    for language, block, line, before in blocks_of(text):
        mark = _MARK.fullmatch(before)
        if mark is None:
            continue
        found += 1
        name, *words = (word.strip() for word in mark["rest"].split(","))
        step = Step(mark["kind"], tuple(words), language, block, line)
        if (
            (len(words) != 1)
            if step.kind == "file"
            else not all(re.fullmatch(r"exit \d+|slow", word) for word in words)
        ):
            raise ValueError(f"{page}:{line}: {before}")
        stories.setdefault(name, Story(page, name, [])).steps.append(step)
    if found != len(re.findall(r"^ *<!-- (?:file|run|prints)\b", text, re.MULTILINE)):
        raise ValueError(f"{page}: a mark is wrong, or is not followed by a block")
    return list(stories.values())


def all_stories() -> list[Story]:
    """The stories of all pages and of the README."""
    return [story for page in PAGES for story in stories_of(page)]


class Stage:
    """Where a story happens: its folder, the servers that it meets, and what was printed last."""

    def __init__(self, folder: Path, start_target: Callable[[list[str]], str], target: str, staging: str) -> None:
        self._folder = folder
        self._start_target = start_target
        self._target = target
        self._staging = staging
        self.output = ""
        for name in ("locustfiles", "proto", "test_data"):
            (folder / name).mkdir(exist_ok=True)
            for entry in (ROOT / name).iterdir():
                (folder / name / entry.name).symlink_to(entry)

    def write(self, name: str, text: str) -> None:
        """Put a file into the folder."""
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        assert not file.is_symlink(), f"{name} is one of the repository's"
        file.write_text(text, encoding="utf-8")

    def play(self, step: Step) -> None:
        """Do what a step says; what it says about the outcome is asserted."""
        if step.kind == "file":
            self.write(step.words[0], self._told(step.text))
        elif step.kind == "run":
            self._run(step)
        missing = [line for line in step.printed if not self._has_printed(line)]
        assert not missing, f"line {step.line}: not printed: {missing}\n{self.output}"

    def _run(self, step: Step) -> None:
        if step.language == "python":
            command = [sys.executable, "-c", self._told(step.text)]
        else:
            script = "\n".join(filter(None, map(self._targets, step.commands.splitlines())))
            command = ["bash", "-euo", "pipefail", "-c", self._told(script)]
        with subprocess.Popen(
            command,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment(),
            start_new_session=True,
        ) as process:
            try:
                self.output, _ = process.communicate(timeout=PATIENCE)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        print(self.output)
        assert process.returncode == step.code, f"line {step.line}: exit code {process.returncode}\n{self.output}"

    def _targets(self, command: str) -> str:
        """A target that is started in the background is one of the test's; every other command is a shell's."""
        words = command.partition(" #")[0].split()
        if words[:2] != ["wireswarm", "target"] or words[-1] != "&":
            return command
        self._target = self._start_target(shlex.split(" ".join(words[2:-1])))
        return ""

    def _told(self, text: str) -> str:
        if MASTER in text:
            text = text.replace(MASTER, f"--master-bind-port {free_port()}")
        return text.replace(TARGET, self._target).replace(STAGING, self._staging)

    def _has_printed(self, line: str) -> bool:
        wanted = ".*".join(re.escape(alike(part)) for part in self._told(line).split("…"))
        return any(re.search(wanted, alike(printed)) for printed in self.output.splitlines())

    def _environment(self) -> dict[str, str]:
        ours = ("LOCUST_", "WIRESWARM_", "TEST_", "TARGET_", "EATER_", "GITHUB_", "PYTEST_", "COV_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        return {**inherited, "PATH": path, "COLUMNS": "120", "TERM": "dumb"}


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def alike(line: str) -> str:
    """A line without what differs from run to run: numbers, durations, spaces, the length of rules, the validity.

    How busy the machine is beside the tests decides whether a run of some seconds is valid.
    """
    line = _NUMBER.sub("#", _ANSI.sub("", line))
    line = re.sub(r"The run is [A-Z]+", "The run is #", line)
    return " ".join(re.sub("─+", "─", line).split())
