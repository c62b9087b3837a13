"""The batch API: a file of requests is uploaded, worked on, and its answers are fetched. OpenAI's wire format.

    locust -f locustfiles/batch.py --headless --load-profile smoke --host http://localhost:8000

One API key is made for the whole test, with Basic authentication, and deleted at its end. Every user walks one flow
again and again, which leaves no file and no working batch behind. Profiles are in `batch.toml`.

Environment (all optional):

==========================  =======================================================================================
TARGET_HOST                 the host, where `--host` is not given; then http://localhost:8000
BASIC_AUTH_USERNAME         who makes the API key; admin
BASIC_AUTH_PASSWORD         and the password; that of the reference target
API_KEY_ENDPOINT            where the key is made; /admin/api/v1/users/current/api-keys
BATCH_API_PREFIX            what the paths of files and batches begin with; /ai/v1
TEST_DATA_FILE              the requests: a path, or the name of a file in test_data/; batch_input_medium.jsonl
P95_THRESHOLD_MS            what 95 % of the requests have to be faster than; 1000
ERROR_RATE_THRESHOLD        the share of failures that the run has to stay under; 0.01
==========================  =======================================================================================
"""

from __future__ import annotations

import json
import logging
import os
import random
import time
from pathlib import Path
from typing import Any, ClassVar

from locust import between, tag, task
from locust.env import Environment

from wireswarm import (
    BasicAuth,
    BearerToken,
    ConfigurationError,
    Flow,
    Outcome,
    Response,
    RestClient,
    RestUser,
    once_per_swarm,
    step,
)

logger = logging.getLogger(__name__)

DATA = Path(__file__).resolve().parent.parent / "test_data"
ENDPOINT = "/v1/chat/completions"
"""What every request of a batch is for."""
ENDED = {"completed", "failed", "expired", "cancelled"}
"""The states that a batch does not leave."""
TRIES = 5
"""How often what matters for the whole test, or to whoever comes after it, is asked for where it fails."""

# The run is judged by these, also without a profile.
os.environ.setdefault("P95_THRESHOLD_MS", "1000")
os.environ.setdefault("ERROR_RATE_THRESHOLD", "0.01")


def setting(name: str, default: str) -> str:
    """An environment variable's value; one that is empty counts as not set."""
    return os.environ.get(name) or default


KEYS = setting("API_KEY_ENDPOINT", "/admin/api/v1/users/current/api-keys")
FILES = setting("BATCH_API_PREFIX", "/ai/v1").rstrip("/") + "/files"
BATCHES = setting("BATCH_API_PREFIX", "/ai/v1").rstrip("/") + "/batches"
FILE, CONTENT, BATCH = f"{FILES}/{{file_id}}", f"{FILES}/{{file_id}}/content", f"{BATCHES}/{{batch_id}}"


def admin(environment: Environment) -> RestClient:
    """A client that may make keys. What it does is no load, and in no statistics."""
    return RestClient(
        environment.host or BatchUser.host,
        auth=BasicAuth(setting("BASIC_AUTH_USERNAME", "admin"), setting("BASIC_AUTH_PASSWORD", "password")),
        insecure=BatchUser.insecure,
        ca_file=BatchUser.ca_file,
    )


@once_per_swarm
def api_key(environment: Environment) -> dict[str, Any]:
    """The key that all users of all workers have."""
    wanted = {
        "name": f"loadtest-{int(time.time())}",
        "description": "Made by a load test, which deletes it",
        "purpose": "platform",
        "burst_size": 0,
        "requests_per_second": 0,
    }
    made = insist(admin(environment), "POST", KEYS, json=wanted, expect=dict, check=has_key)
    if made.message is None:
        raise ConfigurationError(f"there is no API key from {KEYS}: {made.failure.message if made.failure else ''}")
    return {name: made.message.get(name) for name in ("key", "id")}


@api_key.tear_down
def delete_key(environment: Environment, made: dict[str, Any]) -> None:
    """Leave no key behind."""
    if made["id"] is not None:
        deleted = insist(admin(environment), "DELETE", f"{KEYS}/{{id}}", path={"id": made["id"]})
        if deleted.failure:
            logger.warning("The API key of this test was not deleted: %s", deleted.failure.message)


