"""JSON: the standard library's reading of what is written, and whose fault an error is."""

from __future__ import annotations

import dataclasses
import enum
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.errors import RemoteProtocolError, UsageError
from wireswarm.wire.jsons import CONTENT_TYPE, dumps, loads

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


@given(VALUES)
def test_the_standard_library_reads_what_is_written(value: Any) -> None:
    assert json.loads(dumps(value)) == value


@given(VALUES, st.sampled_from([None, 0, 2]), st.booleans())
def test_reads_what_the_standard_library_writes(value: Any, indent: int | None, ascii_only: bool) -> None:
    assert loads(json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()) == value


def test_writes_utf_8_without_spaces() -> None:
    assert CONTENT_TYPE == "application/json"
    assert dumps({"név": ["ő", 1, 1.5, None, True]}) == '{"név":["ő",1,1.5,null,true]}'.encode()


def test_writes_what_people_have_in_their_data() -> None:
    @dataclasses.dataclass
    class Order:
        sku: str
        amount: int

    class State(enum.Enum):
        NEW = "new"

    value = [Order("A1", 3), State.NEW, uuid.UUID(int=1), datetime(2026, 3, 1, 12, tzinfo=UTC), float("nan")]
    assert json.loads(dumps(value)) == [
        {"sku": "A1", "amount": 3},
        "new",
        "00000000-0000-0000-0000-000000000001",
        "2026-03-01T12:00:00+00:00",
        None,
    ]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"id": {1, 2}}, "Type is not JSON serializable: set"),
        ([b"fake-secret"], "Type is not JSON serializable: bytes"),
        (object(), "Type is not JSON serializable: object"),
        ({1: "fake-secret"}, "Dict key must be str"),
        (2**64, "Integer exceeds 64-bit range"),
        ("fake-secret\udcff", "str is not valid UTF-8: surrogates not allowed"),
    ],
)
def test_what_has_no_json_form_is_the_callers_fault(value: Any, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        dumps(value)
    assert str(caught.value) == f"a request's JSON body: {problem}"


def test_a_value_within_itself_is_the_callers_fault() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(UsageError, match=r"^a request's JSON body: Recursion limit reached$"):
        dumps(value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html><title>502 Bad Gateway</title></html>",
        b'{"id": 1',
        b'{"id": 1}}',
        b"NaN",
        b"{'id': 1}",
        b'"caf\xe9"',
        '{"id": 1}'.encode("utf-16"),
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\xef\xbb\xbf1",
        b"[" * 100_000,
    ],
)
def test_anything_else_is_the_targets_fault(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        loads(body)
    assert str(caught.value) == "the answer is not JSON"
    assert caught.value.__cause__ is None


def test_a_byte_order_mark_is_dropped() -> None:
    assert loads(b'\xef\xbb\xbf{"id": 1}') == {"id": 1}


@given(st.binary())
def test_any_bytes_are_json_or_that_error(body: bytes) -> None:
    try:
        value = loads(body)
    except RemoteProtocolError:
        return
    assert value == json.loads(body.removeprefix(b"\xef\xbb\xbf"))
