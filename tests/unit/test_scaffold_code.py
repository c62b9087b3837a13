"""Python source as a formatter leaves it, and names for it."""

from __future__ import annotations

import ast
import keyword
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from locust import TaskSet

from wireswarm import Flow, ProtobufUser, RestUser, SocketIOUser
from wireswarm.scaffold.code import call, docstring, imports, lines, literal, sentence, text, width
from wireswarm.scaffold.model import Taken, Variable
from wireswarm.scaffold.naming import RESERVED, camel, parameter, singular, slug, snake, unique

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(JSON)
def test_a_literal_is_the_value(value: Any) -> None:
    source = "\n".join(lines(0, "", literal(value)))
    assert ast.literal_eval(source) == value


@given(st.binary())
def test_a_literal_of_bytes_is_the_bytes(value: bytes) -> None:
    written = literal(value)
    assert isinstance(written, str)
    assert ast.literal_eval(written) == value


@given(st.text())
def test_a_docstring_is_one_sentence_of_one_line(given_text: str) -> None:
    written = docstring(given_text, "Something")
    found = ast.literal_eval(written)
    assert found.endswith((".", "!", "?"))
    assert "\n" not in written
    assert width(written) <= 80


@given(st.text())
def test_names_are_names(given_text: str) -> None:
    name = snake(given_text)
    assert name.isidentifier()
    assert not keyword.iskeyword(name)
    assert name not in RESERVED
    assert camel(given_text).isidentifier()
    assert slug(given_text).strip() == slug(given_text) != ""
    assert parameter(given_text).isidentifier()


def test_names_do_not_hide_what_users_and_flows_have() -> None:
    theirs = {name for kind in (RestUser, ProtobufUser, SocketIOUser, Flow, TaskSet) for name in dir(kind)}
    hidden = {name for name in theirs if not name.startswith("_") and snake(name) == name}
    assert hidden == set()


@pytest.mark.parametrize(
    ("given_text", "name"),
    [
        ("getOrderByID", "get_order_by_id"),
        ("list", "list_request"),
        ("class", "class_request"),
        ("2fa", "request_2fa"),
        ("", "request"),
        ("on_start", "on_start_request"),
        ("orders.v1/Get-All", "orders_v1_get_all"),
    ],
)
def test_names_in_snake_case(given_text: str, name: str) -> None:
    assert snake(given_text) == name


def test_a_taken_name_gets_a_number() -> None:
    assert unique("a", {"a", "a_2"}) == "a_3"


@pytest.mark.parametrize(
    ("many", "one"), [("orders", "order"), ("entries", "entry"), ("boxes", "box"), ("news", "new")]
)
def test_one_of_many(many: str, one: str) -> None:
    assert singular(many) == one
    assert singular("status") == "status"


def test_values_that_are_known_later() -> None:
    assert literal(Taken("order_id")) == "self.order_id"
    assert literal(Variable("SHOP_KEY")) == 'SETTINGS["SHOP_KEY"]'


def test_quotes_are_those_that_need_fewer_escapes() -> None:
    assert [text("a"), text('say "x"'), text('it\'s "x"')] == ['"a"', "'say \"x\"'", "'it\\'s \"x\"'"]


def test_imports_are_sorted_and_wrapped() -> None:
    assert imports("m", ["step", "Flow", "SECRETS", "Answer"]) == ["from m import SECRETS, Answer, Flow, step"]
    assert imports("m", []) == []
    assert imports("m", [f"Name{i}" * 5 for i in range(5)])[0] == "from m import ("


def test_a_sentence_is_cut_at_a_word() -> None:
    assert sentence("word " * 40, "") == "Word" + " word" * 13 + " ..."


@settings(max_examples=25)
@given(st.lists(JSON, min_size=3, max_size=3))
def test_formatters_leave_it_as_it_is(values: list[Any]) -> None:
    source = "\n".join(lines(0, "x = ", call("f", *map(literal, values), name=literal(values)))) + "\n"
    for option in ("line-length=88", "line-length=120"):
        command = [sys.executable, "-m", "ruff", "format", "--isolated", "--config", option, "-"]
        done = subprocess.run(command, input=source.encode(), capture_output=True, check=True)
        assert done.stdout.decode() == source
