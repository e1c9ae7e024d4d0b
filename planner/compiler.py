"""Writes the Python that completes one operation: a function for each selection set, a line for each field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import graphql as g

from planner.calls import Call
from planner.completion import Completion, GivenUp, Site
from planner.given import Given, holds
from planner.selections import Collector, Fields, fragments_of
from planner.sent import Sent
from planner.sight import Unplanned
from planner.statement import declaration, strawberry_field

_MOST = 300  # fields in their places; a fragment on an interface has them once for each of its types

# What a scalar's Python value looks like that is answered as it is; everything else goes through the scalar's own code.
_AS_IT_IS = {
    "String": "type(value) is str",
    "ID": "type(value) is str",
    "URL": "type(value) is str",
    "Cursor": "type(value) is str",
    "Boolean": "type(value) is bool",
    "Int": "type(value) is int and -2147483648 <= value <= 2147483647",
}


def compiled(
    schema: g.GraphQLSchema, document: g.DocumentNode, operation: g.OperationDefinitionNode, sent: Sent
) -> Completion:
    """The operation's code, for variables that include and skip what these do. Raises Unplanned."""
    return _Compiler(schema, document, sent).whole(document, operation)


class _Compiler:
    def __init__(self, schema: g.GraphQLSchema, document: g.DocumentNode, sent: Sent) -> None:
        self._schema = schema
        self._collector = Collector(schema, document, lambda one: holds(one, sent, self._given))
        self._lines: list[str] = []
        self._names: dict[str, Any] = {"GivenUp": GivenUp, "datetime": datetime}
        self._sites: list[Site] = []
        self._given: list[Given] = []

    def whole(self, document: g.DocumentNode, operation: g.OperationDefinitionNode) -> Completion:
        """See `compiled`."""
        root = self._schema.get_root_type(operation.operation)
        if root is None:
            raise Unplanned
        selected = self._collector.of(root, [operation.selection_set])
        named = {key: root.name if nodes[0].name.value == "__typename" else None for key, nodes in selected.items()}
        asked = {key: nodes for key, nodes in selected.items() if named[key] is None}
        if any(nodes[0].name.value not in root.fields for nodes in asked.values()):
            raise Unplanned  # about the schema
        roots = [self._site(root, key, nodes) for key, nodes in asked.items()]
        tells = operation.operation is g.OperationType.SUBSCRIPTION  # of an event, which is its root's source
        for at in roots:
            self._lines += [f"def begin_{at}(source, run):", f"    return {'source' if tells else self._resolved(at)}"]
        source = "\n".join(self._lines)
        exec(compile(source, "<completion>", "exec"), self._names)  # noqa: S102  written here, of names
        for at, site in enumerate(self._sites):
            site.complete = self._names[f"complete_{at}"]
        begin = {at: self._names[f"begin_{at}"] for at in roots}
        return Completion(self._schema, operation, fragments_of(document), begin, named, self._sites, self._given)

    def _bind(self, prefix: str, value: Any) -> str:
        name = f"{prefix}_{len(self._names)}"
        self._names[name] = value
        return name

    def _site(self, parent: g.GraphQLObjectType, key: str, nodes: list[g.FieldNode]) -> int:
        definition, at = parent.fields[nodes[0].name.value], len(self._sites)
        if at >= _MOST:
            raise Unplanned  # to write and keep so much takes longer, and more room, than it is worth
        resolve = definition.resolve or g.default_field_resolver
        is_stepped = declaration(definition) is not None
        self._sites.append(Site(key, parent, definition, nodes, resolve, _call(definition, nodes[0]), is_stepped))
        answer = self._completed(definition.type, nodes, at)
        self._lines += [f"def complete_{at}(value, run):", f"    return {answer}"]
        return at

    def _resolved(self, at: int) -> str:
        """An expression that resolves the field of `source`."""
        site, arguments = self._sites[at], f"run.given({at})"
        if site.call is None:
            return f"{self._bind('resolve', site.resolve)}(source, run.info({at}), **{arguments})"
        info = f"run.shown({at})"
        answer = f"{self._bind('call', site.call.function)}({site.call.written('source', info, arguments)})"
        return f"{self._bind('refused', site.call.refused)}({answer}, {info})" if site.call.handlers else answer

    def _object(self, kind: g.GraphQLObjectType, selected: Fields, at: int) -> str:
        """The name of a function of (value, run) that answers the object."""
        lines: list[str] = []
        if kind.is_type_of is not None:
            lines += [f"    if not {self._bind('is_type_of', kind.is_type_of)}(source, run.info({at})):", _GIVE_UP]
        lines.append("    out = {}")
        for key, nodes in selected.items():
            lines += self._field(kind, key, nodes)
        name = self._bind("object", None)
        self._lines += [f"def {name}(source, run):", *lines, "    return out"]
        return name

    def _field(self, kind: g.GraphQLObjectType, key: str, nodes: list[g.FieldNode]) -> list[str]:
        name = nodes[0].name.value
        if name == "__typename":
            return [f"    out[{key!r}] = {kind.name!r}"]
        at = self._site(kind, key, nodes)
        shown = strawberry_field(kind.fields[name])
        if shown is None:
            raise Unplanned
        if shown.is_basic_field:
            return [f"    out[{key!r}] = complete_{at}(source.{shown.python_name}, run)"]
        resolved = self._resolved(at)
        if shown.is_async:
            return [f"    run.wait({resolved}, out, {at})"]
        return [f"    out[{key!r}] = complete_{at}({resolved}, run)"]

    def _completed(self, kind: g.GraphQLOutputType, nodes: list[g.FieldNode], at: int) -> str:
        """An expression that completes `value`, of this type."""
        if isinstance(kind, g.GraphQLNonNull):
            return self._not_null(kind.of_type, nodes, at)
        return f"None if value is None else {self._not_null(kind, nodes, at)}"

    def _not_null(self, kind: Any, nodes: list[g.FieldNode], at: int) -> str:
        match kind:
            case g.GraphQLList(of_type=inner):
                item = self._bind("item", None)
                answer = self._completed(inner, nodes, at)
                self._lines += [f"def {item}(value, run):", f"    return {answer}"]
                return f"[{item}(one, run) for one in {self._bind('rows', _rows)}(value)]"
            case g.GraphQLObjectType():
                return f"{self._object(kind, self._collector.inside(kind, nodes), at)}(value, run)"
            case g.GraphQLInterfaceType() | g.GraphQLUnionType():
                return self._abstract(kind, nodes, at)
            case g.GraphQLEnumType(values=members):
                shown = {one.value: name for name, one in members.items()}
                of: Any = getattr(kind, "wrapped_cls", ())  # Strawberry's: the Python enum
                names = self._bind("names", {one: shown[one.value] for one in of})
                slow = self._bind("leaf", _leaf(kind))
                return f"{names}[value] if type(value) is {self._bind('of', of)} else {slow}(value)"
        slow = self._bind("leaf", _leaf(kind))
        if kind.name == "DateTime":
            return f"value.isoformat() if type(value) is datetime else {slow}(value)"
        usual = _AS_IT_IS.get(kind.name)
        return f"value if {usual} else {slow}(value)" if usual else f"{slow}(value)"

    def _abstract(self, kind: Any, nodes: list[g.FieldNode], at: int) -> str:
        objects = {
            one.name: self._object(one, self._collector.inside(one, nodes), at)
            for one in self._schema.get_possible_types(kind)
        }
        table = ", ".join(f"{name!r}: {function}" for name, function in objects.items())
        choose, which = self._bind("choose", None), self._bind("which", kind.resolve_type or g.default_type_resolver)
        abstract = self._bind("abstract", kind)
        self._lines += [
            f"def {choose}(value, run):",
            "    if value is None or isinstance(value, Exception):",
            _GIVE_UP,
            f"    return {{{table}}}[{which}(value, run.info({at}), {abstract})](value, run)",
        ]
        return f"{choose}(value, run)"


_GIVE_UP = "        raise GivenUp"


def _call(definition: g.GraphQLField, node: g.FieldNode) -> Call | None:
    try:
        return Call(definition, node)
    except Unplanned:
        return None


def _rows(value: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        raise GivenUp
    return value


def _leaf(kind: Any) -> Callable[[Any], Any]:
    def answer(value: Any) -> Any:
        if value is None or isinstance(value, Exception):
            raise GivenUp
        shown = kind.coerce_output_value(value)
        if shown is None or shown is g.Undefined:
            raise GivenUp
        return shown

    return answer
