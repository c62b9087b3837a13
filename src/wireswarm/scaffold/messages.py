"""Sample values for protobuf messages, in protobuf's JSON (protobuf.dev, "ProtoJSON Format")."""

from __future__ import annotations

import base64
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from wireswarm.scaffold.values import DATE, number_for, text_for

_DEPTH: Final = 4
"""Messages inside messages."""

_F = FieldDescriptor
_WIDE: Final = {_F.CPPTYPE_INT64, _F.CPPTYPE_UINT64}
_NARROW: Final = {_F.CPPTYPE_INT32, _F.CPPTYPE_UINT32}
_FLOATS: Final = {_F.CPPTYPE_FLOAT, _F.CPPTYPE_DOUBLE}
_WRAPPERS: Final = {"DoubleValue", "FloatValue", "Int64Value", "UInt64Value", "Int32Value", "UInt32Value"}


def sample_message(descriptor: Descriptor, number: int = 1, *, json_names: bool = False) -> dict[str, Any]:
    """A message with all its fields set, and one field of each `oneof`; a type that holds itself does so once.

    Args:
        descriptor: of its type.
        number: 1 and more; another number gives other values.
        json_names: with the names that servers write, `orderId`; by default those of the `.proto` file, `order_id`,
            which servers have to read as well.
    """
    return _Maker(number, json_names).message(descriptor, ())


def sample_field(field: Any) -> Any:
    """A value for a field, as servers write it; None for one that is better left out."""
    return _Maker(1, json_names=True).field(field, ())


class _Maker:
    """Makes one message."""

    def __init__(self, number: int, json_names: bool) -> None:
        self._number = number
        self._json_names = json_names

    def message(self, descriptor: Any, inside: tuple[str, ...]) -> dict[str, Any]:
        found = {}
        for field in descriptor.fields:
            one_of = field.containing_oneof
            if one_of is not None and one_of.fields[0] is not field and len(one_of.fields) > 1:
                continue
            value = self.field(field, (*inside, descriptor.full_name))
            if value is not None:
                found[field.json_name if self._json_names else field.name] = value
        return found

    def field(self, field: Any, inside: tuple[str, ...]) -> Any:
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key = _scalar(field.message_type.fields_by_name["key"], self._number)
            value = self._single(field.message_type.fields_by_name["value"], inside)
            return None if value is None else {str(key).lower() if isinstance(key, bool) else str(key): value}
        value = self._single(field, inside)
        return [value] if field.is_repeated and value is not None else value

    def _single(self, field: Any, inside: tuple[str, ...]) -> Any:
        if field.message_type is None:
            return _scalar(field, self._number)
        if field.message_type.file.package == "google.protobuf":
            return _well_known(field, self._number)
        is_deep = len(inside) > _DEPTH or field.message_type.full_name in inside
        return None if is_deep and not field.is_required else self.message(field.message_type, inside)


def _scalar(field: Any, number: int) -> Any:
    kind = field.cpp_type
    if kind in _NARROW:
        return number_for(field.name, number)
    if kind in _WIDE:
        return str(number_for(field.name, number))  # JSON's numbers do not reach so far
    if kind in _FLOATS:
        return number + 0.5
    if kind == _F.CPPTYPE_BOOL:
        return True
    if kind == _F.CPPTYPE_ENUM:
        # The first is the one of a field that is not set, and often called UNSPECIFIED.
        values = [value.name for value in field.enum_type.values if value.number] or [field.enum_type.values[0].name]
        return values[(number - 1) % len(values)]
    if field.type == _F.TYPE_BYTES:
        return base64.b64encode(f"sample {number}".encode()).decode()
    return text_for(field.name, number)


def _well_known(field: Any, number: int) -> Any:
    name = field.message_type.name
    if name == "Timestamp":
        return f"{DATE % min(number, 28)}T12:00:00Z"
    if name == "Duration":
        return f"{number}s"
    if name in _WRAPPERS:
        return number
    plain = {"StringValue": text_for(field.name, number), "BoolValue": True, "BytesValue": "c2FtcGxl"}
    plain |= {"Struct": {"key": f"value {number}"}, "Value": f"value {number}", "ListValue": [f"value {number}"]}
    return plain.get(name)  # without Any, whose type nobody knows, and masks
