"""What a run is judged by: where it comes from, what replaces what, and every mistake at once."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from live_run import LiveRun
from locust import User
from locust.argument_parser import get_empty_argument_parser

from wireswarm import ConfigurationError, ProtobufUser
from wireswarm.metrics import Validity
from wireswarm.plugin.criteria import Criteria, add_criteria_options, criteria_of, host_of, watcher_of
from wireswarm.reports.build import build_summary
from wireswarm.reports.saved import write_summary
from wireswarm.reports.summary import Run

PROFILES = """
[thresholds]
"*" = ["p95 < 1s", "errors < 5%"]
[watch.memory]
url = "/memory"
key = "rss"
unit = "MB"
[profiles.smoke]
users = 1
thresholds."*" = ["p95 < 2s"]
"""


def options_of(*arguments: str, **more: Any) -> Namespace:
    parser = get_empty_argument_parser(add_help=False, default_config_files=[])
    add_criteria_options(parser.add_argument_group("ours"))
    options: Namespace = parser.parse_args(arguments)
    vars(options).update(more)
    return options


def expressions(criteria: Criteria) -> list[str]:
    return [str(threshold) for threshold in criteria.thresholds]


def test_without_options_there_is_nothing_to_judge_by() -> None:
    assert criteria_of(None, {}) == Criteria()
    assert criteria_of(options_of(), {}) == Criteria()


def test_later_sources_replace_earlier_ones(tmp_path: Path) -> None:
    profiles, own = tmp_path / "profiles.toml", tmp_path / "own.toml"
    profiles.write_text(PROFILES)
    own.write_text('[thresholds]\n"*" = ["p95 < 4s"]\n')
    file: dict[str, Any] = {"profile_file": str(profiles), "load_profile": ""}
    profile = {**file, "load_profile": "smoke"}
    environ = {"P95_THRESHOLD_MS": "3000"}
    own_file = ("--thresholds", str(own))

    assert expressions(criteria_of(options_of(**file), {})) == ["p95 < 1s", "errors < 5%"]
    for expected, options, variables in (
        ("p95 < 2s", options_of(**profile), {}),
        ("p95 < 3000ms", options_of(**profile), environ),
        ("p95 < 4s", options_of(*own_file, **profile), environ),
        ("p95 < 5s", options_of("--threshold", "p95 < 5s", *own_file, **profile), environ),
    ):
        assert sorted(expressions(criteria_of(options, variables))) == ["errors < 5%", expected]
    assert list(criteria_of(options_of(**file), {}).watches) == ["memory"]


def test_a_threshold_about_a_watched_value_needs_the_watch(tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(PROFILES)
    about = ("--threshold", "memory.max < 100MB")

    assert criteria_of(options_of(*about, profile_file=str(path), load_profile="smoke"), {}).watches
    with pytest.raises(ConfigurationError, match="memory"):
        criteria_of(options_of(*about), {})


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[thresholds]\n"*" = ["p95 < 4"]\n')
    options = options_of(
        *("--threshold", "nonsense", "--threshold", "p95 < 1"),
        *("--thresholds", str(tmp_path / "own.toml"), "--baseline", str(tmp_path / "none.json")),
        profile_file=str(tmp_path / "none.toml"),
        load_profile="",
    )

    with pytest.raises(ConfigurationError) as refused:
        criteria_of(options, {"P95_THRESHOLD_MS": "soon"})

    problems = refused.value.problems
    for start in (f"{tmp_path}/none.toml", "P95_THRESHOLD_MS", f"{tmp_path}/own.toml", f"{tmp_path}/none.json"):
        assert sum(problem.startswith(start) for problem in problems) == 1, problems
    assert sum(problem.startswith("--threshold") for problem in problems) == 2
    assert len(problems) == 6


def test_a_baseline_is_read(tmp_path: Path) -> None:
    live = LiveRun()
    live.request(12)
    live.report()
    run = Run(started="2026-01-01T00:00:00+00:00", duration_s=1.0)
    summary = build_summary(live.results, [], run=run, validity=Validity("VALID", []), exit_code=0)
    write_summary(summary, tmp_path / "base.json")

    assert criteria_of(options_of("--baseline", str(tmp_path / "base.json")), {}).baseline == summary


class Stock(User):
    host = "http://192.0.2.1"


class Ours(ProtobufUser):
    insecure = True


def test_the_host_is_the_one_given_or_a_classs_own() -> None:
    assert host_of([Ours, Stock], "http://192.0.2.2") == "http://192.0.2.2"
    assert host_of([Ours, Stock], None) == "http://192.0.2.1"
    assert host_of([Ours], "") is None


def test_watches_need_a_host(tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(PROFILES)
    criteria = criteria_of(options_of(profile_file=str(path), load_profile=""), {})

    assert watcher_of(criteria, [Ours, Stock], None).check() == []
    (problem,) = watcher_of(criteria, [Ours], None).check()
    assert problem.startswith("watch.memory: ")
    assert watcher_of(Criteria(), [], None).check() == []
