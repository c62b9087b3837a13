"""The demo: what it starts, what it says at the end, and that it leaves no server behind."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import msgspec
import pytest
import report_summaries as made
from rich.console import Console

from wireswarm.commands import demo
from wireswarm.errors import ConfigurationError
from wireswarm.reports.saved import write_summary


class Target:
    """Stands for the process of the reference target."""

    def __init__(self, line: str, *, stubborn: bool = False) -> None:
        self.stdout = io.StringIO(line)
        self.told: list[str] = []
        self._stubborn = stubborn

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        self.told.append("left")

    def terminate(self) -> None:
        self.told.append("terminate")

    def kill(self) -> None:
        self.told.append("kill")

    def wait(self, seconds: float) -> int:
        if self._stubborn:
            raise subprocess.TimeoutExpired("target", seconds)
        return 0


class Demo:
    """A demo in a folder, with what it starts replaced."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path, target: Target, code: int, verdict: str | None) -> None:
        self.target, self.folder, self._code, self._verdict = target, folder, code, verdict
        self.commands: list[list[str]] = []
        self.said = io.StringIO()
        patch.setattr(demo.subprocess, "Popen", lambda *_args, **_kwargs: target)
        patch.setattr(demo.subprocess, "call", self._call)

    def _call(self, command: list[str]) -> int:
        self.commands.append(command)
        if self._verdict is not None:
            summary = msgspec.structs.replace(made.empty(), verdict=self._verdict, exit_code=self._code)
            write_summary(summary, self.folder / "summary.json")
        return self._code

    def run(self, *arguments: str) -> int:
        return demo.run_demo(self.folder, arguments, Console(file=self.said, width=200))


LISTENING = "listening on http://127.0.0.1:4711\n"


@pytest.mark.parametrize(
    ("code", "verdict", "says"),
    [(0, "passed", "PASSED: 0 requests, 0 failed"), (3, "failed", "FAILED (exit code 3): 0 requests, 0 failed")],
)
def test_it_says_how_it_went_and_where_the_report_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, verdict: str, says: str
) -> None:
    one = Demo(monkeypatch, tmp_path / "deep" / "results", Target(LISTENING), code, verdict)

    assert one.run("--run-time", "3s") == code
    assert says in one.said.getvalue()
    assert f"The report is {tmp_path / 'deep' / 'results' / 'report.html'}" in one.said.getvalue()
    (command,) = one.commands
    assert command[command.index("--host") + 1] == "http://127.0.0.1:4711"
    assert command[-2:] == ["--run-time", "3s"], "the user's own come last, and win"
    assert "full_flow" in command
    assert one.target.told == ["terminate", "left"]


@pytest.mark.parametrize("suite", ["lorax", "mixed"])
def test_a_suite_is_chosen_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, suite: str) -> None:
    one = Demo(monkeypatch, tmp_path, Target(LISTENING), 0, "passed")

    assert one.run(suite, "--loglevel", "ERROR") == 0
    (command,) = one.commands
    assert command[command.index("-f") + 1].endswith(f"locustfiles/{suite}.py")
    assert "full_flow" not in command
    assert command[-2:] == ["--loglevel", "ERROR"]


@pytest.mark.parametrize("host", [("--host", "http://other:1"), ("--host=http://other:1",), ("-H", "http://other:1")])
def test_another_host_needs_no_target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: tuple[str, ...]) -> None:
    one = Demo(monkeypatch, tmp_path, Target(LISTENING), 0, "passed")

    assert one.run("lorax", *host) == 0
    assert "The target is at http://other:1; 20 users" in one.said.getvalue()
    assert one.target.told == []
    (command,) = one.commands
    assert command[-len(host) :] == [*host]


def test_a_run_that_was_refused_has_no_verdict_and_an_old_summary_is_not_taken_for_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one = Demo(monkeypatch, tmp_path, Target(LISTENING), 2, None)
    write_summary(made.empty(), tmp_path / "summary.json")

    assert one.run("--threshold", "nonsense") == 2
    assert "PASSED" not in one.said.getvalue()
    assert "The report is" not in one.said.getvalue()


@pytest.mark.parametrize("line", ["", "Address already in use\n"])
def test_a_target_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str) -> None:
    one = Demo(monkeypatch, tmp_path, Target(line), 0, None)

    with pytest.raises(ConfigurationError, match="the reference target did not start"):
        one.run()
    assert one.commands == []
    assert one.target.told == ["terminate", "left"]


def test_a_target_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one = Demo(monkeypatch, tmp_path, Target(LISTENING, stubborn=True), 0, "passed")

    assert one.run() == 0
    assert one.target.told == ["terminate", "kill", "left"]
