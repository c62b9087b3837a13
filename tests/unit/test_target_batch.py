"""The target's batch API on a clock that stands still; its wire format is in the integration tests."""

from __future__ import annotations

import base64
import json
import tracemalloc
from typing import Any

import pytest
from in_process import InProcess
from manual_clock import ManualClock

from wireswarm.errors import ConfigurationError
from wireswarm.target.batch_lines import FAILING_MODEL, MAX_PROBLEMS, parse_lines, results
from wireswarm.target.batch_store import ENDED, Batches, Files
from wireswarm.target.settings import TargetSettings
from wireswarm.wire.multipart import encode_multipart

CHAT = "/v1/chat/completions"
KEYS = "/admin/api/v1/users/current/api-keys"
BASIC = {"Authorization": f"Basic {base64.b64encode(b'admin:password').decode()}"}
WANTED = {"name": "test", "description": "", "purpose": "platform", "burst_size": 0, "requests_per_second": 0}


def line(custom_id: str, **changes: Any) -> dict[str, Any]:
    request = {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": {"model": "m", "messages": []}}
    return {**request, **changes}


def jsonl(*lines: object) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in lines)


THREE = jsonl(line("a"), line("b"), line("c"))


class Api:
    """The API as one that has a key uses it."""

    def __init__(self, clock: ManualClock, **settings: Any) -> None:
        self.clock = clock
        self.prefix = settings.get("batch_prefix", "/ai/v1")
        self.target = InProcess(clock, **settings)
        self.key = self.target.json("POST", KEYS, WANTED, BASIC)
        self._headers = {"Authorization": f"Bearer {self.key['key']}"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        status, content = self.target.ask(method, self.prefix + path, body, {**self._headers, **headers})
        return status, json.loads(content)

    def upload(self, content: bytes, purpose: str = "batch") -> dict[str, Any]:
        content_type, body = encode_multipart({"purpose": purpose}, {"file": ("batch_input.jsonl", content)})
        status, file = self.ask("POST", "/files", body, **{"Content-Type": content_type})
        assert status == 200, file
        return dict(file)

    def create(self, file_id: str, **changes: Any) -> tuple[int, Any]:
        request = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h", "metadata": None}
        return self.ask("POST", "/batches", {**request, **changes})

    def begin(self, content: bytes = THREE) -> str:
        status, batch = self.create(self.upload(content)["id"])
        assert (status, batch["status"]) == (200, "validating")
        return str(batch["id"])

    def batch(self, batch_id: str) -> dict[str, Any]:
        status, batch = self.ask("GET", f"/batches/{batch_id}")
        assert status == 200
        return dict(batch)

    def lines(self, file_id: str) -> list[dict[str, Any]]:
        headers = self._headers
        status, content = self.target.ask("GET", f"{self.prefix}/files/{file_id}/content", None, headers)
        assert status == 200
        return [json.loads(entry) for entry in content.splitlines()]

    def files(self) -> list[str]:
        return [file["filename"] for file in self.ask("GET", "/files")[1]["data"]]


@pytest.fixture
def api(clock: ManualClock) -> Api:
    return Api(clock, batch_time=10)


def test_a_batch_goes_through_its_states_in_time(api: Api) -> None:
    batch_id = api.begin()
    seen = []
    for _ in range(11):
        batch = api.batch(batch_id)
        seen.append((batch["status"], batch["request_counts"]["completed"], batch["output_file_id"] is not None))
        api.clock.advance(1)
    working = [("in_progress", done, False) for done in (0, 0, 0, 1, 1, 1, 2, 2)]
    assert seen == [("validating", 0, False), *working, ("finalizing", 3, False), ("completed", 3, True)]
    began = batch["created_at"]
    moments = [batch[f"{name}_at"] for name in ("in_progress", "finalizing", "completed", "failed", "cancelled")]
    assert moments == [began + 1, began + 9, began + 10, None, None]


def test_every_request_has_a_line_in_another_order(api: Api) -> None:
    content = jsonl(line("a"), line("b", body={"model": FAILING_MODEL}), line("c"))
    batch_id = api.begin(content)
    api.clock.advance(10)
    batch = api.batch(batch_id)
    output, errors = api.lines(batch["output_file_id"]), api.lines(batch["error_file_id"])
    assert [entry["custom_id"] for entry in output] == ["c", "a"]
    assert [entry["response"]["status_code"] for entry in output] == [200, 200]
    assert [(entry["custom_id"], entry["response"]["status_code"]) for entry in errors] == [("b", 500)]
    assert batch["request_counts"] == {"total": 3, "completed": 2, "failed": 1}
    assert len({entry["id"] for entry in output + errors}) == 3


def test_a_share_of_the_lines_fails_and_always_the_same_ones() -> None:
    lines, problems = parse_lines(jsonl(*(line(f"request-{number}") for number in range(1000))), CHAT)
    assert not problems
    output, errors = results("batch_x", lines, 0.1, 0)
    assert 70 <= len(errors) <= 130
    assert (output, errors) == results("batch_x", lines, 0.1, 0)
    assert [len(part) for part in results("batch_x", lines, 0.0, 0)] == [1000, 0]
    assert [len(part) for part in results("batch_x", lines, 1.0, 0)] == [0, 1000]


def test_a_cancelled_batch_keeps_what_was_done(api: Api) -> None:
    batch_id = api.begin()
    api.clock.advance(5)
    assert api.ask("POST", f"/batches/{batch_id}/cancel")[1]["status"] == "cancelling"
    assert api.ask("POST", f"/batches/{batch_id}/cancel")[0] == 409
    assert api.batch(batch_id)["status"] == "cancelling"
    api.clock.advance(1)
    batch = api.batch(batch_id)
    assert (batch["status"], batch["request_counts"]["completed"]) == ("cancelled", 1)
    assert [entry["custom_id"] for entry in api.lines(batch["output_file_id"])] == ["a"]
    skipped = api.lines(batch["error_file_id"])
    assert [(entry["custom_id"], entry["error"]["code"]) for entry in skipped] == [
        ("b", "batch_cancelled"),
        ("c", "batch_cancelled"),
    ]
    assert batch["finalizing_at"] is None


def test_a_batch_that_has_ended_cannot_be_cancelled(api: Api) -> None:
    batch_id = api.begin()
    api.clock.advance(10)
    assert api.ask("POST", f"/batches/{batch_id}/cancel")[0] == 409
    assert api.batch(batch_id)["status"] == "completed"


def test_a_cancelled_batch_does_not_hold_up_the_others(api: Api) -> None:
    first, second = api.begin(), api.begin()
    api.clock.advance(9.5)
    api.ask("POST", f"/batches/{first}/cancel")
    api.clock.advance(0.6)
    assert (api.batch(first)["status"], api.batch(second)["status"]) == ("cancelling", "completed")
    assert api.batch(second)["output_file_id"]


@pytest.mark.parametrize(
    ("content", "code", "number"),
    [
        (b"", "empty_file", None),
        (b"{", "invalid_json_line", 1),
        (b"[" * 100_000, "invalid_json_line", 1),
        (b"[]", "invalid_json_line", 1),
        (jsonl(line("a"), line("a")), "duplicate_custom_id", 2),
        (jsonl(line("")), "missing_required_parameter", 1),
        (jsonl(line("a", method="GET")), "invalid_method", 1),
        (jsonl(line("a", url="/v1/embeddings")), "mismatched_url", 1),
        (jsonl(line("a", body={})), "missing_required_parameter", 1),
    ],
)
def test_a_batch_of_what_is_no_request_fails(api: Api, content: bytes, code: str, number: int | None) -> None:
    batch_id = api.begin(content)
    assert api.ask("POST", f"/batches/{batch_id}/cancel")[0] == 409
    api.clock.advance(1)
    batch = api.batch(batch_id)
    assert (batch["status"], batch["output_file_id"]) == ("failed", None)
    assert [(problem["code"], problem["line"]) for problem in batch["errors"]["data"]] == [(code, number)]


def test_the_problems_of_a_file_are_told_up_to_a_number() -> None:
    assert len(parse_lines(b"x\n" * 100, CHAT)[1]) == MAX_PROBLEMS


@pytest.mark.parametrize(("seconds", "ends"), [(5, "failed"), (0.5, "cancelled")])
def test_a_batch_whose_input_was_deleted(api: Api, seconds: float, ends: str) -> None:
    file_id = api.upload(THREE)["id"]
    batch_id = api.create(file_id)[1]["id"]
    assert api.ask("DELETE", f"/files/{file_id}") == (200, {"id": file_id, "object": "file", "deleted": True})
    api.clock.advance(seconds)
    if ends == "cancelled":
        api.ask("POST", f"/batches/{batch_id}/cancel")
    api.clock.advance(10)
    batch = api.batch(batch_id)
    assert (batch["status"], batch["output_file_id"], batch["error_file_id"]) == (ends, None, None)
    assert api.files() == []


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"endpoint": "/v1/nothing"}, 400, "endpoint"),
        ({"endpoint": ["x"]}, 400, "endpoint"),
        ({"completion_window": "1h"}, 400, "completion_window"),
        ({"metadata": {"a": 1}}, 400, "metadata"),
        ({"metadata": {str(number): "" for number in range(17)}}, 400, "metadata"),
        ({"input_file_id": "file-none"}, 404, "id"),
        ({"input_file_id": None}, 404, "id"),
    ],
)
def test_batches_that_are_refused(api: Api, changes: dict[str, Any], status: int, param: str) -> None:
    refused, answer = api.create(api.upload(THREE)["id"], **changes)
    assert (refused, answer["error"]["param"]) == (status, param)


