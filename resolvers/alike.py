"""Who asks the same and may see the same: what a channel's listeners have in common, and what they need not have."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import NonNullTypeNode, NullValueNode, OperationDefinitionNode, VariableNode, Visitor, visit

from models import Actor, ActorKind
from resolvers.context import Info


@dataclass
class Beginning:
    """Where a subscription of this document begins: `variable` says it and nothing else, or `is_fixed` by others."""

    variable: str | None
    is_fixed: bool

    def is_now(self, variables: Mapping[str, Any]) -> bool:
        """Whether it begins with what happens from now on."""
        return not self.is_fixed and (self.variable is None or variables.get(self.variable) is None)

    def key(self, query: str, operation_name: str | None, variables: Mapping[str, Any], actor: Actor) -> Hashable:
        """The same for all who ask the same and may see the same, wherever they begin."""
        told_apart = {name: value for name, value in variables.items() if name != self.variable}
        return (query, operation_name, json.dumps(told_apart, sort_keys=True), _rights(actor))


def beginning(info: Info) -> Beginning:
    """What the document of this subscription says of it."""
    raw = info._raw_info  # noqa: SLF001  Strawberry has no public way to the document
    [field, *_] = raw.field_nodes
    after = next((one.value for one in field.arguments or () if one.name.value == "after"), None)
    if not isinstance(after, VariableNode):
        return Beginning(None, is_fixed=after is not None and not isinstance(after, NullValueNode))
    uses = _Uses(after.name.value)
    for definition in (raw.operation, *raw.fragments.values()):
        visit(definition, uses)
    return Beginning(uses.name, is_fixed=not uses.is_null) if uses.count == 1 else Beginning(None, is_fixed=True)


def _rights(actor: Actor) -> Hashable:
    """All of the actor that what it may see depends on; an API key also sees itself."""
    who = actor.id if actor.kind is ActorKind.API_KEY else None
    confined = (actor.ticket_id, actor.task_id, actor.candidate_id, actor.assessment_id, actor.task_ids)
    return (actor.kind, actor.organization_id, actor.permissions, who, *confined)


class _Uses(Visitor):
    """How often a variable is used, and whether it is null when nothing is sent."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.count, self.is_null = name, 0, False

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.count += node.name.value == self.name

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        for one in node.variable_definitions or ():
            if one.variable.name.value == self.name:
                self.count -= 1
                self.is_null = one.default_value is None and not isinstance(one.type, NonNullTypeNode)
