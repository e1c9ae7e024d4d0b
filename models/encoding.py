"""From our values to what a driver takes, checked as Tortoise checks them: written out once for each kind of row."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from tortoise import Model, fields
from tortoise.fields.data import CharEnumFieldInstance

Filled = Callable[[Iterable[Any]], list[Any]]

_AS_TEXT = "None if {0} is None else str({0})"


@cache
def filler(model: type[Model], columns: tuple[str, ...], dialect: str, rows: int = 1) -> Filled:
    """What makes values of these columns, of so many rows one after the other, the parameters of a statement.

    It raises ValueError for more of them or fewer, and what Tortoise does for one that the column does not take.
    """
    known: dict[str, Any] = {"model": model, "moment_text": moment_text}
    cells: list[str] = []
    for at, column in enumerate(columns * rows):
        field = model._meta.fields_map[column]  # noqa: SLF001  Tortoise has no public way
        known |= {f"encode_{at}": getattr(field, "encoder", None), f"convert_{at}": field.to_db_value}
        cells.append(_expression(field, dialect).format(f"value_{at}", f"encode_{at}", f"convert_{at}"))
    names = "".join(f"value_{at}, " for at in range(len(cells)))
    exec(f"def filled(values):\n {names}= values\n return [{', '.join(cells)}]", known)  # noqa: S102  a cell a column
    filled: Filled = known["filled"]
    return filled


def _expression(field: fields.Field[Any], dialect: str) -> str:
    """Python for what the driver takes for a value {0} of the field, which {1} writes as JSON and {2} as Tortoise."""
    match field:
        case fields.UUIDField():
            return _AS_TEXT
        case CharEnumFieldInstance(enum_type=members) if issubclass(members, str):
            return _AS_TEXT
        case fields.DatetimeField() if dialect == "sqlite":
            return "moment_text({0})"
        case fields.DatetimeField() | fields.IntField() | fields.BooleanField():
            return "{0}"
        case fields.CharField(max_length=most):
            usual, written = f"type({{0}}) is str and len({{0}}) <= {most}", "{0}"
        case fields.JSONField():
            usual, written = "type({0}) is dict", "{1}({0})"
        case _:
            usual, written = "False", "{0}"
    otherwise = "None if {0} is None else {2}({0}, model)" if field.null else "{2}({0}, model)"
    return f"{written} if {usual} else {otherwise}"


def as_text(value: UUID | str | None) -> str | None:
    """A key, or a status, as every driver takes it."""
    return None if value is None else str(value)


def moment_text(value: datetime | None) -> str | None:
    """A time as it is kept in SQLite: as `isoformat` writes it, which takes three times as long."""
    return None if value is None else orjson.dumps(value)[1:-1].replace(b"T", b" ").decode()
