"""Every operation of the Helios suite is valid: by the target's schema, and by the official one where that is there.

`HELIOS_SCHEMA=/path/to/schema.graphql` names the official one, which comes with Saleor.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate
from helios import OPERATIONS

from wireswarm.target.shop import shop_schema

OFFICIAL = os.environ.get("HELIOS_SCHEMA", "")
needs_official = pytest.mark.skipif(not OFFICIAL, reason="HELIOS_SCHEMA does not name Saleor's schema.graphql")


@pytest.fixture(scope="module")
def official() -> GraphQLSchema:
    return build_schema(Path(OFFICIAL).read_text("utf-8"))


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_valid_by_the_targets_schema(name: str) -> None:
    document = parse(OPERATIONS[name].document)
    assert validate(shop_schema(), document) == []
    [operation] = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    assert operation.name is not None
    assert operation.name.value == name


def test_no_two_operations_have_one_name() -> None:
    assert len(OPERATIONS) == 26


def test_a_misspelt_field_is_not_valid() -> None:
    document = OPERATIONS["ProductDetail"].document.replace("slug", "slugg", 1)
    [error] = validate(shop_schema(), parse(document))
    assert error.message.startswith("Cannot query field 'slugg' on type 'Product'.")


@needs_official
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_valid_by_the_official_schema(name: str, official: GraphQLSchema) -> None:
    assert validate(official, parse(OPERATIONS[name].document)) == []


@needs_official
def test_the_targets_schema_is_a_part_of_the_official_one(official: GraphQLSchema) -> None:
    for name, ours in shop_schema().type_map.items():
        if name.startswith("__"):
            continue
        theirs = official.type_map[name]
        assert type(ours) is type(theirs), name
        assert set(getattr(ours, "values", ())) <= set(getattr(theirs, "values", ())), name
        for field, described in getattr(ours, "fields", {}).items():
            assert str(described.type) == str(theirs.fields[field].type), f"{name}.{field}"
            if isinstance(ours, GraphQLObjectType):
                for argument, value in described.args.items():
                    assert str(value.type) == str(theirs.fields[field].args[argument].type), f"{name}.{field}"
