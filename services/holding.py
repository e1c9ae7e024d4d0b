"""Taking hold of a session, so that what is read stays true until the transaction ends."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import errors
from models import Actor, Permission, TestSession, TestSessionStatus, Ticket


async def held(actor: Actor, session_id: UUID, permission: Permission) -> tuple[TestSession, Ticket]:
    """The session and its ticket, locked, for staff. Raises NotFound, then Forbidden."""
    session = await TestSession.seen_by(actor, session_id)
    actor.must(permission)
    return await locked(session)


async def held_by_candidate(actor: Actor, session_id: UUID) -> tuple[TestSession, Ticket]:
    """The candidate's own session and ticket, locked. Raises NotFound, and Forbidden for anybody else."""
    session = await TestSession.seen_by(actor, session_id)
    if not actor.is_candidate:
        raise errors.Forbidden("Only the candidate can do this.")
    return await locked(session)


async def locked(session: TestSession) -> tuple[TestSession, Ticket]:
    """The session as it is once its ticket is locked."""
    ticket = await Ticket.hold(session.ticket_id)
    await session.refresh_from_db()
    return session, ticket


def must_be(session: TestSession, statuses: Collection[TestSessionStatus], wanted: TestSessionStatus) -> None:
    """Raise MoveNotAllowed unless the session is in one of these statuses: narrower than the state table."""
    if session.status not in statuses:
        raise errors.MoveNotAllowed(session.status, wanted)
