"""What no client of good will sends: the target refuses it, soon, and goes on."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from in_process import InProcess
from manual_clock import ManualClock
from shop_front import CHANNEL, ShopFront
from test_target_batch import Api, jsonl, line

from wireswarm.target.batch_lines import MOST_REQUESTS, parse_lines
from wireswarm.target.counters import LONGEST_NAME, OTHER, Operations
from wireswarm.target.multipart import MOST_PARTS

LONG = 60_000
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
FIELDS = ("name", "purpose", "steps", "title", "content", "endpoint", "metadata", "input_file_id", "query", "variables")
PATHS = (
    "/api/workspaces",
    "/api/workspaces/ws-first/workflows",
    "/api/workspaces/ws-first/workflows/wf-first/execute",
    "/api/workspaces/ws-first/knowledge",
    "/api/generator/project",
    "/api/analysis/codebase",
    "/ai/v1/batches",
    "/graphql/",
)


@pytest.fixture(scope="module")
def api() -> Api:
    return Api(ManualClock(), heavy_time=0)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PATHS), st.dictionaries(st.sampled_from(FIELDS), VALUES) | VALUES)
def test_any_json_is_answered(api: Api, path: str, value: Any) -> None:
    headers = {**api._headers, "Content-Type": "application/json"} if path.startswith("/ai") else JSON
    status, answer = api.target.ask("POST", path, json.dumps(value).encode(), headers)
    assert status < 500
    assert isinstance(json.loads(answer), dict)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PATHS), st.binary(max_size=50) | st.sampled_from([b"[" * LONG, b'{"a":' * 9000, b"9" * LONG]))
def test_any_bytes_are_answered(api: Api, path: str, body: bytes) -> None:
    headers = {**api._headers, "Content-Type": "application/json"} if path.startswith("/ai") else JSON
    assert api.target.ask("POST", path, body, headers)[0] < 500


PARTS = [
    b"--b",
    b"--b--",
    b"\r\n",
    b"\r\n\r\n",
    b"Content-Disposition: form-data; name=",
    b'"file"',
    b"; filename=",
    b'"x',
    b";",
    b"purpose",
    b"batch",
    b"\xff",
    b"\x00",
]
TYPES = ["=b", '="b"', "", '="', "*=utf-8''b", "*0*=x''b; boundary*1=c", "=b; boundary=c", "=\xe9", "=" + "b" * 5000]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PARTS), max_size=15), st.sampled_from(TYPES))
def test_any_form_is_answered(api: Api, parts: list[bytes], boundary: str) -> None:
    headers = {**api._headers, "Content-Type": f"multipart/form-data; boundary{boundary}"}
    assert api.target.ask("POST", "/ai/v1/files", b"".join(parts), headers)[0] < 500


def test_a_form_of_a_million_parts_is_refused_at_once(api: Api) -> None:
    part = b"--b\r\nContent-Disposition: form-data; name=f\r\n\r\n\r\n"
    for body in (part * 500_000 + b"--b--", b"--b\r\nX: " + b"; " * 10_000_000 + b"\r\n\r\n\r\n--b--"):
        began = time.process_time()
        assert api.ask("POST", "/files", body, **FORM)[0] == 400
        assert time.process_time() - began < 1
    assert api.ask("POST", "/files", part * MOST_PARTS + b"--b--", **FORM)[1]["error"]["param"] == "file"


def test_a_custom_id_that_is_half_a_character_spoils_nothing_for_others(clock: ManualClock) -> None:
    api = Api(clock, batch_time=1, batch_line_errors=0.5)
    status, batch = api.create(api.upload(jsonl(line("\ud800"), line("a")))["id"])
    assert status == 200
    clock.advance(2)
    assert api.ask("GET", "/files")[0] == 200
    assert api.ask("GET", f"/batches/{batch['id']}")[1]["status"] == "completed"


def test_a_batch_has_so_many_requests_at_most() -> None:
    request = json.dumps(line("@"))
    content = "\n".join(request.replace("@", str(number)) for number in range(MOST_REQUESTS + 1)).encode()
    lines, [problem] = parse_lines(content, "/v1/chat/completions")
    assert (lines, problem.code) == ([], "too_many_requests")


@pytest.mark.parametrize("limit", ["0", "-1", "1e1", "", "\u0661", "1" + "0" * 12, "0" * 5000 + "1"])
def test_a_limit_that_is_none(limit: str, api: Api) -> None:
    assert api.ask("GET", f"/batches?limit={limit}")[0] == (200 if limit == "" else 400)


def test_a_search_for_ten_thousand_words_takes_no_time(clock: ManualClock) -> None:
    platform = InProcess(clock, heavy_time=0)
    for _ in range(1000):
        platform.json("POST", "/api/workspaces/ws-first/knowledge", {"title": "t", "content": "x" * 2000})
    began = time.process_time()
    platform.json("GET", "/api/workspaces/ws-first/knowledge/search?query=" + "y+" * 10_000)
    assert time.process_time() - began < 1


def test_names_of_operations_are_bounded() -> None:
    operations = Operations()
    operations.add("query " + "x" * LONGEST_NAME)
    assert operations.snapshot() == {OTHER: 1}


PRODUCTS = "products(first: 100) { edges { node { %s } } }"
INNER = "category { " + PRODUCTS % "id category { products(first: 100) { edges { node { id } } }" + " }"
HOSTILE = {
    "fragments that double": "{ shop { ...F0 } } "
    + "".join(f"fragment F{n} on Shop {{ ...F{n + 1} ...F{n + 1} }} " for n in range(40))
    + "fragment F40 on Shop { id }",
    "the same field again and again": "{ shop {" + " name" * 900 + " } }",
    "the same pages again and again": "{" + "".join(f"a{n}: " + PRODUCTS % "id" for n in range(60)) + "}",
    "pages within pages": "{ " + PRODUCTS % INNER + " }",
    "many names for a list": "{ "
    + PRODUCTS % "".join(f"v{n}: variants {{ id product {{ id }} }} " for n in range(90))
    + " }",
    "nested selections": "{ shop " + "{ ... " * 10_000,
    "nested lists": "{ category(id: " + "[" * LONG + ") { id } }",
    "a long name": "{ " + "n" * LONG + " }",
    "a long number": "{ category(id: " + "9" * LONG + ") { id } }",
    "the schema by itself": "{ __schema { types {" + " fields { type {" * 5 + " name" + " } }" * 5 + " } } }",
    "the schema, many times": "{"
    + "".join(f"a{n}: __schema {{ types {{ fields {{ name }} }} }}" for n in range(80))
    + "}",
    "half a character": '{ category(slug: "\\ud800") { id } }',
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_document_is_answered_soon(what: str, clock: ManualClock) -> None:
    shop = ShopFront(clock)
    began = time.process_time()
    status, answer = shop.post(json.dumps({"query": HOSTILE[what]}).encode())
    # The machine's speed is not what this is about: without the bounds it takes minutes, or for ever.
    assert time.process_time() - began < 5
    assert status == 200
    assert len(json.dumps(answer)) < 5_000_000
    assert answer.keys() <= {"data", "errors"}


def test_variables_and_filters_have_bounds(clock: ManualClock) -> None:
    shop = ShopFront(clock)
    page = {"channel": CHANNEL, "first": 1}
    assert "longer than" in shop.message("ProductList", search="x " * 1000, **page)
    assert "more than 100" in shop.message("ProductList", where={"ids": ["x"] * 101}, **page)
    assert "longer than" in shop.message("ProductList", where={"category": {"oneOf": ["x" * 1000]}}, **page)
    assert shop.code("CreateCheckout", input={"channel": CHANNEL, "email": "x" * 1000, "lines": []}) == (
        "INVALID",
        "email",
    )


@pytest.mark.parametrize("description", ["99999999999999999999999", "{a: 1}", '"no JSON"'])
def test_a_json_string_is_text_with_json_in_it(description: str, clock: ManualClock) -> None:
    shop = ShopFront(clock)
    shop.log_in()
    kind = shop.ask("ProductTypes")["data"]["productTypes"]["edges"][0]["node"]["id"]
    create = 'mutation { productCreate(input: {name: "n", productType: "%s", description: %s}) { product { id } } }'
    assert "JSONString" in json.dumps(shop.ask(create % (kind, description))["errors"])
    assert "errors" not in shop.ask(create % (kind, '"{}"'))
