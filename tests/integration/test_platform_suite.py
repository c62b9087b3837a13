"""The platform suite as it is shipped: its users, its weights, its tags."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import CHATER, LocustProcess, Target, failures, received, refused, reported
from locust_process import write as write_file
from platform_calls import CALLS, NEEDS, ROLES, TAGS, WAITS, off_share

from wireswarm.profiles import read_profile_file
from wireswarm.target.settings import FAKE_JWT_SECRET
from wireswarm.target.tokens import Tokens

PLATFORM = CHATER.with_name("platform_api.py")
BASICS = ("--headless", "--only-summary")

QUICK = """
import random

import platform_api
from locust import constant
from platform_api import AdminUser, HeavyUser, PlatformUser

random.seed(7)
for name in ("AdminUser", "HeavyUser", "PlatformUser"):
    getattr(platform_api, name).wait_time = constant(0)
"""
"""The suite without the pauses that people make, and with the same choices in every run."""


TASKS = {"PlatformUser": 5_000, "AdminUser": 3_000, "HeavyUser": 3_000}


def test_thousands_of_tasks_are_shared_out_by_their_weights(
    start_target: Callable[..., Target], tmp_path: Path
) -> None:
    quick = write_file(tmp_path, QUICK, "quick.py")
    with ExitStack() as stack:
        runs = {}
        for role in CALLS:
            target, report = start_target(heavy_time="0s", heavy_bytes=100), tmp_path / role
            options = ("-u", 1, "-r", 1, "--iterations", TASKS[role], "--host", target.url, "--json-file", report, role)
            runs[role] = stack.enter_context(LocustProcess(quick, *BASICS, *options)), target, report
        for role, (run, target, report) in runs.items():
            assert run.end() == 0, run.output
            assert failures(report) == {}
            assert reported(report).keys() == CALLS[role].keys()
            assert reported(report) == received(target.counters())
            assert TASKS[role] <= reported(report).total() <= TASKS[role] + 3
            assert off_share(reported(report), CALLS[role]) < 2


def test_the_roles_are_shared_out_and_wait(tmp_path: Path) -> None:
    probe = """
    from collections import Counter
    from locust.dispatch import UsersDispatcher
    from locust.runners import WorkerNode
    from platform_api import AdminUser, HeavyUser, PlatformUser

    CLASSES = [AdminUser, HeavyUser, PlatformUser]
    dispatcher = UsersDispatcher([WorkerNode("1")], CLASSES)
    dispatcher.new_dispatch(100, 100)
    *_, last = dispatcher
    print("users", sorted(last["1"].items()))
    for user in CLASSES:
        waits = [user.wait_time(None) for _ in range(2000)]
        print("wait", user.__name__, round(min(waits), 1), round(max(waits), 1))
    """
    with LocustProcess(write_file(tmp_path, _dedent(probe)), *BASICS, "--check", "--host", "http://127.0.0.1:1") as run:
        assert run.end() == 0, run.output
    assert f"users {sorted((role, share * 10) for role, share in ROLES.items())}" in run.output
    for role, (low, high) in WAITS.items():
        assert f"wait {role} {low:.1f} {high:.1f}" in run.output


def _dedent(text: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in text.splitlines())


def run_tags(tags: Sequence[str], target: Target, folder: Path) -> None:
    """Assert that each of these tags sends what it is on, and nothing else."""
    quick = write_file(folder, QUICK, "quick.py")
    with ExitStack() as stack:
        runs = {}
        for tag in tags:
            options = ("-u", 10, "-r", 10, "--iterations", 300, "--host", target.url, "--tags", tag)
            run = LocustProcess(quick, *BASICS, *options, "--json-file", folder / tag)
            runs[tag] = stack.enter_context(run)
        for tag, run in runs.items():
            assert run.end() == 0, run.output
            assert TAGS[tag] <= set(reported(folder / tag)) <= TAGS[tag] | NEEDS.get(tag, set()), tag


def test_tags_run_what_they_are_on(start_target: Callable[..., Target], tmp_path: Path) -> None:
    run_tags(("health", "execution", "cost"), start_target(heavy_time="0s"), tmp_path)


@pytest.mark.slow
def test_every_tag_runs_what_it_is_on(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, tags = start_target(heavy_time="0s"), list(TAGS)
    # Three at a time, so that no machine has to start thirteen at once.
    for start in range(0, len(tags), 3):
        run_tags(tags[start : start + 3], target, tmp_path)


def test_there_are_no_other_tags() -> None:
    with LocustProcess(PLATFORM, *BASICS, "--host", "http://127.0.0.1:1", "--tags", "none") as run:
        lines = "\n".join(refused(run))
    assert f"the tags there are: {', '.join(sorted(TAGS))}" in lines


def test_without_writing_nothing_is_changed(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report = start_target(heavy_time="0s"), tmp_path / "run"
    options = ("-u", 10, "-r", 10, "--iterations", 1000, "--host", target.url, "--json-file", report)
    with LocustProcess(
        write_file(tmp_path, QUICK, "quick.py"), *BASICS, *options, "--exclude-tags", "write", "--", "PlatformUser"
    ) as run:
        assert run.end() == 0, run.output
    assert reported(report).keys() == {call for call in CALLS["PlatformUser"] if call.startswith("GET")}
    assert reported(report) == received(target.counters())


def test_a_faulty_system_is_reported_and_nothing_else(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report = start_target(heavy_time="0s", error_rate=0.1, seed=3), tmp_path / "run"
    options = ("-u", 10, "-r", 10, "--iterations", 1500, "--host", target.url, "--json-file", report)
    with LocustProcess(write_file(tmp_path, QUICK, "quick.py"), *BASICS, *options) as run:
        assert run.end() == 1, run.output
    assert "Traceback" not in run.output
    assert reported(report) == received(target.counters())
    assert 0.08 < failures(report).total() / reported(report).total() < 0.12


def test_roles_have_tokens_of_their_own(target: Target, tmp_path: Path) -> None:
    tokens = Tokens(FAKE_JWT_SECRET)
    member, admin = tokens.issue("member@example.com", "M"), tokens.issue("admin@example.com", "A")
    quick = write_file(tmp_path, QUICK, "quick.py")
    options = ("-u", 10, "-r", 10, "--iterations", 300, "--host", target.url)
    both = {"PLATFORM_TOKEN": member, "PLATFORM_ADMIN_TOKEN": admin}
    with (
        LocustProcess(quick, *BASICS, *options, "--json-file", tmp_path / "a", environment=both) as good,
        LocustProcess(
            quick, *BASICS, *options, "--json-file", tmp_path / "b", environment={"PLATFORM_TOKEN": member}
        ) as bad,
    ):
        assert good.end() == 0, good.output
        assert bad.end() == 1, bad.output
    assert failures(tmp_path / "b") == {call: reported(tmp_path / "b")[call] for call in CALLS["AdminUser"]}
    assert member not in bad.output


def test_a_demo_run_holds_the_thresholds_of_the_document(target: Target) -> None:
    options = ("--load-profile", "demo", "-t", "4s", "--host", target.url)
    with LocustProcess(PLATFORM, *BASICS, *options) as run:
        run.end()
    judged = [line for line in run.lines if line.startswith(("✓", "✗"))]
    names = ("p95 < 500ms", "p99 < 1s", "errors < 0.1%", "cpu < 80%", "memory_growth < 100MB over 10m")
    assert len(judged) == len(names), run.output
    for name, line in zip(names, judged, strict=True):
        assert name in line
        assert "no data" not in line


@pytest.mark.parametrize("host", ["ftp://example.com", "localhost:8000"])
def test_a_wrong_host_is_told_before_the_start(host: str) -> None:
    with LocustProcess(PLATFORM, *BASICS, "--host", host, environment={"PLATFORM_TOKEN": "two words"}) as run:
        lines = "\n".join(refused(run))
    assert "--host" in lines
    assert "PLATFORM_TOKEN is malformed" in lines


def test_the_demo_is_a_whole_run(tmp_path: Path) -> None:
    options = ("--results", tmp_path, "platform", "-u", "10", "-t", "1s")
    run = LocustProcess("", *options, command=(sys.executable, "-m", "wireswarm", "demo"))
    run._command = [word for word in run._command if word not in {"-f", ""}]
    with run:
        run.end()
    assert "40 users of a platform" in run.output
    assert f"The report is {tmp_path / 'report.html'}" in run.output
    assert {"report.html", "summary.json", "junit.xml", "locust_stats.csv"} <= {
        path.name for path in tmp_path.iterdir()
    }


def test_the_profiles_are_those_of_the_document() -> None:
    profiles = read_profile_file(PLATFORM.with_suffix(".toml")).profiles
    assert {name: (run.users, run.spawn_rate, run.run_time) for name, run in profiles.items() if run.users} == {
        "demo": (40, 40, 20),
        "smoke": (5, 1, 120),
        "load": (100, 10, 600),
        "stress": (500, 50, 600),
        "spike": (200, 100, 300),
        "endurance": (100, 10, 7200),
    }
    stages = {"stress-stages": (540, 200), "spike-stages": (120, 200)}
    assert stages.keys() == {name for name, run in profiles.items() if not run.users}
