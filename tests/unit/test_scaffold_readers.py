"""What each source of a suite is read into, and what is said about mistakes in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.errors import ConfigurationError
from wireswarm.scaffold import read_events, read_har, read_openapi, read_protos
from wireswarm.scaffold.documents import Finder, read_document
from wireswarm.scaffold.model import Taken, Variable
from wireswarm.scaffold.schemas import Schemas, is_secret_name


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def problems(error: pytest.ExceptionInfo[ConfigurationError], path: Path) -> list[str]:
    return [problem.replace(str(path), path.name) for problem in error.value.problems]


def api(paths: Any, **more: Any) -> dict[str, Any]:
    return {"openapi": "3.0.3", "info": {"title": "Shop", "version": "1"}, "paths": paths, **more}


def answers(schema: Any = None, status: str = "200") -> dict[str, Any]:
    return {status: {"description": "", **({"content": {"application/json": {"schema": schema}}} if schema else {})}}


# Documents


def test_yaml_is_read_as_the_json_it_stands_for(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", "a: no\nb: 2024-01-01\n200: {c: 012, d: 1e3, e: ~, f: true}\n")
    assert read_document(path, "") == {
        "a": "no",
        "b": "2024-01-01",
        "200": {"c": 12, "d": 1000.0, "e": None, "f": True},
    }


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.yaml", "a: [1\nb: 2\n", "a.yaml:2:2: found no YAML"),
        ("a.json", '{"a": \n ]}', "a.json:2:2: found no JSON"),
        ("a.har", '{"a" 1}', "a.har:1:6: found no JSON"),
        ("a.toml", "a = \n", "a.toml:1:5: found no TOML"),
        ("a.yaml", "a: !!python/object:os.system x\n", "a.yaml:1:4: found no YAML"),
    ],
)
def test_a_broken_document_is_told_with_its_place(tmp_path: Path, name: str, content: str, place: str) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(ConfigurationError) as error:
        read_document(path, "a document")
    assert problems(error, path)[0].startswith(place)
    assert problems(error, path)[0].endswith("allowed: a document")


def test_a_document_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file or directory"):
        read_document(tmp_path / "none.yaml", "a document")
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe4\n")
    with pytest.raises(ConfigurationError, match=r"latin.yaml:2: is not UTF-8"):
        read_document(tmp_path / "latin.yaml", "a document")


# OpenAPI


def test_what_is_created_is_looked_at_changed_and_deleted(tmp_path: Path) -> None:
    order = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "sku": {"type": "string"}}}
    key = [{"name": "orderId", "in": "path", "required": True, "schema": {"type": "integer"}}]
    body = {"content": {"application/json": {"schema": order}}}
    item = {"parameters": key}
    for method in ("delete", "put", "get"):
        item[method] = {"operationId": f"{method}Order", "responses": answers(order)}
    paths = {
        "/orders": {"post": {"operationId": "createOrder", "requestBody": body, "responses": answers(order, "201")}},
        "/orders/{orderId}": item,
        "/orders/{orderId}/lines": {"get": {**item["get"], "operationId": "lines", "parameters": key}},
    }

    suite = read_openapi(write(tmp_path, "a.json", api(paths)), "shop")

    assert suite.tasks == []
    steps = suite.groups[0].operations
    assert [step.name for step in steps] == ["create_order", "delete_order", "get_order", "lines", "put_order"]
    assert [step.name for step in steps if step.cleans_up] == ["delete_order"]
    assert all(step.path_values == {"orderId": Taken("order_id")} for step in steps[1:])
    assert steps[0].answer.status == (201,)
    assert steps[0].answer.keys == ("id",)


def test_paths_without_a_creator_get_samples(tmp_path: Path) -> None:
    key = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "example": "a7"}
    suite = read_openapi(
        write(tmp_path, "a.json", api({"/x/{id}": {"get": {"parameters": [key], "responses": answers()}}})), "shop"
    )
    assert suite.tasks[0].path_values == {"id": "a7"}


@pytest.mark.parametrize(
    ("scheme", "auth", "headers", "params"),
    [
        ({"type": "http", "scheme": "bearer"}, "bearer", {}, {}),
        ({"type": "http", "scheme": "basic"}, "basic", {}, {}),
        ({"type": "oauth2", "flows": {}}, "bearer", {}, {}),
        ({"type": "apiKey", "in": "header", "name": "X-Key"}, "none", {"X-Key": Variable("SHOP_X_KEY")}, {}),
        ({"type": "apiKey", "in": "query", "name": "key"}, "none", {}, {"key": Variable("SHOP_KEY")}),
    ],
)
def test_security_schemes(tmp_path: Path, scheme: Any, auth: str, headers: Any, params: Any) -> None:
    document = api({"/x": {"get": {"responses": answers()}}}, security=[{"it": []}])
    document["components"] = {"securitySchemes": {"it": scheme}}
    suite = read_openapi(write(tmp_path, "a.json", document), "shop")
    assert (suite.auth, suite.headers, suite.tasks[0].params) == (auth, headers, params)
    assert read_openapi(write(tmp_path, "a.json", document), "shop", auth="basic").auth == "basic"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("application/x-www-form-urlencoded", "form"),
        ("multipart/form-data", "multipart"),
        ("application/vnd.api+json", "json"),
        ("text/plain", "raw"),
    ],
)
def test_bodies(tmp_path: Path, kind: str, expected: str) -> None:
    schema = {
        "type": "object",
        "properties": {"note": {"type": "string"}, "file": {"type": "string", "format": "binary"}},
    }
    post = {"requestBody": {"content": {kind: {"schema": schema}}}, "responses": answers()}
    body = read_openapi(write(tmp_path, "a.json", api({"/x": {"post": post}})), "shop").tasks[0].body
    assert body is not None
    assert body.kind == expected
    assert [file.field for file in body.files] == (["file"] if expected == "multipart" else [])


def test_what_cannot_be_made_is_left_out_and_said(tmp_path: Path) -> None:
    post = {"requestBody": {"required": True, "content": {"application/xml": {}}}, "responses": answers()}
    paths = {"/x": {"post": post}, "/y": {"get": {"responses": answers()}, "put": {"deprecated": True}}}
    suite = read_openapi(write(tmp_path, "a.json", api(paths)), "shop")
    assert suite.notes == [
        "POST /x: left out, its body is application/xml",
        "PUT /y: left out, it is deprecated",
    ]


def test_every_mistake_in_a_document_is_told_with_its_place(tmp_path: Path) -> None:
    schema = {"$ref": "#/components/schemas/None"}
    paths = {
        "orders": {},
        "/x/{id}": {"get": {"responses": answers(schema)}},
        "/y": {"get": {"parameters": [{"name": 1, "in": "body"}], "responses": answers({"$ref": "other.yaml#/a"})}},
    }
    path = write(tmp_path, "a.json", api(paths, servers=[{"url": "ftp://x"}]))
    with pytest.raises(ConfigurationError) as error:
        read_openapi(path, "shop")
    told = problems(error, path)
    assert len(told) == 6
    assert 'a.json: paths: found "orders"; allowed: paths that begin with /' in told
    assert any('$ref "#/components/schemas/None", which leads nowhere' in problem for problem in told)
    assert any('found no parameter "id", which is in the path' in problem for problem in told)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"swagger": "2.0", "paths": {}}, 'swagger: found "2.0"; allowed: openapi: 3.0 or 3.1'),
        ({"openapi": "4.0", "paths": {}}, 'openapi: found "4.0"; allowed: a version such as'),
        ({"openapi": "3.1.0"}, "paths: found nothing; allowed: a table of paths"),
        ([], "the document: found a list; allowed: an OpenAPI"),
        ({"openapi": "3.1.0", "paths": {}}, "paths: found no request that can be made; allowed: one at least"),
    ],
)
def test_what_is_no_openapi_document(tmp_path: Path, document: Any, told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_openapi(write(tmp_path, "a.json", document), "shop")
    assert told in error.value.problems[0]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "minimum": 5, "exclusiveMinimum": True, "multipleOf": 4}, 8),
        ({"type": "number", "maximum": 1}, 1.0),
        ({"type": "string", "enum": ["a", "b"]}, "a"),
        ({"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"}, "AAA-1111"),
        ({"type": "string", "format": "date-time"}, "2024-01-01T12:00:00Z"),
        ({"type": "string", "minLength": 12}, "name 1xxxxxx"),
        ({"type": "string", "maxLength": 3}, "me1"),
        ({"type": ["null", "boolean"]}, True),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, ["name 1", "name 2"]),
        ({"oneOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"allOf": [{"properties": {"a": {"const": 7}}}, {"properties": {"b": {"default": 8}}}]}, {"a": 7, "b": 8}),
        ({"type": "object", "properties": {"id": {"type": "string", "readOnly": True}}}, {}),
    ],
)
def test_sample_values_keep_to_their_schema(schema: Any, value: Any) -> None:
    assert Schemas({}, Finder(Path("a"))).sample(schema, "a", "name") == value


@given(st.integers(-1000, 1000), st.integers(0, 1000))
def test_sample_numbers_are_within_their_bounds(low: int, span: int) -> None:
    schema = {"type": "integer", "minimum": low, "maximum": low + span}
    assert low <= Schemas({}, Finder(Path("a"))).sample(schema, "a", "n") <= low + span


def test_a_schema_may_hold_itself() -> None:
    node = {
        "type": "object",
        "required": ["next"],
        "properties": {"next": {"$ref": "#/node"}, "n": {"type": "integer"}},
    }
    finder = Finder(Path("a"))
    assert Schemas({"node": node}, finder).sample({"$ref": "#/node"}, "a", "n")["n"] == 1
    Schemas({"a": {"$ref": "#/a"}}, finder).sample({"$ref": "#/a"}, "a", "n")
    assert "which leads to itself" in finder.problems[0]


# .proto

PROTO = """
syntax = "proto3";
package shop;
import "google/api/annotations.proto";
service Shop {
  rpc Get(Ask) returns (Ask) { option (google.api.http) = { get: "/v1/{name=shops/*/items/*}/{n}" }; }
  rpc Put(Ask) returns (Ask) { option (google.api.http) = { put: "/v1/items" body: "inner" response_body: "inner" }; }
  rpc Watch(Ask) returns (stream Ask);
}
message Ask { string name = 1; int64 n = 2; Inner inner = 3; message Inner { string note = 1; Ask again = 2; } }
"""


def test_rules_of_google_api_http(tmp_path: Path) -> None:
    suite = read_protos([write(tmp_path, "shop.proto", PROTO)], "shop")
    get, put = suite.tasks
    assert (get.method, get.path) == ("GET", "/v1/shops/{shop}/items/{item}/{n}")
    assert get.path_values == {"shop": "1", "item": "1", "n": "1"}
    assert get.params == {"inner.note": "note 1"}
    assert (put.method, put.params) == ("PUT", {"name": "name 1", "n": "1"})
    assert put.body is not None
    assert (put.body.rows[0], put.body.message) == ({"note": "note 1"}, "shop.Ask.Inner")
    assert (get.answer.message, put.answer.message, put.answer.expect) == ("shop.Ask", "", "object")
    assert suite.messages["shop.Ask.Inner"] == "pb.Ask.Inner"
    assert suite.notes == ["shop.Shop.Watch: left out, it streams; one request with one answer can be sent"]
    assert set(suite.protos) == {"shop.proto", "google/api/annotations.proto", "google/api/http.proto"}


@pytest.mark.parametrize(
    ("style", "path", "content_type"),
    [
        ("connect", "/shop.Shop/Get", "application/proto"),
        ("twirp", "/twirp/shop.Shop/Get", "application/protobuf"),
        ("http", "/v1/shops/{shop}/items/{item}/{n}", "application/x-protobuf"),
    ],
)
def test_styles_of_methods(tmp_path: Path, style: Any, path: str, content_type: str) -> None:
    source = write(tmp_path, "shop.proto", PROTO)
    binary = read_protos([source], "shop", style=style, encoding="proto")
    assert (binary.kind, binary.tasks[0].path, binary.content_type) == ("protobuf", path, content_type)
    assert read_protos([source], "shop", style=style, encoding="json").kind == "rest"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('syntax = "proto3";\nmessage A {}\n', "found no service with a method; allowed: a file with services"),
        ('syntax = "proto3";\nmessage A { x }\n', "shop.proto:2:15: "),
        ('syntax = "proto3";\nimport "none.proto";\n', 'import "none.proto" was not found'),
        (PROTO.replace('body: "inner"', 'body: "outer"'), 'body: found "outer"; allowed: *, name, n, inner'),
    ],
)
def test_mistakes_in_protos(tmp_path: Path, content: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_protos([write(tmp_path, "shop.proto", content)], "shop")
    assert told in "\n".join(error.value.problems)


def test_files_that_are_not_there_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_protos([tmp_path / "a.proto"], "shop", include=[tmp_path / "b"])
    assert len(error.value.problems) == 2


def test_the_style_http_needs_the_option(tmp_path: Path) -> None:
    plain = 'syntax = "proto3";\nservice S { rpc Get(A) returns (A); }\nmessage A {}\n'
    with pytest.raises(ConfigurationError, match="has no method with the option"):
        read_protos([write(tmp_path, "a.proto", plain)], "shop", style="http")


# Socket.IO

EVENTS = """
namespace: /chat
auth: {token: "${SHOP_CHAT_TOKEN}"}
transports: polling,websocket
events:
  - {emit: join, data: {room: a}, ack: {ok: true}, weight: 2}
  - {emit: say, data: hello, reply: said, namespace: /other}
  - {on: price, sent_at: at, unit: ms}
