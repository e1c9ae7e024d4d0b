"""From a database's rows to ours: what Tortoise does for every kind of field, done once for those that we have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from tortoise import Model, fields
from tortoise.fields.data import CharEnumFieldInstance

R = TypeVar("R", bound=Model)
Convert = Callable[[Any], Any]
_Converted = tuple[str, str, Convert]


def made(model: type[R], rows: Iterable[Mapping[str, Any]]) -> list[R]:
    """The model's objects, of rows with all of its columns."""
    plain, converted, others = _columns(model)
    fresh = {"_partial": False, "_saved_in_db": True, "_custom_generated_pk": _has_own_key(model)}
    found = []
    for row in rows:
        one = model.__new__(model)
        own = one.__dict__
        own.update(fresh, _await_when_save={})
        for column, attribute in plain:
            own[attribute] = row[column]
        for column, attribute, convert in converted:
            value = row[column]
            own[attribute] = None if value is None else convert(value)
        for column, attribute, convert in others:
            own[attribute] = convert(row[column])
        found.append(one)
    return found


@cache
def _columns(model: type[Model]) -> tuple[list[tuple[str, str]], list[_Converted], list[_Converted]]:
    """The columns that are taken as they are, those that are converted unless they are null, and the others."""
    meta = model._meta  # noqa: SLF001  as Tortoise's own does
    plain = [(column, attribute) for column, attribute, _ in meta.db_native_fields]
    rest = [(one, _convert(one[2])) for one in (*meta.db_default_fields, *meta.db_complex_fields)]
    converted = [(column, attribute, convert) for (column, attribute, _), convert in rest if convert]
    others: list[_Converted] = [
        (column, attribute, field.to_python_value) for (column, attribute, field), convert in rest if not convert
    ]
    return plain, converted, others


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
            return {member.value: member for member in members}.__getitem__
        case fields.BooleanField():
            return bool
        case _:
            return None


def _key(value: str | UUID) -> UUID:
    return UUID(value) if isinstance(value, str) else value


def _moment(value: str | datetime) -> datetime:
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)
