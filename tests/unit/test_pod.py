"""The command of a container: what Locust is started with, and what the container ends with."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from wireswarm.commands.pod import check_files, command_for, exit_code_for
from wireswarm.errors import ConfigurationError

LOCUST = [sys.executable, "-m", "wireswarm", "locust"]


@pytest.mark.parametrize("first", [(), ("locust",)])
def test_everything_is_locusts(first: tuple[str, ...]) -> None:
    assert command_for((*first, "--master", "-f", "x.py"), {}, None) == [*LOCUST, "--master", "-f", "x.py"]


def test_another_command_of_ours_is_itself() -> None:
    command = command_for(("wireswarm", "target", "--port", "8000"), {}, Path("/nowhere"))
    assert command == [*LOCUST[:-1], "target", "--port", "8000"]


def test_a_headless_run_writes_all_reports(tmp_path: Path) -> None:
    results = tmp_path / "results"
    command = command_for(("--headless",), {}, results)
    assert command[4:] == [
        *("--headless", "--csv", f"{results}/locust", "--report", f"{results}/report.html"),
        *("--summary", f"{results}/metrics.json", "--junit", f"{results}/junit.xml"),
    ]
    assert results.is_dir()
    assert command_for((), {"LOCUST_HEADLESS": "True"}, results)[4:] == command[5:]


def test_what_is_given_is_left(tmp_path: Path) -> None:
    command = command_for(("--headless", "--csv", "mine", "--junit=j.xml"), {}, tmp_path)
    assert command.count("--csv") == 1
    assert [word for word in command if word.startswith("--junit")] == ["--junit=j.xml"]
    assert "--report" in command


def test_in_the_web_ui_each_test_has_a_folder(tmp_path: Path) -> None:
    assert command_for((), {}, tmp_path)[4:] == ["--results", str(tmp_path)]
    assert command_for(("--results", "r"), {}, tmp_path)[4:] == ["--results", "r"]


@pytest.mark.parametrize("words", [("--worker",), ("--list",), ("--headless", "--check"), ("--help",)])
def test_what_writes_no_reports_gets_no_folder(words: tuple[str, ...], tmp_path: Path) -> None:
    results = tmp_path / "results"
    assert command_for(words, {}, results)[4:] == list(words)
    assert command_for((), {"LOCUST_MODE_WORKER": "true"}, results)[4:] == []
    assert not results.exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"--pod-results \(WIRESWARM_POD_RESULTS\), .*file/results"):
        command_for((), {}, tmp_path / "file" / "results")


@pytest.mark.parametrize(("code", "told"), [(0, 0), (1, 0), (3, 0), (4, 0), (2, 2), (5, 5), (-9, 137), (-15, 143)])
def test_only_verdicts_can_be_told_as_success(code: int, told: int) -> None:
    assert exit_code_for(code, succeed=True) == told
    assert exit_code_for(code, succeed=False) == (128 - code if code < 0 else code)


def test_without_a_summary_there_was_no_verdict() -> None:
    assert exit_code_for(1, succeed=True, judged=False) == 1


def test_files_are_compared_with_their_sums(tmp_path: Path) -> None:
    (tmp_path / "a.proto").write_bytes(b"a")
    (tmp_path / "two  spaces").write_bytes(b"b")
    right = {name: hashlib.sha256(text).hexdigest() for name, text in (("a.proto", b"a"), ("two  spaces", b"b"))}
    check_files("\n".join(f"{value}  {tmp_path / name}" for name, value in right.items()) + "\n")
    check_files("")
    with pytest.raises(ConfigurationError) as caught:
        check_files(f"{right['a.proto']}  {tmp_path / 'two  spaces'}\n{right['a.proto']}  {tmp_path / 'c'}")
    first, second = str(caught.value).splitlines()
    assert first.endswith(
        f"two  spaces: found SHA-256 {right['two  spaces']}; WIRESWARM_POD_SHA256 says {right['a.proto']}"
    )
    assert second.endswith("c: No such file or directory; WIRESWARM_POD_SHA256 names it")
