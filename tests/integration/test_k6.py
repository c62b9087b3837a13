"""The platform's twin for k6: the same calls, weights, waits, stages and thresholds as the suite has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import Target, received
from platform_calls import CALLS, NEEDS, ROLES, TAGS, WAITS, off_share

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "k6" / "k6_script.js"
OPTIONS: dict[str, Any] = {
    "stages": [{"duration": "10s", "target": 100}, {"duration": "9m50s", "target": 100}],
    "thresholds": {
        "http_req_duration": ["p(95)<500", "p(99)<1000"],
        "http_req_failed": ["rate<0.001"],
        "memory_growth": ["max<100"],
    },
}


def peer(name: str, *places: Path) -> str:
    """The path of a program that these tests need."""
    found = shutil.which(name) or next((str(place) for place in places if place.exists()), None)
    if found is None:
        if os.environ.get("WIRESWARM_REQUIRE_PEERS") == "1":
            pytest.fail(f"{name} is not installed, and WIRESWARM_REQUIRE_PEERS=1")
        pytest.skip(f"{name} is not installed")
    return found


def in_node(users: int, iterations: int, *settings: str) -> dict[str, Any]:
    """What the script does, without k6."""
    command = [peer("node"), str(Path(__file__).with_name("k6_in_node.mjs")), str(SCRIPT), str(users), str(iterations)]
    ran = subprocess.run([*command, *settings], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def role_of(user: int) -> str:
    """The role of a user of k6, counted from 1."""
    return [role for role, share in ROLES.items() for _ in range(share)][(user - 1) % sum(ROLES.values())]


def test_the_script_does_what_the_suite_does() -> None:
    found = in_node(10, 2000)
    counts: dict[str, Counter[str]] = {role: Counter() for role in ROLES}
    for user in range(1, 11):
        counts[role_of(user)].update(found["calls"][str(user)])
        low, high = found["waits"][str(user)]
        assert WAITS[role_of(user)] == (round(low, 1), round(high, 1))
    for role, weights in CALLS.items():
        assert counts[role].keys() == weights.keys()
        assert off_share(counts[role], weights) < 3
    assert found["options"] == OPTIONS
    # Before and after the test the memory is looked at.
    assert found["calls"]["0"] == {"GET /api/admin/metrics": 2}


@pytest.mark.parametrize("tag", TAGS)
def test_tags_choose_what_is_called(tag: str) -> None:
    calls = in_node(10, 300, f"TAGS={tag}", "THINK_TIME=0")["calls"]
    sent = {call for user, counts in calls.items() if user != "0" for call in counts}
    assert TAGS[tag] <= sent <= TAGS[tag] | NEEDS.get(tag, set())


def test_tags_leave_out_what_is_not_wanted() -> None:
    found = in_node(10, 300, "EXCLUDE_TAGS=write, admin,heavy", "MIN_RPS=100")
    sent = {call for user, counts in found["calls"].items() if user != "0" for call in counts}
    assert sent == {call for call in CALLS["PlatformUser"] if call.startswith("GET")}
    assert found["options"]["thresholds"]["http_reqs"] == ["rate>100"]


@pytest.mark.slow
def test_k6_calls_what_the_suite_calls(start_target: Callable[..., Target], tmp_path: Path) -> None:
    k6, target, results = (
        peer("k6", Path.home() / "go/bin/k6"),
        start_target(heavy_time="0s"),
        tmp_path / "results.json",
    )
    command = [k6, "run", "--quiet", "--no-usage-report", "--vus", "10", "--iterations", "10000"]
    command += ["-e", f"BASE_URL={target.url}", "-e", "THINK_TIME=0", "--out", f"json={results}", str(SCRIPT)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    counts = received(target.counters())
    counts["GET /api/admin/metrics"] -= 2
    assert counts.keys() == {call for weights in CALLS.values() for call in weights}
    assert 10_000 <= counts.total() <= 10_030
    # Some 7,000, 2,000 and 1,000 calls: five standard deviations and more.
    for role, weights in CALLS.items():
        assert off_share(counts, weights) < (4 if role == "PlatformUser" else 8)
    points = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
    requests = Counter(
        f"{point['data']['tags']['method']} {point['data']['tags']['name']}"
        for point in points
        if point["type"] == "Point" and point["metric"] == "http_reqs"
    )
    assert requests == received(target.counters())
    assert sum(point["type"] == "Point" and point["metric"] == "memory_growth" for point in points) == 1


@pytest.mark.slow
def test_k6_fails_where_the_thresholds_do(start_target: Callable[..., Target]) -> None:
    k6, target = peer("k6", Path.home() / "go/bin/k6"), start_target(heavy_time="0s", error_rate=0.1, seed=1)
    command = [k6, "run", "--quiet", "--no-usage-report", "--stage", "2s:20", "-e", f"BASE_URL={target.url}"]
    ran = subprocess.run([*command, str(SCRIPT)], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 99, ran.stdout + ran.stderr  # k6's code for thresholds
    assert "rate<0.001" in ran.stdout
