"""What the live stream delivers: views over events."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

import models
from models.session import TestSessionStatus as Status
from schema.context import Info
from schema.enums import TestSessionStatus
from schema.node import lazy
from schema.scalars import Cursor

_TestSession = lazy("schema.session.TestSession")
CURSOR = "The event's place in the log: send it as `after` to go on from here."


@strawberry.type(description="A test session went from one status to another.")
class TestSessionStatusChange:
    """View of an event of type TEST_SESSION_STATUS_CHANGED."""

    cursor: Cursor = strawberry.field(description=CURSOR)

    @strawberry.field(description="When it happened.")
    @staticmethod
    def occurred_at(root: strawberry.Parent[models.Event]) -> datetime:
        """When its transaction wrote it."""
        return root.created_at

    @strawberry.field(
        graphql_type=TestSessionStatus | None, description="The status it left; null when the session was created."
    )
    @staticmethod
    def previous_status(root: strawberry.Parent[models.Event]) -> Status | None:
        """As the event tells it."""
        return Status(root.payload["from"]) if root.payload["from"] else None

    @strawberry.field(
        graphql_type=TestSessionStatus,
        description="The status it came to. The session itself is shown as it is now, and may have gone on since.",
    )
    @staticmethod
    def status(root: strawberry.Parent[models.Event]) -> Status:
        """As the event tells it."""
        return Status(root.payload["to"])

    @strawberry.field(graphql_type=_TestSession, description="The session, as it is now.")
    @staticmethod
    async def test_session(root: strawberry.Parent[models.Event], info: Info) -> models.TestSession:
        """By the loader, which is fresh for each event."""
        return await info.context.loaders.one(models.TestSession, _session_of(root))


@strawberry.type(
    description="A test session went on: answers saved, time given or taken, a result recorded or released."
)
class TestSessionProgress:
    """View of an event of one of these types."""

    cursor: Cursor = strawberry.field(description=CURSOR)

    @strawberry.field(description="When it happened.")
    @staticmethod
    def occurred_at(root: strawberry.Parent[models.Event]) -> datetime:
        """When its transaction wrote it."""
        return root.created_at

    @strawberry.field(graphql_type=_TestSession, description="The session, as it is now.")
    @staticmethod
    async def test_session(root: strawberry.Parent[models.Event], info: Info) -> models.TestSession:
        """By the loader, which is fresh for each event."""
        return await info.context.loaders.one(models.TestSession, _session_of(root))


def _session_of(event: models.Event) -> UUID:
    if event.session_id is None:
        raise ValueError("an event about a session is filed under it")
    return event.session_id
