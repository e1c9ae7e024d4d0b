"""Changing rows by statements that are written once. On PostgreSQL nobody waits for what answers nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import compress, count, islice
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from tortoise import Model

from models import unit
from models.encoding import Filled, filler
from models.late import About
from models.prepared import mark_of, marked
from models.whole import Transaction

_FEW = 5  # rows that are inserted by one statement
# It answers nothing, and fails where nothing was changed, which cannot be.
_SURELY = (
    "WITH changed AS ({} RETURNING 1) SELECT FROM (SELECT 1 / count(*) AS one FROM changed) AS c WHERE one IS NULL"
)


async def lock(sql: str, *values: UUID | str | None) -> None:
    """Take a lock by this query for the number 1 on PostgreSQL, `{0}` being the first of its values.

    What is asked next is asked when it is held. SQLite has one writer.
    """
    client = unit.connection()
    if isinstance(client, Transaction):
        held = f"WITH held (one) AS MATERIALIZED ({sql}) SELECT FROM held WHERE one = 0"
        await client.execute_ahead(marked(held, mark_of(client), len(values)), values)


async def run(model: type[Model], sql: str, values: Sequence[Any]) -> None:
    """Run a statement that inserts rows of the model, of which nobody asks how many.

    On PostgreSQL it goes with the next one, or with the commit; on SQLite, in a unit that is sure, with others' rows.
    """
    client: Any = unit.current().client
    if isinstance(client, Transaction):
        await client.execute_ahead(sql, values)
    elif not client.put_off(model, sql, values):
        await client.execute_query(sql, list(values))


async def update(model: type[Model], where: Mapping[str, Any], to: Mapping[str, Any]) -> bool:
    """Set these columns of the row with this id and exactly these values; whether there was one. None may be null.

    A unit that is sure has seen it, and hears that there was.
    """
    client: Any = unit.writing()
    change = _update(client.capabilities.dialect, model, tuple(to), tuple(where))
    values = change.filled((*to.values(), *where.values()))
    if isinstance(client, Transaction) and client.is_sure:
        await client.execute_ahead(_SURELY.format(change.sql), values)
        return True
    if client.put_change_off(About(model, str(where["id"])), change.sql, values):
        return True
    changed, _ = await client.execute_query(change.sql, values)
    return bool(changed)


async def add(row: Model, *, is_first: bool = False) -> bool:
    """Insert the object, unless a unique index has one like it already; whether it was.

    Whoever holds what keeps others from adding one, and has seen none, says that it `is_first`: a unit that is sure
    does not wait to hear so.
    """
    client: Any = unit.writing()
    sql, values = _adding(row)
    if is_first and isinstance(client, Transaction) and client.is_sure:
        added = client.has_presumed = True
        await client.execute_ahead(sql, values)
    elif is_first and client.put_off(type(row), sql, values):
        added = True
    else:
        added = bool((await client.execute_query(f"{sql} ON CONFLICT DO NOTHING", values))[0])
    vars(row)["_saved_in_db"] = added  # as Tortoise's own does
    return added


async def put(row: Model) -> None:
    """Insert the object, like which there can be none."""
    await run(type(row), *_adding(row))
    vars(row)["_saved_in_db"] = True


def _adding(row: Model) -> tuple[str, list[Any]]:
    kind = type(row)
    values = _values(kind)(vars(row))
    stated = tuple([value is not None for value in values])  # PostgreSQL has work with every null that is said
    change = _stating(unit.writing().capabilities.dialect, kind, stated)
    return change.sql, change.filled(compress(values, stated))


@cache
def _values(model: type[Model]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """What takes the values of all columns out of an object's, in their order."""
    return itemgetter(*model._meta.fields_db_projection)  # noqa: SLF001  Tortoise has no public way


@cache
def _stating(dialect: str, model: type[Model], stated: tuple[bool, ...]) -> _Change:
    """The statement that inserts a row with those of all columns."""
    return _insert(dialect, model, tuple(compress(model._meta.fields_db_projection, stated)))  # noqa: SLF001


async def insert(model: type[Model], new: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all say the same columns."""
    client = unit.writing()
    change = _insert(client.capabilities.dialect, model, tuple(new[0]), len(new) if len(new) <= _FEW else 1)
    if len(new) <= _FEW:
        await run(model, change.sql, change.filled([value for one in new for value in one.values()]))
    else:
        await client.execute_many(change.sql, [change.filled(one.values()) for one in new])


def insert_last(model: type[Model], new: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all say the same columns, and that nobody reads before they are committed, just before that.

    For SQLite, with those of whatever is committed together: what is wrong with a row is said now, or it would be
    everybody's.
    """
    client: Any = unit.writing()
    change = _insert(client.capabilities.dialect, model, tuple(new[0]))
    client.insert_later(model, change.sql, [change.filled(one.values()) for one in new])


class _Change(NamedTuple):
    """SQL that writes, and what makes values its parameters."""

    sql: str
    filled: Filled


def insert_of(dialect: str, model: type[Model], columns: tuple[str, ...]) -> str:
    """The statement that inserts a row with these columns."""
    return _insert(dialect, model, columns).sql


@cache
def _update(dialect: str, model: type[Model], to: tuple[str, ...], where: tuple[str, ...]) -> _Change:
    marks = _marks(dialect)
    changes = ", ".join(f'"{column}"={next(marks)}' for column in to)
    condition = " AND ".join(f'"{column}"={next(marks)}' for column in where)
    sql = f'UPDATE "{model._meta.db_table}" SET {changes} WHERE {condition}'  # noqa: S608, SLF001
    return _Change(sql, filler(model, to + where, dialect))


@cache
def _insert(dialect: str, model: type[Model], columns: tuple[str, ...], rows_: int = 1) -> _Change:
    names = ", ".join(f'"{column}"' for column in columns)
    marks = _marks(dialect)
    values = ", ".join(f"({', '.join(islice(marks, len(columns)))})" for _ in range(rows_))
    sql = f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES {values}'  # noqa: S608, SLF001
    return _Change(sql, filler(model, columns, dialect, rows_))


def _marks(dialect: str) -> Iterator[str]:
    """What stands in a statement for its parameters, one after the other."""
    return (f"${at}" if dialect == "postgres" else "?" for at in count(1))
