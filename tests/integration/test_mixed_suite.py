"""The mixed suite: protobuf, Socket.IO and JSON in one swarm, and one flow over all three."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import (
    CHATER,
    LocustProcess,
    Target,
    failures,
    flows,
    master_port,
    received,
    reported,
    write,
)

from wireswarm.protos.today_food_pb2 import TodayFood
from wireswarm.target.settings import FAKE_JWT_SECRET

MIXED = CHATER.with_name("mixed.py")
BASICS = ("--headless", "--only-summary")
ALL_WAYS = (
    "POST /eater_auth",
    "POST /eater_receive_photo",
    "SIO connect",
    "SIO message-with-ack",
    "GET /eater_get_today",
    "POST /delete_food",
)

PROBE = """
import mixed
from locust import constant

mixed.AllWaysUser.AllWays.think_time = 0.01


class Probe(mixed.AllWaysUser):
    wait_time = constant(0.01)

    def __init__(self, environment):
        super().__init__(environment)
        self.email = "probe@example.com"

    def on_stop(self):
        print("ended connected", self.live.connected)
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_one_swarm_of_all_kinds(processes: int, start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report = start_target(), tmp_path / "run"
    options = ("-u", 20, "-r", 20, "-t", "6s", "--host", target.url, "--json-file", report, "--load-profile", "smoke")
    with LocustProcess(
        MIXED, *BASICS, *options, *(("--processes", 2, *master_port()) if processes == 2 else ())
    ) as run:
        assert run.end() == 0, run.output
    assert "Traceback" not in run.output
    assert failures(report) == {}
    assert reported(report) == received(target.counters())
    assert reported(report).keys() >= {*ALL_WAYS, "GET /health", "SIO ping", "POST /init-session"}


def test_a_flow_over_all_three_and_nothing_is_left(start_target: Callable[..., Target], tmp_path: Path) -> None:
    probe = write(tmp_path, PROBE)
    with ExitStack() as stack:
        runs = {}
        for transports in ("websocket", "polling,websocket"):
            target, report = start_target(), tmp_path / transports
            options = ("-u", 1, "-r", 1, "--iterations", 3, "--host", target.url, "--json-file", report)
            environment = {"LOCUST_SOCKET_TRANSPORTS": transports}
            run = stack.enter_context(LocustProcess(probe, *BASICS, *options, environment=environment))
            runs[transports] = run, target, report
        for run, target, report in runs.values():
            assert run.end() == 0, run.output
            assert flows(report) == 3
            assert reported(report) == dict.fromkeys(ALL_WAYS, 3) == received(target.counters())
            assert not food_of(target, "probe@example.com").dishes_today


def test_a_flow_that_fails_cleans_up(start_target: Callable[..., Target], tmp_path: Path) -> None:
    # The photo goes through, the event does not; which request has which fate is the seed's.
    target, report = start_target(error_rate=0.3, seed=5), tmp_path / "run"
    options = ("-u", 4, "-r", 4, "--iterations", 40, "--host", target.url, "--json-file", report)
    with LocustProcess(write(tmp_path, PROBE), *BASICS, *options) as run:
        assert run.end() == 1, run.output
    assert "Traceback" not in run.output
    counts, failed = reported(report), failures(report)
    assert counts == received(target.counters())
    assert counts["POST /delete_food"] == counts["POST /eater_receive_photo"] - failed["POST /eater_receive_photo"]
    assert failed["FLOW all_ways"] > 5
    assert run.output.count("ended connected False") == 4


def food_of(target: Target, email: str) -> TodayFood:
    """What the target has on record for an account."""
    token = jwt.encode({"email": email, "exp": 4_000_000_000}, FAKE_JWT_SECRET)
    connection = http.client.HTTPConnection(urlsplit(target.url).netloc)
    connection.request("GET", "/eater_get_today", headers={"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    food = TodayFood.FromString(response.read())
    connection.close()
    assert response.status == 200
    return food
