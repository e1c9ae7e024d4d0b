"""The live stream: what can be watched."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Annotated, Any

import strawberry

from models import Event, EventType, Task, TestSession, Ticket
from resolvers.context import Info
from schema.scalars import Cursor
from schema.stream import TestSessionProgress, TestSessionStatusChange
from services import stream

OfTask = Annotated[strawberry.ID | None, strawberry.argument(description="Only of this task.")]
OfTicket = Annotated[strawberry.ID | None, strawberry.argument(description="Only of this ticket.")]
OfSession = Annotated[strawberry.ID | None, strawberry.argument(description="Only of this session.")]
After = Annotated[
    Cursor | None, strawberry.argument(description="First everything that came after this place; null begins with now.")
]
PROGRESS = (EventType.ANSWERS_SAVED, EventType.TIME_ADJUSTED, EventType.RESULT_RECORDED, EventType.RESULTS_RELEASED)


@strawberry.type
class StreamSubscriptions:
    """Subscriptions to test sessions."""

    @strawberry.subscription(
        graphql_type=TestSessionStatusChange,
        description="Changes of status of test sessions, without a gap or a repeat. A candidate watches its own.",
    )
    def test_session_status_changed(
        self,
        info: Info,
        task_id: OfTask = None,
        ticket_id: OfTicket = None,
        test_session_id: OfSession = None,
        after: After = None,
    ) -> AsyncGenerator[Event, None]:
        """From the log."""
        return _sessions(info, (EventType.TEST_SESSION_STATUS_CHANGED,), task_id, ticket_id, test_session_id, after)

    @strawberry.subscription(
        graphql_type=TestSessionProgress,
        description="What else moves a session on: answers saved, time given or taken, results recorded, released.",
    )
    def test_session_progressed(
        self,
        info: Info,
        task_id: OfTask = None,
        ticket_id: OfTicket = None,
        test_session_id: OfSession = None,
        after: After = None,
    ) -> AsyncGenerator[Event, None]:
        """From the log."""
        return _sessions(info, PROGRESS, task_id, ticket_id, test_session_id, after)


async def fresh(info: Info, events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """The same events, each executed with nothing read before it, so that what is shown with it is as it is then."""
    async with aclosing(events):
        async for event in events:
            info.context.renew()
            yield event


def _sessions(
    info: Info,
    types: Collection[EventType],
    task: str | None,
    ticket: str | None,
    session: str | None,
    after: str | None,
) -> AsyncGenerator[Event, None]:
    watched: dict[str, Any] = {
        "types": types,
        "task_id": None if task is None else Task.key_of(task),
        "ticket_id": None if ticket is None else Ticket.key_of(ticket),
        "session_id": None if session is None else TestSession.key_of(session),
    }
    place = info.context.place
    if place is None:
        return fresh(info, stream.follow(info.context.site, info.context.actor, after=after, **watched))
    return fresh(info, place.events(info, after, **watched))
