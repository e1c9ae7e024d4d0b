"""The document guard: what a document asks for, counted through its fragments before anything else looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import graphql as g

from models.paging import DEFAULT, MAXIMUM
from schema.bounds import GUESSING, Bounds, Tally

MUTATION = 10  # what a change costs, besides what is read of it
_INTROSPECTION, _CHEAPER = 25_000, 500  # what a look at the schema costs, in points that are so much smaller
_SIZES = ("first", "last")  # with these arguments a field is a connection
_LISTS = ("types", "fields", "args", "inputFields", "enumValues", "interfaces", "possibleTypes", "directives")
_OF_SCHEMA = dict.fromkeys(_LISTS, 20)  # how many the lists of introspection are taken to hold
_NESTED = 100  # selection sets in one another, in whatever way they are written

Sizes = Mapping[str, int | None]


class Guard:
    """Measures the documents of one schema. `rows` are how many its connections answer when they are not told."""

    def __init__(self, schema: g.GraphQLSchema, bounds: Bounds) -> None:
        self.bounds, self.rows = bounds, dict[str, int]()
        self.mutations = frozenset(schema.mutation_type.fields if schema.mutation_type else ())
        for kind in schema.type_map.values():
            for name, made in kind.fields.items() if isinstance(kind, g.GraphQLObjectType) else ():
                for size in made.args.keys() & _SIZES:
                    preset = made.args[size].default_value
                    self.rows[name] = max(self.rows.get(name, 0), preset if isinstance(preset, int) else DEFAULT)

    def cost(self, document: g.DocumentNode, name: str | None, sizes: Sizes) -> tuple[int, bool]:
        """What the operation costs, and whether the document asks about the schema. Raises QueryTooComplex."""
        walk = Walk(self, document, sizes)
        chosen = next(tally for called, tally in walk.operations if name in (None, called))
        cost = 1 + chosen.cost + chosen.introspected // _CHEAPER
        self.bounds.check(**{**vars(walk.whole), "cost": cost})
        return cost, walk.whole.introspected > 0


class Walk:
    """One pass over a document: it looks at each selection once, for it remembers what is in each fragment."""

    def __init__(self, guard: Guard, document: g.DocumentNode, sizes: Sizes) -> None:
        self._guard, self._known, self.looked_at = guard, dict[tuple[str, bool], Tally](), 0
        operations = [each for each in document.definitions if isinstance(each, g.OperationDefinitionNode)]
        fragments = [each for each in document.definitions if isinstance(each, g.FragmentDefinitionNode)]
        guard.bounds.check(fragments=len(fragments))
        self._fragments = {each.name.value: each for each in fragments}
        declared = [each for operation in operations for each in operation.variable_definitions or ()]
        self._sizes = {each.variable.name.value: amount(each.default_value) for each in declared} | dict(sizes)
        self.operations = [(each.name and each.name.value, self._inside(each, guard.rows, 0)) for each in operations]
        self.whole = Tally()
        for tally in (*(self._inside(each, {}, 0) for each in declared), *(tally for _, tally in self.operations)):
            self.whole.add(tally)
        for name, each in ((each.name.value, each) for each in fragments):  # validated, though nothing may use it
            if each is not self._fragments[name]:
                self.whole.add(self._inside(each, guard.rows, 0))
            elif not {(name, True), (name, False)} & self._known.keys():
                self.whole.add(self._fragment(name, guard.rows, 0))

    def _inside(self, node: Any, rows: Mapping[str, int], level: int, around: Any = None) -> Tally:
        """What is selected in the node, and the node's own directives; `around` has what an inline fragment adds to."""
        if level > _NESTED:
            raise self._guard.bounds.refusal("depth")
        total, selected = Tally(directives=len(node.directives or ())), getattr(node, "selection_set", None)
        self._guard.bounds.check(directives_in_place=total.directives)
        of, keys = getattr(node, "type_condition", None), around if isinstance(node, g.InlineFragmentNode) else set()
        for each in selected.selections if selected else ():
            self.looked_at += 1
            total.add(self._one(each, rows, level + 1, of and of.name.value, keys))
        return total

    def _one(self, node: Any, rows: Mapping[str, int], level: int, of: str | None, keys: set[Any]) -> Tally:
        about_schema = isinstance(node, g.FieldNode) and node.name.value in ("__schema", "__type")
        tally = self._inside(node, _OF_SCHEMA if about_schema else rows, level, keys)
        if isinstance(node, g.FragmentSpreadNode):
            tally.add(self._fragment(node.name.value, rows, level))
        elif isinstance(node, g.FieldNode):
            name, inner = node.name.value, self._times(node, rows) * tally.cost
            tally.cost = inner + (node.selection_set is not None) + MUTATION * (name in self._guard.mutations)
            key = of, (node.alias or node.name).value  # what is asked for twice validation compares, each with each
            tally.aliases += (node.alias is not None) + (key in keys)
            keys.add(key)
            tally.guesses += name in GUESSING
            tally.fields, tally.depth = tally.fields + 1, tally.depth + 1
        if about_schema:
            tally.introspected, tally.cost, tally.fields, tally.depth = _INTROSPECTION + tally.cost, 0, 0, 0
        return tally

    def _fragment(self, name: str, rows: Mapping[str, int], level: int) -> Tally:
        key = name, rows is _OF_SCHEMA
        if key not in self._known:
            self._known[key] = Tally()  # while it is being counted: what is circular is left to validation
            if name in self._fragments:
                self._known[key] = self._inside(self._fragments[name], rows, level)
        return self._known[key]

    def _times(self, node: g.FieldNode, rows: Mapping[str, int]) -> int:
        """How many rows the field answers."""
        given = [each.value for each in node.arguments or () if each.name.value in (*_SIZES, "ids")]
        said = [self._sizes.get(one.name.value) if isinstance(one, g.VariableNode) else amount(one) for one in given]
        unsaid = DEFAULT if given else 1
        return max((one for one in said if one is not None), default=rows.get(node.name.value, unsaid))


def amount(value: Any) -> int | None:
    """How many rows a value asks for, as far as it counts, of a variable or in the document; None for no number."""
    match value:
        case g.IntValueNode(value=digits):
            return amount(float(digits))
        case g.ListValueNode(values=held) | (list() as held):
            return amount(len(held))
        case int() | float() if not isinstance(value, bool):
            return int(max(0, min(MAXIMUM, value)))
    return None