def insist(client: RestClient, method: str, template: str, /, **options: Any) -> Outcome[Any]:
    """Ask, and where that fails some more times, each of them an exchange of its own."""
    for _ in range(TRIES):
        outcome: Outcome[Any] = client.try_request(method, template, **options)
        if outcome.ok or (400 <= outcome.status < 500 and outcome.status != 429):
            break
    return outcome


class BatchUser(RestUser):
    """Somebody with many requests and some patience."""

    host = setting("TARGET_HOST", "http://localhost:8000")
    wait_time = between(1, 3)
    auth = BearerToken(lambda: api_key()["key"], jwt=False)

    data: ClassVar[bytes]
    """The input file."""
    custom_ids: ClassVar[frozenset[str]]
    """What its requests are called."""

    @classmethod
    def prepare(cls) -> None:
        """Read the input file and the environment once, and say everything that is wrong with them."""
        problems = [
            f"{name}: found {path!r}; allowed: a path that begins with a slash"
            for name, path in (("API_KEY_ENDPOINT", KEYS), ("BATCH_API_PREFIX", FILES))
            if not path.startswith("/")
        ]
        path = Path(setting("TEST_DATA_FILE", "batch_input_medium.jsonl"))
        path = path if path.exists() else DATA / path
        try:
            cls.data = path.read_bytes()
            cls.custom_ids = custom_ids_in(cls.data, f"TEST_DATA_FILE: {path}")
        except OSError as error:
            there = ", ".join(sorted(file.name for file in DATA.glob("*.jsonl")))
            problems.append(f"TEST_DATA_FILE: cannot read {path}: {error.strerror}; name a file, or one of {there}")
        except ConfigurationError as error:
            problems += error.problems
        if problems:
            raise ConfigurationError(problems)

    @tag("batch")
    @task
    class Batch(Flow["BatchUser"]):
        """Upload, verify, create, poll, retrieve."""

        think_time = between(0.1, 0.3)
        cleanup_timeout = 10.0

        @step
        def upload(self) -> None:
            """The input file."""
            file = self.user.client.post(
                FILES,
                name=f"{FILES} [upload]",
                data={"purpose": "batch"},
                files={"file": ("batch_input.jsonl", self.user.data, "application/jsonl")},
                expect=dict,
                check=has_id,
            )
            self.file_id = file["id"]
            self.defer(self.delete_file, self.file_id)

        @step
        def verify(self) -> None:
            """The file is there: what is known of it, or all of it, as often the one as the other."""
            path = {"file_id": self.file_id}
            if random.random() < 0.5:
                self.user.client.get(
                    FILE,
                    name=f"{FILE} [verify]",
                    path=path,
                    expect=dict,
                    check=lambda file: file.get("id") == self.file_id or "the answer is about another file",
                )
            else:
                self.user.client.get(
                    CONTENT,
                    name=f"{CONTENT} [verify]",
                    path=path,
                    check=lambda content: content.body == self.user.data or "the content is not what was sent",
                )

        @step
        def create(self) -> None:
            """A batch of the file's requests."""
            wanted = {
                "input_file_id": self.file_id,
                "endpoint": ENDPOINT,
                "completion_window": "24h",
                "metadata": {"source": "loadtest"},
            }
            self.batch = self.user.client.post(
                BATCHES, name=f"{BATCHES} [create]", json=wanted, expect=dict, check=has_id
            )
            self.defer(self.clear_batch)

        @step
        def poll(self) -> None:
            """Ask after 2 s, then less and less often, at most 60 times, until it has ended, and ended well."""
            self.batch = self.user.client.poll(
                BATCH,
                name=f"{BATCH} [poll]",
                path={"batch_id": self.batch["id"]},
                expect=dict,
                until=has_ended,
            )
            assert self.batch["status"] == "completed", f"the batch has {self.batch['status']}"

        @step
        def retrieve(self) -> None:
            """The answers and, where there are some, the errors: a line for each request."""
            self.open = set(self.user.custom_ids)
            failed = 0
            if self.batch.get("output_file_id"):
                self.read_results("output", self.batch["output_file_id"])
            if self.batch.get("error_file_id"):
                failed = self.read_results("errors", self.batch["error_file_id"])
            assert not self.open, "some requests have no line in the results"
            assert not failed, "some requests of the batch have failed"

        def read_results(self, kind: str, file_id: str) -> int:
            """Fetch a file of results, and tick its requests off; returns how many they are."""
            content = self.user.client.get(
                CONTENT,
                name=f"{CONTENT} [{kind}]",
                path={"file_id": file_id},
                check=lambda response: results_problem(response, self.open, answered=kind == "output"),
            )
            found = {line["custom_id"] for line in lines_of(content)}
            self.open -= found
            return len(found)

        def delete_file(self, file_id: str) -> None:
            """Delete a file. One that is gone is no failure."""
            path = {"file_id": file_id}
            insist(self.user.client, "DELETE", FILE, name=f"{FILE} [delete]", path=path, status={200, 204, 404})

        def clear_batch(self) -> None:
            """Cancel the batch where it still works, and delete what has become of it. A batch cannot be deleted."""
            path = {"batch_id": self.batch["id"]}
            if not has_ended(self.batch):
                cancel, ended = f"{BATCH}/cancel", {400, 409}
                insist(self.user.client, "POST", cancel, name=f"{cancel} [cancel]", path=path, status={200, *ended})
                self.batch = self.wait_for_end(path)
            for kind in ("output_file_id", "error_file_id"):
                if self.batch.get(kind):
                    self.delete_file(self.batch[kind])

        def wait_for_end(self, path: dict[str, str]) -> dict[str, Any]:
            """The batch once it is cancelled, as far as there is time for that."""
            name = f"{BATCH} [cancelled]"
            for wait in (0.25, 0.5, 1.0, 2.0, 4.0):
                asked = insist(self.user.client, "GET", BATCH, name=name, path=path, expect=dict)
                if asked.message is not None and has_ended(asked.message):
                    return dict(asked.message)
                self.clock.sleep(wait)
            return self.batch


