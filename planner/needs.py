"""Which columns of its rows an operation asks for, as far as its fields say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import graphql as g
from tortoise.fields import DatetimeField

from models.base import Row
from models.children import Columns
from planner.selections import nullable
from planner.statement import strawberry_field
from schema.declared import Expression, Itself, Loads, Pages, Total, declaration_of, loads_of


class Needs:
    """Asked of every field that is selected. A resolver that says nothing needs the whole row of its parent; one that
    waits for something may read whatever it likes, and what is read for it serves the others, too.
    """

    def __init__(self) -> None:
        self._needed: dict[type[Row], set[str] | None] = {}
        self._is_whole = False

    def add(self, model: type[Row] | None, field: g.GraphQLField) -> type[Row] | None:
        """Note what the field needs of its parent, a row of the model. Answers what its own value is a row of."""
        shown = strawberry_field(field)
        how, loads = (None, None) if shown is None else (declaration_of(shown.metadata), loads_of(shown.metadata))
        match how:
            case _ if loads is not None:
                self._note(model, loads.of)
                self._note(loads.model, loads.takes)
                return None if isinstance(how, Pages) else loads.model
            case Itself():
                return model
            case Expression(of=tuple(columns)):
                self._note(model, columns)
            case Total():
                pass
            case _ if shown is not None and shown.is_basic_field and _is_column(model, shown.python_name):
                self._note(model, (shown.python_name,))
            case _:
                self._is_whole |= shown is None or shown.is_async
                self._note(model, None)
        return None

    @property
    def columns(self) -> Mapping[type[Row], Columns]:
        """Those that are enough, by model; of others all are read."""
        if self._is_whole:
            return {}
        return {
            model: tuple(one for one in model._meta.fields_db_projection if one in needed) or ("id",)  # noqa: SLF001
            for model, needed in self._needed.items()
            if needed is not None
        }

    def _note(self, model: type[Row] | None, columns: Iterable[str] | None) -> None:
        if model is None:
            return
        known = self._needed.setdefault(model, set())
        if columns is None:
            self._needed[model] = None
        elif known is not None:
            known.update(columns)


def _is_column(model: type[Row] | None, name: str) -> bool:
    return model is not None and name in model._meta.fields_db_projection  # noqa: SLF001  Tortoise has no public way


def is_moment(model: type[Row] | None, field: g.GraphQLField) -> bool:
    """Whether the field shows a moment that the model has in a column."""
    shown, kind = strawberry_field(field), nullable(field.type)
    if model is None or shown is None or not g.is_scalar_type(kind) or kind.name != "DateTime":
        return False
    return isinstance(model._meta.fields_map.get(shown.python_name), DatetimeField)  # noqa: SLF001


def loads(field: g.GraphQLField) -> Loads | None:
    """How the field is loaded, if it says so."""
    shown = strawberry_field(field)
    return loads_of(shown.metadata) if shown else None


def model_of(kind: g.GraphQLObjectType) -> type[Row] | None:
    """What the values of the type are rows of, if it is a view of a model."""
    definition: Any = (kind.extensions or {}).get("strawberry-definition")
    found: type[Row] | None = getattr(definition and definition.origin, "shows", None)
    return found
