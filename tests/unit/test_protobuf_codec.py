"""`wireswarm.wire.protobuf`."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import UninterpretedOption
from google.protobuf.struct_pb2 import Struct
from google.protobuf.wrappers_pb2 import Int32Value, StringValue
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.errors import RemoteProtocolError, UsageError
from wireswarm.wire.protobuf import decode, encode


@given(st.text())
def test_a_message_survives_the_way(text: str) -> None:
    assert decode(StringValue, encode(StringValue(value=text))).value == text


def test_bytes_go_as_they_are_and_nothing_goes_as_nothing() -> None:
    assert encode(b"\x00\xff") == b"\x00\xff"
    assert encode(None) == b""
    assert encode(StringValue()) == b""


@pytest.mark.parametrize("message", ["text", 7, {"a": 1}, StringValue, bytearray(b"x"), object()])
def test_what_is_no_message(message: Any) -> None:
    with pytest.raises(UsageError) as caught:
        encode(message)
    kind = type(message).__name__
    assert str(caught.value) == f"a request's body is a protobuf message, bytes or None, not {kind}"


def test_a_message_that_lacks_a_required_field() -> None:
    with pytest.raises(UsageError, match="missing required fields: is_extension"):
        encode(UninterpretedOption.NamePart(name_part="x"))


def test_an_empty_body_is_a_message_of_defaults() -> None:
    assert decode(Int32Value, b"") == Int32Value()


@pytest.mark.parametrize("body", [b"\x0a\x05abc", b"\xff", b"<html>", b"\x0a\x01\xff"])
def test_a_body_that_is_no_such_message(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(StringValue, body)
    assert str(caught.value) == "the answer is not a google.protobuf.StringValue"


@given(st.binary())
def test_any_body_is_a_message_or_refused(body: bytes) -> None:
    try:
        message = decode(Struct, body)
    except RemoteProtocolError:
        return
    assert isinstance(message, Struct)


@pytest.mark.parametrize("kind", [str, None, "StringValue", 7])
def test_what_is_no_type_of_message(kind: Any) -> None:
    with pytest.raises(UsageError, match=r"^expect= is a type of protobuf message, not "):
        decode(kind, b"")
