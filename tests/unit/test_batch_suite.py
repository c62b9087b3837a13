"""The batch suite's flow against the target, on a clock that stands still; and what it takes for right."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from in_process import InProcess
from locust.env import Environment
from locust.exception import RescheduleTask
from locust.user.task import LOCUST_STATE_RUNNING, DefaultTaskSet
from manual_clock import ManualClock

from wireswarm import BearerToken, ConfigurationError, RestClient
from wireswarm.plugin import once
from wireswarm.wire.http1 import Response

LOCUSTFILE = Path(__file__).resolve().parents[2] / "locustfiles" / "batch.py"
BASIC = {"Authorization": "Basic YWRtaW46cGFzc3dvcmQ="}
POLL = "GET /ai/v1/batches/"


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The suite as a module of its own, which leaves nothing in this process."""
    monkeypatch.setenv("P95_THRESHOLD_MS", "1000")
    monkeypatch.setenv("ERROR_RATE_THRESHOLD", "0.01")
    spec = importlib.util.spec_from_file_location("batch_under_test", LOCUSTFILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del once._declared["batch_under_test.api_key"]


class Walk:
    """One walk through the flow, with a target that takes so long for a batch, and what is left of it."""

    def __init__(self, suite: ModuleType, **settings: Any) -> None:
        self.clock = ManualClock()
        self.network = InProcess(self.clock, **settings)
        wanted = {"name": "test", "purpose": "platform"}
        key = self.network.json("POST", suite.KEYS, wanted, BASIC)["key"]
        self._headers = {"Authorization": f"Bearer {key}"}
        self.events: dict[str, Any] = {}
        environment = Environment(host="http://target:8000")
        environment.events.request.add_listener(lambda **event: self.events.update({event["request_type"]: event}))
        clock, network = self.clock, self.network

        class Patient(suite.BatchUser):  # type: ignore[misc, name-defined]
            host = "http://target:8000"
            auth = BearerToken(key)
            client = RestClient(connect=network, clock=clock)

        class Steps(suite.BatchUser.Batch):  # type: ignore[misc, name-defined]
            flow_name = "batch"
            think_time = None

        Steps.clock = clock
        Patient.prepare()
        user = Patient(environment)
        user._state = LOCUST_STATE_RUNNING
        with pytest.raises(RescheduleTask):
            DefaultTaskSet(user).execute_task(Steps)

    @property
    def failure(self) -> str | None:
        """What the flow has failed with."""
        error = self.events["FLOW"]["exception"]
        return None if error is None else str(error)

    def polls(self) -> list[float]:
        """When the batch was asked for."""
        return [moment for moment, line in self.network.moments if line.startswith(POLL)]

    def files(self) -> list[str]:
        """What has been left behind."""
        return [file["filename"] for file in self.network.json("GET", "/ai/v1/files", None, self._headers)["data"]]

    def states(self) -> list[str]:
        """Those of the batches."""
        batches = self.network.json("GET", "/ai/v1/batches", None, self._headers)["data"]
        return [batch["status"] for batch in batches]


def test_a_batch_of_seven_seconds_is_asked_for_after_two_then_half_as_long_again(suite: ModuleType) -> None:
    walk = Walk(suite, batch_time=7)
    assert walk.polls() == [0, 2, 5, 9.5]
    assert walk.failure is None
    assert (walk.files(), walk.states()) == ([], ["completed"])


def test_a_batch_that_does_not_end_fails_the_step_and_is_cancelled(suite: ModuleType) -> None:
    walk = Walk(suite, batch_time=100_000)
    gaps = [round(later - earlier, 6) for earlier, later in zip(walk.polls()[:60], walk.polls()[1:60], strict=False)]
    assert gaps[:8] == [2, 3, 4.5, 6.75, 10.125, 15.1875, 22.78125, 30]
    assert set(gaps[8:]) == {30}
    assert len(gaps) == 59
    assert walk.failure == "step poll: not true after 60 attempts"
    assert walk.states() == ["cancelling"]
    assert walk.files() == []


def test_failing_lines_are_fetched_and_fail_the_flow(suite: ModuleType) -> None:
    walk = Walk(suite, batch_time=1, batch_line_errors=0.5)
    lines = [line for _, line in walk.network.moments]
    assert sum(line.endswith("/content") for line in lines) in {2, 3}
    assert walk.failure == "step retrieve: some requests of the batch have failed"
    assert walk.files() == []


@pytest.mark.parametrize("seed", range(12))
def test_whatever_fails_nothing_is_left(suite: ModuleType, seed: int) -> None:
    walk = Walk(suite, batch_time=4, error_rate=0.1, seed=seed + 20)
    walk.clock.advance(10)
    assert walk.files() == []
    assert set(walk.states()) <= {"completed", "cancelled"}


def answer(*lines: object) -> Response:
    return Response(200, b"HTTP/1.1 200 X", b"\n".join(json.dumps(line).encode() for line in lines), True)


def result(custom_id: str, status: int = 200) -> dict[str, Any]:
    return {"custom_id": custom_id, "response": {"status_code": status}}


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (answer(result("a"), result("b")), None),
        (answer(result("a")), None),
        (answer(), None),
        (answer(result("a"), result("a")), "a request has two results"),
        (answer(result("c")), "there is a result of a request that was not made, or has one already"),
        (answer(result("a", 500)), "an answer is none of status 200"),
        (answer({"custom_id": "a", "response": None}), "an answer is none of status 200"),
        (answer(["a"]), "a line is no result"),
        (answer({}), "a line is no result"),
        (Response(200, b"HTTP/1.1 200 X", b"<html>", True), "a line is no result"),
    ],
)
def test_what_is_wrong_with_results(suite: ModuleType, response: Response, problem: str | None) -> None:
    assert suite.results_problem(response, {"a", "b"}, answered=True) == problem


def test_errors_need_not_have_an_answer(suite: ModuleType) -> None:
    assert suite.results_problem(answer({"custom_id": "a", "response": None}), {"a"}, answered=False) is None


@pytest.mark.parametrize(("name", "count"), [("small", 3), ("medium", 10), ("large", 50)])
def test_the_test_data_are_requests(suite: ModuleType, name: str, count: int) -> None:
    data = (suite.DATA / f"batch_input_{name}.jsonl").read_bytes()
    assert len(suite.custom_ids_in(data, name)) == count


def test_every_line_that_is_no_request_is_told(suite: ModuleType) -> None:
    good = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {}}
    lines = [b"x", b"[]", *(json.dumps(line).encode() for line in (good, good, {**good, "custom_id": 1}))]
    lines += [json.dumps({**good, "custom_id": "b", **wrong}).encode() for wrong in ({"url": "/x"}, {"body": 1})]
    with pytest.raises(ConfigurationError) as error:
        suite.custom_ids_in(b"\n\n".join(lines), "FILE")
    assert error.value.problems == (
        "FILE, line 1: found no JSON object; allowed: custom_id, method, url and body of a request",
        "FILE, line 2: found no JSON object; allowed: custom_id, method, url and body of a request",
        "FILE, line 4: custom_id: found 'a' once more; allowed: a text that no other line has",
        "FILE, line 5: custom_id: found 1; allowed: a text that no other line has",
        "FILE, line 6: found 'POST' '/x'; allowed: method 'POST', url '/v1/chat/completions'",
        "FILE, line 7: body: found no JSON object",
    )
    with pytest.raises(ConfigurationError, match="FILE has no requests"):
        suite.custom_ids_in(b"\n", "FILE")
