"""Writes the Python that completes one operation: a function for each selection set, a line for each field."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from math import isfinite
from typing import Any

import graphql as g

from models.base import Row
from models.rows import moment
from planner import needs
from planner.calls import Call
from planner.completion import Completion, GivenUp, Site
from planner.given import Given, holds
from planner.selections import Collector, Fields, fragments_of, nullable
from planner.sent import Sent
from planner.sight import Unplanned
from planner.statement import declaration, strawberry_field
from schema.declared import Loads

_MOST = 300  # fields in their places; a fragment on an interface has them once for each of its types

# What a scalar's Python value looks like that is answered as it is; everything else goes through the scalar's own code.
_AS_IT_IS = {
    "String": "type({0}) is str",
    "ID": "type({0}) is str",
    "URL": "type({0}) is str",
    "Cursor": "type({0}) is str",
    "Boolean": "type({0}) is bool",
    "Int": "type({0}) is int and -2147483648 <= {0} <= 2147483647",
    "Float": "type({0}) is float and isfinite({0})",
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
        self._names: dict[str, Any] = {"GivenUp": GivenUp, "datetime": datetime, "isfinite": isfinite, "moment": moment}
        self._sites: list[Site] = []
        self._given: list[Given] = []
        self._loads: dict[int, Loads] = {}
        self._needs = needs.Needs()

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
        for at in roots:
            self._complete(at, None)
        tells = operation.operation is g.OperationType.SUBSCRIPTION  # of an event, which is its root's source
        for at in roots:
            self._lines += [f"def begin_{at}(source, run):", f"    return {'source' if tells else self._resolved(at)}"]
        source = "\n".join(self._lines)
        exec(compile(source, "<completion>", "exec"), self._names)  # noqa: S102  written here, of names
        for at, site in enumerate(self._sites):
            site.complete = self._names.get(f"complete_{at}", site.complete)
        begin = {at: self._names[f"begin_{at}"] for at in roots}
        return Completion(
            self._schema,
            operation,
            fragments_of(document),
            begin,
            named,
            self._sites,
            self._given,
            self._loads,
            self._needs.columns if operation.operation is g.OperationType.QUERY else {},  # graphql-core may go on
        )

    def _bind(self, prefix: str, value: Any) -> str:
        name = f"{prefix}_{len(self._names)}"
        self._names[name] = value
        return name

    def _site(self, parent: g.GraphQLObjectType, key: str, nodes: list[g.FieldNode]) -> int:
        definition, at = parent.fields[nodes[0].name.value], len(self._sites)
        if at >= _MOST:
            raise Unplanned  # to write and keep so much takes longer, and more room, than it is worth
        resolve, call = definition.resolve or g.default_field_resolver, _call(definition, nodes[0])
        self._sites.append(Site(key, parent, definition, nodes, resolve, call, declaration(definition) is not None))
        if call is not None and (loads := needs.loads(definition)) is not None:
            self._loads[at] = loads
        return at

    def _complete(self, at: int, model: type[Row] | None) -> None:
        """A function for what is only known later."""
        answer = self._completed("value", self._sites[at].definition.type, at, model)
        self._lines += [f"def complete_{at}(value, run):", f"    return {answer}"]

    def _resolved(self, at: int) -> str:
        """An expression that resolves the field of `source`."""
        site, arguments = self._sites[at], f"run.given({at})"
        if site.call is None:
            return f"{self._bind('resolve', site.resolve)}(source, run.info({at}), **{arguments})"
        info = f"run.shown({at})"
        answer = f"{self._bind('call', site.call.function)}({site.call.written('source', info, arguments)})"
        return f"{self._bind('refused', site.call.refused)}({answer}, {info})" if site.call.handlers else answer

    def _object(self, kind: g.GraphQLObjectType, selected: Fields, at: int, model: type[Row] | None) -> str:
        """The name of a function of (value, run) that answers the object: a row of the model, if it is one."""
        lines: list[str] = []
        shown = needs.model_of(kind)
        if kind.is_type_of is not None:
            usual = f"type(source) is not {self._bind('model', shown)} and " if shown else ""
            wrong = f"not {self._bind('is_type_of', kind.is_type_of)}(source, run.info({at}))"
            lines += [f"    if {usual}{wrong}:", _GIVE_UP]
        lines.append("    out = {}")
        for key, nodes in selected.items():
            lines += self._field(kind, key, nodes, shown or model)
        name = self._bind("object", None)
        self._lines += [f"def {name}(source, run):", *lines, "    return out"]
        return name

    def _field(
        self, kind: g.GraphQLObjectType, key: str, nodes: list[g.FieldNode], model: type[Row] | None
    ) -> list[str]:
        name = nodes[0].name.value
        if name == "__typename":
            return [f"    out[{key!r}] = {kind.name!r}"]
        at = self._site(kind, key, nodes)
        shown, inner = strawberry_field(kind.fields[name]), self._needs.add(model, kind.fields[name])
        if shown is None:
            raise Unplanned
        if at in self._loads:
            self._complete(at, inner)
            return [f"    out[{key!r}] = None", f"    run.parents[{at}].append((source, out))"]
        resolved = f"source.{shown.python_name}" if shown.is_basic_field else self._resolved(at)
        if shown.is_async:
            self._complete(at, inner)
            return [f"    run.wait({resolved}, out, {at})"]
        if shown.is_basic_field and needs.is_moment(model, kind.fields[name]):
            resolved, answer = f"moment(source, {shown.python_name!r})", self._moment(kind.fields[name].type)
        else:
            answer = self._completed("value", kind.fields[name].type, at, inner)
        return [f"    value = {resolved}", f"    out[{key!r}] = {answer}"]

    def _completed(self, value: str, kind: g.GraphQLOutputType, at: int, model: type[Row] | None) -> str:
        """An expression that completes the value of this name and type."""
        if isinstance(kind, g.GraphQLNonNull):
            return self._not_null(value, kind.of_type, at, model)
        return f"None if {value} is None else {self._not_null(value, kind, at, model)}"

    def _not_null(self, value: str, kind: Any, at: int, model: type[Row] | None) -> str:
        match kind:
            case g.GraphQLList(of_type=inner):
                answer = self._completed(item := f"{value}_", inner, at, model)
                rows = f"{value} if type({value}) is list else {self._bind('rows', _rows)}({value})"
                return f"[{answer} for {item} in ({rows})]"
            case g.GraphQLObjectType():
                selected = self._collector.inside(kind, self._sites[at].nodes)
                return f"{self._object(kind, selected, at, model)}({value}, run)"
            case g.GraphQLInterfaceType() | g.GraphQLUnionType():
                return self._abstract(value, kind, at)
            case g.GraphQLEnumType(values=members):
                shown = {one.value: name for name, one in members.items()}
                of: Any = getattr(kind, "wrapped_cls", ())  # Strawberry's: the Python enum
                names = self._bind("names", {one: shown[one.value] for one in of})
                slow = self._bind("leaf", _leaf(kind))
                return f"{names}[{value}] if type({value}) is {self._bind('of', of)} else {slow}({value})"
        slow = self._bind("leaf", _leaf(kind))
        if kind.name == "DateTime":
            return f"{value}.isoformat() if type({value}) is datetime else {slow}({value})"
        usual = _AS_IT_IS.get(kind.name)
        return f"{value} if {usual.format(value)} else {slow}({value})" if usual else f"{slow}({value})"

    def _moment(self, kind: g.GraphQLOutputType) -> str:
        """The same for what `moment` makes of a column."""
        answer = f"value if type(value) is str else {self._bind('leaf', _leaf(nullable(kind)))}(value)"
        return answer if g.is_non_null_type(kind) else f"None if value is None else {answer}"

    def _abstract(self, value: str, kind: Any, at: int) -> str:
        nodes = self._sites[at].nodes
        objects = {
            one.name: self._object(one, self._collector.inside(one, nodes), at, None)
            for one in self._schema.get_possible_types(kind)
        }
        origins = _origins(kind, objects)
        by_name = ", ".join(f"{name!r}: {function}" for name, function in objects.items())
        by_class = ", ".join(f"{self._bind('class', one)}: {objects[name]}" for name, one in origins.items())
        choose, which = self._bind("choose", None), self._bind("which", kind.resolve_type or g.default_type_resolver)
        abstract = self._bind("abstract", kind)
        self._lines += [
            f"{choose}_by_name, {choose}_by_class = {{{by_name}}}, {{{by_class}}}",
            f"def {choose}(value, run):",
            f"    known = {choose}_by_class.get(type(value))",
            "    if known is not None:",
            "        return known(value, run)",
            "    if value is None or isinstance(value, Exception):",
            _GIVE_UP,
            f"    return {choose}_by_name[{which}(value, run.info({at}), {abstract})](value, run)",
        ]
        return f"{choose}({value}, run)"


_GIVE_UP = "        raise GivenUp"


def _call(definition: g.GraphQLField, node: g.FieldNode) -> Call | None:
    try:
        return Call(definition, node)
    except Unplanned:
        return None


def _origins(kind: Any, names: Collection[str]) -> dict[str, type]:
    """The classes of a union's types, where each instance is one of a single type, as Strawberry finds, too."""
    if not isinstance(kind, g.GraphQLUnionType):
        return {}
    shown = [(one.extensions or {}).get("strawberry-definition") for one in kind.types]
    found = {one.name: each.origin for one, each in zip(kind.types, shown, strict=True) if each and one.name in names}
    classes = list(found.values())
    apart = not any(one is not other and issubclass(one, other) for one in classes for other in classes)
    return found if apart and len(set(classes)) == len(kind.types) else {}


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
