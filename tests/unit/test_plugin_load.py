"""What `import wireswarm` in a locustfile does to Locust's command line: checks, hints, and how a refusal looks."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from locust import task
from locust.argument_parser import LocustArgumentParser, get_empty_argument_parser, setup_parser_arguments
from locust.env import Environment

from wireswarm import ConfigurationError, ProtobufUser
from wireswarm.net.guard import GUARD

# The package's attribute of that name is the function.
module: Any = importlib.import_module("wireswarm.plugin.load")

NAME = "a_locustfile_of_the_load_tests"


class Somebody(ProtobufUser):
    host = "http://127.0.0.1:8000"

    @task
    def nothing(self) -> None: ...


@pytest.fixture(autouse=True)
def _a_process_that_has_not_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setitem(module._state, "checked", False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    locustfile = ModuleType(NAME)
    vars(locustfile)["Somebody"] = Somebody
    monkeypatch.setitem(sys.modules, NAME, locustfile)
    yield
    GUARD.allow_only([])


@pytest.fixture
def parser() -> LocustArgumentParser:
    made = get_empty_argument_parser(default_config_files=[])
    setup_parser_arguments(made)
    module._on_parser(made)
    return made


def parse(parser: LocustArgumentParser, *args: str) -> Namespace:
    options: Namespace = parser.parse_args(["-f", f"{NAME}.py", "--headless", *args])
    return options


def test_what_is_right_is_parsed_as_ever(parser: LocustArgumentParser) -> None:
    assert parse(parser, "-u", "5", "--iterations", "3").iterations == 3


def test_all_problems_are_shown_one_per_line_with_exit_code_2(
    parser: LocustArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(parser, "--host", "nonsense", "NoSuchUser", "Somebody")

    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("error: there is no user class NoSuchUser")
    assert lines[1].startswith("error: --host 'nonsense'")


def test_a_profile_file_that_is_wrong_is_shown_in_the_same_way(
    parser: LocustArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(f"{NAME}.toml").write_text("[profiles.a]\nusers = 0\nspeed = 1\n", encoding="utf-8")

    with pytest.raises(SystemExit) as ended:
        parse(parser, "--load-profile", "a")

    assert ended.value.code == 2
    assert capsys.readouterr().err.count("error: ") == 2


def test_hosts_that_are_allowed_hold_for_the_check(
    parser: LocustArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(parser, "--allowed-hosts", "staging.example.com")

    assert "127.0.0.1" in capsys.readouterr().err


def test_check_says_what_it_looked_at_and_ends_with_success(
    parser: LocustArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(parser, "--check")

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"OK: {NAME}.py: Somebody; nothing was sent\n"


def test_a_label_that_is_a_profiles_name_gets_a_hint_and_the_run_goes_on(
    parser: LocustArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(f"{NAME}.toml").write_text("[profiles.smoke]\nusers = 1\n", encoding="utf-8")

    assert parse(parser, "--profile", "smoke").num_users is None

    assert capsys.readouterr().err.startswith("warning: --profile smoke only labels the run")


@pytest.mark.parametrize("option", ["--list", "--show-task-ratio", "--show-task-ratio-json"])
def test_where_nothing_runs_nothing_is_checked(parser: LocustArgumentParser, option: str) -> None:
    parse(parser, "--host", "nonsense", option)

    assert module._state["checked"] is False


def test_only_the_first_parsing_is_checked(parser: LocustArgumentParser) -> None:
    # The web UI parses again for every page.
    parse(parser)
    Path(f"{NAME}.toml").write_text("not TOML", encoding="utf-8")

    assert parse(parser, "--host", "nonsense", "--load-profile", "x").load_profile == "x"


def test_load_hooks_in_once() -> None:
    code = (
        "import json, locust, wireswarm.plugin as p; e = locust.events; "
        "count = lambda: [len(e.init_command_line_parser._handlers), len(e.init._handlers)]; "
        "a = count(); p.load(); b = count(); p.load(); print(json.dumps([a, b, count()]))"
    )
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    before, once, twice = json.loads(result.stdout)
    assert [after - was for was, after in zip(before, once, strict=True)] == [1, 1]
    assert twice == once


def test_a_locustfile_that_cannot_be_imported_is_one_line_and_exit_code_2() -> None:
    code = (
        "import wireswarm.plugin as p; p.load(); "
        "from wireswarm import ConfigurationError; raise ConfigurationError(['no photo', 'no days'])"
    )
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert result.returncode == 2
    assert result.stderr == "error: no photo\nerror: no days\n"


def test_other_errors_keep_their_traceback() -> None:
    code = "import wireswarm.plugin as p; p.load(); raise ValueError('a bug')"
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("ValueError: a bug\n")


def test_an_environment_that_is_refused_ends_the_process(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "redact_logs", lambda: None)  # it changes the handlers of this process
    environment = Environment(user_classes=[Somebody], tags=["nothing"])
    environment.create_local_runner()

    with pytest.raises(SystemExit) as ended:
        module._on_init(environment)

    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: tags and exclude_tags leave no user class with a task\n"


def test_problems_are_described_one_per_line() -> None:
    assert module.describe(ConfigurationError(["a", "b"])) == "error: a\nerror: b\n"
