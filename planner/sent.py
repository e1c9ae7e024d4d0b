"""The variables that are sent with an operation, in the two forms that they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any, TypeVar

import graphql as g
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from planner import arguments
from planner.arguments import Variables
from planner.sight import Unplanned

T = TypeVar("T")

LONG = 500  # objects that are read, or answered, in about five milliseconds


class Signatures:
    """What variables an operation takes. Raises Unplanned for a type that is not in the schema."""

    def __init__(self, schema: g.GraphQLSchema, nodes: Collection[g.VariableDefinitionNode]) -> None:
        self._schema, self._nodes = schema, nodes
        found = [get_variable_signature(schema, one) for one in nodes]
        self._all = [one for one in found if isinstance(one, GraphQLVariableSignature)]
        if len(self._all) != len(nodes):
            raise Unplanned
        self._are_texts = all(_is_text(one) for one in self._all)
        defaults = {one.name: one.default.literal for one in self._all if one.default}
        self.flags = {name: one.value for name, one in defaults.items() if isinstance(one, g.BooleanValueNode)}

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
    """The variables of one request. Long ones are read in a thread, of which nobody else waits for the end: no lock."""

    def __init__(self, signatures: Signatures, variables: Mapping[str, Any]) -> None:
        self._signatures, self._variables = signatures, variables
        self._values: VariableValues | None = None
        self._read: Variables | None = None
        self.are_long = are_long(variables)

    @property
    def values(self) -> VariableValues:
        """As graphql-core has them. Raises Unplanned for what is wrong."""
        if self._values is None:  # a cached property of Python 3.11 takes a lock
            self._values = self._signatures.coerced(self._variables)
        return self._values

    @property
    def read(self) -> Variables:
        """As resolvers take them. Raises Unplanned for what is wrong, or not described."""
        if self._read is None:
            self._read = self._signatures.read(self._variables)
        return self._read

    def flag(self, name: str) -> bool:
        """What a condition is told, of variables that are right. Raises GraphQLError for null."""
        value = self._variables.get(name, self._signatures.flags.get(name))
        if not isinstance(value, bool):
            raise g.GraphQLError(f"${name} is null.")
        return value


async def beside(work: Callable[[], T], *, long: bool) -> T:
    """What the work comes to; in a thread if it is long."""
    return await asyncio.to_thread(work) if long else work()


def are_long(variables: Mapping[str, Any]) -> bool:
    """Whether lists are among them that take too long for the event loop, to read or to answer for."""
    count, left = 0, [*variables.values()]
    while left:
        value = left.pop()
        kind = type(value)  # of what JSON has
        if kind is list:
            count += len(value)
            if count > LONG:
                return True
            left += value
        elif kind is dict:
            left += value.values()
    return False


def _is_text(signature: GraphQLVariableSignature) -> bool:
    return g.get_nullable_type(signature.type) in (g.GraphQLString, g.GraphQLID)
