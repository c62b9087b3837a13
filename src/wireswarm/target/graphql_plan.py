"""GraphQL operations as plans: parsed and validated once by graphql-core, then walked without looking at the schema.

graphql-core's own `execute` takes 10 µs for a field, so 7 ms for a page of 48 products; a plan takes a twentieth. It is
for schemas of objects alone, without interfaces and unions, whose resolvers are functions that do not wait. Questions
about the schema itself go to graphql-core.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_variable_values,
    is_list_type,
    parse,
    validate,
    value_from_ast_untyped,
)
from graphql.execution import VariableValues, execute_sync
from graphql.execution.values import get_argument_values
from graphql.type import get_nullable_type

from wireswarm.target.recent import Recent

KEPT_DOCUMENTS = 200
KEPT_LENGTH = 8192
"""Characters. A longer document is planned anew for every request: so the memory that plans take is bounded."""
MOST_TOKENS = 1000
"""Of one document; a hostile one would keep the target busy. The suite's longest has 300."""
MOST_SELECTIONS = 5000
"""Of one document, those of a fragment as often as it is spread: ten fragments that spread the next one ten times each
are a short document."""
MOST_WORK = 100_000
"""Of one answer, in fields of the objects of its lists, a field that has to be resolved being as much as ten."""
MOST_ERRORS = 20
MOST_LEVELS = 12
"""Of fields within fields; a product's category's products' categories would soon be without number."""

Resolver = Callable[[Any, Mapping[str, Any], Any], Any]
"""From the object that the field is of, its arguments and the request's context to the field's value."""
Resolvers = Mapping[tuple[str, str], Resolver]
"""By type and field. A field that is not listed is the object's item of that name."""

_WORK_OF_A_RESOLVER = 10


class RequestError(Exception):
    """A request that is not executed at all."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


class _Condition(NamedTuple):
    """A `@skip` or `@include`."""

    wanted: bool
    variable: str | None
    value: bool

    def holds(self, values: Mapping[str, Any]) -> bool:
        return (self.value if self.variable is None else bool(values[self.variable])) is self.wanted


_Conditions = tuple[_Condition, ...]


class _Field(NamedTuple):
    """One key of an answer's object."""

    key: str
    name: str
    conditions: tuple[_Conditions, ...]
    """It is there where all of any of these hold; or anyhow, where there are none."""
    resolve: Resolver | None
    arguments: Mapping[str, Any] | None
    """None where variables are among them."""
    definition: GraphQLField
    node: FieldNode
    is_list: bool
    fields: tuple[_Field, ...] | None
    """Of the object that it leads to; None for a leaf."""
    type_name: str | None
    """The value of a `__typename`."""
    work: int
    """For each object that it leads to, without that of further lists."""


_Found = list[tuple[FieldNode, _Conditions]]


class Plan(NamedTuple):
    """An operation that is ready to be executed."""

    kind: str
    """`query` or `mutation`."""
    name: str | None
    document: DocumentNode
    operation: OperationDefinitionNode
    fields: tuple[_Field, ...] | None
    """None where it asks about the schema."""


class _Allowance:
    """The work that is left for one answer."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MOST_WORK

    def take(self, work: int) -> None:
        self._left -= work
        if self._left < 0:
            raise GraphQLError("The answer would be too large.")


class Planner:
    """Makes plans for one schema, and executes them."""

    def __init__(self, schema: GraphQLSchema, resolvers: Resolvers) -> None:
        self._schema = schema
        self._resolvers = resolvers
        self._plans: Recent[str, Mapping[str | None, Plan]] = Recent(KEPT_DOCUMENTS)
        for (type_name, field), resolve in resolvers.items():
            _object(schema.type_map[type_name]).fields[field].resolve = _for_graphql_core(resolve)

    def plan(self, text: str, name: str | None = None) -> Plan:
        """The plan of a document's operation.

        Raises:
            RequestError: the document is not valid, or has no such operation.
        """
        plans = self._plans.get(text)
        if plans is None:
            plans = self._prepare(text)
            if len(text) <= KEPT_LENGTH:
                self._plans.put(text, plans)
        if name is None and len(plans) == 1:
            return next(iter(plans.values()))
        found = plans.get(name)
        if found is None:
            reason = f"Unknown operation named '{name}'." if name else "Must provide operation name."
            raise RequestError([GraphQLError(reason)])
        return found

    def execute(self, plan: Plan, variables: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Execute a plan; returns the answer.

        Raises:
            RequestError: the variables are not what the operation declares.
        """
        if plan.fields is None:
            result = execute_sync(
                self._schema,
                plan.document,
                variable_values=dict(variables),
                operation_name=plan.name,
                context_value=context,
            )
            return dict(result.formatted)
        values = get_variable_values(
            self._schema, plan.operation.variable_definitions or (), dict(variables), max_errors=MOST_ERRORS
        )
        if isinstance(values, list):
            raise RequestError(values)
        return _answer(plan.fields, values, context)

    def _prepare(self, text: str) -> Mapping[str | None, Plan]:
        try:
            # Locations would keep the document's tokens, which are linked in both directions.
            document = parse(text, no_location=True, max_tokens=MOST_TOKENS)
            errors = validate(self._schema, document, max_errors=MOST_ERRORS)
            if errors:
                raise RequestError(errors)
            compiler = _Compiler(self._schema, self._resolvers, document)
            operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
            plans = [compiler.plan(operation) for operation in operations]
        except GraphQLError as error:
            raise RequestError([error]) from None
        except RecursionError:
            raise RequestError([GraphQLError("The document is nested too deeply.")]) from None
        return {plan.name: plan for plan in plans}