def test_an_input_file_is_for_batches(api: Api) -> None:
    status, answer = api.create(api.upload(THREE, purpose="user_data")["id"])
    assert (status, answer["error"]["param"]) == (400, "input_file_id")


@pytest.mark.parametrize(
    ("data", "files", "param"),
    [
        ({"purpose": "batch"}, {"other": ("a", b"x")}, "file"),
        ({"purpose": "batch"}, {"file": (None, b"x")}, "file"),
        ({}, {"file": ("a", b"x")}, "purpose"),
        ({"purpose": "fun"}, {"file": ("a", b"x")}, "purpose"),
        ({"purpose": "batch"}, {"file": ("a" * 256, b"x")}, "file"),
    ],
)
def test_uploads_that_are_refused(api: Api, data: Any, files: Any, param: str) -> None:
    content_type, body = encode_multipart(data, files)
    status, answer = api.ask("POST", "/files", body, **{"Content-Type": content_type})
    assert (status, answer["error"]["param"]) == (400, param)


def test_lists_have_pages(api: Api) -> None:
    ids = [api.upload(b"%d" % number)["id"] for number in range(5)]
    _, page = api.ask("GET", "/files?limit=2")
    assert ([file["id"] for file in page["data"]], page["has_more"]) == ([ids[4], ids[3]], True)
    _, page = api.ask("GET", f"/files?limit=3&after={page['last_id']}")
    assert ([file["id"] for file in page["data"]], page["has_more"]) == ([ids[2], ids[1], ids[0]], False)
    _, page = api.ask("GET", "/files?order=asc&limit=1")
    assert page["first_id"] == ids[0]
    assert api.ask("GET", "/files?purpose=vision")[1]["data"] == []
    assert api.ask("GET", "/files?limit=0")[0] == 400
    assert api.ask("GET", "/files?after=file-none")[0] == 400
    assert api.ask("GET", "/batches?limit=101")[0] == 400