def custom_ids_in(data: bytes, source: str) -> frozenset[str]:
    """What the requests of an input file are called.

    Raises:
        ConfigurationError: with every line that is no request for a batch.
    """
    custom_ids: set[str] = set()
    problems: list[str] = []
    for number, line in enumerate(filter(bytes.strip, data.splitlines()), 1):
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        wrong = request_problem(request, custom_ids)
        if wrong:
            problems.append(f"{source}, line {number}: {wrong}")
        else:
            custom_ids.add(request["custom_id"])
    if not custom_ids and not problems:
        problems.append(f"{source} has no requests; allowed: one JSON object a line")
    if problems:
        raise ConfigurationError(problems)
    return frozenset(custom_ids)


def request_problem(request: Any, seen: set[str]) -> str | None:
    """What is wrong with a line of an input file."""
    if not isinstance(request, dict):
        return "found no JSON object; allowed: custom_id, method, url and body of a request"
    custom_id = request.get("custom_id")
    if not isinstance(custom_id, str) or not custom_id:
        return f"custom_id: found {custom_id!r}; allowed: a text that no other line has"
    if custom_id in seen:
        return f"custom_id: found {custom_id!r} once more; allowed: a text that no other line has"
    if (request.get("method"), request.get("url")) != ("POST", ENDPOINT):
        return f"found {request.get('method')!r} {request.get('url')!r}; allowed: method 'POST', url {ENDPOINT!r}"
    return None if isinstance(request.get("body"), dict) else "body: found no JSON object"


def has_key(answer: dict[str, Any]) -> str | None:
    """What is wrong with the answer to the request for a key."""
    return None if isinstance(answer.get("key"), str) and answer["key"] else "there is no key in the answer"


def has_id(answer: dict[str, Any]) -> str | None:
    """What is wrong with something new."""
    return None if isinstance(answer.get("id"), str) and answer["id"] else "there is no id in the answer"


def has_ended(batch: dict[str, Any]) -> bool:
    """Whether a batch has ended, well or not."""
    return batch.get("status") in ENDED


def lines_of(response: Response) -> list[dict[str, Any]]:
    """The lines of a file of results."""
    return [json.loads(line) for line in response.body.splitlines() if line.strip()]


def results_problem(response: Response, wanted: set[str], *, answered: bool) -> str | None:
    """What is wrong with a file of results, by the requests that are still without one."""
    try:
        lines = lines_of(response)
        custom_ids = [line["custom_id"] for line in lines]
    except (ValueError, TypeError, KeyError):
        return "a line is no result"
    if len(set(custom_ids)) < len(custom_ids):
        return "a request has two results"
    if not wanted.issuperset(custom_ids):
        return "there is a result of a request that was not made, or has one already"
    if answered and any((line.get("response") or {}).get("status_code") != 200 for line in lines):
        return "an answer is none of status 200"
    return None
