"""From a document to one statement that answers its JSON, by what the fields declare of themselves."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

import graphql as g
from graphql.execution.values import get_argument_values
from strawberry.types.field import StrawberryField
from tortoise.fields.data import CharEnumFieldInstance

from models import Permission
from models.base import Row
from planner import pages, roots
from planner.dialect import FITTING, Dialect, json_of
from planner.given import Given, Parameters, holds, variables
from planner.selections import Collector, Fields, nullable, object_in
from planner.sent import Sent
from planner.sight import Sight, Unplanned
from planner.text import Text, object_of
from schema.declared import (
    ByGlobalId,
    Declared,
    Expression,
    Found,
    Itself,
    Own,
    Pages,
    Place,
    Relation,
    declaration_of,
)


@dataclass(frozen=True)
class RowPlace:
    """See schema.declared.Place."""

    row: str
    model: type[Row]
    writer: Writer

    def may(self, permission: Permission) -> bool:
        """Whether whoever asks is allowed this."""
        return permission in self.writer.sight.permissions

    def now(self) -> str:
        """The moment of asking."""
        return self.writer.parameters.put("now", lambda run: run.now)

    def base_url(self) -> str:
        """What the installation's addresses begin with."""
        return self.writer.parameters.put("base_url", lambda run: run.context.urls.base_url)

    def number(self, column: str) -> str:
        """The float in the column as JSON text."""
        return self.writer.dialect.number(column)

    def boolean(self, column: str) -> str:
        """The truth in the column as JSON text."""
        return self.writer.dialect.boolean(column)

    def related(self, model: type[Row], key: str, value: Callable[[Place], str]) -> str:
        """The value of the row of `model` that the column `key` points at."""
        return self.writer.related(self.row, model, key, lambda row: value(RowPlace(row, model, self.writer)))