def _answer(fields: Sequence[_Field], values: VariableValues, context: Any) -> dict[str, Any]:
    data: dict[str, Any] = {}
    errors: list[dict[str, Any]] = []
    allowance = _Allowance()
    for field in fields:
        # One by one, so that a field that fails leaves the others alone.
        try:
            data |= _complete((field,), None, values, context, allowance)
        except GraphQLError as error:
            located = GraphQLError(error.message, field.node, path=[field.key], extensions=error.extensions)
            errors.append(dict(located.formatted))
            data[field.key] = None
    return {"errors": errors, "data": data} if errors else {"data": data}


def _complete(
    fields: Sequence[_Field], source: Any, values: VariableValues, context: Any, allowance: _Allowance
) -> dict[str, Any]:
    # Hot path: all that is done for a field is done here.
    out: dict[str, Any] = {}
    for key, name, conditions, resolve, arguments, definition, node, is_list, inner, type_name, work in fields:
        if conditions and not any(all(c.holds(values.coerced) for c in some) for some in conditions):
            continue
        if resolve is not None:
            if arguments is None:
                value = resolve(source, get_argument_values(definition, node, values), context)
            else:
                value = resolve(source, arguments, context)
        elif type_name is not None:
            value = type_name
        else:
            value = source[name]
        if inner is None or value is None:
            out[key] = value
        elif is_list:
            allowance.take(len(value) * work)
            out[key] = [_complete(inner, item, values, context, allowance) for item in value]
        else:
            out[key] = _complete(inner, value, values, context, allowance)
    return out


class _Compiler:
    def __init__(self, schema: GraphQLSchema, resolvers: Resolvers, document: DocumentNode) -> None:
        self._schema = schema
        self._resolvers = resolvers
        self._document = document
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._selections_left = MOST_SELECTIONS

    def plan(self, operation: OperationDefinitionNode) -> Plan:
        root = self._schema.get_root_type(operation.operation)
        found: dict[str, _Found] = {}
        self._collect(operation.selection_set, (), found)
        about_schema = any(node.name.value in {"__schema", "__type"} for nodes in found.values() for node, _ in nodes)
        fields = None if about_schema or root is None else self._fields(root, found, 1)
        name = operation.name.value if operation.name else None
        return Plan(operation.operation.value, name, self._document, operation, fields)

    def _fields(self, parent: GraphQLObjectType, found: Mapping[str, _Found], level: int) -> tuple[_Field, ...]:
        if level > MOST_LEVELS:
            raise RequestError([GraphQLError(f"The query has more than {MOST_LEVELS} levels.")])
        return tuple(self._field(parent, key, nodes, level) for key, nodes in found.items())

    def _field(self, parent: GraphQLObjectType, key: str, nodes: _Found, level: int) -> _Field:
        node, name = nodes[0][0], nodes[0][0].name.value
        conditions = tuple(some for _, some in nodes) if all(some for _, some in nodes) else ()
        definition = self._schema.get_field(parent, name)
        assert definition is not None  # noqa: S101 - the document is valid
        inner: dict[str, _Found] = {}
        for one, some in nodes:
            if one.selection_set is not None:
                self._collect(one.selection_set, some, inner)
        target = get_named_type(definition.type)
        constant = not any(_has_variable(argument.value) for argument in node.arguments or ())
        fields = self._fields(_object(target), inner, level + 1) if inner else None
        return _Field(
            key,
            name,
            conditions,
            self._resolvers.get((parent.name, name)),
            get_argument_values(definition, node) if constant else None,
            definition,
            node,
            is_list_type(get_nullable_type(definition.type)),
            fields,
            parent.name if name == "__typename" else None,
            sum(map(_work, fields or ())),
        )

    def _collect(self, selections: SelectionSetNode, outer: _Conditions, found: dict[str, _Found]) -> None:
        # Types need no look: without interfaces and unions a fragment is always of the object's own.
        self._selections_left -= len(selections.selections)
        if self._selections_left < 0:
            raise RequestError([GraphQLError(f"The document has more than {MOST_SELECTIONS} selections.")])
        for node in selections.selections:
            conditions = outer + _conditions(node)
            if isinstance(node, FieldNode):
                found.setdefault(node.alias.value if node.alias else node.name.value, []).append((node, conditions))
            elif isinstance(node, FragmentSpreadNode):
                self._collect(self._fragments[node.name.value].selection_set, conditions, found)
            else:
                self._collect(node.selection_set, conditions, found)  # type: ignore[attr-defined]  # an inline one


def _work(field: _Field) -> int:
    own = (1 if field.resolve is None else _WORK_OF_A_RESOLVER) + sum(map(len, field.conditions))
    return own if field.is_list else own + field.work


def _conditions(node: SelectionNode) -> _Conditions:
    found = []
    for directive in node.directives or ():
        if directive.name.value in {"include", "skip"}:
            value = (directive.arguments or ())[0].value
            wanted = directive.name.value == "include"
            if isinstance(value, VariableNode):
                found.append(_Condition(wanted, value.name.value, False))
            else:
                found.append(_Condition(wanted, None, bool(value_from_ast_untyped(value))))
    return tuple(found)


def _has_variable(node: Any) -> bool:
    if isinstance(node, VariableNode):
        return True
    values = getattr(node, "values", None) or [field.value for field in getattr(node, "fields", None) or ()]
    return any(_has_variable(value) for value in values)


def _object(found: Any) -> GraphQLObjectType:
    if not isinstance(found, GraphQLObjectType):
        raise TypeError(f"{found} is no object type, and plans are for nothing else")
    return found


def _for_graphql_core(resolve: Resolver) -> Callable[..., Any]:
    return lambda source, info, **arguments: resolve(source, arguments, info.context)
