"""Kinds of values and bodies that sources may have, each of which must come out as something that can be sent."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from wireswarm.errors import ConfigurationError
from wireswarm.scaffold import files_of, read_events, read_har, read_openapi, read_protos
from wireswarm.scaffold.model import Suite, Taken, Variable

KINDS = """
syntax = "proto3";
package kinds;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/any.proto";
import "google/protobuf/field_mask.proto";
service Kinds { rpc Send(All) returns (All); }
message All {
  google.protobuf.Timestamp at = 1;
  google.protobuf.Duration took = 2;
  google.protobuf.Int64Value wide = 3;
  google.protobuf.StringValue email = 4;
  google.protobuf.BoolValue flag = 5;
  google.protobuf.BytesValue raw = 6;
  google.protobuf.Struct free = 7;
  google.protobuf.Value one = 8;
  google.protobuf.ListValue many = 9;
  google.protobuf.Any any = 10;
  google.protobuf.FieldMask mask = 11;
  map<bool, All> again = 12;
  map<bool, double> shares = 13;
  optional fixed64 big = 14;
  repeated Only only = 15;
  enum Only { NOTHING = 0; }
}
"""


def test_messages_of_every_kind_of_field(tmp_path: Path) -> None:
    (tmp_path / "kinds.proto").write_text(KINDS)
    suite = read_protos([tmp_path], "shop")
    body = suite.tasks[0].body
    assert body is not None
    assert body.rows[0] == {
        "at": "2024-01-01T12:00:00Z",
        "took": "1s",
        "wide": 1,
        "email": "user1@example.com",
        "flag": True,
        "raw": "c2FtcGxl",
        "free": {"key": "value 1"},
        "one": "value 1",
        "many": ["value 1"],
        "shares": {"true": 1.5},
        "big": "1",
        "only": ["NOTHING"],
    }


def entry(url: str, **request: Any) -> dict[str, Any]:
    answer = request.pop("answer", {"id": "abc-12345-def"})
    content = {"mimeType": "application/json", "encoding": "base64"}
    content["text"] = base64.b64encode(json.dumps(answer).encode()).decode()
    return {
        "startedDateTime": "2024-01-01T00:00:00Z",
        "time": 1,
        "request": {"method": request.pop("method", "POST"), "url": f"http://shop.test{url}", "headers": [], **request},
        "response": {"status": 201, "headers": [], "content": content},
    }


def posted(mime: str, **data: Any) -> dict[str, Any]:
    return {"postData": {"mimeType": mime, **data}}


def headers(**fields: str) -> dict[str, Any]:
    return {"headers": [{"name": name, "value": value} for name, value in fields.items()]}


def recorded(folder: Path, *entries: dict[str, Any]) -> Suite:
    (folder / "a.har").write_text(json.dumps({"log": {"entries": entries}}))
    suite = read_har(folder / "a.har", "shop")
    for name, text in files_of(suite).items():
        if name.endswith(".py"):
            compile(text, name, "exec")
    return suite


def test_recorded_bodies(tmp_path: Path) -> None:
    form, multipart = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
    file = {"name": "photo", "fileName": "me.png", "contentType": "image/png", "value": ""}
    suite = recorded(
        tmp_path,
        entry("/a", **posted(form, text="n=1&password=x&many=a+b")),
        entry("/b", **posted(form, params=[{"name": "n", "value": "a%20b"}])),
        entry("/c", **posted(multipart, params=[{"name": "n", "value": "1"}, file])),
        entry("/d", **posted("application/json", text="[1, 2]")),
        entry("/e", **posted("text/plain", text="as it is")),
        entry("/f", **posted("application/vnd.api+json", text='{"password": 7}')),
        entry("/g", **posted("application/protobuf", text="AAA=", encoding="base64")),
    )
    bodies = [operation.body for operation in suite.operations if operation.body]
    assert [(body.kind, body.rows[0]) for body in bodies] == [
        ("form", {"n": "1", "password": "${SHOP_PASSWORD}", "many": "a b"}),
        ("form", {"n": "a b"}),
        ("multipart", {"n": "1"}),
        ("json", {"body": [1, 2]}),
        ("raw", {"body": "as it is"}),
        ("json", {"password": 7}),
    ]
    assert [(part.field, part.filename, part.content_type) for part in bodies[2].files] == [
        ("photo", "upload2.png", "image/png")
    ]
    assert bodies[5].content_type == "application/vnd.api+json"
    assert any("binary (application/protobuf)" in note for note in suite.notes)


def test_recorded_queries_take_ids_from_answers(tmp_path: Path) -> None:
    suite = recorded(tmp_path, entry("/orders"), entry("/x?order=abc-12345-def&tag=a&tag=b&tag=c", method="GET"))
    assert list(suite.operations)[1].params == {"order": Taken("order"), "tag": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("field", "auth", "fields"),
    [
        ("Basic dTpwYXNzd29yZA==", "basic", {}),
        ("Bearer abcdefghijkl", "bearer", {}),
        ("Custom abcdefghijkl", "none", {"Authorization": Variable("SHOP_AUTHORIZATION")}),
    ],
)
def test_recorded_credentials(tmp_path: Path, field: str, auth: str, fields: Any) -> None:
    suite = recorded(tmp_path, entry("/a", method="GET", **headers(Authorization=field)))
    assert (suite.auth, suite.headers) == (auth, fields)
    assert read_har(tmp_path / "a.har", "shop", auth="none").auth == "none"


def test_recorded_secrets_in_text_are_redacted(tmp_path: Path) -> None:
    body = posted("text/plain", text="it is abcdefghijkl")
    suite = recorded(tmp_path, entry("/a", **body, **headers(Authorization="Bearer abcdefghijkl")) | {})
    assert next(suite.operations).body.rows == [{"body": "it is redacted"}]  # type: ignore[union-attr]
    assert "POST /a: a secret in its body is redacted" in suite.notes


PARAMETERS = [
    {"name": "ids", "in": "query", "required": True, "schema": {"type": "array", "items": {"type": "integer"}}},
    {"name": "csv", "in": "query", "required": True, "explode": False, "example": [1, True, None, "x"]},
    {"name": "filter", "in": "query", "required": True, "example": {"a": {"b": 1}}},
    {"name": "flag", "in": "query", "required": True, "schema": {"type": "boolean"}},
    {"name": "X-Trace", "in": "header", "required": True, "examples": {"one": {"value": "t1"}}},
    {"name": "Accept", "in": "header", "required": True, "schema": {"type": "string"}},
    {"name": "seen", "in": "cookie", "required": True, "schema": {"type": "string"}},
    {"name": "page", "in": "query", "schema": {"type": "integer"}},
]


def test_parameters_of_every_kind(tmp_path: Path) -> None:
    schemas = {"type": "string", "format": "byte"}
    forms = {"application/x-www-form-urlencoded": {"example": {"a": [1, 2], "b": None}}}
    document = {
        "openapi": "3.1.0",
        "servers": [{"url": "/base"}],
        "security": [{"cookie": []}, {"digest": []}],
        "components": {"securitySchemes": {"cookie": {"type": "apiKey", "in": "cookie", "name": "k"}}},
        "paths": {
            "/a": {"get": {"parameters": PARAMETERS, "responses": {"default": {"description": ""}}}},
            "/b": {"head": {"responses": {"302": {"description": ""}}}},
            "/c": {"post": {"requestBody": {"content": forms}, "responses": {}}},
            "/d": {"post": {"requestBody": {"content": {"application/json": {"schema": schemas}}}, "responses": {}}},
        },
    }
    (tmp_path / "a.json").write_text(json.dumps(document))
    suite = read_openapi(tmp_path / "a.json", "shop")
    first, second, third, fourth = suite.tasks
    assert suite.host == "http://localhost:8000/base"
    assert first.params == {"ids": [1], "csv": "1,true,,x", "filter[a]": "b,1", "flag": True}
    assert first.headers == {"X-Trace": "t1"}
    assert second.answer.status == (302,)
    assert third.body is not None
    assert third.body.rows == [{"a": "1,2", "b": ""}]
    assert fourth.body is not None
    assert fourth.body.rows[0] == {"body": "c2FtcGxlIDE="}
    assert suite.notes == [
        "the API key k in a cookie is left to you",
        "GET /a: the cookie seen is left to you",
    ]
    compile(files_of(suite)["shop.py"], "shop.py", "exec")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "the document: found a list; allowed: a table with"),
        ("events: []", "events: found an empty list; allowed: a list of tables"),
        ("events: [{on: a, sent_at: t}]", "events: found nothing that is sent; allowed: one event with emit"),
    ],
)
def test_lists_of_events_with_nothing_to_do(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as error:
        read_events(tmp_path / "a.yaml", "shop")
    assert told in error.value.problems[0]
