"""Our options beside Locust's, and who wins where two say something: command line, environment, profile, default."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
from locust.argument_parser import LocustArgumentParser, get_empty_argument_parser, setup_parser_arguments

from wireswarm import ConfigurationError
from wireswarm.plugin.options import STOP_TIMEOUT, add_options, apply_profile, did_you_mean_load_profile

PROFILES = """
[profiles.smoke]
users = 7
spawn_rate = 3.5
run_time = "90s"
tags = ["a", "b"]
exclude_tags = ["c"]
allowed_hosts = ["127.0.0.1", "*.test"]

[profiles.bare]
description = "says nothing about the run"
"""


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no locust.conf, no pyproject.toml
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("LOCUST_USERS", "LOCUST_MODE_WORKER", "LOCUST_LOCUSTFILE"):
        monkeypatch.delenv(name, raising=False)
    Path("food.py").touch()
    Path("food.toml").write_text(PROFILES, encoding="utf-8")


def parser() -> LocustArgumentParser:
    made = get_empty_argument_parser(default_config_files=[])
    setup_parser_arguments(made)
    add_options(made)
    return made


def parsed(*args: str) -> Namespace:
    made, arguments = parser(), ["-f", "food.py", *args]
    apply_profile(made, arguments)
    options: Namespace = made.parse_args(arguments)
    return options


def test_without_a_profile_there_are_defaults() -> None:
    options = parsed()

    assert options.iterations == 0
    assert options.load_profile == options.profile_file == options.allowed_hosts == ""
    assert options.check_only is False
    assert options.num_users is None
    assert float(options.stop_timeout) == STOP_TIMEOUT


def test_a_profile_gives_what_nobody_else_says() -> None:
    options = parsed("--load-profile", "smoke")

    assert (options.num_users, options.spawn_rate, options.run_time) == (7, 3.5, 90)
    assert type(options.run_time) is int  # the web UI takes no 90.0 back
    assert (options.tags, options.exclude_tags) == (["a", "b"], ["c"])
    assert options.allowed_hosts == "127.0.0.1,*.test"
    assert options.profile == "smoke"


def test_what_a_profile_does_not_say_stays_locusts_default() -> None:
    options, plain = parsed("--load-profile", "bare"), parsed()

    assert options.profile == "bare"
    for name in ("num_users", "spawn_rate", "run_time", "tags", "exclude_tags", "allowed_hosts"):
        assert getattr(options, name) == getattr(plain, name)


def test_part_of_a_second_is_kept() -> None:
    Path("food.toml").write_text('[profiles.short]\nrun_time = "1.5s"\n', encoding="utf-8")

    assert parsed("--load-profile", "short").run_time == 1.5


def test_the_environment_goes_before_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUST_USERS", "8")
    monkeypatch.setenv("WIRESWARM_ALLOWED_HOSTS", "host")

    options = parsed("--load-profile", "smoke")

    assert (options.num_users, options.spawn_rate, options.allowed_hosts) == (8, 3.5, "host")


def test_the_command_line_goes_before_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUST_USERS", "8")

    options = parsed("--load-profile", "smoke", "-u", "9", "--tags", "x", "--allowed-hosts", "other")

    assert (options.num_users, options.tags, options.allowed_hosts) == (9, ["x"], "other")


@pytest.mark.parametrize("name", ["WIRESWARM_LOAD_PROFILE", "--load-profile"])
def test_a_profile_can_be_chosen_by_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIRESWARM_LOAD_PROFILE", "bare" if name == "--load-profile" else "smoke")

    assert parsed(*(["--load-profile", "smoke"] if name == "--load-profile" else [])).num_users == 7


@pytest.mark.parametrize("how", ["option", "environment"])
def test_another_file_can_be_named(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[profiles.smoke]\nusers = 70\n", encoding="utf-8")
    if how == "environment":
        monkeypatch.setenv("WIRESWARM_PROFILE_FILE", str(other))
    more = ["--profile-file", str(other)] if how == "option" else []

    assert parsed("--load-profile", "smoke", *more).num_users == 70


def test_the_profile_that_was_chosen_is_returned() -> None:
    profile = apply_profile(parser(), ["-f", "food.py", "--load-profile", "smoke"])

    assert profile is not None
    assert profile.name == "smoke"


def test_the_file_is_that_of_the_first_locustfile_that_has_one() -> None:
    profile = apply_profile(parser(), ["-f", "none.py, food.py", "--load-profile", "smoke"])

    assert profile is not None


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-f", "none.py", "--load-profile", "smoke"], r"there is no profile file none\.toml"),
        (["-f", "food.py", "--load-profile", "smok"], "no such profile.*smoke"),
        (["-f", "food.py", "--load-profile", "smoke", "--profile-file", "no.toml"], r"no\.toml: found no such file"),
        (["-f", "food.py", "--profile-file", "no.toml"], r"no\.toml: found no such file"),  # though none is asked for
    ],
)
def test_a_profile_that_is_not_there_is_told(args: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        apply_profile(parser(), args)


@pytest.mark.parametrize("more", [["--worker"], ["--help"], ["-V"], ["--list"]])
def test_where_nothing_runs_the_file_is_not_read(more: list[str]) -> None:
    assert apply_profile(parser(), ["-f", "food.py", "--load-profile", "no such", *more]) is None


def test_a_worker_by_environment_does_not_read_it_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCUST_MODE_WORKER", "true")

    assert apply_profile(parser(), ["-f", "food.py", "--load-profile", "no such"]) is None


def test_a_file_without_a_profile_changes_nothing() -> None:
    assert apply_profile(parser(), ["-f", "food.py", "--profile-file", "food.toml"]) is None


def test_locusts_own_profile_is_no_abbreviation_of_ours() -> None:
    options = parsed("--profile", "smoke")

    assert (options.profile, options.num_users, options.profile_file) == ("smoke", None, "")


@pytest.mark.parametrize(("args", "hinted"), [(["smoke"], True), (["nightly"], False)])
def test_a_label_that_is_a_profiles_name_gets_a_hint(args: list[str], hinted: bool) -> None:
    hint = did_you_mean_load_profile(parsed("--profile", *args))

    assert (hint is not None) == hinted
    assert hint is None or "did you mean --load-profile smoke?" in hint


def test_where_nothing_is_meant_there_is_no_hint() -> None:
    assert did_you_mean_load_profile(parsed()) is None
    assert did_you_mean_load_profile(parsed("--profile", "smoke", "--load-profile", "bare")) is None
    Path("food.toml").unlink()
    assert did_you_mean_load_profile(parsed("--profile", "smoke")) is None
    Path("food.toml").write_text("not TOML", encoding="utf-8")
    assert did_you_mean_load_profile(parsed("--profile", "smoke")) is None


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", ""])
def test_iterations_are_one_or_more(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(f"--iterations={value}")

    assert ended.value.code == 2
    assert f"found {value!r}; allowed: a whole number of 1 or more" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["option", "environment"])
def test_iterations_that_are_some(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "environment":
        monkeypatch.setenv("WIRESWARM_ITERATIONS", "12")

    assert parsed(*(["--iterations", "12"] if how == "option" else [])).iterations == 12


def test_the_web_ui_offers_iterations_and_none_of_the_files() -> None:
    shown = parser().args_included_in_web_ui

    assert "iterations" in shown
    assert {"load_profile", "profile_file", "allowed_hosts", "check_only"}.isdisjoint(shown)


def test_check_and_stop_timeout_can_be_given() -> None:
    options = parsed("--check", "--stop-timeout", "3")

    assert options.check_only
    assert float(options.stop_timeout) == 3
