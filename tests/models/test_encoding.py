"""What is written out for a kind of row is what Tortoise does for each of its values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from tortoise import Model, Tortoise, fields
from tortoise.exceptions import ValidationError
from tortoise.fields.data import CharEnumFieldInstance

from models import Candidate, Ticket, TicketStatus, chance
from models.encoding import filler

NOW = datetime(2026, 11, 29, 8, 40, 39, 12, UTC)
MOMENTS = (NOW, NOW.replace(microsecond=0), NOW - timedelta(days=9_000))


def _values(field: fields.Field[Any]) -> tuple[Any, ...]:
    match field:
        case fields.UUIDField():
            return (chance.new_id(),)
        case CharEnumFieldInstance(enum_type=members):
            return tuple(members)
        case fields.DatetimeField():
            return MOMENTS
        case fields.BooleanField():
            return (True, False)
        case fields.IntField():
            return (0, -1, 2**31 - 1)
        case fields.FloatField():
            return (0.0, -1.5)
        case fields.BinaryField():
            return (b"", b"\x00\xff")
        case fields.JSONField():
            return ({}, {"a": ["é", 1, None]}, [], ["x"])
        case fields.CharField(max_length=most):
            return ("", "é" * most)
    return ("", "a'b\n\0", "x" * 100_000)


def _models(app: Starlette) -> list[type[Model]]:
    return [model for models in Tortoise.apps.values() for model in models.values()]


async def test_every_column_is_sent_as_tortoise_sends_it(app: Starlette) -> None:
    compared = 0
    for model in _models(app):
        for name, field in model._meta.fields_map.items():
            if name not in model._meta.fields_db_projection:
                continue
            nothing = (None,) if field.null else ()
            for value in (*_values(field), *nothing):
                theirs = field.to_db_value(value, model)
                if isinstance(theirs, datetime):
                    theirs = theirs.isoformat(" ")  # by the adapter that it registers with sqlite3
                sent = filler(model, (name,), "sqlite")([value])
                assert sent == [theirs], f"{model.__name__}.{name}"
                compared += 1
    assert compared > 300


async def test_every_column_of_a_row_is_sent_in_its_place(app: Starlette) -> None:
    columns = ("code", "id", "status", "valid_from")
    row = ["ABC", chance.new_id(), TicketStatus.ISSUED, None]

    sent = filler(Ticket, columns, "sqlite", 2)([*row, *row])

    assert sent == 2 * [row[0], str(row[1]), row[2], None]


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_as_many_values_are_sent_as_there_are_columns(app: Starlette, count: int) -> None:
    with pytest.raises(ValueError, match="values to unpack"):
        filler(Candidate, ("full_name", "email"), "sqlite")(["x"] * count)


async def test_a_text_that_does_not_fit_its_column_is_refused(app: Starlette) -> None:
    with pytest.raises(ValidationError):
        filler(Candidate, ("full_name",), "sqlite")(["x" * 201])
