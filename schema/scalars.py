"""Scalars that the contract names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

URL = NewType("URL", str)
Cursor = NewType("Cursor", str)


def moment(text: str) -> datetime:
    """The moment that the text means, in UTC. Raises ValueError without a zone: nobody could say whose clock it is."""
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError("Give a time with its zone, like 2026-01-02T03:04:05Z.")
    return read.astimezone(UTC)


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment by ISO 8601, with its zone; answers are in UTC.",
        serialize=datetime.isoformat,
        parse_value=moment,
    ),
    URL: strawberry.scalar(name="URL", description="An absolute address.", serialize=str, parse_value=str),
    Cursor: strawberry.scalar(
        name="Cursor", description="A position in the event log; opaque.", serialize=str, parse_value=str
    ),
}
