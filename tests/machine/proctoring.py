"""The reference for what proctors do, and for taking tickets back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from tests.machine import marking
from tests.machine.sitting import end, enter_seconds, give_back, is_over, moment, notice, settle
from tests.machine.tables import ENDED, RUNNING, UNFINISHED
from tests.machine.things import No, Session, Task, Ticket, World


def admit(world: World, session: Session) -> Session:
    """Let the candidate begin."""
    if session.status != "AWAITING_PROCTOR":
        raise No("MoveNotAllowed")
    session.status = "READY"
    return session


def pause(world: World, session: Session) -> Session:
    """Stop the clock."""
    notice(world, session)
    if is_over(world, session) or session.status not in RUNNING:
        raise No("MoveNotAllowed")
    at = moment(world, session)
    give_back(session, at, "INTERRUPTION")
    session.status, session.stopped = "PAUSED", at
    return session


def resume(world: World, session: Session) -> Session:
    """Start it again."""
    if session.status != "PAUSED":
        raise No("MoveNotAllowed")
    give_back(session, world.now, "PAUSE")
    session.status, session.seen = "ACTIVE", world.now
    return session


def terminate(world: World, session: Session) -> Session:
    """End a session that can still go on."""
    notice(world, session)
    if is_over(world, session) or session.status not in UNFINISHED:
        raise No("MoveNotAllowed")
    stop(world, session)
    return session


def stop(world: World, session: Session) -> None:
    """Terminated if it had begun, cancelled otherwise."""
    end(world, session, "TERMINATED" if session.started else "CANCELLED", moment(world, session))


def reinstate(world: World, session: Session, seconds: int) -> Session:
    """Bring it back, paused, with the time that was left and `seconds` more."""
    assessment, ticket = session.assessment, session.assessment.ticket
    if session.status not in ENDED or session.started is None:
        raise No("MoveNotAllowed")
    if ticket.status == "REVOKED":
        raise No("TicketRevoked")
    if ticket.unfinished() or (not assessment.is_open and ticket.open()):
        raise No("AnotherTestRunning")
    if not assessment.is_open:
        assessment.status, assessment.ended = "IN_PROGRESS", None
    if ticket.status == "CONSUMED":
        ticket.status = "ACTIVATED"
    away = world.now - (session.stopped or session.ended or world.now)
    enter_seconds(session, math.ceil(away.total_seconds()) + seconds, "REINSTATEMENT")
    session.status, session.stopped, session.ended = "PAUSED", world.now, None
    marking.withdraw(world, session)
    session.grading = "NOT_READY"
    return session


def adjust(world: World, sessions: Sequence[Session], seconds: int) -> list[Session]:
    """Give or take time in all of these or none; more than what is left cannot be taken."""
    notice(world, *sessions)
    for session in sorted(sessions, key=lambda one: one.gid):
        if session.status in ENDED or is_over(world, session):
            raise No("SessionEnded")
        if session.deadline is None:
            raise No("InvalidInput")
        left = max(timedelta(0), session.deadline - (session.stopped or world.now))
        enter_seconds(session, max(seconds, -math.floor(left.total_seconds())), "PROCTOR")
    return list(sessions)


def adjust_all(world: World, task: Task, seconds: int) -> list[Session]:
    """The same for all of the task that have a clock and whose time is not up."""
    unfinished = [one for one in world.sessions() if one.task is task and one.status in UNFINISHED]
    notice(world, *unfinished)
    return adjust(world, [one for one in unfinished if one.deadline and not is_over(world, one)], seconds)


def revoke(world: World, tickets: Sequence[Ticket], end_sessions: bool) -> list[Ticket]:
    """Withdraw tickets for good; what runs goes on, or ends at once."""
    for ticket in tickets:
        ticket.status = "REVOKED"
        for session in ticket.unfinished() if end_sessions else ():
            if not settle(world, session):
                stop(world, session)
    return list(tickets)


def actions(session: Session) -> set[str]:
    """What staff are shown that they can do."""
    possible = {
        "ADMIT": session.status == "AWAITING_PROCTOR",
        "PAUSE": session.status in RUNNING,
        "RESUME": session.status == "PAUSED",
        "TERMINATE": session.status in UNFINISHED,
        "ADJUST_TIME": session.status in UNFINISHED and session.deadline is not None,
        "REINSTATE": session.status in ENDED and session.started is not None,
        "GRADE": session.grading in ("PENDING_MANUAL", "FULLY_GRADED"),
        "RELEASE": session.grading == "FULLY_GRADED",
    }
    return {action for action, can in possible.items() if can}
