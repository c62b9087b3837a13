"""The batch API: files and batches in OpenAI's wire format, and the keys that it is used with.

A key is made with Basic authentication. Everything else takes it as a Bearer token. Beside what the real system does,
a request for the model `always-fails` fails.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from wireswarm.target.answers import Refusal, answer, answer_json, header, read_body
from wireswarm.target.batch_store import Batch, Batches, Files, StoredFile
from wireswarm.target.json_body import read_object
from wireswarm.target.multipart import parse_multipart
from wireswarm.target.recent import Recent
from wireswarm.target.routing import plain_route
from wireswarm.target.system import Context

KEYS = "/admin/api/v1/users/current/api-keys"
"""Where keys are made."""
USERNAME, PASSWORD = "admin", "password"
"""Who may make them."""

FILE_LIMIT = 32 * 1024 * 1024
"""Bytes that the form of an upload may have."""
MAX_KEYS = 10_000
"""Keys that are kept; the one that was idle for longest is forgotten."""

_KEY = "sk-"
_ID_LENGTH = 24
# Tuples: what is looked for may be a list, which no set can be asked for.
_PURPOSES = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
_ENDPOINTS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses")
_KEY_PURPOSES = ("batch", "platform", "playground", "realtime")
_LONGEST_NAME = 255
_JSONL = b"application/octet-stream"


class ApiRefusal(Refusal):
    """A refusal in the API's own form."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(status, message)
        self._param = param
        self._code = code

    async def answer(self, send: Send) -> None:
        """See `Refusal.answer`."""
        error = {"message": self.text, "type": "invalid_request_error", "param": self._param, "code": self._code}
        await answer_json(send, {"error": error}, self.status)


