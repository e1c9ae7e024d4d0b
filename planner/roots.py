"""The root fields in a statement: the row, or the rows, that arguments or the credential name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import graphql as g

import errors
from models import Permission
from models.base import Owned, Row
from models.paging import MAXIMUM, Window
from planner.selections import nullable, object_in
from planner.sent import Sent
from planner.sight import Unplanned
from planner.text import Text
from schema.declared import ByGlobalId, Found, Own

if TYPE_CHECKING:
    from planner.statement import Writer


def found(writer: Writer, how: Found, field: g.GraphQLField, nodes: list[g.FieldNode]) -> Text:
    """The row whose columns have certain values. Raises Unplanned."""
    wanted = writer.arguments(field, nodes[0])
    at, columns = writer.give(lambda sent: how.find(wanted(sent)), tuple)
    _must(writer, Permission.READ, excused=writer.sight.is_candidate and how.is_candidates)
    kind, row = object_in(field.type), writer.new_row()
    conditions = [f"{row}.{name} = {_given_at(writer, at, name)}" for name in columns]
    inner = writer.row(kind, how.model, row, writer.collector.inside(kind, nodes))
    return Text().expression(writer.selected(inner.sql, how.model, row, *conditions))


def own(writer: Writer, how: Own, nodes: list[g.FieldNode]) -> Text:
    """The credential's own row. Raises Unplanned."""
    if writer.sight.kind not in how.rows:
        raise Unplanned
    model, key = how.rows[writer.sight.kind]
    row = writer.new_row()
    inner = _whole(writer, model, row, nodes)
    return Text().expression(writer.selected(inner.sql, model, row, f"{row}.id = {writer.of_actor(key)}"))


@dataclass(frozen=True)
class _Known:
    """Rows of one kind by their global ids."""

    prefix: str
    keys: Sequence[UUID]

    @property
    def window(self) -> Window:
        """How many there are."""
        return Window(len(self.keys))


def by_global_id(writer: Writer, how: ByGlobalId, field: g.GraphQLField, nodes: list[g.FieldNode]) -> Text:
    """The row with a global id, or for a list those with as many, all of one type. Raises Unplanned."""
    wanted, is_list = writer.arguments(field, nodes[0]), g.is_list_type(nullable(field.type))

    def find(sent: Sent) -> _Known:
        given = wanted(sent)
        ids = given["ids"] if is_list else [given["id"]]
        prefixes = {gid.partition("_")[0] for gid in ids}
        if len(prefixes) != 1 or len(ids) > MAXIMUM:
            raise errors.NotFound  # by one statement
        [prefix] = prefixes
        return _Known(prefix, [how.models[prefix].key_of(gid) for gid in ids])

    at, known = writer.give(find, lambda one: one.prefix)
    model, row = how.models[known.prefix], writer.new_row()
    _must(
        writer,
        how.demanded.get(model, Permission.READ),
        excused=writer.sight.is_candidate and issubclass(model, Owned),
    )
    if not is_list:
        key = writer.parameters.put(("key", at), lambda run: run.given[at].keys[0])
        inner = _whole(writer, model, row, nodes)
        return Text().expression(writer.selected(inner.sql, model, row, f"{row}.id = {key}"))
    keys = writer.parameters.put(("keys", at), lambda run: run.given[at].keys)
    writer.pages.append((at,))
    writer.around = (at,)
    inner = _whole(writer, model, row, nodes)
    writer.around = ()
    one = writer.selected(inner.sql, model, row, f"{row}.id = one.value")
    each = f"SELECT coalesce(({one}), {writer.dialect.refused('one.key')}) AS x FROM {writer.dialect.each(keys)}"
    items = writer.dialect.joined(f"{each} ORDER BY one.key", backwards=False)
    return Text().literal("[").expression(f"coalesce(({items}), '')").literal("]")


def _whole(writer: Writer, model: type[Row], row: str, nodes: list[g.FieldNode]) -> Text:
    """The row as the type that is called like its model."""
    kind = writer.schema.type_map[model.__name__]
    if not isinstance(kind, g.GraphQLObjectType):
        raise Unplanned
    return writer.row(kind, model, row, writer.collector.inside(kind, nodes))


def _must(writer: Writer, permission: Permission, *, excused: bool) -> None:
    if not excused:
        writer.sight.must(permission)


def _given_at(writer: Writer, at: int, name: Any) -> str:
    return writer.parameters.put(("given", at, name), lambda run: run.given[at][name])
