"""What a resolver is called with: a field's arguments and an operation's variables, read as planner/inputs.py does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import graphql as g
from graphql.execution.get_variable_signature import GraphQLVariableSignature
from graphql.utilities import coerce_input_literal
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryMaybe

from planner.inputs import Members, Read, read
from planner.sight import Unplanned

Variables = Mapping[str, Any]  # by name, read; without those that were not sent
Value = Callable[[Variables], Any]  # of what stands in a document; Undefined for a variable that was not sent


class _Variable(NamedTuple):
    name: str
    read: Read
    absent: Value | None  # without it the variable must be sent


def of_operation(signatures: Iterable[GraphQLVariableSignature]) -> Callable[[Mapping[str, Any]], Variables]:
    """How an operation's variables are read. Raises Unplanned for a type that is not described."""
    known = [_Variable(one.name, read(one.type), _absent(one)) for one in signatures]

    def values(sent: Mapping[str, Any]) -> Variables:
        found = {}
        for name, of, absent in known:
            if name in sent:
                found[name] = of(sent[name])
            elif absent is None:
                raise Unplanned
            elif (value := absent({})) is not g.Undefined:
                found[name] = value
        return found

    return values


def _absent(signature: GraphQLVariableSignature) -> Value | None:
    default = signature.default
    if default is not None and default.literal is not None:
        return literal(default.literal, signature.type)
    return None if isinstance(signature.type, g.GraphQLNonNull) else lambda _: g.Undefined


def of_field(definition: g.GraphQLField, node: g.FieldNode) -> Callable[[Variables], dict[str, Any]]:
    """What the field's resolver is called with, by the names in Python. Raises Unplanned where it is not described."""
    nodes = {one.name.value: one.value for one in node.arguments or ()}
    given = [
        (_name(one), literal(nodes[name], one.type), g.is_required_argument(one))
        for name, one in definition.args.items()
        if name in nodes
    ]

    def values(sent: Variables) -> dict[str, Any]:
        found = {}
        for name, of, is_required in given:
            value = of(sent)
            if value is not g.Undefined:
                found[name] = value
            elif is_required:
                raise Unplanned
        return found

    return values


def _name(definition: g.GraphQLArgument) -> str:
    """The argument's name in Python."""
    shown = (definition.extensions or {}).get("strawberry-definition")
    if not isinstance(shown, StrawberryArgument) or isinstance(shown.type, StrawberryMaybe):
        raise Unplanned
    return str(shown.python_name)


def literal(node: g.ValueNode, kind: g.GraphQLInputType) -> Value:
    """What stands at this place of a document, which is valid. Raises Unplanned if that is not described here."""
    if isinstance(kind, g.GraphQLNonNull):
        return _never_null(literal(node, kind.of_type))
    match node:
        case g.VariableNode(name=g.NameNode(value=name)):
            return lambda variables: variables.get(name, g.Undefined)
        case g.NullValueNode():
            return lambda variables: None
        case _ if isinstance(kind, g.GraphQLList):
            return _items(node, kind.of_type)
        case g.ObjectValueNode(fields=fields) if isinstance(kind, g.GraphQLInputObjectType):
            return _object({one.name.value: one.value for one in fields}, Members(kind))
    if isinstance(node, g.ListValueNode | g.ObjectValueNode):
        raise Unplanned  # of a scalar that takes anything
    known = coerce_input_literal(node, kind)
    return lambda variables: known


def _never_null(of: Value) -> Value:
    def value(variables: Variables) -> Any:
        found = of(variables)
        if found is None:
            raise Unplanned
        return found

    return value


def _items(node: g.ValueNode, kind: g.GraphQLInputType) -> Value:
    nodes = node.values if isinstance(node, g.ListValueNode) else [node]
    items = [literal(one, kind) for one in nodes]
    absent = read(kind)

    def value(variables: Variables) -> list[Any]:
        found = [item(variables) for item in items]
        return [absent(None) if one is g.Undefined else one for one in found]

    return value


def _object(nodes: Mapping[str, g.ValueNode], members: Members) -> Value:
    values = [
        literal(nodes[one.name], one.definition.type) if one.name in nodes else lambda variables: g.Undefined
        for one in members.all
    ]
    return lambda variables: members.made([value(variables) for value in values])
