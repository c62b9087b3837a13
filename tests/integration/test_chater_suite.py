"""The Chater suite as it is shipped: its tags, its accounts, and records that it does not leave behind."""

from __future__ import annotations

import http.client
import signal
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import (
    CHATER,
    SINGLE_CALLS,
    LocustProcess,
    Target,
    chater_iterations,
    failures,
    flows,
    received,
    reported,
)

from wireswarm.protos.today_food_pb2 import TodayFood
from wireswarm.target.settings import FAKE_JWT_SECRET

FULL_FLOW = {
    "POST /eater_receive_photo": 1,
    "GET /eater_get_today": 3,
    "POST /modify_food_record": 1,
    "POST /manual_weight": 1,
    "POST /get_recommendation": 1,
    "POST /delete_food": 1,
}
CALLS = {
    "full_flow": set(FULL_FLOW),
    "custom_date": {"POST /get_food_custom_date"},
    "language": {"POST /set_language"},
    "alcohol": {"GET /alcohol_latest", "POST /alcohol_range"},
    "feedback": {"POST /feedback"},
    "auth": {"POST /eater_auth"},
}
"""What each tag is to send."""
EMAIL = "shared@example.com"
BASICS = ("--headless", "--only-summary")


def food_of_today(target: Any, email: str) -> TodayFood:
    """What the target has on record for an account."""
    token = jwt.encode({"email": email, "exp": 4_000_000_000}, FAKE_JWT_SECRET)
    connection = http.client.HTTPConnection(urlsplit(target.url).netloc)
    connection.request("GET", "/eater_get_today", headers={"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    food = TodayFood.FromString(response.read())
    connection.close()
    assert response.status == 200
    return food


def shared_account() -> dict[str, str]:
    """Environment of users that share an account, as the suite's own documentation begins."""
    token = jwt.encode({"email": EMAIL, "exp": 4_000_000_000}, FAKE_JWT_SECRET)
    return {"TEST_USER_TOKEN": token, "TEST_USER_EMAIL": EMAIL}


def test_every_tag_runs_what_it_is_on_and_nothing_else(target: Target, tmp_path: Path) -> None:
    target.reset()
    with ExitStack() as stack:
        runs = {}
        for tag in CALLS:
            options = ("-u", 8, "-r", 8, "--iterations", 16, "--host", target.url, "--json-file", tmp_path / tag)
            runs[tag] = stack.enter_context(LocustProcess(CHATER, *BASICS, *options, "--tags", tag))
        for tag, run in runs.items():
            assert run.end() == 0, run.output
            assert reported(tmp_path / tag).keys() == CALLS[tag]
            assert chater_iterations(tmp_path / tag) == 16
    total: Counter[str] = sum((reported(tmp_path / tag) for tag in CALLS), Counter())
    assert total == received(target.counters())


def test_all_but_the_login(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report = start_target(), tmp_path / "run"
    options = ("-u", 60, "-r", 60, "--iterations", 180, "--host", target.url, "--json-file", report)
    with LocustProcess(CHATER, *BASICS, *options, "--exclude-tags", "auth") as run:
        assert run.end() == 0, run.output
    # Were it among them, none of 180 would be it once in 10^12 runs; each of the others is missing as seldom.
    assert reported(report).keys() == set().union(*CALLS.values()) - CALLS["auth"]
    assert reported(report) == received(target.counters())
    assert sum(reported(report)[name] for name in SINGLE_CALLS) + flows(report) == 180


def test_users_of_one_account_do_not_take_each_others_records(
    start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, report = start_target(), tmp_path / "run"
    options = ("-u", 30, "-r", 30, "--iterations", 60, "--host", target.url, "--json-file", report)
    run = LocustProcess(CHATER, *BASICS, *options, "--tags", "full_flow", environment=shared_account())
    with run:
        assert run.end() == 0, run.output
    assert failures(report) == {}
    assert flows(report) == 60
    assert reported(report) == {name: count * 60 for name, count in FULL_FLOW.items()} == received(target.counters())
    assert not food_of_today(target, EMAIL).dishes_today


def test_a_run_that_is_stopped_leaves_no_record_behind(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report = start_target(latency="500ms"), tmp_path / "run"
    options = ("-u", 20, "-r", 20, "-s", 0, "--host", target.url, "--json-file", report)
    run = LocustProcess(CHATER, *BASICS, *options, "--tags", "full_flow", environment=shared_account())
    with run:
        # All have sent their photo, and look for the record that it became.
        run.until(lambda: received(target.counters())["GET /eater_get_today"] == 20)
        run.signal(signal.SIGTERM)
        assert run.end() == 0, run.output
    assert target.counters()["POST /eater_receive_photo"] == {"received": 20, "answered": 20}
    assert received(target.counters())["POST /delete_food"] == 20
    assert not food_of_today(target, EMAIL).dishes_today


def test_a_faulty_system_is_reported_and_nothing_else(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report = start_target(error_rate=0.3, seed=4), tmp_path / "run"
    options = ("-u", 30, "-r", 30, "--iterations", 60, "--host", target.url, "--json-file", report)
    with LocustProcess(CHATER, *BASICS, *options) as run:
        assert run.end() == 1, run.output
    assert "Traceback" not in run.output
    assert reported(report) == received(target.counters())
    assert chater_iterations(report) == 60
    # Whichever step fails, the record is deleted, unless it is not to be found for failures.
    photos = reported(report)["POST /eater_receive_photo"] - failures(report)["POST /eater_receive_photo"]
    assert 0 < reported(report)["POST /delete_food"] <= photos
