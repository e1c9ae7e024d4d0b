"""What a resolver is told of its field's place, where it asks for that."""

from __future__ import annotations

from inspect import isawaitable
from typing import TYPE_CHECKING

import graphql as g
from graphql.execution.values import VariableValues

if TYPE_CHECKING:
    from planner.completion import Run, Site


class Told:
    """graphql-core's GraphQLResolveInfo for one field in its place, but for the path, which only errors show."""

    path = None
    is_awaitable = staticmethod(isawaitable)

    def __init__(self, run: Run, site: Site) -> None:
        self.field_name, self.field_nodes = site.nodes[0].name.value, site.nodes
        self.return_type, self.parent_type = site.definition.type, site.parent
        self.root_value, self.context = run.root, run.context
        self._completion, self._sent = run.completion, run.sent  # not the run, which knows it: such a ring lives on

    @property
    def schema(self) -> g.GraphQLSchema:
        """Where the field is."""
        return self._completion.schema

    @property
    def operation(self) -> g.OperationDefinitionNode:
        """What is executed."""
        return self._completion.operation

    @property
    def fragments(self) -> dict[str, g.FragmentDefinitionNode]:
        """What it may spread."""
        return dict(self._completion.fragments)

    @property
    def variable_values(self) -> VariableValues:
        """What it is executed with."""
        return self._sent.values
