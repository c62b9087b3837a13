"""The batch suite as it is shipped: its steps, its one key, its limits, and files that it does not leave behind."""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from batch_client import KEYS, BatchClient
from locust_process import CHATER, LocustProcess, Target, failures, flows, master_port, received, refused, reported
from locust_process import write as write_file

from wireswarm.profiles import read_profile_file

BATCH = CHATER.with_name("batch.py")
BASICS = ("--headless", "--only-summary")
ENDED = {"completed", "cancelled"}

QUICK = """
import batch
from locust import constant

batch.BatchUser.Batch.think_time = 0.01


class Quick(batch.BatchUser):
    wait_time = constant(0.01)
"""
"""The suite without the pauses that people make."""

UPLOAD, CREATE = "POST /ai/v1/files [upload]", "POST /ai/v1/batches [create]"
POLL, CANCEL = "GET /ai/v1/batches/{batch_id} [poll]", "POST /ai/v1/batches/{batch_id}/cancel [cancel]"
CANCELLED = "GET /ai/v1/batches/{batch_id} [cancelled]"
VERIFY = ("GET /ai/v1/files/{file_id} [verify]", "GET /ai/v1/files/{file_id}/content [verify]")
OUTPUT, ERRORS = (f"GET /ai/v1/files/{{file_id}}/content [{kind}]" for kind in ("output", "errors"))
DELETE = "DELETE /ai/v1/files/{file_id} [delete]"


def endpoints(requests: Mapping[str, int]) -> Counter[str]:
    """The requests by endpoint, whatever step they belong to; what the key takes is in no statistics."""
    counts: Counter[str] = Counter()
    for name, count in requests.items():
        if KEYS not in name:
            counts[name.partition(" [")[0]] += count
    return counts


