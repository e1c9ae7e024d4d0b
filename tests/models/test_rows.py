"""Rows become objects once it is known which columns their model has."""

from __future__ import annotations

import pytest
from tortoise import Model, fields

from models import rows


class Unknown(Model):
    """In no application: Tortoise has not heard of it."""

    id = fields.IntField(primary_key=True)


@pytest.mark.parametrize("make", [rows.maker, rows.showing, lambda *of: rows.looked_at(*of, 0)])
def test_nothing_is_made_of_a_model_whose_columns_are_not_known_yet(make: object) -> None:
    assert callable(make)
    with pytest.raises(RuntimeError, match="Unknown"):
        make(Unknown, ("id",))
