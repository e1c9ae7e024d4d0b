"""Connections in a statement: keyset pages, each by an index, whatever page it is."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import graphql as g
from strawberry.utils.str_converters import to_snake_case

from models import clock, filters
from models.paging import Window, window
from planner.given import variables
from planner.selections import nullable, object_in
from planner.sent import Sent
from planner.sight import Unplanned
from planner.text import Text, object_of
from schema.declared import Pages

if TYPE_CHECKING:
    from planner.statement import Writer


def written(writer: Writer, how: Pages, field: g.GraphQLField, parent: str, nodes: list[g.FieldNode]) -> Text:
    """The connection's object. Raises Unplanned."""
    if how.asked_of_all or not writer.sight.is_candidate:
        writer.sight.must(how.permission)
    arguments = writer.arguments(field, nodes[0])

    def find(sent: Sent) -> Wanted:
        return _wanted(how, arguments(sent))

    varies = any(variables(one) or one.name.value == "filter" for one in nodes[0].arguments or ())
    at, wanted = writer.give(find, lambda one: one.shape, is_known=not varies)
    kind = object_in(field.type)
    page, around = Page(writer, how, parent, at, wanted), writer.around
    writer.around = (*around, at)
    made = object_of((key, page.field(kind, same)) for key, same in writer.collector.inside(kind, nodes).items())
    writer.around = around
    return made


@dataclass(frozen=True)
class Wanted:
    """Which rows: the window, and the condition that narrows them, with its parameters."""

    window: Window
    condition: str = ""
    values: Sequence[Any] = ()

    @property
    def shape(self) -> Hashable:
        """What the statement depends on."""
        return self.window.backwards, self.window.after is None, self.window.before is None, self.condition


def _wanted(how: Pages, sent: Mapping[str, Any]) -> Wanted:
    wanted = window(*(sent.get(name) for name in ("first", "after", "last", "before")))
    narrowing = sent.get("filter")
    if narrowing is None or how.filter is None:
        return Wanted(wanted)
    given = {to_snake_case(name): value for name, value in narrowing.items()}
    return Wanted(wanted, *filters.condition(how.filter(**given).to_model(), how.model, clock.now()))


