"""What is sent is read as graphql-core coerces and Strawberry converts it, for every argument of the schema."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import graphql as g
import pytest
from graphql.execution.get_variable_signature import GraphQLVariableSignature
from graphql.execution.values import VariableValues, VariableValueSource, get_argument_values
from graphql.utilities import coerce_input_value, value_to_literal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import convert_argument, convert_arguments
from strawberry.utils.str_converters import to_camel_case

from planner import arguments
from planner.calls import Call
from planner.inputs import read
from planner.selections import operation_of
from planner.sent import Signatures
from planner.sight import Unplanned
from resolvers.roots import make_schema

EXAMPLES = 15
WRONG = st.sampled_from([None, "", "x", 0, -1, 2**40, 1.5, True, [], [None], {}, {"x": 1}])
LEAVES = {
    "String": st.text(max_size=3),
    "ID": st.text(max_size=3) | st.integers(0, 9),
    "URL": st.just("https://example.org/"),
    "Cursor": st.text(max_size=3),
    "JSON": st.dictionaries(st.text(max_size=2), st.integers() | st.text(max_size=2), max_size=2),
    "DateTime": st.sampled_from(["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678+02:00"]),
    "Int": st.integers(-5, 5),
    "Float": st.integers(-5, 5) | st.floats(-5, 5),
    "Boolean": st.booleans(),
}
MADE = make_schema()
SCHEMA: g.GraphQLSchema = MADE._schema
REGISTRY = MADE.schema_converter.scalar_registry
USUAL = settings(max_examples=EXAMPLES, database=None, deadline=None, derandomize=True,
                 suppress_health_check=list(HealthCheck))  # fmt: skip


def fields() -> Iterator[g.GraphQLField]:
    """Every field that takes something."""
    for kind in SCHEMA.type_map.values():
        if isinstance(kind, g.GraphQLObjectType) and not kind.name.startswith("__"):
            yield from (field for field in kind.fields.values() if field.args)


FIELDS = list(fields())
TYPES = {str(one.type): one for field in FIELDS for one in field.args.values()}


def sent(kind: Any, *, wrong: bool) -> st.SearchStrategy[Any]:
    """Values of this type as JSON has them; with `wrong` some that are none."""
    match kind:
        case g.GraphQLNonNull(of_type=inner):
            values = present(inner, wrong=wrong)
        case _:
            values = st.none() | present(kind, wrong=wrong)
    return values | WRONG if wrong else values


def present(kind: Any, *, wrong: bool) -> st.SearchStrategy[Any]:
    """The same without null."""
    match kind:
        case g.GraphQLList(of_type=inner):
            return st.lists(sent(inner, wrong=wrong), max_size=2) | sent(inner, wrong=wrong).filter(
                lambda one: one is not None
            )
        case g.GraphQLEnumType(values=values):
            return st.sampled_from(sorted(values))
        case g.GraphQLInputObjectType(fields=members):
            each = {name: sent(one.type, wrong=wrong) for name, one in members.items()}
            needed = {
                name: each.pop(name) for name, one in members.items() if g.is_required_input_field(one) and not wrong
            }
            return st.fixed_dictionaries(needed, optional=each)
    return LEAVES[kind.name]


@pytest.mark.parametrize("definition", TYPES.values(), ids=TYPES)
def test_values_are_read_in_one_step_as_in_two(definition: g.GraphQLArgument) -> None:
    reader, shown = read(definition.type), definition.extensions["strawberry-definition"]

    @USUAL
    @given(sent(definition.type, wrong=True))
    def the_same(value: Any) -> None:
        coerced = coerce_input_value(value, definition.type)
        if coerced is g.Undefined:
            with pytest.raises(Unplanned):
                reader(value)
        else:
            assert reader(value) == convert_argument(coerced, shown.type, REGISTRY, StrawberryConfig())

    the_same()


@pytest.mark.parametrize("definition", TYPES.values(), ids=TYPES)
def test_literals_are_read_as_well_with_variables_inside_of_them(definition: g.GraphQLArgument) -> None:
    shown = definition.extensions["strawberry-definition"]
    name = shown.graphql_name or to_camel_case(shown.python_name)
    field = g.GraphQLField(g.GraphQLString, args={name: definition})

    @USUAL
    @given(sent(definition.type, wrong=False), st.randoms(use_true_random=False))
    def the_same(value: Any, chance: Random) -> None:
        variables: list[tuple[GraphQLVariableSignature, Any]] = []
        written = g.ArgumentNode(name=g.NameNode(value=name), value=literal(value, definition.type, chance, variables))
        node = g.FieldNode(name=g.NameNode(value="any"), arguments=(written,))
        values = VariableValues(
            {of.name: VariableValueSource(of, given) for of, given in variables},
            {of.name: coerce_input_value(given, of.type) for of, given in variables},
        )

        read_all = arguments.of_operation([of for of, _ in variables])
        found = arguments.of_field(field, node)(read_all({of.name: given for of, given in variables}))

        slowly = get_argument_values(field, node, values)
        assert found == convert_arguments(slowly, [shown], REGISTRY, StrawberryConfig())

    the_same()


def literal(value: Any, kind: Any, chance: Random, variables: list[tuple[GraphQLVariableSignature, Any]]) -> Any:
    """The value as it is written in a document, but for parts of it that variables stand for."""
    bare = g.get_nullable_type(kind)
    if chance.random() < 0.2 or (
        isinstance(value, dict) and not isinstance(bare, g.GraphQLInputObjectType | g.GraphQLList)
    ):
        signature = GraphQLVariableSignature(f"v{len(variables)}", kind, None)
        variables.append((signature, value))
        return g.VariableNode(name=g.NameNode(value=signature.name))
    if value is None:
        return g.NullValueNode()
    if isinstance(bare, g.GraphQLList):
        if not isinstance(value, (list, dict)):
            return value_to_literal(value, bare)
        value = [value] if isinstance(value, dict) else value
        return g.ListValueNode(values=tuple(literal(one, bare.of_type, chance, variables) for one in value))
    if isinstance(bare, g.GraphQLInputObjectType):
        return g.ObjectValueNode(
            fields=tuple(
                g.ObjectFieldNode(
                    name=g.NameNode(value=name), value=literal(one, bare.fields[name].type, chance, variables)
                )
                for name, one in value.items()
            )
        )
    return value_to_literal(value, bare)


def test_a_variable_that_is_not_sent_is_its_default_or_nothing() -> None:
    operation = operation_of(g.parse('query ($a: Int = 3, $b: [String!] = "x", $c: ID, $d: ID!) { a }'), None)
    assert operation is not None
    read_all = Signatures(SCHEMA, operation.variable_definitions or ()).read

    assert read_all({"d": 7, "else": 1}) == {"a": 3, "b": ["x"], "d": "7"}
    assert read_all({"a": None, "d": "7"}) == {"a": None, "b": ["x"], "d": "7"}
    with pytest.raises(Unplanned):
        read_all({"a": 1})


def test_every_argument_of_the_schema_is_described() -> None:
    described = [Call(field, g.FieldNode(name=g.NameNode(value="any"), arguments=())) for field in FIELDS]

    assert len(described) > 50