"""


def test_a_list_of_events(tmp_path: Path) -> None:
    suite = read_events(write(tmp_path, "a.yaml", EVENTS), "shop")
    events = suite.events
    assert events is not None
    join, say = events.events
    assert (join.namespace, join.acknowledged, join.keys, join.weight) == ("/chat", True, ("ok",), 2)
    assert (say.namespace, say.namespace_named, say.reply, say.data) == ("/other", True, "said", "hello")
    assert events.namespaces == ("/chat", "/other")
    assert events.pushes[0].unit == "ms"
    assert suite.variables == ["SHOP_CHAT_TOKEN"]


def test_every_mistake_in_a_list_of_events(tmp_path: Path) -> None:
    text = """
    evnts: []
    namespace: chat
    session: DELETE /x
    transports: carrier pigeon
    path: 7
    auth: secret
    events:
      - ping
      - {emit: connect, weight: 0, timeout: soon}
      - {emit: a, ack: true, reply: b}
      - {on: price, unit: h}
      - {data: 1}
    """
    path = write(tmp_path, "a.yaml", text)
    with pytest.raises(ConfigurationError) as error:
        read_events(path, "shop")
    told = problems(error, path)
    assert 'a.yaml: the document: found an unknown key "evnts" (did you mean "events"?)' in told[0]
    assert 'a.yaml: events[2].emit: found "connect"; allowed: a name that Socket.IO does not use itself' in told
    assert "a.yaml: events[3]: found both ack and reply; allowed: one of them" in told
    assert "a.yaml: events[5].emit: found nothing; allowed: the name of an event" in told
    places = {problem.split(": ")[1] for problem in told}
    assert {"namespace", "session", "transports", "path", "auth", "events[1]", "events[2].weight"} <= places
    assert {"events[2].timeout", "events[4].sent_at", "events[4].unit"} <= places


# HAR


def entry(method: str, url: str, start: float = 0, answer: Any = None, **more: Any) -> dict[str, Any]:
    headers = [{"name": name, "value": value} for name, value in more.pop("headers", {}).items()]
    content = {"mimeType": "application/json", "text": json.dumps(answer)} if answer is not None else {}
    body = more.pop("body", None)
    posted = {"postData": {"mimeType": "application/json", "text": json.dumps(body)}} if body is not None else {}
    return {
        "startedDateTime": f"2024-01-01T00:00:{start:06.3f}Z",
        "time": 100,
        "request": {"method": method, "url": url, "headers": headers, **posted},
        "response": {"status": more.pop("status", 200), "headers": [], "content": content},
        **more,
    }


def har(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"log": {"entries": list(entries)}}


def test_ids_come_from_the_answers_that_had_them(tmp_path: Path) -> None:
    recording = har(
        entry("GET", "https://shop.test/api/orders/7", 0),
        entry("POST", "https://shop.test/api/orders", 1, {"data": {"id": 7}}, body={"sku": "A1"}),
        entry("GET", "https://shop.test/api/orders/7", 3, {"id": 7, "lines": [{"lineId": "line-12345"}]}),
        entry("PUT", "https://shop.test/api/lines/line-12345", 5, {}, body={"lineId": "line-12345", "n": 2}),
        entry("GET", "https://shop.test/api/users/7", 7, {}),
    )
    suite = read_har(write(tmp_path, "a.har", recording), "shop")
    before, create, get, change, user = suite.groups[0].operations
    assert before.path_values == {"order_id": 7}
    assert [take.way for take in create.takes] == [("data", "id")]
    assert get.path_values == {"order_id": Taken("order_id")}
    assert [take.way for take in get.takes] == [("lines", 0, "lineId")]
    assert change.path_values == {"line_id": Taken("line_id")}
    assert change.body is not None
    assert change.body.set == {"lineId": Taken("line_id")}
    assert user.path_values == {"user_id": 7}  # the same number, of something else
    assert suite.groups[0].think == (1.7, 1.9)


def test_pages_are_flows_unless_they_need_each_other(tmp_path: Path) -> None:
    recording = har(
        entry("GET", "https://shop.test/a", 0, pageref="p1"),
        entry("POST", "https://shop.test/carts", 1, {"id": "cart-77777"}, pageref="p2", body={}),
        entry("GET", "https://shop.test/carts/cart-77777", 9, pageref="p3"),
    )
    suite = read_har(write(tmp_path, "a.har", recording), "shop")
    assert [len(group.operations) for group in suite.groups] == [1, 2]
    assert suite.wait == (2.7, 6.2)


def test_what_is_not_repeated_is_said(tmp_path: Path) -> None:
    recording = har(
        entry("GET", "https://shop.test/a"),
        entry("GET", "https://shop.test/a.css"),
        entry("GET", "https://cdn.test/a"),
        entry("OPTIONS", "https://shop.test/a"),
        entry("GET", "https://shop.test/b", status=0),
        entry("GET", "https://shop.test/c", status=503),
        entry("GET", "wss://shop.test/d"),
        entry("GET", "https://shop.test/e", status=404),
    )
    path = write(tmp_path, "a.har", recording)
    suite = read_har(path, "shop")
    assert [operation.path for operation in suite.operations] == ["/a", "/e"]
    assert len(suite.notes) == 7
    assert "1 request left out: to another host, https://cdn.test" in suite.notes
    assert [o.path for o in read_har(path, "shop", keep_static=True).operations] == ["/a", "/a.css", "/e"]


SECRET = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=12, max_size=40)


@given(
    secret=SECRET, place=st.sampled_from(["cookie", "bearer", "header", "query", "body", "path", "answer", "nested"])
)
def test_secrets_are_in_no_file(tmp_path_factory: pytest.TempPathFactory, secret: str, place: str) -> None:
    from wireswarm.scaffold import files_of

    secret = f"s3cret{secret}"
    headers = {"cookie": {"Cookie": f"a=b; session_id={secret}"}, "bearer": {"Authorization": f"Bearer {secret}"}}
    headers |= {"header": {"X-Auth-Token": secret}, "path": {"Authorization": f"Bearer {secret}"}}
    url = {"query": f"/x?api_key={secret}", "path": f"/reset/{secret}/now?a={secret}"}.get(place, "/x")
    body = {"body": {"password": secret, "note": f"it is {secret}"}, "nested": {"a": [{"clientSecret": secret}]}}
    answer = {"token": secret, "id": 1} if place == "answer" else {"id": 1}
    made = entry(
        "POST",
        f"https://u:{secret}@shop.test{url}",
        0,
        answer,
        headers=headers.get(place, {}),
        body=body.get(place, {}),
    )
    folder = tmp_path_factory.mktemp("har")
    suite = read_har(write(folder, "a.har", har(made, entry("GET", "https://shop.test/a", 1))), "shop")
    assert secret not in "".join(files_of(suite).values())


@pytest.mark.parametrize(
    ("recording", "told"),
    [
        ({}, "log.entries: found nothing; allowed: a list, in a HAR recording"),
        (har(), "log.entries: found no request; allowed: one"),
        (har({"request": {}}), "log.entries[0].request: found no method and url; allowed: a request with both"),
        (har(entry("GET", "https://x.test/a.css")), "found 1 requests, none of them worth repeating"),
        (har(entry("GET", "https://x.test:port/")), "log.entries[0].request.url: found an address that is none"),
    ],
)
def test_mistakes_in_recordings(tmp_path: Path, recording: Any, told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_har(write(tmp_path, "a.har", recording), "shop")
    assert told in error.value.problems[0]


@pytest.mark.parametrize("name", ["password", "X-Api-Key", "accessToken", "csrf_token", "client_secret", "Cookie"])
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)
    assert not is_secret_name("nextPageToken")
    assert not is_secret_name("sku")
