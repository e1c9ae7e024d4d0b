"""Reading the event log."""

from __future__ import annotations

import strawberry

from models.feed import Feed
from resolvers.context import Info
from schema.event import After, EventConnection, First, Types
from services import stream


@strawberry.type
class EventQueries:
    """Queries about what happened."""

    @strawberry.field(graphql_type=EventConnection, description="The organization's event log, oldest first.")
    async def events(self, info: Info, after: After = None, first: First = 100, types: Types = None) -> Feed:
        """Staff only."""
        return await stream.page(info.context.actor, types, first, after)
