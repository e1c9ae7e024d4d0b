"""Taking hold of sessions, so that what is read stays true until the transaction ends.

Whoever takes hold of a session finds in its row that its candidate was lost, whether or not the clockwork had come by:
nothing about its time is judged before that.

Locks are taken in one order, so that nobody waits in a ring: tickets, by their keys; then the shared link that somebody
came by; then the task, which many keep at once; and the log's at the end. Who closes a task or revokes a link holds
that row alone, and the log.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import errors
from models import (
    Actor,
    Continuation,
    Permission,
    Task,
    TestSession,
    TestSessionStatus,
    Ticket,
    clock,
    moves,
    system,
)
from services import timekeeping
from services.site import Site


async def held(site: Site, actor: Actor, session_id: UUID, permission: Permission) -> tuple[TestSession, Ticket]:
    """The session and its ticket, locked, for staff. Raises NotFound, then Forbidden."""
    session = await TestSession.seen_by(actor, session_id)
    actor.must(permission)
    return await locked(site, session)


async def held_by_candidate(site: Site, actor: Actor, session_id: UUID) -> tuple[TestSession, Ticket]:
    """The candidate's own session and ticket, locked. Raises NotFound, and Forbidden for anybody else."""
    session = await TestSession.seen_by(actor, session_id)
    if not actor.is_candidate:
        raise errors.Forbidden("Only the candidate can do this.")
    return await locked(site, session)


async def locked(site: Site, session: TestSession) -> tuple[TestSession, Ticket]:
    """The session as it is once its ticket is locked."""
    ticket = await Ticket.hold(session.ticket_id)
    await session.read_again()
    await notice(site, session)
    return session, ticket


async def chosen(
    site: Site, actor: Actor, session_ids: Sequence[UUID] | None, task_id: UUID | None, **among: Any
) -> Sequence[TestSession]:
    """The sessions with these keys, or else those of the task that are `among` these columns' values; not locked.

    Raises BadRequest unless exactly one of the two is given, NotFound, and TooManyRows for no keys or too many.
    """
    if (session_ids is None) == (task_id is None):
        raise errors.BadRequest("Give either testSessionIds or a taskId.")
    if task_id is not None:
        task = await Task.seen_by(actor, task_id)
        return await TestSession.visible_to(actor).filter(task_id=task.id, **among)
    keys = session_ids or ()
    if not 1 <= len(keys) <= site.limits.rows_per_call:
        raise errors.TooManyRows(site.limits.rows_per_call)
    found = await TestSession.these(actor, keys)
    if len(found) < len(set(keys)):
        raise errors.NotFound
    return found


async def all_locked(site: Site, actor: Actor, sessions: Collection[TestSession]) -> list[TestSession]:
    """The same for several of them, oldest first."""
    await Ticket.hold_all({session.ticket_id for session in sessions})
    rows = await TestSession.these(actor, [session.id for session in sessions])
    for session in rows:
        await notice(site, session)
    return rows


async def notice(site: Site, session: TestSession) -> bool:
    """Mark the session INTERRUPTED if its candidate is lost; whether they were. The ticket's lock is held.

    Where the task stops the clock, it stopped at the last sign of life: the time until somebody noticed was not the
    candidate's.
    """
    if not timekeeping.is_lost(session, clock.now(), site.limits.silence):
        return False
    by = system(session.organization_id)
    task = await Task.seen_by(by, session.task_id)
    stopped_at = session.last_seen_at if task.continuation is Continuation.CLOCK_STOPS else None
    await moves.move(session, TestSessionStatus.INTERRUPTED, by, stopped_at=stopped_at)
    return True


def must_be(session: TestSession, statuses: Collection[TestSessionStatus], wanted: TestSessionStatus) -> None:
    """Raise MoveNotAllowed unless the session is in one of these statuses: narrower than the state table."""
    if session.status not in statuses:
        raise errors.MoveNotAllowed(session.status, wanted)
