"""Which operations a GraphQL document has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.wire.graphql import Operation, operations_of


@pytest.mark.parametrize(
    ("document", "operations"),
    [
        ("query Shop { shop { name } }", [("query", "Shop")]),
        ("mutation AddToCart($id: ID!) { add(id: $id) { errors { field } } }", [("mutation", "AddToCart")]),
        ("subscription OnOrder { order { id } }", [("subscription", "OnOrder")]),
        ("query\n\tShop\n(\n$a: Int\n)\n{ shop }", [("query", "Shop")]),
        ("query,Shop{shop}", [("query", "Shop")]),
        ("\ufeffquery Shop{shop}", [("query", "Shop")]),
        # Without a name.
        ("{ shop { name } }", [("query", None)]),
        ("query { shop { name } }", [("query", None)]),
        ("query($id: ID!) { product(id: $id) { name } }", [("query", None)]),
        ("query @cached(ttl: 5) { shop }", [("query", None)]),
        ("mutation { logout }", [("mutation", None)]),
        # Names that look like something else.
        ("query query { query }", [("query", "query")]),
        ("query fragment { x }", [("query", "fragment")]),
        ("query _1 { x }", [("query", "_1")]),
        ("{ query mutation subscription Name }", [("query", None)]),
        ("{ query { mutation Name } }", [("query", None)]),
        (
            "query Q($query: Query = {mutation: {a: 1}, b: [{c: 2}]}) @d(x: {mutation: 1}) { mutation Z }",
            [("query", "Q")],
        ),
        # Comments and strings.
        ("# query Wrong { x }\nquery Right { shop }", [("query", "Right")]),
        ("# query Wrong { x }\rquery Right { shop }", [("query", "Right")]),
        ("query # query Wrong {\n Right { shop }", [("query", "Right")]),
        ('query Right { search(text: "} query Wrong {") { id } }', [("query", "Right")]),
        (r'{ search(text: "\"} query Wrong {") }', [("query", None)]),
        (
            '{ search(text: """} "quoted" \\""" query Wrong {""") } query Right { x }',
            [("query", None), ("query", "Right")],
        ),
        ('{ search(text: "# no comment") } query Right { x }', [("query", None), ("query", "Right")]),
        ('{ a(x: "") b(y: """""") } query Right { x }', [("query", None), ("query", "Right")]),
        # Several definitions.
        ("fragment F on Shop { name } query Right { shop { ...F } }", [("query", "Right")]),
        ("fragment query on Shop { name } query Right { shop }", [("query", "Right")]),
        ("fragment F on query { mutation X }", []),
        ("query A { x } mutation B { y } { z }", [("query", "A"), ("mutation", "B"), ("query", None)]),
        ("query A { x { y } } fragment F on T { z } query B { ...F }", [("query", "A"), ("query", "B")]),
        # What is none.
        ("", []),
        ("query", []),
        ("queryShop { x }", []),
        ("schema { query: Query mutation: Mutation }", []),
        ('query A { x(y: "', [("query", "A")]),
        ('query A { x(y: """', [("query", "A")]),
        ("}}}} query A { x }", []),
    ],
)
def test_operations(document: str, operations: list[tuple[str, str | None]]) -> None:
    assert operations_of(document) == tuple(Operation(*operation) for operation in operations)


@given(st.text('{}()[]@#"\\\n query_1é', max_size=60))
def test_no_text_is_too_strange(document: str) -> None:
    assert all(operation.kind in {"query", "mutation", "subscription"} for operation in operations_of(document))


def test_a_long_document_is_read_in_time_that_grows_with_it() -> None:
    # Nothing in it makes the expression go back: a million characters take a moment and not the age of the universe.
    assert operations_of('"""' + '"\\' * 500_000) == ()
    assert operations_of("query A { x " + '"' * 500_001) == (Operation("query", "A"),)