class BatchApi:
    """The endpoints, and the files, batches and keys that they work on."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self._clock = context.clock
        self._prefix = settings.batch_prefix
        self._files = Files(settings.max_files, settings.max_file_bytes)
        self._batches = Batches(self._files, settings.max_batches, settings.batch_time, settings.batch_line_errors)
        self._keys: Recent[str, str] = Recent(MAX_KEYS)

    def routes(self) -> Sequence[BaseRoute]:
        """See `System.routes`."""
        files, batches = f"{self._prefix}/files", f"{self._prefix}/batches"
        return [
            plain_route("POST", KEYS, self._make_key),
            plain_route("DELETE", f"{KEYS}/{{key_id}}", self._delete_key),
            self._route("POST", files, self._upload),
            self._route("GET", files, self._list_files),
            self._route("GET", f"{files}/{{file_id}}", self._show_file),
            self._route("DELETE", f"{files}/{{file_id}}", self._delete_file),
            self._route("GET", f"{files}/{{file_id}}/content", self._send_content),
            self._route("POST", batches, self._create),
            self._route("GET", batches, self._list_batches),
            self._route("GET", f"{batches}/{{batch_id}}", self._show_batch),
            self._route("POST", f"{batches}/{{batch_id}}/cancel", self._cancel),
        ]

    def health(self) -> Mapping[str, object]:
        """See `System.health`."""
        return {}

    def reset(self) -> None:
        """See `System.reset`."""
        self._files.clear()
        self._batches.clear()
        self._keys.clear()

    def _route(self, method: str, path: str, respond: Callable[[Scope, Receive, Send], Any]) -> Route:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            self._check_key(scope)
            self._batches.settle(self._clock())
            await respond(scope, receive, send)

        return plain_route(method, path, app)

    def _check_key(self, scope: Scope) -> None:
        scheme, _, key = (header(scope, b"authorization") or b"").decode("latin-1").partition(" ")
        known = self._keys.get(key[len(_KEY) : len(_KEY) + _ID_LENGTH])
        if scheme.lower() != "bearer" or known is None or not hmac.compare_digest(key.encode(), known.encode()):
            raise ApiRefusal(401, "Incorrect API key provided.", code="invalid_api_key")

    async def _make_key(self, scope: Scope, receive: Receive, send: Send) -> None:
        _check_password(scope)
        fields = await read_object(receive)
        if not (isinstance(fields.get("name"), str) and fields["name"]):
            raise ApiRefusal(400, "Missing required parameter: 'name'.", param="name")
        if fields.get("purpose") not in _KEY_PURPOSES:
            raise ApiRefusal(400, "Invalid value for 'purpose'.", param="purpose")
        key_id = secrets.token_hex(_ID_LENGTH // 2)
        key = f"{_KEY}{key_id}{secrets.token_urlsafe(24)}"
        self._keys.put(key_id, key)
        shown = {"id": key_id, "name": fields["name"], "purpose": fields["purpose"], "created_at": int(self._clock())}
        await answer_json(send, {**shown, "key": key}, 201)

    async def _delete_key(self, scope: Scope, _receive: Receive, send: Send) -> None:
        _check_password(scope)
        key_id = scope["path_params"]["key_id"]
        if key_id not in self._keys:
            raise ApiRefusal(404, "No such API key.")
        self._keys.discard(key_id)
        await answer(send, b"", status=204)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        content_type = (header(scope, b"content-type") or b"").decode("latin-1")
        parts = {part.name: part for part in parse_multipart(content_type, await read_body(receive, FILE_LIMIT))}
        file, purpose = parts.get("file"), parts.get("purpose")
        if file is None or file.filename is None:
            raise ApiRefusal(400, "Missing required parameter: 'file'.", param="file")
        if purpose is None or purpose.content.decode("latin-1") not in _PURPOSES:
            raise ApiRefusal(400, f"'purpose' is not one of {', '.join(_PURPOSES)}.", param="purpose")
        if len(file.filename) > _LONGEST_NAME:
            raise ApiRefusal(400, f"The filename is longer than {_LONGEST_NAME} characters.", param="file")
        stored = self._files.add(file.content, file.filename, purpose.content.decode(), self._clock())
        await answer_json(send, stored.show())

    async def _list_files(self, scope: Scope, _receive: Receive, send: Send) -> None:
        query = _query(scope)
        shown = (f.show() for f in self._files.newest_first() if query.get("purpose", f.purpose) == f.purpose)
        await answer_json(send, _page(shown, query, most=10_000))

    async def _show_file(self, scope: Scope, _receive: Receive, send: Send) -> None:
        await answer_json(send, self._file(scope["path_params"]["file_id"]).show())

    async def _delete_file(self, scope: Scope, _receive: Receive, send: Send) -> None:
        file = self._file(scope["path_params"]["file_id"])
        self._files.delete(file.id)
        await answer_json(send, {"id": file.id, "object": "file", "deleted": True})

    async def _send_content(self, scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, self._file(scope["path_params"]["file_id"]).content, _JSONL)

    async def _create(self, _scope: Scope, receive: Receive, send: Send) -> None:
        fields = await read_object(receive)
        if fields.get("endpoint") not in _ENDPOINTS:
            raise ApiRefusal(400, f"'endpoint' is not one of {', '.join(_ENDPOINTS)}.", param="endpoint")
        if fields.get("completion_window") != "24h":
            raise ApiRefusal(400, "'completion_window' has to be 24h.", param="completion_window")
        metadata = fields.get("metadata")
        if not _is_metadata(metadata):
            raise ApiRefusal(400, "'metadata' is not up to 16 pairs of short texts.", param="metadata")
        file = self._file(fields.get("input_file_id"))
        if file.purpose != "batch":
            raise ApiRefusal(400, "The input file's purpose is not 'batch'.", param="input_file_id")
        request = {
            "input_file_id": file.id,
            "endpoint": fields["endpoint"],
            "completion_window": "24h",
            "metadata": metadata,
        }
        now = self._clock()
        await answer_json(send, self._batches.create(request, file, now).show(now))

    async def _list_batches(self, scope: Scope, _receive: Receive, send: Send) -> None:
        now = self._clock()
        shown = (batch.show(now) for batch in self._batches.newest_first())
        await answer_json(send, _page(shown, _query(scope), most=100, usual=20))

    async def _show_batch(self, scope: Scope, _receive: Receive, send: Send) -> None:
        await answer_json(send, self._batch(scope).show(self._clock()))

    async def _cancel(self, scope: Scope, _receive: Receive, send: Send) -> None:
        batch, now = self._batch(scope), self._clock()
        if not self._batches.cancel(batch, now):
            raise ApiRefusal(409, f"Cannot cancel a batch with status '{batch.status(now)}'.")
        await answer_json(send, batch.show(now))

    def _file(self, file_id: object) -> StoredFile:
        file = self._files.get(file_id) if isinstance(file_id, str) else None
        if file is None:
            raise ApiRefusal(404, "No such File object.", param="id")
        return file

    def _batch(self, scope: Scope) -> Batch:
        batch = self._batches.find(scope["path_params"]["batch_id"])
        if batch is None:
            raise ApiRefusal(404, "No batch found with that id.")
        return batch


def _check_password(scope: Scope) -> None:
    scheme, _, value = (header(scope, b"authorization") or b"").partition(b" ")
    try:
        given = base64.b64decode(value.strip(), validate=True) if scheme.lower() == b"basic" else b""
    except binascii.Error:
        given = b""
    if not hmac.compare_digest(given, f"{USERNAME}:{PASSWORD}".encode()):
        raise Refusal(401, "wrong user name or password", [(b"www-authenticate", b'Basic realm="target"')])


def _is_metadata(value: object) -> bool:
    if value is None:
        return True
    return (
        isinstance(value, dict)
        and len(value) <= 16
        and all(len(key) <= 64 and isinstance(text, str) and len(text) <= 512 for key, text in value.items())
    )


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))


def _page(
    shown: Iterator[dict[str, object]], query: Mapping[str, str], *, most: int, usual: int | None = None
) -> object:
    limit = query.get("limit", str(usual or most))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 9 and 1 <= int(limit) <= most):
        raise ApiRefusal(400, f"'limit' is not a number from 1 to {most}.", param="limit")
    items = list(shown)
    if query.get("order") == "asc":
        items.reverse()
    if after := query.get("after"):
        place = next((index for index, item in enumerate(items) if item["id"] == after), None)
        if place is None:
            raise ApiRefusal(400, "'after' is not the id of an object of this list.", param="after")
        items = items[place + 1 :]
    page = items[: int(limit)]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(items) > len(page),
    }
