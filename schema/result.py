"""What a session scored."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

import models
from schema.context import Info
from schema.node import column


@strawberry.type(description="One version of a session's score, never edited: a newer one supersedes it.")
class Result:
    """View of models.Result."""

    version: int = column("Counted from 1.")
    score: float = column("The points scored.")
    max_score: float = column("The points there were.")
    passed: bool | None = column("Whether the pass mark was reached; null where there is none.")
    released_at: datetime | None = column("Since when candidates and partners see it; null until staff release it.")
    created_at: datetime = column("When it was scored.")

    @strawberry.field(
        graphql_type=JSON | None, description="The points of each question by its id; null without results:write."
    )
    @staticmethod
    def marks(root: strawberry.Parent[models.Result], info: Info) -> dict[str, float] | None:
        """They tell which answers were right."""
        return root.marks if info.context.actor.may(models.Permission.GRADE) else None