class Page:
    """One connection of one parent."""

    def __init__(self, writer: Writer, how: Pages, parent: str, at: int, wanted: Wanted) -> None:
        self._writer, self._how, self._parent, self._at = writer, how, parent, at
        self._wanted, self._condition = wanted.window, wanted.condition
        if self._condition:
            writer.is_short = False

    def field(self, kind: g.GraphQLObjectType, nodes: list[g.FieldNode]) -> Text:
        """One field of the connection."""
        name = nodes[0].name.value
        match name:
            case "__typename":
                return Text().literal(f'"{kind.name}"')
            case "edges":
                return self._edges(object_in(_item(kind.fields[name].type)), nodes)
            case "nodes":
                return self._list(object_in(_item(kind.fields[name].type)), nodes)
            case "pageInfo":
                return self._page_info(object_in(kind.fields[name].type), nodes)
            case "totalCount":
                self._writer.is_short = False
                row = self._writer.new_row()
                return self._number(f"SELECT count(*) {self._rows(row)}")
        raise Unplanned

    def _number(self, sql: str) -> Text:
        return Text().expression(self._writer.dialect.text(f"({sql})"))

    def _edges(self, kind: g.GraphQLObjectType, nodes: list[g.FieldNode]) -> Text:
        row, inner = self._writer.new_row(), object_in(kind.fields["node"].type)
        made = []
        for key, same in self._writer.collector.inside(kind, nodes).items():
            match same[0].name.value:
                case "__typename":
                    made.append((key, Text().literal(f'"{kind.name}"')))
                case "cursor":
                    made.append((key, self._cursor(f"{row}.id")))
                case _:
                    made.append((key, self._node(inner, row, same)))
        return self._joined(row, object_of(made))

    def _list(self, kind: g.GraphQLObjectType, nodes: list[g.FieldNode]) -> Text:
        row = self._writer.new_row()
        return self._joined(row, self._node(kind, row, nodes))

    def _node(self, kind: g.GraphQLObjectType, row: str, nodes: list[g.FieldNode]) -> Text:
        return self._writer.row(kind, self._how.model, row, self._writer.collector.inside(kind, nodes))

    def _cursor(self, key: str) -> Text:
        return Text().literal('"').expression(self._writer.dialect.cursor(key)).literal('"')

    def _joined(self, row: str, item: Text) -> Text:
        self._writer.pages.append(self._writer.around)
        select = f"SELECT {item.sql} AS x, {row}.id AS k {self._in_window(row)}"
        items = self._writer.dialect.joined(select, backwards=self._wanted.backwards)
        return Text().literal("[").expression(f"coalesce(({items}), '')").literal("]")

    def _page_info(self, kind: g.GraphQLObjectType, nodes: list[g.FieldNode]) -> Text:
        selected = self._writer.collector.inside(kind, nodes)
        return object_of((key, self._info(kind, same[0].name.value)) for key, same in selected.items())

    def _info(self, kind: g.GraphQLObjectType, name: str) -> Text:
        backwards = self._wanted.backwards
        match name:
            case "__typename":
                return Text().literal(f'"{kind.name}"')
            case "hasNextPage":
                known = self._wanted.before is not None
                return _boolean(known) if backwards else self._more()
            case "hasPreviousPage":
                return self._more() if backwards else _boolean(self._wanted.after is not None)
            case "startCursor" | "endCursor":
                row = self._writer.new_row()
                order = "k" if name == "startCursor" else "k DESC"
                keys = f"SELECT {row}.id AS k {self._in_window(row)}"
                key = f"(SELECT k FROM ({keys}) page ORDER BY {order} LIMIT 1)"
                json = f"""'"' || {self._writer.dialect.cursor(key)} || '"'"""
                return Text().expression(f"coalesce({json}, 'null')")
        raise Unplanned

    def _more(self) -> Text:
        """Whether there is a row beyond the page."""
        row = self._writer.new_row()
        beyond = f"SELECT 1 {self._in_window(row, beyond=1)}"
        more = f"(SELECT count(*) FROM ({beyond}) page) > {self._size(0)}"
        return Text().expression(f"CASE WHEN {more} THEN 'true' ELSE 'false' END")

    def _size(self, beyond: int) -> str:
        at = self._at
        return self._writer.parameters.put(("size", at, beyond), lambda run: run.given[at].window.size + beyond)

    def _rows(self, row: str) -> str:
        table = self._how.model._meta.db_table  # noqa: SLF001  Tortoise's own way to ask
        visible = self._writer.visible(self._how.model, row)
        narrowed = f" AND {self._narrowed(row)}" if self._condition else ""
        return f'FROM "{table}" {row} WHERE {row}.{self._how.by} = {self._parent}.id AND {visible}{narrowed}'

    def _narrowed(self, row: str) -> str:
        at, numbers = self._at, count()

        def place(_: re.Match[str]) -> str:
            number = next(numbers)
            return self._writer.parameters.put(("narrowed", at, number), lambda run: run.given[at].values[number])

        return re.sub(r"\?|\$\d+", place, self._condition).format(row=row)

    def _in_window(self, row: str, beyond: int = 0) -> str:
        at, put = self._at, self._writer.parameters.put
        after, before = self._wanted.after, self._wanted.before
        bounds = [self._rows(row)]
        if after is not None:
            bounds.append(f"AND {row}.id > {put(('after', at), lambda run: run.given[at].window.after)}")
        if before is not None:
            bounds.append(f"AND {row}.id < {put(('before', at), lambda run: run.given[at].window.before)}")
        order = f"ORDER BY {row}.id{' DESC' if self._wanted.backwards else ''} LIMIT {self._size(beyond)}"
        return " ".join([*bounds, order])


def _boolean(known: bool) -> Text:
    return Text().literal("true" if known else "false")


def _item(kind: g.GraphQLOutputType) -> g.GraphQLOutputType:
    item: g.GraphQLOutputType = nullable(kind).of_type
    return item
