"""The target's batch API under the official client of OpenAI."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from batch_client import BatchClient
from locust_process import Target

SCRIPT = """
import json, sys, time

import openai

# Its own retries would hide what the target gets wrong.
client = openai.OpenAI(api_key=sys.argv[2], base_url=sys.argv[1], max_retries=0)
ENDPOINT = "/v1/chat/completions"


def request(name, model):
    return {"custom_id": name, "method": "POST", "url": ENDPOINT, "body": {"model": model, "messages": []}}


requests = [request("a", "m"), request("b", "always-fails"), request("c", "m")]
content = "\\n".join(map(json.dumps, requests)).encode()
file = client.files.create(file=("batch_input.jsonl", content), purpose="batch")
assert (file.object, file.bytes, file.filename, file.purpose) == ("file", len(content), "batch_input.jsonl", "batch")
assert client.files.retrieve(file.id) == file
assert client.files.content(file.id).read() == content
assert [found.id for found in client.files.list(purpose="batch")] == [file.id]

wanted = {"input_file_id": file.id, "endpoint": ENDPOINT, "completion_window": "24h", "metadata": {"run": "1"}}
batch = client.batches.create(**wanted)
assert (batch.object, batch.status, batch.metadata) == ("batch", "validating", {"run": "1"})
states = [batch.status]
while batch.status not in {"completed", "failed", "expired", "cancelled"}:
    time.sleep(0.02)
    batch = client.batches.retrieve(batch.id)
    states += [batch.status] if batch.status != states[-1] else []
order = ["validating", "in_progress", "finalizing", "completed"]
assert states == [state for state in order if state in states], states
assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (3, 2, 1)

output = {line["custom_id"]: line for line in map(json.loads, client.files.content(batch.output_file_id).iter_lines())}
errors = {line["custom_id"]: line for line in map(json.loads, client.files.content(batch.error_file_id).iter_lines())}
assert (output.keys(), errors.keys()) == ({"a", "c"}, {"b"})
answer = openai.types.chat.ChatCompletion.model_validate(output["a"]["response"]["body"])
assert answer.choices[0].message.content
assert errors["b"]["response"]["status_code"] == 500

second = client.batches.create(**wanted)
assert client.batches.cancel(second.id).status == "cancelling"
while client.batches.retrieve(second.id).status != "cancelled":
    time.sleep(0.02)
assert [found.id for found in client.batches.list(limit=1)] == [second.id, batch.id]
try:
    client.batches.cancel(second.id)
except openai.ConflictError as error:
    assert "cancelled" in error.message
else:
    raise AssertionError("cancelled twice")

bad = client.files.create(file=("bad.jsonl", b"{}"), purpose="batch")
failed = client.batches.create(**{**wanted, "input_file_id": bad.id})
while failed.status != "failed":
    time.sleep(0.02)
    failed = client.batches.retrieve(failed.id)
assert failed.errors.data[0].line == 1

for found in list(client.files.list(limit=2)):
    assert client.files.delete(found.id).deleted
assert list(client.files.list()) == []
for call, kind in (
    (lambda: client.files.retrieve(file.id), openai.NotFoundError),
    (lambda: client.batches.create(**wanted), openai.NotFoundError),
    (lambda: client.batches.create(**{**wanted, "endpoint": "/x"}), openai.BadRequestError),
    (lambda: client.with_options(api_key="sk-wrong").files.list(), openai.AuthenticationError),
):
    try:
        call()
    except kind as error:
        assert error.message
    else:
        raise AssertionError(kind)
print("all of it works")
"""
"""In a process of its own, as it has nothing to do with gevent."""


def test_everything_that_the_suite_needs_and_more(start_target: Callable[..., Target]) -> None:
    target = start_target(batch_time="1s")
    command = [sys.executable, "-W", "error::UserWarning", "-c", SCRIPT, f"{target.url}/ai/v1", BatchClient(target).key]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == "all of it works\n", ran.stderr
