"""From a document to one statement that answers its JSON, by what the fields declare of themselves."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import graphql as g
from graphql.execution.values import get_argument_values
from strawberry.types.field import StrawberryField
from tortoise.fields.data import CharEnumFieldInstance

from models import Permission
from models.base import Owned, Row
from planner import pages
from planner.dialect import FITTING, Dialect, json_of
from planner.given import Given, Parameters, holds, variables
from planner.selections import Collector, Fields, nullable, object_in
from planner.sent import Sent
from planner.sight import Sight, Unplanned
from planner.text import Text, object_of
from schema.declared import ByGlobalId, Declared, Expression, Found, Itself, Pages, Relation, declaration_of


@dataclass(frozen=True)
class RowPlace:
    """See schema.declared.Place."""

    row: str
    model: type[Row]
    sight: Sight
    parameters: Parameters
    dialect: Dialect

    def may(self, permission: Permission) -> bool:
        """Whether whoever asks is allowed this."""
        return permission in self.sight.permissions

    def now(self) -> str:
        """The moment of asking."""
        return self.parameters.put("now", lambda run: run.now)

    def number(self, column: str) -> str:
        """The float in the column as JSON text."""
        return self.dialect.number(column)

    def boolean(self, column: str) -> str:
        """The truth in the column as JSON text."""
        return self.dialect.boolean(column)


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

        def of(name: str) -> str:
            return self.parameters.put(name, lambda run: getattr(run.actor, name))

        return self.sight.condition(model, row, of, self.dialect.among)

    def row(self, kind: g.GraphQLObjectType, model: type[Row], row: str, selected: Fields) -> Text:
        """The object of a row."""
        place = RowPlace(row, model, self.sight, self.parameters, self.dialect)
        return object_of((key, self._field(kind, place, nodes)) for key, nodes in selected.items())

    def _root(self, query: g.GraphQLObjectType, nodes: list[g.FieldNode]) -> Text:
        name = nodes[0].name.value
        if name == "__typename":
            return Text().literal(f'"{query.name}"')
        field = query.fields.get(name)
        if field is None:  # the schema itself
            raise Unplanned
        how = declaration(field)
        if isinstance(how, Found):
            return self._found(how, field, nodes)
        if isinstance(how, ByGlobalId):
            return self._by_id(how, field, nodes)
        raise Unplanned

    def _found(self, how: Found, field: g.GraphQLField, nodes: list[g.FieldNode]) -> Text:
        wanted = self.arguments(field, nodes[0])
        at, columns = self.give(lambda sent: how.find(wanted(sent)), tuple)
        self._must_read(Permission.READ, excused=self.sight.is_candidate and how.is_candidates)
        return self._one(object_in(field.type), how.model, at, columns, nodes)

    def _by_id(self, how: ByGlobalId, field: g.GraphQLField, nodes: list[g.FieldNode]) -> Text:
        wanted = self.arguments(field, nodes[0])

        def find(sent: Sent) -> tuple[str, Any]:
            gid = wanted(sent)["id"]
            prefix = gid.partition("_")[0]
            return prefix, how.models[prefix].key_of(gid)

        at, (prefix, _) = self.give(find, lambda found: found[0])
        model = how.models[prefix]
        kind = self.schema.type_map[model.__name__]
        if not isinstance(kind, g.GraphQLObjectType):
            raise Unplanned
        excused = self.sight.is_candidate and issubclass(model, Owned)
        self._must_read(how.demanded.get(model, Permission.READ), excused=excused)
        row = self.new_row()
        inner = self.row(kind, model, row, self.collector.inside(kind, nodes))
        return self._selected(inner, model, row, f"{row}.id = {self._given_at(at, 1)}")

    def _must_read(self, permission: Permission, *, excused: bool) -> None:
        if not excused:
            self.sight.must(permission)

    def _one(
        self, kind: g.GraphQLObjectType, model: type[Row], at: int, columns: Any, nodes: list[g.FieldNode]
    ) -> Text:
        row = self.new_row()
        conditions = [f"{row}.{name} = {self._given_at(at, name)}" for name in columns]
        inner = self.row(kind, model, row, self.collector.inside(kind, nodes))
        return self._selected(inner, model, row, *conditions)

    def _given_at(self, at: int, name: Any) -> str:
        return self.parameters.put(("given", at, name), lambda run: run.given[at][name])

    def _selected(self, inner: Text, model: type[Row], row: str, *conditions: str) -> Text:
        where = " AND ".join([*conditions, self.visible(model, row)])
        table = model._meta.db_table  # noqa: SLF001  Tortoise's own way to ask
        return Text().expression(f'SELECT {inner.sql} FROM "{table}" {row} WHERE {where}')

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
                inner, row = object_in(field.type), self.new_row()
                made = self.row(inner, how.model, row, self.collector.inside(inner, nodes))
                found = self._selected(made, how.model, row, f"{row}.id = {place.row}.{how.key}")
                missing = self.dialect.refused(f"{place.row}.id")
                return Text().expression(f"coalesce(({found.sql}), {missing})")
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
        named = g.get_named_type(field.type)
        if shown is None or shown.base_resolver is not None or column is None or g.is_list_type(nullable(field.type)):
            raise Unplanned
        fits = CharEnumFieldInstance if g.is_enum_type(named) else FITTING.get(named.name, ())
        if not isinstance(column, fits) or (g.is_non_null_type(field.type) and column.null):
            raise Unplanned
        return self._value(field.type, f"{place.row}.{_quoted(column.model_field_name)}")

    def _value(self, kind: g.GraphQLOutputType, value: str, *, is_plain: bool = False, is_json: bool = False) -> Text:
        named = g.get_named_type(kind)
        if isinstance(named, g.GraphQLEnumType):
            if any(name != str(one.value) for name, one in named.values.items()):
                raise Unplanned
            is_plain = True
        try:
            quoted = f"""'"' || {value} || '"'"""
            json = value if is_json else quoted if is_plain else json_of(self.dialect, named.name, value)
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


def _quoted(column: str) -> str:
    return f'"{column}"'
