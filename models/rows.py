"""From a database's rows to ours: what Tortoise does for every kind of field, once somebody asks for the column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from tortoise import Model, fields
from tortoise.fields.data import CharEnumFieldInstance

Convert = Callable[[Any], Any]

_AS_READ = (fields.CharField, fields.TextField, fields.IntField, fields.BigIntField, fields.FloatField)
_KEYS = 50_000  # texts whose keys are kept: those of an organization, a task or a ticket come with each of its rows


class Stored(Model):
    """A row of the database. What a column holds becomes ours when it is first asked for: most of them never are."""

    class Meta:
        abstract = True

    if not TYPE_CHECKING:  # or every name would be an attribute

        def __getattr__(self, name: str) -> Any:
            """The column of this name, as it was read. Raises AttributeError when it is none, or nothing was read."""
            own = self.__dict__
            known = _columns(type(self)).get(name) if "_stored" in own else None
            if known is None:
                raise AttributeError(f"{type(self).__name__} has no {name}")
            column, convert = known
            value = own["_stored"][column]
            if convert is not None:
                value = convert(value)
            own[name] = value
            return value


R = TypeVar("R", bound=Stored)


def made(model: type[R], rows: Iterable[Mapping[str, Any]]) -> list[R]:
    """The model's objects, of rows with all of its columns."""
    fresh = {"_partial": False, "_saved_in_db": True, "_custom_generated_pk": _has_own_key(model)}
    found = []
    for row in rows:
        one = model.__new__(model)
        one.__dict__.update(fresh, _await_when_save={}, _stored=row)
        found.append(one)
    return found


@cache
def _columns(model: type[Model]) -> Mapping[str, tuple[str, Convert | None]]:
    """Each attribute's column, and how what is in it becomes ours."""
    meta = model._meta  # noqa: SLF001  as Tortoise's own does
    return {name: (column, _convert(meta.fields_map[name])) for name, column in meta.fields_db_projection.items()}


@cache
def _has_own_key(model: type[Model]) -> bool:
    meta = model._meta  # noqa: SLF001  as Tortoise's own does
    return meta.db_pk_column not in meta.generated_db_fields


def _convert(field: fields.Field[Any]) -> Convert | None:
    match field:
        case fields.UUIDField():
            return _key
        case fields.DatetimeField():
            return _moment
        case CharEnumFieldInstance(enum_type=members):
            return {None: None, **{member.value: member for member in members}}.__getitem__
        case fields.BooleanField():
            return _truth
    return None if type(field) in _AS_READ else field.to_python_value


def _key(value: str | UUID | None) -> UUID | None:
    return _parsed(value) if isinstance(value, str) else value


_parsed = lru_cache(_KEYS)(UUID)


def _moment(value: str | datetime | None) -> datetime | None:
    if value is None:
        return None
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


def _truth(value: int | None) -> bool | None:
    return None if value is None else bool(value)
