"""Messages made at random: within the rules, and what is said about rules that are wrong."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm import ConfigurationError, MessageGenerator, generate, load_protos
from wireswarm.data.rules import ALLOWED, parse_rule
from wireswarm.protos.feedback_pb2 import FeedbackRequest
from wireswarm.protos.today_food_pb2 import TodayFood

PROTO = """
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/any.proto";

enum State { NEW = 0; PAID = 1; SENT = 2; }
message Item { string sku = 1; double price = 2; uint32 count = 3; }
message Order {
  int32 id = 1;
  sint64 balance = 2;
  float weight = 3;
  bool gift = 4;
  State state = 5;
  bytes proof = 6;
  string note = 7;
  repeated Item items = 8;
  repeated int64 codes = 9;
  map<string, int32> stock = 10;
  map<uint32, Item> by_place = 11;
  Order parent = 12;
  optional string nick = 13;
  oneof pay { string card = 14; Item voucher = 15; bool cash = 16; }
  google.protobuf.Timestamp at = 17;
  google.protobuf.Any any = 18;
  repeated State states = 19;
}
"""


@pytest.fixture(scope="module")
def pb(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("proto") / "shop.proto"
    path.write_text(PROTO, "utf-8")
    return load_protos(path)


def many(kind: Any, rules: Any = None, count: int = 200) -> list[Any]:
    generator = MessageGenerator(kind, rules, seed=1)
    return [next(generator) for _ in range(count)]


def test_every_field_is_filled_without_rules(pb: Any) -> None:
    orders = many(pb.Order)
    for order in orders:
        filled = {field.name for field, _ in order.ListFields()}
        assert {"items", "codes", "stock", "by_place", "parent", "nick", "at", "states"} <= filled
        assert "any" not in filled
        assert order.WhichOneof("pay") is not None
        assert 1 <= len(order.items) <= 3
        assert 0 <= order.id <= 1000
        assert re.fullmatch("[A-Za-z0-9]{1,12}", order.note)
        assert pb.Order.FromString(order.SerializeToString()) == order
    assert {order.WhichOneof("pay") for order in orders} == {"card", "voucher", "cash"}
    assert {order.gift for order in orders} == {True, False}
    assert {order.state for order in orders} == {0, 1, 2}
    # A type that holds itself comes to an end.
    assert orders[0].parent.parent.HasField("parent")
    assert not orders[0].parent.parent.parent.HasField("parent")


RULES = {
    "id": {"min": 5, "max": 7},
    "balance": {"max": -10, "min": -12},
    "weight": {"min": 0.5, "max": 0.75},
    "gift": {"choices": [True]},
    "state": {"choices": ["PAID", "SENT"]},
    "proof": {"length": 4},
    "note": {"pattern": r"[A-C]{2}-\d{3,4}x?", "probability": 0.5},
    "items": {"count": [2, 4]},
    "items.sku": {"choices": ["a", "b"]},
    "items.price": {"min": 1},
    "codes": {"count": 0},
    "stock": {"count": 1},
    "stock.value": {"min": 3, "max": 3},
    "by_place.value.count": {"min": 4_000_000_000, "max": 4_294_967_295},
    "parent": {"probability": 0},
    "nick": {"length": [0, 2]},
}


def test_rules_are_kept(pb: Any) -> None:
    orders = many(pb.Order, RULES)
    for order in orders:
        assert 5 <= order.id <= 7
        assert -12 <= order.balance <= -10
        assert 0.5 <= order.weight <= 0.75
        assert order.gift
        assert order.state in {1, 2}
        assert len(order.proof) == 4
        assert not order.note or re.fullmatch(r"[A-C]{2}-\d{3,4}x?", order.note)
        assert 2 <= len(order.items) <= 4
        assert all(item.sku in {"a", "b"} and 1 <= item.price <= 1000 for item in order.items)
        assert not order.codes
        assert list(order.stock.values()) == [3]
        assert all(item.count >= 4_000_000_000 for item in order.by_place.values())
        assert not order.HasField("parent")
        assert len(order.nick) <= 2
    assert {order.id for order in orders} == {5, 6, 7}
    assert 60 < sum(bool(order.note) for order in orders) < 140


def test_the_same_seed_gives_the_same_messages(pb: Any) -> None:
    assert many(pb.Order) == many(pb.Order)
    assert generate(pb.Order, seed=5) == generate(pb.Order, seed=5) != generate(pb.Order, seed=6)
    generator = MessageGenerator(pb.Order, seed=1)
    first = next(iter(generator))
    generator.restart()
    assert next(generator) == first


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"skuu": {}}, 'skuu: found no field "skuu" in shop.Item (did you mean "sku"?); allowed: sku, price, count'),
        ({"sku.x": {}}, 'sku.x: found field "x" in shop.Item.sku, which is no message; allowed: nothing below it'),
        ({"sku": 3}, "sku: found 3 (a number); allowed: a table of " + ", ".join(ALLOWED)),
        (
            {"sku": {"lenght": 3}},
            'sku.lenght: found an unknown key (did you mean "length"?); allowed: ' + ", ".join(ALLOWED),
        ),
        ({"sku": {"min": 3}}, "sku.min: found beside text; allowed: choices, length, pattern, probability"),
        ({"count": {"count": 3}}, "count.count: found beside a whole number; allowed: min, max, choices, probability"),
        ({"count": {"min": -1}}, "count.min: found -1; allowed: a whole number from 0 to 4294967295"),
        ({"count": {"max": 1.5}}, "count.max: found 1.5; allowed: a whole number from 0 to 4294967295"),
        ({"count": {"min": 3, "max": 2}}, "count.max: found 2, which is below min; allowed: a number, min or more"),
        ({"sku": {"choices": [1]}}, "sku.choices: found 1; allowed: text"),
        ({"count": {"choices": ["x"]}}, "count.choices: found 'x'; allowed: whole numbers from 0 to 4294967295"),
        ({"price": {"choices": [True]}}, "price.choices: found True; allowed: a number"),
        ({"sku": {"choices": []}}, f"sku.choices: found an empty list; allowed: {ALLOWED['choices']}"),
        ({"sku": {"length": [3, 2]}}, f"sku.length: found a list; allowed: {ALLOWED['length']}"),
        ({"sku": {"pattern": "(a|b)"}}, f'sku.pattern: found "(a|b)" (text); allowed: {ALLOWED["pattern"]}'),
        ({"sku": {"probability": 1.1}}, "sku.probability: found 1.1 (a number); allowed: a number from 0 to 1"),
    ],
)
def test_a_wrong_rule_is_named_with_what_is_allowed(pb: Any, rules: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        generate(pb.Item, rules)
    assert caught.value.problems == (f"generate.shop.Item.{said}",)


def test_all_wrong_rules_are_told_at_once(pb: Any) -> None:
    rules: Any = {"state": {"choices": ["GONE"]}, "items": {"min": 1}, "gift": {"choices": [1]}, "x": {}}
    with pytest.raises(ConfigurationError) as caught:
        next(MessageGenerator(pb.Order, rules))
    assert len(caught.value.problems) == 4
    assert "generate.shop.Order.state.choices: found 'GONE'; allowed: NEW, PAID, SENT" in caught.value.problems


def test_generated_modules_work_too() -> None:
    assert generate(FeedbackRequest, {"feedback": {"choices": ["good"]}}).feedback == "good"
    assert len(generate(TodayFood, {"dishes_today": {"count": 9}}).dishes_today) == 9


PATTERNS = st.lists(
    st.tuples(
        st.sampled_from(["a", "-", r"\d", r"\w", r"\.", "[a-c_]", "[0-9A-F]", " "]),
        st.sampled_from(["", "?", "*", "+", "{3}", "{0,2}"]),
    ),
    min_size=1,
    max_size=6,
)


@given(PATTERNS, st.integers(0, 1000))
def test_a_pattern_makes_what_the_same_regular_expression_matches(pieces: list[tuple[str, str]], seed: int) -> None:
    pattern = "".join(a + b for a, b in pieces)
    rule, problems = parse_rule({"pattern": pattern})
    assert not problems
    assert rule.pattern is not None
    assert re.fullmatch(pattern, rule.pattern(random.Random(seed)), re.ASCII)


@pytest.mark.parametrize(
    "pattern", ["", "(a)", "a|b", "^a", "a$", ".", "[^a]", "[]", "[z-a]", r"\b", "a{2,1}", "a{", 3]
)
def test_a_pattern_that_is_no_such_pattern_is_refused(pattern: object) -> None:
    assert [problem.key for problem in parse_rule({"pattern": pattern})[1]] == ["pattern"]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.lists(st.integers(0, 9), min_size=2, max_size=2)


@given(st.dictionaries(st.sampled_from(list(ALLOWED)), VALUES))
def test_no_rule_is_too_strange_to_be_judged(table: dict[str, Any]) -> None:
    rule, problems = parse_rule(table)
    assert all(problem.allowed for problem in problems)
    spoken = {key for key in ALLOWED if getattr(rule, key) is not None}
    assert spoken == (set() if problems else set(table))


def test_profile_rules_are_taken_where_the_locustfile_has_none(pb: Any) -> None:
    generator = MessageGenerator(pb.Item, {"sku": {"choices": ["mine"]}})
    generator.settle({"sku": {"choices": ["yours"]}, "count": {"min": 2, "max": 2}}, seed=3)
    message = next(generator)
    assert (message.sku, message.count) == ("mine", 2)
    with pytest.raises(ConfigurationError, match="no field"):
        generator.settle({"nothing": {}}, seed=3)


def test_a_file_is_no_rule(tmp_path: Path) -> None:
    assert parse_rule(tmp_path)[1][0].found.startswith("a ")
