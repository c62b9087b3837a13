"""The lines of a batch: what is wrong with those that come in, and those that go out."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

FAILING_MODEL = "always-fails"
"""The model whose requests fail, whatever `--batch-line-errors` is."""

MOST_REQUESTS = 50_000
"""Requests that a batch may have, as in the real system."""
MAX_PROBLEMS = 10
"""Problems of one input file that are told."""


class Line(NamedTuple):
    """One request of a batch."""

    custom_id: str
    model: str
    words: int
    """What it costs in tokens, roughly."""


class Problem(NamedTuple):
    """What is wrong with a line of an input file, in the words of the API."""

    code: str
    message: str
    line: int | None


def parse_lines(content: bytes, endpoint: str) -> tuple[list[Line], list[Problem]]:
    """The requests of an input file for that endpoint, and what is wrong with it."""
    lines: list[Line] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for number, text in enumerate(filter(None, map(bytes.strip, content.split(b"\n"))), 1):
        if number > MOST_REQUESTS:
            problem = Problem("too_many_requests", f"The input file has more than {MOST_REQUESTS} requests.", number)
            return [], [*problems, problem]
        parsed = _parse(text, endpoint, seen)
        if isinstance(parsed, Line):
            seen.add(parsed.custom_id)
            lines.append(parsed)
        else:
            problems.append(Problem(*parsed, number))
            if len(problems) == MAX_PROBLEMS:
                break
    if not lines and not problems:
        problems.append(Problem("empty_file", "The input file has no requests.", None))
    return lines, problems


def _parse(text: bytes, endpoint: str, seen: set[str]) -> Line | tuple[str, str]:
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        return "invalid_json_line", "This line is not parseable as valid JSON."
    if not isinstance(request, dict):
        return "invalid_json_line", "This line is not a JSON object."
    custom_id, body = request.get("custom_id"), request.get("body")
    if not (isinstance(custom_id, str) and custom_id):
        return "missing_required_parameter", "Missing required parameter: 'custom_id'."
    if custom_id in seen:
        return "duplicate_custom_id", "The custom_id for this request is a duplicate of another request."
    if request.get("method") != "POST":
        return "invalid_method", "The method of this request has to be POST."
    if request.get("url") != endpoint:
        return "mismatched_url", "The URL of this request does not match the batch's endpoint."
    if not (isinstance(body, dict) and isinstance(body.get("model"), str)):
        return "missing_required_parameter", "Missing required parameter: 'body.model'."
    return Line(custom_id, body["model"], len(text.split()))


def results(batch_id: str, lines: Sequence[Line], share: float, now: int) -> tuple[list[bytes], list[bytes]]:
    """The lines of the output file, and those of the error file, neither in the input's order, as in the real system.

    Args:
        batch_id: whose results they are.
        lines: the requests that were done.
        share: of them that fail, 0 to 1; which ones their `custom_id` decides, so that runs repeat.
        now: Unix seconds.
    """
    output: list[bytes] = []
    errors: list[bytes] = []
    for number, line in reversed(list(enumerate(lines))):
        failed = fails(line, share)
        entry = {
            "id": f"batch_req_{batch_id.removeprefix('batch_')}{number:06}",
            "custom_id": line.custom_id,
            "response": _response(line, number, now, failed=failed),
            "error": None,
        }
        (errors if failed else output).append(_dump(entry))
    return output, errors


def skipped(batch_id: str, lines: Sequence[Line]) -> Iterator[bytes]:
    """The error file's lines for requests that a cancelled batch has not come to."""
    for number, line in enumerate(lines):
        error = {"code": "batch_cancelled", "message": "This request was not done: the batch was cancelled."}
        request_id = f"batch_req_{batch_id.removeprefix('batch_')}s{number:05}"
        yield _dump({"id": request_id, "custom_id": line.custom_id, "response": None, "error": error})


def fails(line: Line, share: float) -> bool:
    """Whether this request is one of those that fail."""
    return line.model == FAILING_MODEL or zlib.crc32(line.custom_id.encode("utf-8", "surrogatepass")) < share * 2**32


def _response(line: Line, number: int, now: int, *, failed: bool) -> dict[str, Any]:
    if failed:
        body: dict[str, Any] = {"error": {"message": "injected error", "type": "server_error", "code": None}}
    else:
        answer = {"role": "assistant", "content": f"An answer to {line.custom_id}."}
        body = {
            "id": f"chatcmpl-{number:08}",
            "object": "chat.completion",
            "created": now,
            "model": line.model,
            "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": line.words, "completion_tokens": 5, "total_tokens": line.words + 5},
        }
    return {"status_code": 500 if failed else 200, "request_id": f"req_{number:08}", "body": body}


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
