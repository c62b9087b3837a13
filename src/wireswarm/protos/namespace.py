"""What a set of compiled `.proto` files defines, under the names that locustfiles use."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message_factory import GetMessageClass


class ProtoNamespace:
    """The messages, enums and services of some `.proto` files; what `load_protos` returns.

    ==============================  ===================================================================================
    `pb.Order`                      a message class, as from a generated module; nested types are below it
    `pb.State`, `pb.SHIPPED`        an enum (`pb.State.Name(1)`, `pb.State.Value("SHIPPED")`) and one of its values
    `pb["orders.v1.Order"]`         anything by its full name, nested types and imported files included
    `pb["orders.v1.OrderService"]`  the descriptor of a service, or of a proto2 extension
    ==============================  ===================================================================================

    An attribute means what the requested files define (`dir()` lists that) and, where they define no such name, what
    they import. A name that two packages define is an error that says which; the full names still work.

    The types are built when the locustfile runs, so type checkers see `Any`: annotate with
    `google.protobuf.message.Message`.

    Raises:
        AttributeError: For an attribute that no file, or more than one package, defines.
        KeyError: For a full name that no file defines.
    """

    # Nothing here may have a public name: it would hide what the files define under that name.
    __slots__ = ("__files", "__imported", "__members", "__requested")

    def __init__(self, requested: Sequence[FileDescriptor], imported: Sequence[FileDescriptor]) -> None:
        self.__files = sorted(file.name for file in requested)
        self.__members: dict[str, Any] = {}
        self.__requested: dict[str, list[str]] = {}
        self.__imported: dict[str, list[str]] = {}
        for files, by_short_name in ((requested, self.__requested), (imported, self.__imported)):
            for file in files:
                for full_name, member in _top_level(file):
                    self.__members[full_name] = member
                    by_short_name.setdefault(full_name.rpartition(".")[2], []).append(full_name)
                self.__members.update(_nested(file.message_types_by_name.values()))

    def __getattr__(self, name: str) -> Any:
        # Copying and pickling ask an object that has not been filled yet.
        if name.startswith("_ProtoNamespace__"):
            raise AttributeError(name)
        full_names = self.__requested.get(name) or self.__imported.get(name)
        if full_names is None:
            known = {*self.__requested, *self.__imported}
            raise AttributeError(f"{self!r} has no {name!r}{_suggestion(name, known)}")
        if len(full_names) > 1:
            choice = ", ".join(f'pb["{full_name}"]' for full_name in sorted(full_names))
            raise AttributeError(f"{name!r} is defined by more than one package; use one of {choice}")
        return self.__members[full_names[0]]

    def __getitem__(self, full_name: str) -> Any:
        if full_name not in self.__members:
            raise KeyError(f"{self!r} has no {full_name!r}{_suggestion(full_name, self.__members)}")
        return self.__members[full_name]

    def __dir__(self) -> list[str]:
        return sorted(self.__requested)

    def __repr__(self) -> str:
        return f"<protos of {', '.join(self.__files)}>"


def _top_level(file: FileDescriptor) -> Iterator[tuple[str, Any]]:
    """What a generated module of the file would have, and its services, by full name."""
    for message in file.message_types_by_name.values():
        yield message.full_name, GetMessageClass(message)
    for enum in file.enum_types_by_name.values():
        yield enum.full_name, EnumTypeWrapper(enum)
        for value in enum.values:
            # By the language's scoping rules a value is a sibling of its enum, not a child.
            yield f"{file.package}.{value.name}".lstrip("."), value.number
    for extension in file.extensions_by_name.values():
        yield extension.full_name, extension
    for service in file.services_by_name.values():
        yield service.full_name, service


def _nested(messages: Iterable[Descriptor]) -> Iterator[tuple[str, Any]]:
    """The messages, enums and extensions inside messages, at any depth, by full name."""
    for message in messages:
        for enum in message.enum_types:
            yield enum.full_name, EnumTypeWrapper(enum)
        for extension in message.extensions:
            yield extension.full_name, extension
        for nested in message.nested_types:
            # Protobuf's pure Python implementation, the fallback where there is no binary, leaves this undone.
            setattr(GetMessageClass(message), nested.name, GetMessageClass(nested))
            yield nested.full_name, GetMessageClass(nested)
        yield from _nested(message.nested_types)


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known)
    return f"; did you mean {' or '.join(close)}?" if close else ""
