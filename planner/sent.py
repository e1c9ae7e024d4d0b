"""The variables that are sent with an operation, in the two forms that they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

import graphql as g
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from planner import arguments
from planner.arguments import Variables
from planner.sight import Unplanned

_MANY = 500  # objects that are read, or answered, in about five milliseconds


class Signatures:
    """What variables an operation takes. Raises Unplanned for a type that is not in the schema."""

    def __init__(self, schema: g.GraphQLSchema, nodes: Collection[g.VariableDefinitionNode]) -> None:
        self._schema, self._nodes = schema, nodes
        found = [get_variable_signature(schema, one) for one in nodes]
        self._all = [one for one in found if isinstance(one, GraphQLVariableSignature)]
        if len(self._all) != len(nodes):
            raise Unplanned
        self._are_texts = all(_is_text(one) for one in self._all)

    @cached_property
    def read(self) -> Callable[[Mapping[str, Any]], Variables]:
        """How they are read for resolvers. Raises Unplanned for a type that is not described."""
        return arguments.of_operation(self._all)

    def coerced(self, sent: Mapping[str, Any]) -> VariableValues:
        """As graphql-core has them. Raises Unplanned for what is wrong."""
        if self._are_texts and all(type(sent.get(one.name)) is str for one in self._all):  # texts are what they are
            sources = {one.name: VariableValueSource(one, sent[one.name]) for one in self._all}
            return VariableValues(sources, {one.name: sent[one.name] for one in self._all})
        found = get_variable_values(self._schema, self._nodes, dict(sent))
        if isinstance(found, list):
            raise Unplanned
        return found


class Sent:
    """The variables of one request."""

    def __init__(self, signatures: Signatures, variables: Mapping[str, Any]) -> None:
        self._signatures, self._variables = signatures, variables
        self._values: VariableValues | None = None

    @property
    def values(self) -> VariableValues:
        """As graphql-core has them. Raises Unplanned for what is wrong."""
        if self._values is None:  # a cached property of Python 3.11 takes a lock
            self._values = self._signatures.coerced(self._variables)
        return self._values

    @cached_property
    def are_long(self) -> bool:
        """See `are_long`."""
        return are_long(self._variables)

    @cached_property
    def read(self) -> Variables:
        """As resolvers take them. Raises Unplanned for what is wrong, or not described."""
        return self._signatures.read(self._variables)


def are_long(variables: Mapping[str, Any]) -> bool:
    """Whether a list is among them that takes too long for the event loop, to read or to answer for."""
    return any(map(_is_long, variables.values()))


def _is_long(value: Any) -> bool:
    lists = value.values() if isinstance(value, dict) else [value]
    return any(isinstance(one, list) and len(one) > _MANY for one in lists)


def _is_text(signature: GraphQLVariableSignature) -> bool:
    return g.get_nullable_type(signature.type) in (g.GraphQLString, g.GraphQLID)
