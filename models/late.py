"""What units of a batch write later: when somebody may ask for it, or just before the COMMIT.

Until then nobody can tell, and many rows go in by one call where each alone takes four times as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from tortoise import Model, Tortoise

Rows = Sequence[Sequence[Any]]


class About(NamedTuple):
    """The one row, a ticket say, that a unit has read with what belongs to it."""

    model: type[Model]
    key: str

    def is_referred_to_by(self, model: type[Model]) -> bool:
        """Whether the model's rows belong to a row of this kind."""
        return self.model in _refers_to(model)


class Late:
    """Inserts and changes, each as the parameters of its statement."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._rows: dict[type[Model], dict[str, list[Sequence[Any]]]] = {}
        self._tables: set[str] = set()
        self._of_nobody: set[str] = set()  # those of the tables in which not every row is known to belong to one
        self._about: set[About] = set()
        self._touched: set[tuple[type[Model], About]] = set()
        self._are_referred_to = False

    def put(self, model: type[Model], sql: str, rows: Rows, about: About | None = None) -> None:
        """Let the statement that inserts a row wait with each of these values. They are checked, and short."""
        self._wait(model, sql, rows)
        if about is None or not about.is_referred_to_by(model):
            self._of_nobody.add(_table(model))
        else:
            self._note(model, about)

    def put_change(self, row: About, sql: str, values: Sequence[Any], about: About | None) -> bool:
        """The same of a change of this row, unless it might come before another of the same one; whether it waits."""
        if about is None or not (row == about or about.is_referred_to_by(row.model)):
            return False
        if (row.model, about) in self._touched:
            return False
        self._wait(row.model, sql, [values])
        self._note(row.model, about)
        self._are_referred_to = True
        return True

    def _wait(self, model: type[Model], sql: str, rows: Rows) -> None:
        if model not in self._rows:
            self._rows[model] = {}
            self._tables.add(_table(model))
            self._are_referred_to |= _is_referred_to(model)
        self._rows[model].setdefault(sql, []).extend(rows)

    def _note(self, model: type[Model], about: About) -> None:
        self._about.add(about)
        self._touched.add((model, about))

    def matters_to(self, sql: str) -> bool:
        """Whether the statement may ask for one of the rows, or write what refers to one."""
        if not self._tables:
            return False
        return (self._are_referred_to and not sql.startswith("SELECT")) or not self._tables.isdisjoint(_names(sql))

    def matters_to_one(self, sql: str) -> bool:
        """The same of a query for one row and what belongs to it, as long as nothing waits that is about that one."""
        return not self._of_nobody.isdisjoint(_names(sql))

    def is_about(self, one: About) -> bool:
        """Whether something waits that belongs to this one."""
        return one in self._about

    def taken(self) -> Iterator[tuple[str, Rows]]:
        """Each statement and its values, those first that others refer to; none of them waits any more."""
        waiting = self._rows
        self._forget()
        for model in sorted(waiting, key=_depth):
            yield from waiting[model].items()


class Prompt:
    """A client that writes everything at once."""

    def put_off(self, model: type[Model], query: str, values: Sequence[Any]) -> bool:
        """Insert the row later, if that may be; whether it is."""
        return False

    def put_change_off(self, row: About, query: str, values: Sequence[Any]) -> bool:
        """Change the row later, if that may be; whether it is."""
        return False

    async def query_one(self, query: str, values: Sequence[Any], of: Callable[[Any], About]) -> Sequence[Any]:
        """What a query finds of one row and of what belongs to it; `of` says of a row that is found which one it is."""
        asked: Any = self
        found: Sequence[Any] = (await asked.execute_query(query, list(values)))[1]
        return found


@cache
def _table(model: type[Model]) -> str:
    return model._meta.db_table  # noqa: SLF001  Tortoise has no public way


@lru_cache(1_000)
def _names(sql: str) -> frozenset[str]:
    """Whatever may be the name of a table in it: there are no views, and no triggers."""
    return frozenset(re.findall(r"\w+", sql))


@cache
def _refers_to(model: type[Model]) -> frozenset[type[Model]]:
    meta = model._meta  # noqa: SLF001
    return frozenset(meta.fields_map[name].related_model for name in meta.fk_fields)  # type: ignore[attr-defined]


@cache
def _is_referred_to(model: type[Model]) -> bool:
    return any(model in _refers_to(other) for models in (Tortoise.apps or {}).values() for other in models.values())


@cache
def _depth(model: type[Model]) -> int:
    """How many have to be there before it, each referring to the one before."""
    return 1 + max(map(_depth, _refers_to(model)), default=0)
