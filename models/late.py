"""Rows of a batch that are inserted later: when somebody may ask for them, or just before the COMMIT.

Until then nobody can tell, and many rows go in by one call where each alone takes four times as long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any

from tortoise import Model, Tortoise

Rows = Sequence[Sequence[Any]]


class Late:
    """The rows, each as the parameters of the statement that inserts it."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._rows: dict[type[Model], dict[str, list[Sequence[Any]]]] = {}
        self._tables: set[str] = set()
        self._are_referred_to = False

    def put(self, model: type[Model], sql: str, rows: Rows) -> None:
        """Let the statement wait with each of these values. They are checked, and short."""
        if model not in self._rows:
            self._rows[model] = {}
            self._tables.add(model._meta.db_table)  # noqa: SLF001  Tortoise has no public way
            self._are_referred_to |= _is_referred_to(model)
        self._rows[model].setdefault(sql, []).extend(rows)

    def matters_to(self, sql: str) -> bool:
        """Whether the statement may ask for one of the rows, or write what refers to one."""
        if not self._tables:
            return False
        return (self._are_referred_to and not sql.startswith("SELECT")) or not self._tables.isdisjoint(_names(sql))

    def taken(self) -> Iterator[tuple[str, Rows]]:
        """Each statement and its values, those first that others refer to; none of them waits any more."""
        waiting = self._rows
        self._forget()
        for model in sorted(waiting, key=_depth):
            yield from waiting[model].items()


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