def test_every_step_of_every_flow(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report, quick = start_target(batch_time="1s"), tmp_path / "run", write_file(tmp_path, QUICK)
    options = ("-u", 30, "-r", 30, "--iterations", 30, "--host", target.url, "--json-file", report)
    with LocustProcess(quick, *BASICS, *options) as run:
        assert run.end() == 0, run.output
    counts = reported(report)
    assert failures(report) == {}
    assert flows(report) == 30
    assert (counts[UPLOAD], counts[CREATE], counts[POLL], counts[OUTPUT], counts[DELETE]) == (30, 30, 60, 30, 60)
    # Half of 30 each; none of either is one run in 10^9.
    assert counts[VERIFY[0]] + counts[VERIFY[1]] == 30
    assert counts.keys() == {UPLOAD, CREATE, POLL, OUTPUT, DELETE, *VERIFY}
    assert endpoints(counts) == endpoints(received(target.counters()))
    assert "p95 < 1000ms" in run.output
    assert "errors < 1%" in run.output
    client = BatchClient(target)
    assert (client.files(), set(client.states())) == ([], {"completed"})


def test_a_faulty_system_is_reported_and_left_clean(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report = start_target(batch_time="1s", error_rate=0.1, seed=4), tmp_path / "run"
    options = ("-u", 160, "-r", 160, "--iterations", 160, "--host", target.url, "--json-file", report)
    with LocustProcess(write_file(tmp_path, QUICK), *BASICS, *options) as run:
        assert run.end() == 3, run.output
    assert "Traceback" not in run.output
    assert flows(report) == 160
    counts, failed = reported(report), failures(report)
    failed.pop("FLOW batch")
    assert 0.06 < failed.total() / counts.total() < 0.14
    assert counts.keys() >= {UPLOAD, CREATE, POLL, OUTPUT, DELETE, CANCEL, CANCELLED}
    assert endpoints(counts) == endpoints(received(target.counters()))
    client = BatchClient(target)
    assert client.files() == []
    assert set(client.states()) <= ENDED


def test_requests_that_fail_in_a_batch_are_found(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report = start_target(batch_time="0s", batch_line_errors=0.5), tmp_path / "run"
    options = ("-u", 2, "-r", 2, "--iterations", 4, "--host", target.url, "--json-file", report)
    with LocustProcess(write_file(tmp_path, QUICK), *BASICS, *options) as run:
        run.end()
    assert (reported(report)[OUTPUT], reported(report)[ERRORS], reported(report)[DELETE]) == (4, 4, 12)
    assert failures(report) == {"FLOW batch": 4}
    assert "step retrieve: some requests of the batch have failed" in run.output
    assert BatchClient(target).files() == []


def test_two_workers_have_one_key(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target = start_target(batch_time="0s")
    options = ("-u", 6, "-r", 6, "--iterations", 12, "--host", target.url, "--processes", 2, *master_port())
    with LocustProcess(write_file(tmp_path, QUICK), *BASICS, *options) as run:
        assert run.end() == 0, run.output
    counts = target.counters()
    assert counts[f"POST {KEYS}"]["received"] == 1
    assert counts[f"DELETE {KEYS}/{{key_id}}"]["received"] == 1
    assert counts["POST /ai/v1/files"]["received"] == 12
    assert BatchClient(target).files() == []


def test_a_run_that_is_stopped_leaves_nothing_behind(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target = start_target(batch_time="5s")
    options = ("-u", 20, "-r", 20, "-s", 0, "--host", target.url)
    with LocustProcess(write_file(tmp_path, QUICK), *BASICS, *options) as run:
        run.until(lambda: target.counters().get("POST /ai/v1/batches", {}).get("answered") == 20)
        run.until(lambda: received(target.counters())["GET /ai/v1/batches/{batch_id}"] >= 20)
        run.signal(signal.SIGTERM)
        run.end()
    client = BatchClient(target)
    assert client.files() == []
    assert client.states() == ["cancelled"] * 20


def test_another_prefix_and_other_data(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report = start_target(batch_time="0s", batch_prefix="/v1"), tmp_path / "run"
    request = {"method": "POST", "url": "/v1/chat/completions", "body": {"model": "m"}}
    data = tmp_path / "own.jsonl"
    data.write_text("".join(json.dumps({"custom_id": name, **request}) + "\n" for name in "ab"), "utf-8")
    environment = {"BATCH_API_PREFIX": "/v1", "TEST_DATA_FILE": str(data), "P95_THRESHOLD_MS": "20000"}
    options = ("-u", 1, "-r", 1, "--iterations", 3, "--host", target.url, "--json-file", report)
    with LocustProcess(write_file(tmp_path, QUICK), *BASICS, *options, environment=environment) as run:
        assert run.end() == 0, run.output
    assert reported(report)["POST /v1/files [upload]"] == 3
    assert "p95 < 20000ms" in run.output
    assert "p95 < 1000ms" not in run.output


def test_the_files_of_test_data_are_found_by_name(tmp_path: Path) -> None:
    environment = {"TEST_DATA_FILE": "batch_input_large.jsonl"}
    options = ("--check", "--host", "http://127.0.0.1:1")
    with LocustProcess(BATCH, *BASICS, *options, environment=environment, cwd=tmp_path) as run:
        assert run.end() == 0, run.output


def test_what_is_wrong_with_the_environment_is_told_at_once(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\nx\n", "utf-8")
    wrong = {"BATCH_API_PREFIX": "ai", "API_KEY_ENDPOINT": "keys", "TEST_DATA_FILE": str(bad)}
    with LocustProcess(BATCH, *BASICS, "--host", "http://127.0.0.1:1", environment=wrong) as run:
        lines = "\n".join(refused(run))
    for part in ("API_KEY_ENDPOINT: found 'keys'", "BATCH_API_PREFIX: found 'ai", "line 1: custom_id", "line 2: found"):
        assert part in lines


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    environment = {"TEST_DATA_FILE": "none.jsonl", "TARGET_HOST": "localhost:8000"}
    with LocustProcess(BATCH, *BASICS, environment=environment) as run:
        lines = "\n".join(refused(run))
    assert "TEST_DATA_FILE: cannot read" in lines
    assert "batch_input_small.jsonl" in lines
    assert "BatchUser.host" in lines


@pytest.mark.parametrize(
    ("environment", "said"),
    [({"BASIC_AUTH_PASSWORD": "another-password"}, "status 401"), ({"API_KEY_ENDPOINT": "/none"}, "status 404")],
)
def test_without_a_key_the_test_does_not_begin(target: Target, environment: dict[str, str], said: str) -> None:
    with LocustProcess(BATCH, *BASICS, "-u", 2, "-t", "30s", "--host", target.url, environment=environment) as run:
        lines = refused(run)
    assert any("there is no API key from /" in line and said in line for line in lines), lines
    assert "another-password" not in run.output


def test_the_profiles_are_those_of_the_document() -> None:
    profiles = read_profile_file(BATCH.with_suffix(".toml")).profiles
    assert {name: (run.users, run.spawn_rate, run.run_time) for name, run in profiles.items() if name != "demo"} == {
        "smoke": (10, 5, 120),
        "load": (100, 10, 300),
        "stress": (500, 50, 600),
        "soak": (100, 10, 1800),
    }