def test_without_a_good_key_there_is_nothing(api: Api) -> None:
    for value in (None, "Bearer", "Bearer nonsense", f"Bearer {api.key['key']}x", f"Basic {api.key['key']}"):
        status, answer = api.target.ask("GET", "/ai/v1/files", None, {} if value is None else {"Authorization": value})
        assert (status, json.loads(answer)["error"]["code"]) == (401, "invalid_api_key")
    assert api.target.ask("DELETE", f"{KEYS}/{api.key['id']}", None, BASIC)[0] == 204
    assert api.target.ask("DELETE", f"{KEYS}/{api.key['id']}", None, BASIC)[0] == 404
    assert api.ask("GET", "/files")[0] == 401


@pytest.mark.parametrize("value", ["", "Basic", "Basic !", "Basic YWRtaW46d3Jvbmc=", "Bearer YWRtaW46cGFzc3dvcmQ="])
def test_only_the_admin_makes_keys(api: Api, value: str) -> None:
    assert api.target.ask("POST", KEYS, WANTED, {"Authorization": value})[0] == 401


@pytest.mark.parametrize("changes", [{"name": ""}, {"name": 1}, {"purpose": "fun"}, {"purpose": []}])
def test_keys_that_are_refused(api: Api, changes: dict[str, Any]) -> None:
    assert api.target.ask("POST", KEYS, {**WANTED, **changes}, BASIC)[0] == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 60_000])
