"""Plans against graphql-core's own execution, which is the oracle; and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLError, build_schema, execute_sync, parse

from wireswarm.target.graphql_plan import KEPT_DOCUMENTS, KEPT_LENGTH, MOST_LEVELS, MOST_TOKENS, Planner, RequestError

SDL = """
enum Size { SMALL LARGE }
input Filter { size: Size = LARGE, words: [String!] }
type Query {
  book(id: ID!): Book
  books(first: Int = 2, filter: Filter): [Book!]
  shelf: Shelf!
  broken(id: ID): Book
}
type Mutation { add(title: String!): Book, burn: Book }
type Shelf { name: String! books: [Book!]! }
type Book { id: ID! title: String author: Author cover(size: Int = 10): String sequel: Book size: Size }
type Author { name: String! books(first: Int!): [Book!]! }
"""
AUTHOR: dict[str, Any] = {"name": "A. Uthor"}
SECOND = {"id": "2", "title": None, "author": None, "sequel": None, "size": "SMALL"}
BOOKS = [{"id": "1", "title": "One", "author": AUTHOR, "sequel": SECOND, "size": "LARGE"}, SECOND]


def broken(_source: Any, _arguments: Any, _context: Any) -> Any:
    raise GraphQLError("it is broken", extensions={"exception": {"code": "Broken"}})


RESOLVERS = {
    ("Query", "book"): lambda _, given, __: next((book for book in BOOKS if book["id"] == given["id"]), None),
    ("Query", "books"): lambda _, given, __: [
        {**book, "title": f"{book['title']} {given.get('filter')}"} for book in BOOKS[: given["first"]]
    ],
    ("Query", "shelf"): lambda _, __, ___: {"name": "top", "books": BOOKS},
    ("Query", "broken"): broken,
    ("Mutation", "add"): lambda _, given, context: {**SECOND, "title": f"{given['title']} for {context}"},
    ("Mutation", "burn"): broken,
    ("Book", "cover"): lambda book, given, _: f"{book['id']}@{given['size']}",
    ("Author", "books"): lambda _, given, __: BOOKS[: given["first"]],
}
SCHEMA = build_schema(SDL)
PLANNER = Planner(SCHEMA, RESOLVERS)

DOUBLING = (
    "".join(f"fragment F{number} on Book {{ ...F{number + 1} ...F{number + 1} }} " for number in range(30))
    + "fragment F30 on Book { id }"
)
"""A short document that is a thousand million selections long."""

DOCUMENTS = [
    ("{ shelf { name } }", {}),
    ("query Q($id: ID!) { book(id: $id) { id title } }", {"id": "1"}),
    ("query Q($id: ID!) { book(id: $id) { id title } }", {"id": "nobody's"}),
    ("{ a: book(id: 1) { t: title } b: book(id: 2) { t: title author { name } __typename } __typename }", {}),
    ("{ books { title } }", {}),
    ("query Q($n: Int, $f: Filter) { books(first: $n, filter: $f) { title size } }", {"n": 1, "f": {"words": ["x"]}}),
    ("query Q($n: Int, $f: Filter) { books(first: $n, filter: $f) { title } }", {"f": {"size": "SMALL"}}),
    ("query Q($w: [String!]) { books(filter: {words: $w}) { title } }", {"w": "one"}),
    ("query Q($s: Int) { book(id: 1) { cover(size: $s) other: cover, third: cover(size: 3) } }", {"s": 7}),
    ("query Q($s: Int) { book(id: 1) { cover(size: $s) } }", {}),
    ("{ shelf { ...S books { id } } } fragment S on Shelf { name books { title sequel { ...B } } } "
     "fragment B on Book { id author { name } }", {}),
    ("{ shelf { ... on Shelf { name } ... { books { id } } } }", {}),
    ("{ book(id: 1) { author { name } author { books(first: 1) { id } } author { books(first: 1) { title } } } }", {}),
    ("query Q($x: Boolean!) { book(id: 1) { id @include(if: $x) title @skip(if: $x) } }", {"x": True}),
    ("query Q($x: Boolean!) { book(id: 1) { id @include(if: $x) title @skip(if: $x) } }", {"x": False}),
    ("query Q($x: Boolean!) { book(id: 1) { id @include(if: $x) id ... @skip(if: $x) { title size } } }", {"x": True}),
    ("query Q($x: Boolean!) { shelf { books @include(if: $x) { id } books { title } ...F @skip(if: $x) } } "
     "fragment F on Shelf { name books { size } }", {"x": False}),
    ("query Q($x: Boolean!) { shelf { books @include(if: $x) { id } books { title } } }", {"x": False}),
    ("{ book(id: 1) { id @skip(if: true) title @include(if: true) } }", {}),
    ("{ broken { id } shelf { name } }", {}),
    ("mutation M($t: String!) { add(title: $t) { title } burn { id } }", {"t": "New"}),
    ("{ __schema { queryType { name } } }", {}),
    ('{ __type(name: "Book") { fields { name } } book(id: 1) { cover } }', {}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "variables"), DOCUMENTS)
def test_a_plan_answers_as_graphql_core_does(text: str, variables: dict[str, Any]) -> None:
    expected = execute_sync(
        SCHEMA, parse(text, no_location=True), variable_values=variables, context_value="me"
    ).formatted
    for _ in range(2):  # the second time from what was kept
        assert PLANNER.execute(PLANNER.plan(text), variables, "me") == expected


def test_keys_come_in_the_documents_order() -> None:
    text = "{ book(id: 1) { title id sequel { size title } } }"
    book = PLANNER.execute(PLANNER.plan(text), {}, None)["data"]["book"]
    assert [*book] == ["title", "id", "sequel"]
    assert [*book["sequel"]] == ["size", "title"]


def test_the_operation_is_chosen_by_its_name() -> None:
    text = "query A { shelf { name } } mutation B { burn { id } }"
    assert PLANNER.plan(text, "A")[:2] == ("query", "A")
    assert PLANNER.plan(text, "B")[:2] == ("mutation", "B")
    assert PLANNER.plan("{ shelf { name } }")[:2] == ("query", None)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("{ shelf { name }", None, "Syntax Error: Expected Name, found <EOF>."),
        ("{ shelf { nam } }", None, "Cannot query field 'nam' on type 'Shelf'. Did you mean 'name'?"),
        ("query A { shelf { name } } query B { shelf { name } }", None, "Must provide operation name."),
        ("query A { shelf { name } }", "C", "Unknown operation named 'C'."),
        ("fragment F on Shelf { name }", None, "Fragment 'F' is never used."),
        ("{ book(id: 1) " + "{ sequel " * MOST_LEVELS + "{ id }" + "}" * MOST_LEVELS + " }", None, "levels"),
        ("{" + " shelf { name }" * 2000 + "}", None, f"more than {MOST_TOKENS} tokens"),
        ("{ book(id: 1) { ...F0 } } " + DOUBLING, None, "selections"),
        ("{ book(id: 1) " + "{ ... " * 400 + "{ id }" + "}" * 400 + " }", None, "nested"),
        ("{ book(id: 1) { id(" + "[" * 400 + "]" * 400 + ") } }", None, "Syntax Error"),
    ],
)
def test_what_is_not_executed(text: str, name: str | None, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        PLANNER.plan(text, name)
    assert message in str(refused.value)


def test_an_answer_has_a_largest_size() -> None:
    many = {**RESOLVERS, ("Author", "books"): lambda _, given, __: BOOKS[:1] * given["first"]}
    planner = Planner(build_schema(SDL), many)
    text = "query ($n: Int!) { book(id: 1) { author { books(first: $n) { author { books(first: $n) { id } } } } } }"
    plan = planner.plan(text)
    whole = planner.execute(plan, {"n": 50}, None)
    assert len(whole["data"]["book"]["author"]["books"]) == 50
    refused = planner.execute(plan, {"n": 1000}, None)
    assert [error["message"] for error in refused["errors"]] == ["The answer would be too large."]
    assert refused["data"] == {"book": None}


@pytest.mark.parametrize("variables", [{}, {"id": None}, {"id": {"a": 1}}])
def test_variables_that_are_not_what_was_declared(variables: dict[str, Any]) -> None:
    plan = PLANNER.plan("query Q($id: ID!) { book(id: $id) { id } }")
    with pytest.raises(RequestError, match=r"Variable '\$id'"):
        PLANNER.execute(plan, variables, None)


def test_plans_are_kept_within_bounds() -> None:
    planner = Planner(build_schema(SDL), RESOLVERS)
    for number in range(KEPT_DOCUMENTS + 50):
        planner.plan(f"{{ shelf {{ name{number}: name }} }}")
    assert len(planner._plans) == KEPT_DOCUMENTS
    long = "{ shelf { name } } #" + "x" * KEPT_LENGTH
    planner.plan(long)
    assert long not in planner._plans
