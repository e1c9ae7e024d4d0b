"""A list of labels in one text column, searchable in the same way on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from typing import Any

import orjson
from tortoise import Model, fields


class LabelsField(fields.TextField):
    """Stored as a JSON array of strings, so that `"label"` with its quotes is a whole entry."""

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> str:
        """JSON text; a string is taken for such text already (a filter's pattern)."""
        if isinstance(value, str):
            return value
        return json.dumps(value, ensure_ascii=False) if value else "[]"

    def to_python_value(self, value: Any) -> list[str]:
        """The list."""
        kept: list[str] = orjson.loads(value) if isinstance(value, str) else list(value or [])
        return kept


def labels_field() -> Any:
    """A column of labels, none by default; the row's attribute is the list."""
    return LabelsField(default=list)


def pattern(label: str) -> str:
    """What `labels__contains` looks for to find a whole label."""
    return json.dumps(label, ensure_ascii=False)
