from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import msgpack
import pytest
from locust.argument_parser import default_args_dict, get_empty_argument_parser, setup_parser_arguments

from wireswarm.errors import ConfigurationError
from wireswarm.load import Stage, Stages, Wave
from wireswarm.load.stages import ALLOWED as STAGES_ALLOWED
from wireswarm.plugin.options import (
    add_options,
    apply_environment,
    apply_profile,
    did_you_mean_load_profile,
    positive_int,
    stages_text,
    users_plan,
)

PROFILES = """
[profiles.smoke]
users = 3
spawn_rate = 0.5
run_time = "1m30s"
tags = ["checkout", "search"]
exclude_tags = ["slow"]

[profiles.short]
run_time = "1500ms"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a locustfile and its profiles, and an environment that says nothing."""
    for name in os.environ:
        if name.startswith(("LOCUST_", "WIRESWARM_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "orders.toml").write_text(PROFILES, "utf-8")
    return tmp_path


def a_parser() -> Any:
    """Locust's parser with our options, as at its every use."""
    parser = get_empty_argument_parser()
    setup_parser_arguments(parser)
    add_options(parser)
    return parser


def parse(*args: str) -> argparse.Namespace:
    """What these arguments amount to, after `-f orders.py`."""
    parser, everything = a_parser(), ["-f", "orders.py", *args]
    apply_profile(parser, everything)
    options: argparse.Namespace = parser.parse_args(everything)
    return options


def test_a_profile_sets_what_is_not_given() -> None:
    options = parse("--load-profile", "smoke")
    assert options.num_users == 3
    assert options.spawn_rate == 0.5
    assert options.run_time == 90
    assert type(options.run_time) is int, "the web UI offers it as it is, and takes no 90.0 back"
    assert options.tags == ["checkout", "search"]
    assert options.exclude_tags == ["slow"]
    assert options.profile == "smoke", "Locust's label"


def test_without_a_profile_locusts_own_defaults_hold() -> None:
    options = parse()
    assert (options.num_users, options.spawn_rate, options.run_time, options.tags) == (None, None, None, None)
    assert options.profile is None


def test_a_profile_leaves_alone_what_it_does_not_speak_of() -> None:
    options = parse("--load-profile", "short")
    assert options.num_users is None
    assert options.run_time == 1.5


def test_each_option_on_the_command_line_wins_over_the_profile_by_itself() -> None:
    options = parse("--load-profile", "smoke", "--users", "20", "--tags", "pay", "--profile", "nightly")
    assert (options.num_users, options.spawn_rate, options.run_time) == (20, 0.5, 90)
    assert options.tags == ["pay"]
    assert options.exclude_tags == ["slow"]
    assert options.profile == "nightly"


def test_the_environment_wins_over_the_profile_and_loses_to_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIRESWARM_LOAD_PROFILE", "smoke")
    monkeypatch.setenv("LOCUST_USERS", "7")
    monkeypatch.setenv("LOCUST_RUN_TIME", "5m")
    options = parse("--run-time", "10s")
    assert (options.num_users, options.spawn_rate, options.run_time) == (7, 0.5, 10)


def test_a_configuration_file_wins_over_the_profile(folder: Path) -> None:
    (folder / "locust.conf").write_text("users = 8\nload-profile = smoke\n", "utf-8")
    options = parse()
    assert (options.num_users, options.spawn_rate) == (8, 0.5)


def test_the_profile_on_the_command_line_wins_over_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIRESWARM_LOAD_PROFILE", "smoke")
    assert parse("--load-profile", "short").num_users is None


def test_profiles_can_be_in_another_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "orders.toml").rename(folder / "other.toml")
    assert parse("--profile-file", "other.toml", "--load-profile", "smoke").num_users == 3
    monkeypatch.setenv("WIRESWARM_PROFILE_FILE", str(folder / "other.toml"))
    assert parse("--load-profile", "smoke").num_users == 3


def test_of_several_locustfiles_the_first_that_has_profiles_counts() -> None:
    parser, args = a_parser(), ["-f", "nothing.py, orders.py", "--load-profile", "smoke"]
    assert apply_profile(parser, args)["num_users"] == 3


def test_without_a_profile_file_it_says_where_it_looked(folder: Path) -> None:
    (folder / "orders.toml").unlink()
    with pytest.raises(ConfigurationError) as caught:
        parse("--load-profile", "smoke")
    assert caught.value.problems == (
        "--load-profile smoke: there is no profile file orders.toml; write one or pass --profile-file",
    )


def test_a_profile_file_without_a_profile_is_read_for_its_mistakes(folder: Path) -> None:
    (folder / "other.toml").write_text("[profiles.smoke]\nuser = 1\n", "utf-8")
    with pytest.raises(ConfigurationError, match=r"other\.toml: profiles\.smoke\.user"):
        parse("--profile-file", "other.toml")
    assert parse("--profile-file", "orders.toml").num_users is None


@pytest.mark.parametrize("option", ["--help", "-h", "--version", "-V", "--list", "-l"])
def test_what_only_shows_something_needs_no_profile(option: str) -> None:
    assert apply_profile(a_parser(), ["--load-profile", "nothing", option]) == {}


def test_a_worker_needs_no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse("--worker", "--load-profile", "nothing").num_users is None
    monkeypatch.setenv("LOCUST_MODE_WORKER", "true")
    assert parse("--load-profile", "nothing").num_users is None


def test_a_label_that_names_a_profile_gets_a_hint(folder: Path) -> None:
    hint = did_you_mean_load_profile(parse("--profile", "smoke"))
    assert hint is not None
    assert hint.startswith("--profile smoke only labels the run; orders.toml has a load profile of that name")
    assert hint.endswith("did you mean --load-profile smoke?")
    assert did_you_mean_load_profile(parse("--profile", "nightly")) is None
    assert did_you_mean_load_profile(parse()) is None
    assert did_you_mean_load_profile(parse("--profile", "short", "--load-profile", "smoke")) is None
    (folder / "orders.toml").write_text("nonsense", "utf-8")
    assert did_you_mean_load_profile(parse("--profile", "smoke")) is None, "nobody asked for that file"


def test_users_have_ten_seconds_to_end_what_they_do() -> None:
    assert parse().stop_timeout == 10
    assert parse("--stop-timeout", "0").stop_timeout == 0


@pytest.mark.parametrize("text", ["1", "200"])
def test_iterations_are_a_whole_number(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse("--iterations", text).iterations == int(text)
    monkeypatch.setenv("WIRESWARM_ITERATIONS", text)
    assert parse().iterations == int(text)


@pytest.mark.parametrize("text", ["0", "-3", "x", "1.5", ""])
def test_iterations_are_not_less_than_one(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        positive_int(text)
    with pytest.raises(SystemExit) as caught:
        parse(f"--iterations={text}")
    assert caught.value.code == 2
    assert f"found {text!r}; allowed: a whole number of 1 or more" in capsys.readouterr().err


def test_check_can_be_asked_for_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse().check_only is False
    assert parse("--check").check_only is True
    monkeypatch.setenv("WIRESWARM_CHECK", "true")
    assert parse().check_only is True


def test_a_master_can_send_our_options_to_its_workers() -> None:
    options = vars(parse("--load-profile", "smoke", "--iterations", "5"))
    ours = {name: value for name, value in options.items() if name not in default_args_dict()}
    assert ours["iterations"] == 5
    assert {type(value) for value in ours.values()} <= {str, int, float, bool, list}
    assert msgpack.unpackb(msgpack.packb(options)) == options


def test_the_web_ui_offers_what_needs_no_file() -> None:
    parser = a_parser()
    offered = parser.args_included_in_web_ui.keys() - default_args_dict().keys() - {"help"}
    assert offered == {"iterations", "arrival_rate", "arrivals", "max_lateness"}
    # What it asks of each.
    assert "iterations" not in parser.secret_args_included_in_web_ui
    assert "iterations" not in parser.required_args_included_in_web_ui
    assert "iterations" not in parser.multiple_args_included_in_web_ui


# ---- What a profile says about the course of the load ----------------------------------------------------------------

PLANS = """
[defaults]
tags = ["always"]
[profiles.staged]
stages = ["1m:5", "1m:0"]
[profiles.curved]
spawn_rate = 3
shape = {type = "wave", low = 1, high = 9, period = "1m"}
[profiles.open]
users = 30
stages = ["1m:5/s", "30s:600/m"]
arrivals = "poisson"
seed = 7
max_lateness = "2500ms"
[profiles.steps]
users = 30
shape = {type = "steps", levels = ["1/s", "2/s"], each = "1m"}
[profiles.endless]
shape = {type = "wave", low = "1/s", high = "9/s", period = "1m"}
[profiles.rate]
arrival_rate = "90/m"
users = 4
run_time = "1m"
data_file = "data/rows.csv"
environment = {TEST_OF_OPTIONS = "from the profile"}
"""
ENDLESS = '{type = "wave", low = 1, high = 9, period = "60s"}'


@pytest.fixture
def _plans(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "orders.toml").write_text(PLANS, "utf-8")
    monkeypatch.setenv("TEST_OF_OPTIONS", "")
    monkeypatch.delenv("TEST_OF_OPTIONS")


@pytest.mark.usefixtures("_plans")
@pytest.mark.parametrize(
    ("args", "plan", "others"),
    [
        ("--load-profile staged", Stages((Stage(60, 5), Stage(60, 0))), {"num_users": None, "tags": ["always"]}),
        ("--load-profile staged -t 5s", Stages((Stage(60, 5), Stage(60, 0))), {"run_time": 5}),
        ("--load-profile curved", Wave(1, 9, 60), {"spawn_rate": 3}),
        ("--load-profile staged -u 20", None, {"num_users": 20}),
        ("--load-profile staged --arrival-rate 5/s", None, {"arrival_rate": "5/s"}),
        ("--load-profile staged --stage 9s:1 --stage 9s:2", Stages((Stage(9, 1), Stage(9, 2))), {}),
        ("--load-profile rate --stage 9s:1", Stages((Stage(9, 1),)), {"num_users": None, "run_time": None}),
        ("--load-profile rate --stage 9s:1", Stages((Stage(9, 1),)), {"arrival_rate": ""}),
        ("--load-profile rate", None, {"arrival_rate": "1.5/s", "num_users": 4, "run_time": 60}),
        ("--load-profile rate -u 9", None, {"arrival_rate": "1.5/s", "num_users": 9}),
        ("--load-profile rate --arrival-rate 1m:5/s", None, {"arrival_rate": "1m:5/s", "run_time": None}),
        ("--load-profile open", None, {"arrival_rate": "60s:5/s,30s:10/s", "arrivals": "poisson", "arrival_seed": 7}),
        ("--load-profile open", None, {"num_users": 30, "max_lateness": "2.5s"}),
        ("--load-profile open -u 9", None, {"arrival_rate": "60s:5/s,30s:10/s", "num_users": 9}),
        ("--load-profile steps", None, {"arrival_rate": '{type = "steps", levels = [1, 2], each = "60s"}'}),
        ("--load-profile endless -t 5s", None, {"arrival_rate": ENDLESS, "run_time": 5}),
        ("--load-profile rate --arrival-rate {}", None, {"arrival_rate": "{}", "run_time": None}),
        ("--profile-file orders.toml", None, {"tags": ["always"], "profile": None}),
    ],
)
def test_what_a_profile_and_the_command_line_amount_to(args: str, plan: Any, others: dict[str, object]) -> None:
    options = parse(*args.split())
    found = users_plan(options)
    assert (found and found.shape) == plan
    assert {name: getattr(options, name) for name in others} == others


@pytest.mark.usefixtures("_plans")
def test_a_data_file_is_beside_the_profile_file(folder: Path) -> None:
    assert parse("--load-profile", "rate").data_file == str(Path("data/rows.csv"))
    assert parse("--profile-file", str(folder / "orders.toml"), "--load-profile", "rate").data_file == str(
        folder / "data" / "rows.csv"
    )


@pytest.mark.usefixtures("_plans")
def test_variables_are_set_where_they_are_not_set_already() -> None:
    environ: dict[str, str] = {}
    apply_environment(["-f", "orders.py", "--load-profile", "rate"], environ)
    assert environ == {"TEST_OF_OPTIONS": "from the profile"}
    environ["TEST_OF_OPTIONS"] = "mine"
    apply_environment(["-f", "orders.py", "--load-profile", "rate"], environ)
    assert environ == {"TEST_OF_OPTIONS": "mine"}
    parse("--load-profile", "rate")
    assert os.environ["TEST_OF_OPTIONS"] == "from the profile"


@pytest.mark.usefixtures("_plans")
@pytest.mark.parametrize(
    "args", ["--load-profile nope", "--load-profile", "--help", "-f nowhere.py --load-profile rate"]
)
def test_what_is_wrong_is_not_said_before_the_options_are_parsed(args: str) -> None:
    environ: dict[str, str] = {}
    apply_environment(args.split(), environ)
    assert environ == {}


@pytest.mark.parametrize(("text", "hint"), [("1m", ""), ("1m:5/s", "; for arrivals there is --arrival-rate")])
def test_stages_that_are_none(text: str, hint: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        stages_text(text)
    assert str(caught.value) == f"found the stage {text!r}; allowed: {STAGES_ALLOWED}{hint}"


def test_stages_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIRESWARM_STAGE", "1m:5,1m:0")
    assert parse().stage == ["1m:5,1m:0"]
