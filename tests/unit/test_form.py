"""Forms and query strings, read back by the standard library."""

from __future__ import annotations

import enum
import re
from collections import UserList
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.errors import UsageError
from wireswarm.wire.form import CONTENT_TYPE, add_query, encode_form, flat_pairs
from wireswarm.wire.http1 import request_line

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PAIRS = st.lists(st.tuples(TEXT, TEXT))


@given(PAIRS)
def test_the_standard_library_reads_back_every_pair_in_order(pairs: list[tuple[str, str]]) -> None:
    body = encode_form(pairs)
    assert parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(pairs)) == pairs
    assert re.fullmatch(rb"[A-Za-z0-9*\-._+%=&]*", body)


@pytest.mark.parametrize(
    ("params", "body"),
    [
        # What URLSearchParams gives in a browser.
        ({"a": "b c", "d": "e&f=g"}, b"a=b+c&d=e%26f%3Dg"),
        ({"~!'()*-._": "~!'()*-._"}, b"%7E%21%27%28%29*-._=%7E%21%27%28%29*-._"),
        ({"q": "caf\u00e9 \U0001f600"}, b"q=caf%C3%A9+%F0%9F%98%80"),
        ({"line": "a\r\nb"}, b"line=a%0D%0Ab"),
        ({"": ""}, b"="),
        ({"plus": "1+1"}, b"plus=1%2B1"),
        ({}, b""),
        ([("tag", "a"), ("page", "1"), ("tag", "b")], b"tag=a&page=1&tag=b"),
        ([["tag", "a"]], b"tag=a"),
        (iter([("tag", "a")]), b"tag=a"),
    ],
)
def test_writes_what_a_browser_writes(params: Any, body: bytes) -> None:
    assert encode_form(params) == body
    assert CONTENT_TYPE == "application/x-www-form-urlencoded"


class Colour(enum.IntEnum):
    RED = 3


class Old(int, enum.Enum):
    ONE = 1


class Size(enum.StrEnum):
    LARGE = "L"


@pytest.mark.parametrize(
    ("value", "values"),
    [
        (7, [b"7"]),
        (-(10**30), [b"-1" + b"0" * 30]),
        (1.5, [b"1.5"]),
        (1e-7, [b"1e-07"]),
        (True, [b"true"]),
        (False, [b"false"]),
        (None, []),
        ("", [b""]),
        (b"\xff\x00", [b"\xff\x00"]),
        (Colour.RED, [b"3"]),
        (Old.ONE, [b"1"]),
        (Size.LARGE, [b"L"]),
        (["a", 1, None, False], [b"a", b"1", b"false"]),
        (("a", "b"), [b"a", b"b"]),
        (UserList(["a"]), [b"a"]),
        (range(2), [b"0", b"1"]),
        ([], []),
    ],
)
def test_values_become_text(value: Any, values: list[bytes]) -> None:
    assert list(flat_pairs({"name": value})) == [("name", text) for text in values]


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ("a=b", "form and query parameters are a mapping or a list of pairs, not str"),
        (b"a=b", "form and query parameters are a mapping or a list of pairs, not bytes"),
        (7, "form and query parameters are a mapping or a list of pairs, not int"),
        (["ab"], "form and query parameters are a mapping or a list of pairs; one item is no pair"),
        (
            [("a", "fake-secret", "c")],
            "form and query parameters are a mapping or a list of pairs; one item is no pair",
        ),
        ({1: "fake-secret"}, "form and query parameters have names of type str, not int"),
        (
            {"a": object()},
            "the value of 'a' is of type object; it can be str, bytes, int, float, bool, None, or a list of these",
        ),
        ({"a": {"b": 1}}, "the value of 'a' is of type dict; it can be"),
        ({"a": [["fake-secret"]]}, "the value of 'a' is of type list; it can be"),
        ({"a": bytearray(b"fake-secret")}, "the value of 'a' is of type bytearray; it can be"),
        ({"a": {"fake-secret"}}, "the value of 'a' is of type set; it can be"),
        ({"a": "fake-secret\udcff"}, "the value of 'a' is not valid Unicode"),
        ({"a\udcff": "fake-secret"}, "the name of a form or query parameter is not valid Unicode"),
    ],
)
def test_what_is_no_parameter_is_refused_without_its_value(params: Any, problem: str) -> None:
    for call in (encode_form, lambda params: add_query("/", params)):
        with pytest.raises(UsageError) as caught:
            call(params)
        assert str(caught.value).startswith(problem)
        assert "fake-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/items", "/items?page=2&q=a+b"),
        ("/items?sort=up", "/items?sort=up&page=2&q=a+b"),
        ("/items?", "/items?page=2&q=a+b"),
        ("/items?sort=up&", "/items?sort=up&page=2&q=a+b"),
        ("/items?what?", "/items?what?&page=2&q=a+b"),
        ("/a%20b?x=%2f~", "/a%20b?x=%2f~&page=2&q=a+b"),
    ],
)
def test_a_query_goes_behind_what_there_is(target: str, expected: str) -> None:
    assert add_query(target, {"page": 2, "skip": None, "q": "a b"}) == expected


@pytest.mark.parametrize("params", [{}, [], {"a": None}, {"a": []}])
def test_nothing_to_add_leaves_the_target_alone(params: Any) -> None:
    for target in ("/items", "/items?", "/items?a=1"):
        assert add_query(target, params) == target


def test_a_fragment_is_refused() -> None:
    with pytest.raises(UsageError, match="'/items#top' has a fragment"):
        add_query("/items#top", {"a": 1})


@given(PAIRS, PAIRS)
def test_a_target_with_a_query_can_be_sent_and_read(
    first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    target = add_query(add_query("/items", first), second)
    assert request_line("GET", target) == f"GET {target} HTTP/1.1\r\n".encode()
    assert parse_qsl(urlsplit(target).query, keep_blank_values=True) == first + second