def test_bodies_that_are_no_object(api: Api, body: bytes) -> None:
    assert api.ask("POST", "/batches", body)[0] == 400


def test_unknown_files_and_batches(api: Api) -> None:
    for method, path in (
        ("GET", "/files/file-x"),
        ("DELETE", "/files/file-x"),
        ("GET", "/files/file-x/content"),
        ("GET", "/batches/batch_x"),
        ("POST", "/batches/batch_x/cancel"),
    ):
        assert api.ask(method, path)[0] == 404


def test_a_prefix_of_ones_own(clock: ManualClock) -> None:
    api = Api(clock, batch_prefix="/v1")
    assert api.upload(THREE)["object"] == "file"
    assert Api(clock, batch_prefix="").files() == []


def test_a_batch_can_take_no_time(clock: ManualClock) -> None:
    api = Api(clock, batch_time=0)
    status, batch = api.create(api.upload(THREE)["id"])
    assert status == 200
    assert api.batch(batch["id"])["request_counts"]["completed"] == 3
    assert api.batch(batch["id"])["status"] == "completed"


def test_reset_forgets_all(api: Api) -> None:
    api.begin()
    assert api.target.ask("POST", "/_target/reset")[0] == 200
    assert api.ask("GET", "/files")[0] == 401


def test_files_are_bounded_by_number_and_size() -> None:
    files = Files(max_files=3, max_bytes=100)
    kept = [files.add(b"x" * 30, "a", "batch", 0) for _ in range(4)]
    assert (len(files), files.size) == (3, 90)
    assert files.get(kept[0].id) is None
    files.add(b"x" * 90, "a", "batch", 0)
    assert (len(files), files.size) == (1, 90)
    large = files.add(b"x" * 200, "a", "batch", 0)
    assert [file.id for file in files.newest_first()] == [large.id]
    files.delete(large.id)
    assert (len(files), files.size) == (0, 0)


def test_a_flood_does_not_fill_the_memory(clock: ManualClock) -> None:
    files = Files(max_files=200, max_bytes=300_000)
    batches = Batches(files, limit=200, time=3600, failing=0.5)
    content = jsonl(*(line(f"request-{number}") for number in range(10)))
    request = {"input_file_id": "", "endpoint": CHAT, "completion_window": "24h", "metadata": None}
    tracemalloc.start()
    try:
        for number in range(1_500):
            file = files.add(content + b" " * (number % 1500), "a" * 100, "batch", clock.now)
            batch = batches.create({**request, "input_file_id": file.id}, file, clock.now)
            if number % 3 == 0:
                batches.cancel(batch, clock.now)
            clock.advance(1)
            batches.settle(clock.now)
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(batches) == 200
    assert len(files) <= 200
    assert files.size <= 300_000
    assert used < 1_500_000
    assert {batch.status(clock.now) for batch in batches.newest_first()} - ENDED
    clock.advance(4000)
    batches.settle(clock.now)
    assert {batch.status(clock.now) for batch in batches.newest_first()} <= ENDED


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"batch_prefix": "ai/v1"}, "the batch API's prefix is 'ai/v1': it must be a path such as /ai/v1"),
        ({"batch_prefix": "/ai/"}, "the batch API's prefix is '/ai/': it must be a path such as /ai/v1"),
        ({"batch_time": -1}, "batch time is -1 s: it must be 0 or longer"),
        ({"batch_line_errors": 2}, "the share of failing batch lines is 2: it must be from 0 to 1"),
        ({"max_files": 0}, "max_files is 0: it must be at least 1"),
        ({"execution_time": float("nan")}, "execution time is nan s: it must be 0 or longer"),
        ({"heavy_time": float("inf")}, "heavy time is inf s: it must be 0 or longer"),
        ({"heavy_bytes": -1}, "heavy_bytes is -1: it must be from 0 to 16777216"),
        ({"max_items": 0}, "max_items is 0: it must be at least 1"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        TargetSettings(**settings)
    assert error.value.problems == (problem,)
