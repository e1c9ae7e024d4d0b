"""The event log, as staff read it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

import models
from models.feed import Feed
from schema.context import Info
from schema.enums import EventType
from schema.node import Node, PageInfo, column, view
from schema.scalars import Cursor

After = Annotated[
    Cursor | None, strawberry.argument(description="Begin after this place; null begins with the oldest.")
]
First = Annotated[int | None, strawberry.argument(description="How many, at most 100.")]
Types = Annotated[list[EventType] | None, strawberry.argument(description="Only what is of one of these types.")]


@view(models.Event, description="One change, in the append-only log: never personal data, codes or tokens.")
class Event(Node):
    """View of models.Event."""

    type: EventType = column("What happened.")
    subject: str = column("The global id of what it happened to.")
    actor: str = column("The global id of who did it; `system` is the server itself.")
    payload: JSON = column("What else there is to say; its keys depend on the type.")
    cursor: Cursor = column("Its place in the log.")

    @strawberry.field(description="When it happened.")
    @staticmethod
    def occurred_at(root: strawberry.Parent[models.Event]) -> datetime:
        """When its transaction wrote it."""
        return root.created_at


@strawberry.type(description="An event and its place in the log.")
class EventEdge:
    """Relay's edge, of an event that knows its place."""

    cursor: Cursor = column("The event's place: send it as `after`.")

    @strawberry.field(graphql_type=Event, description="The event.")
    @staticmethod
    def node(root: strawberry.Parent[models.Event]) -> models.Event:
        """Itself."""
        return root


@strawberry.type(description="A page of the event log, oldest first.")
class EventConnection:
    """View of models.feed.Feed."""

    edges: list[EventEdge] = column("The page's events with their cursors.")
    nodes: list[Event] = column("The page's events.")
    page_info: PageInfo = column("Where the page lies.")
    head: Cursor = column(
        "The log's end: ask for it, read what you show, then subscribe after it, and nothing is missed."
    )

    @strawberry.field(description="How many events fit in all, wherever the page begins; counted when asked for.")
    @staticmethod
    async def total_count(root: strawberry.Parent[Feed], info: Info) -> int:
        """One more statement."""
        total: int = await root.total(info.context.loaders)
        return total
