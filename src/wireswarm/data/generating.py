"""Protobuf messages at random, from their descriptors, within rules for their fields."""

from __future__ import annotations

import itertools
import random
import string
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Generic, Self, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from wireswarm.data.rules import Rule, parse_rule
from wireswarm.data.supply import SUPPLIED
from wireswarm.errors import ConfigurationError
from wireswarm.thresholds.words import did_you_mean, quote

M = TypeVar("M", bound=Message)

Rules = Mapping[str, Mapping[str, Any]]
"""Rules by field; a field of a message in a field is `outer.inner`."""

_DEPTH: Final = 4
"""Messages inside messages; below that, fields with messages stay empty, since a type may hold itself."""
_CHARACTERS: Final = string.ascii_letters + string.digits
_ANY: Final = "google.protobuf.Any"

_Make = Callable[[random.Random], Any]
_Fill = Callable[[Message, random.Random], None]

F = FieldDescriptor
_INTEGERS: Final = {
    F.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    F.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    F.CPPTYPE_UINT32: (0, 2**32 - 1),
    F.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_FLOATS: Final = {F.CPPTYPE_FLOAT, F.CPPTYPE_DOUBLE}
_KINDS: Final = {
    **dict.fromkeys(_INTEGERS, ("a whole number", ("min", "max", "choices"))),
    **dict.fromkeys(_FLOATS, ("a number", ("min", "max", "choices"))),
    F.CPPTYPE_BOOL: ("a boolean", ("choices",)),
    F.CPPTYPE_STRING: ("text", ("choices", "length", "pattern")),
    F.CPPTYPE_ENUM: ("an enumeration", ("choices",)),
    F.CPPTYPE_MESSAGE: ("a message", ()),
}


class MessageGenerator(Generic[M]):
    """Makes messages of one type. A class attribute of a user, or of a module; `next(generator)` is a message.

    ```python
    class Customer(ProtobufUser):
        orders = MessageGenerator(pb.Order, rules={"sku": {"choices": ["A1", "B2"]}, "quantity": {"min": 1, "max": 9}})

        @task
        def order(self):
            self.client.post("/orders", next(self.orders))
    ```

    Fields without a rule get small values: numbers up to 1,000, texts of 1 to 12 letters and digits, lists of 1 to 3.
    One field of a `oneof` is set.
    """

    def __init__(self, kind: type[M], rules: Rules | None = None, *, seed: int | None = None) -> None:
        """Declare it. Raises nothing: what is wrong with the rules shows before the test starts, or by `--check`.

        Args:
            kind: the message's class.
            rules: by field: `min`, `max`, `choices`, `length`, `pattern`, `count`, `probability`. They go before the
                profile's, field by field.
            seed: the same one gives the same messages; the profile's by default.
        """
        self.kind = kind
        self._rules = dict(rules or {})
        self._seed = seed
        self._given: Mapping[str, Any] = {}
        self._run_seed = 0
        self._make: Callable[[], M] | None = None
        _declared[next(_serials)] = self

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> M:
        """The next message."""
        return (self._make or self._prepared())()

    def settle(self, given: Rules, seed: int) -> None:
        """Take the profile's rules for this message.

        Raises:
            ConfigurationError: rules are wrong; all of them.
        """
        self._run_seed = seed
        self._make = None
        self._given = {}
        self._compiled()  # the locustfile's own, so that what is wrong with the others is the profile's
        self._given = given
        self._compiled()

    def restart(self) -> None:
        """A test begins: its messages begin anew."""
        self._make = None

    def _compiled(self) -> _Fill:
        return compile_rules(self.kind.DESCRIPTOR, {**self._given, **self._rules})

    def _prepared(self) -> Callable[[], M]:
        fill, kind = self._compiled(), self.kind
        seed = self._run_seed if self._seed is None else self._seed
        # Each process of a swarm makes its own.
        chance = random.Random(f"{seed} {SUPPLIED.by.stream()} {kind.DESCRIPTOR.full_name}")  # noqa: S311

        def make() -> M:
            message = kind()
            fill(message, chance)
            return message

        self._make = make
        return make


def generate(kind: type[M], rules: Rules | None = None, *, seed: int | None = None) -> M:
    """One message at random; for many of a kind a `MessageGenerator` is faster, and has the profile's rules.

    Args:
        kind: the message's class.
        rules: by field; see `MessageGenerator`.
        seed: the same one gives the same message.

    Raises:
        ConfigurationError: rules are wrong; all of them, with the field and what is allowed.
    """
    message = kind()
    chance = random.Random(seed)  # noqa: S311 - data, no secret
    compile_rules(kind.DESCRIPTOR, rules or {})(message, chance)
    return message


def compile_rules(descriptor: Any, rules: Rules) -> _Fill:
    """What fills a message of that type.

    Raises:
        ConfigurationError: rules are wrong; all of them.
    """
    name, problems, parsed = str(descriptor.full_name), list[str](), dict[str, Rule]()
    for path, value in rules.items():
        field = _find(descriptor, path)
        if isinstance(field, str):
            problems.append(f"generate.{name}.{path}: {field}")
            continue
        rule, wrong = parse_rule(value)
        problems += [
            f"generate.{name}.{path}{'.' * bool(p.key)}{p.key}: found {p.found}; allowed: {p.allowed}" for p in wrong
        ]
        if not wrong:
            problems += [f"generate.{name}.{path}{problem}" for problem in _misfits(field, value, rule)]
            parsed[path] = rule
    if problems:
        raise ConfigurationError(problems)
    return _filler(descriptor, "", parsed, _DEPTH)


def _find(descriptor: Descriptor, path: str) -> FieldDescriptor | str:
    """The field, or what is wrong with the way to it."""
    field: FieldDescriptor | None = None
    for name in path.split("."):
        if field is not None and field.message_type is None:
            return f"found field {quote(name)} in {field.full_name}, which is no message; allowed: nothing below it"
        inner = descriptor if field is None else field.message_type
        assert inner is not None  # noqa: S101 - just seen
        names = [one.name for one in inner.fields]
        field = inner.fields_by_name.get(name)
        if field is None:
            hint = did_you_mean(name, names)
            return f"found no field {quote(name)} in {inner.full_name}{hint}; allowed: {', '.join(names)}"
    assert field is not None  # noqa: S101 - split gives one name at least
    return field


def _misfits(field: FieldDescriptor, value: Mapping[str, Any], rule: Rule) -> Iterator[str]:
    kind, keys = _KINDS[field.cpp_type]
    if field.type == F.TYPE_BYTES:
        kind, keys = "bytes", ("length",)
    allowed = [*keys, *(["count"] if _repeated(field) else []), "probability"]
    for key in value:
        if key not in allowed:
            yield f".{key}: found beside {kind}{' in a list' * _repeated(field)}; allowed: {', '.join(allowed)}"
    for name, number in (("min", rule.min), ("max", rule.max)):
        if number is None or field.cpp_type not in _INTEGERS:
            continue
        low, high = _INTEGERS[field.cpp_type]
        if int(number) != number or not low <= number <= high:
            yield f".{name}: found {number}; allowed: a whole number from {low} to {high}"
    for choice in rule.choices or ():
        if not _fits(field, choice):
            yield f".choices: found {choice!r}; allowed: {_choices_allowed(field, kind)}"


def _fits(field: FieldDescriptor, choice: object) -> bool:
    if field.cpp_type in _INTEGERS:
        low, high = _INTEGERS[field.cpp_type]
        return isinstance(choice, int) and not isinstance(choice, bool) and low <= choice <= high
    if field.cpp_type in _FLOATS:
        return isinstance(choice, int | float) and not isinstance(choice, bool)
    if field.cpp_type == F.CPPTYPE_BOOL:
        return isinstance(choice, bool)
    if field.enum_type is not None:
        return choice in field.enum_type.values_by_name
    return isinstance(choice, str)


def _choices_allowed(field: FieldDescriptor, kind: str) -> str:
    if field.enum_type is not None:
        return ", ".join(field.enum_type.values_by_name)
    if field.cpp_type in _INTEGERS:
        return "whole numbers from {} to {}".format(*_INTEGERS[field.cpp_type])
    return kind


def _repeated(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _filler(descriptor: Descriptor, prefix: str, rules: Mapping[str, Rule], depth: int) -> _Fill:
    # Oneofs that are `optional` fields in disguise have one member, and are as good as none.
    members = [[f.name for f in one.fields] for one in descriptor.oneofs if len(one.fields) > 1]
    single = {name for names in members for name in names}
    setters: dict[str, _Fill] = {}
    for field in descriptor.fields:
        setter = _setter(field, prefix + field.name, rules, depth)
        if setter is not None:
            setters[field.name] = setter
    plain = [setter for name, setter in setters.items() if name not in single]
    groups = [group for names in members if (group := [setters[name] for name in names if name in setters])]

    def fill(message: Message, chance: random.Random) -> None:
        for setter in plain:
            setter(message, chance)
        for group in groups:
            chance.choice(group)(message, chance)

    return fill


def _setter(field: FieldDescriptor, path: str, rules: Mapping[str, Rule], depth: int) -> _Fill | None:
    rule = rules.get(path, Rule())
    inner: _Fill | None = None
    if field.message_type is not None:
        if (depth <= 1 and not field.is_required) or field.message_type.full_name == _ANY:
            return None
        inner = _filler(field.message_type, f"{path}.", rules, depth - 1)
    if _is_map(field):
        setter = _map_setter(field, path, rules, rule, depth)
    elif _repeated(field):
        setter = _list_setter(field, rule, inner)
    else:
        setter = _value_setter(field.name, rule, field, inner)
    probability = rule.probability
    if probability is None or field.is_required:
        return setter

    def perhaps(message: Message, chance: random.Random) -> None:
        if chance.random() < probability:
            setter(message, chance)

    return perhaps


def _value_setter(name: str, rule: Rule, field: FieldDescriptor, inner: _Fill | None) -> _Fill:
    if inner is None:
        make = _maker(field, rule)
        return lambda message, chance: setattr(message, name, make(chance))
    fill = inner

    def set_message(message: Message, chance: random.Random) -> None:
        held = getattr(message, name)
        held.SetInParent()
        fill(held, chance)

    return set_message


def _list_setter(field: FieldDescriptor, rule: Rule, inner: _Fill | None) -> _Fill:
    name, (low, high) = field.name, rule.count or (1, 3)
    if inner is None:
        make = _maker(field, rule)
        return lambda message, chance: getattr(message, name).extend(
            [make(chance) for _ in range(chance.randint(low, high))]
        )
    fill = inner

    def add_messages(message: Message, chance: random.Random) -> None:
        held = getattr(message, name)
        for _ in range(chance.randint(low, high)):
            fill(held.add(), chance)

    return add_messages


def _map_setter(field: FieldDescriptor, path: str, rules: Mapping[str, Rule], rule: Rule, depth: int) -> _Fill:
    entry = field.message_type
    assert entry is not None  # noqa: S101 - a map is a list of messages
    key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
    name, (low, high) = field.name, rule.count or (1, 3)
    make_key = _maker(key, rules.get(f"{path}.key", Rule()))
    value_rule = rules.get(f"{path}.value", Rule())
    if value.message_type is None:
        make = _maker(value, value_rule)

        def add_values(message: Message, chance: random.Random) -> None:
            held = getattr(message, name)
            for _ in range(chance.randint(low, high)):
                held[make_key(chance)] = make(chance)

        return add_values
    fill = _filler(value.message_type, f"{path}.value.", rules, depth - 1)

    def add_messages(message: Message, chance: random.Random) -> None:
        held = getattr(message, name)
        for _ in range(chance.randint(low, high)):
            fill(held[make_key(chance)], chance)

    return add_messages


def _maker(field: FieldDescriptor, rule: Rule) -> _Make:
    """What makes a single value of the field."""
    if rule.choices is not None:
        values = [
            field.enum_type.values_by_name[choice].number if field.enum_type is not None else choice
            for choice in rule.choices
        ]
        return lambda chance: chance.choice(values)
    if field.cpp_type in _INTEGERS or field.cpp_type in _FLOATS:
        return _number_maker(field, rule)
    if field.cpp_type == F.CPPTYPE_BOOL:
        return lambda chance: chance.random() < 0.5
    if field.enum_type is not None:
        numbers = [value.number for value in field.enum_type.values]
        return lambda chance: chance.choice(numbers)
    low, high = rule.length or (1, 12)
    if field.type == F.TYPE_BYTES:
        return lambda chance: chance.randbytes(chance.randint(low, high))
    if rule.pattern is not None:
        return rule.pattern
    return lambda chance: "".join(chance.choices(_CHARACTERS, k=chance.randint(low, high)))


def _number_maker(field: FieldDescriptor, rule: Rule) -> _Make:
    low: float
    high: float
    if rule.min is None and rule.max is None:
        low, high = 0, 1000
    elif rule.min is None:
        high = rule.max or 0
        low = min(0, high)
    else:
        low = rule.min
        high = max(low, 1000) if rule.max is None else rule.max
    if field.cpp_type in _FLOATS:
        return lambda chance: chance.uniform(low, high)
    whole_low, whole_high = int(low), int(high)
    return lambda chance: chance.randint(whole_low, whole_high)


_declared: weakref.WeakValueDictionary[int, MessageGenerator[Any]] = weakref.WeakValueDictionary()
_serials = itertools.count()


def declared_generators() -> list[MessageGenerator[Any]]:
    """Every generator of this process, in the order of their declarations."""
    return [generator for _, generator in sorted(_declared.items())]