class Writer:
    """Writes the statement of one document for one sight; what is `sent` what depends on variables."""

    def __init__(
        self, schema: g.GraphQLSchema, document: g.DocumentNode, sight: Sight, dialect: Dialect, sent: Sent
    ) -> None:
        self.schema, self.sight, self.dialect = schema, sight, dialect
        self.parameters = Parameters(dialect.parameter)
        self.given: list[Given] = []
        self.is_short = True  # as far as it depends on anything but the number of rows
        self.pages: list[tuple[int, ...]] = []  # of each list of rows the windows that it is inside of, and its own
        self.around: tuple[int, ...] = ()
        self.collector = Collector(schema, document, lambda one: holds(one, sent, self.given))
        self.roots: list[str] = []
        self._sent, self._rows = sent, 0

    def write(self, operation: g.OperationDefinitionNode) -> str:
        """The statement. Raises Unplanned."""
        query = self.schema.query_type
        if query is None:
            raise Unplanned
        selected = self.collector.of(query, [operation.selection_set])
        self.roots = [key for key, nodes in selected.items() if nodes[0].name.value in query.fields]
        answer = object_of((key, self._root(query, nodes)) for key, nodes in selected.items())
        if not self._rows:
            raise Unplanned  # nothing is to be read
        return f"SELECT {answer.sql} AS answer"

    def give(
        self, find: Callable[[Sent], Any], shape: Callable[[Any], Hashable], *, is_known: bool = False
    ) -> tuple[int, Any]:
        """Work something out of the variables, now and at each use; its number among what is given, and what it is."""
        found = find(self._sent)
        self.given.append(Given(find, shape, shape(found), is_known, found if is_known else None))
        return len(self.given) - 1, found

    def arguments(self, field: g.GraphQLField, node: g.FieldNode) -> Callable[[Sent], dict[str, Any]]:
        """What works out the field's arguments."""
        known, nodes = get_argument_values(field, node, self._sent.values), node.arguments or ()
        named = [(one.name.value, one.value.name.value) for one in nodes if isinstance(one.value, g.VariableNode)]
        if sum(map(variables, nodes)) > len(named):  # deeper, or in a text
            return lambda sent: get_argument_values(field, node, sent.values)

        def values(sent: Sent) -> dict[str, Any]:
            coerced = sent.values.coerced
            if any(coerced.get(variable) is None for _, variable in named):
                return get_argument_values(field, node, sent.values)
            return known | {name: coerced[variable] for name, variable in named}

        return values

    def new_row(self) -> str:
        """A name for another row."""
        self._rows += 1
        return f"r{self._rows}"

    def visible(self, model: type[Row], row: str) -> str:
        """The tenancy door, as a condition on the row."""
        return self.sight.condition(model, row, self.of_actor, self.dialect.among)

    def row(self, kind: g.GraphQLObjectType, model: type[Row], row: str, selected: Fields) -> Text:
        """The object of a row."""
        place = RowPlace(row, model, self)
        return object_of((key, self._field(kind, place, nodes)) for key, nodes in selected.items())

    def _root(self, query: g.GraphQLObjectType, nodes: list[g.FieldNode]) -> Text:
        name = nodes[0].name.value
        if name == "__typename":
            return Text().literal(f'"{query.name}"')
        field = query.fields.get(name)
        if field is None:  # the schema itself
            raise Unplanned
        match declaration(field):
            case Found() as how:
                return roots.found(self, how, field, nodes)
            case ByGlobalId() as how:
                return roots.by_global_id(self, how, field, nodes)
            case Own() as how:
                return roots.own(self, how, nodes)
        raise Unplanned

    def of_actor(self, name: str) -> str:
        """What the actor has of this name."""
        return self.parameters.put(name, lambda run: getattr(run.actor, name))

    def selected(self, value: str, model: type[Row], row: str, *conditions: str) -> str:
        """The value of the row for which the conditions hold; NULL when it is not to be seen."""
        where = " AND ".join([*conditions, self.visible(model, row)])
        table = model._meta.db_table  # noqa: SLF001  Tortoise's own way to ask
        return f'SELECT {value} FROM "{table}" {row} WHERE {where}'

    def related(self, parent: str, model: type[Row], key: str, value: Callable[[str], str]) -> str:
        """The value of the row that the parent's column `key` points at; what fails when it is not to be seen."""
        row = self.new_row()
        found = self.selected(value(row), model, row, f"{row}.id = {parent}.{key}")
        return f"coalesce(({found}), {self.dialect.refused(f'{parent}.id')})"

    def _field(self, kind: g.GraphQLObjectType, place: RowPlace, nodes: list[g.FieldNode]) -> Text:
        name = nodes[0].name.value
        if name == "__typename":
            return Text().literal(f'"{kind.name}"')
        field = kind.fields[name]
        match declaration(field):
            case Itself():
                inner = object_in(field.type)
                return self.row(inner, place.model, place.row, self.collector.inside(inner, nodes))
            case Relation() as how:
                inner = object_in(field.type)
                selected = self.collector.inside(inner, nodes)
                made = partial(self.row, inner, how.model, selected=selected)
                return Text().expression(self.related(place.row, how.model, how.key, lambda row: made(row).sql))
            case Pages() as how:
                return pages.written(self, how, field, place.row, nodes)
            case Expression() as how:
                return self._value(field.type, how.sql(place), is_plain=how.is_plain, is_json=how.is_json)
            case None if field.args == {}:
                return self._column(field, place)
        raise Unplanned

    def _column(self, field: g.GraphQLField, place: RowPlace) -> Text:
        """A plain attribute: the column of its name, if the row has one that holds what the field shows."""
        shown = strawberry_field(field)
        column = place.model._meta.fields_map.get(shown.python_name) if shown else None  # noqa: SLF001  as above
        if shown is None or shown.base_resolver is not None or column is None:
            raise Unplanned
        fits = CharEnumFieldInstance if g.is_enum_type(nullable(field.type)) else FITTING.get(_name(field.type), ())
        if not isinstance(column, fits) or (g.is_non_null_type(field.type) and column.null):
            raise Unplanned
        return self._value(field.type, f"{place.row}.{_quoted(column.model_field_name)}")

    def _value(self, kind: g.GraphQLOutputType, value: str, *, is_plain: bool = False, is_json: bool = False) -> Text:
        named = nullable(kind)
        if isinstance(named, g.GraphQLEnumType):
            if any(name != str(one.value) for name, one in named.values.items()):
                raise Unplanned
            is_plain = True
        try:
            quoted = f"""'"' || {value} || '"'"""
            json = value if is_json else quoted if is_plain else json_of(self.dialect, _name(kind), value)
        except KeyError:
            raise Unplanned from None
        return Text().expression(json if g.is_non_null_type(kind) else f"coalesce({json}, 'null')")


def strawberry_field(field: g.GraphQLField) -> StrawberryField | None:
    """Strawberry's own definition of the field."""
    found = (field.extensions or {}).get("strawberry-definition")
    return found if isinstance(found, StrawberryField) else None


def declaration(field: g.GraphQLField) -> Declared | None:
    """What the field declares of itself."""
    shown = strawberry_field(field)
    return declaration_of(shown.metadata) if shown else None


def _name(kind: g.GraphQLOutputType) -> str:
    return str(nullable(kind))


def _quoted(column: str) -> str:
    return f'"{column}"'
