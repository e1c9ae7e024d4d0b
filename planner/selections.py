"""What a selection set selects of one object type, with its fragments and directives worked out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import graphql as g

from planner.sight import Unplanned

Holds = Callable[[g.DirectiveNode], bool]
Fields = dict[str, list[g.FieldNode]]


def fragments_of(document: g.DocumentNode) -> dict[str, g.FragmentDefinitionNode]:
    """The document's fragments by name."""
    return {one.name.value: one for one in document.definitions if isinstance(one, g.FragmentDefinitionNode)}


def operation_of(document: g.DocumentNode, name: str | None) -> g.OperationDefinitionNode | None:
    """The operation of this name, or the only one; None if that is not clear."""
    operations = [one for one in document.definitions if isinstance(one, g.OperationDefinitionNode)]
    if name is None:
        return operations[0] if len(operations) == 1 else None
    return next((one for one in operations if one.name and one.name.value == name), None)


def nullable(kind: g.GraphQLOutputType) -> Any:
    """The type without its "not null"."""
    return kind.of_type if isinstance(kind, g.GraphQLNonNull) else kind


def object_in(kind: g.GraphQLOutputType) -> g.GraphQLObjectType:
    """The object type of one value. Raises Unplanned for anything else."""
    inner = nullable(kind)
    if not isinstance(inner, g.GraphQLObjectType):
        raise Unplanned
    return inner


class Collector:
    """Collects the fields of a document's selection sets; `holds` says whether a directive's condition does."""

    def __init__(self, schema: g.GraphQLSchema, document: g.DocumentNode, holds: Holds) -> None:
        self._schema, self._fragments, self._holds = schema, fragments_of(document), holds

    def of(self, kind: g.GraphQLObjectType, sets: Iterable[g.SelectionSetNode | None]) -> Fields:
        """The fields selected of the type, by the key of their answer, in its order."""
        found: Fields = {}
        seen: set[str] = set()
        for selected in sets:
            if selected is not None:
                self._collect(kind, selected, found, seen)
        return found

    def inside(self, kind: g.GraphQLObjectType, nodes: Iterable[g.FieldNode]) -> Fields:
        """The fields selected in these fields, whose value is of the type."""
        return self.of(kind, (node.selection_set for node in nodes))

    def _collect(self, kind: g.GraphQLObjectType, selected: g.SelectionSetNode, found: Fields, seen: set[str]) -> None:
        for node in selected.selections:
            if not self._included(node):
                continue
            match node:
                case g.FieldNode():
                    found.setdefault((node.alias or node.name).value, []).append(node)
                case g.InlineFragmentNode():
                    if node.type_condition is None or self._is(kind, node.type_condition.name.value):
                        self._collect(kind, node.selection_set, found, seen)
                case g.FragmentSpreadNode(name=g.NameNode(value=name)) if name not in seen:
                    seen.add(name)
                    fragment = self._fragments[name]
                    if self._is(kind, fragment.type_condition.name.value):
                        self._collect(kind, fragment.selection_set, found, seen)

    def _included(self, node: Any) -> bool:
        conditions = {one.name.value: one for one in node.directives or ()}
        skipped, wanted = conditions.get("skip"), conditions.get("include")
        if skipped is not None and self._holds(skipped):
            return False
        return wanted is None or self._holds(wanted)

    def _is(self, kind: g.GraphQLObjectType, name: str) -> bool:
        named = self._schema.type_map[name]
        return named is kind or (g.is_abstract_type(named) and self._schema.is_sub_type(named, kind))
