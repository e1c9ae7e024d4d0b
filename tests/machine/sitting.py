"""The reference for sitting a test: starting, answering, handing in, and how a session and its assessment end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.machine.entering import barriers, consume, withdrawn
from tests.machine.marking import grade
from tests.machine.tables import ENDED, UNFINISHED, WAITING
from tests.machine.things import GRACE, LOST, Assessment, No, Session, Step, World


def start(world: World, assessment: Assessment, step: Step) -> Session:
    """Begin the step or go on with it."""
    ticket, sessions = assessment.ticket, assessment.sessions
    if step not in ticket.task.steps:
        raise No("NOT_FOUND")
    settle(world, *sessions)
    mine = [session for session in sessions if session.step is step]
    current = next((session for session in mine if session.status in UNFINISHED), None)
    if current is not None:
        _go_on(world, current)
        return current
    if step.limit is not None and sum(session.counts for session in mine) >= step.limit:
        raise No("AttemptsSpent")
    if not assessment.is_open:
        raise No("AssessmentEnded")
    if any(session.status in UNFINISHED for session in sessions):
        raise No("AnotherTestRunning")
    if found := barriers(ticket, world.now):
        raise No(found[0])
    made = Session(assessment, step, len(mine) + 1, "AWAITING_PROCTOR", world.now)
    sessions.append(made)
    if not ticket.task.proctored:
        _begin(world, made)
    return made


def _go_on(world: World, session: Session) -> None:
    if session.status != "READY":
        present(world, session)
        return
    if session.task.has_closed(world.now):
        raise No("TicketExpired")
    if why := withdrawn(session.assessment.ticket):
        raise No(why)
    _begin(world, session)


def _begin(world: World, session: Session) -> None:
    """The clock starts: its time limit, cut by the task's end, and then the extra time, which nothing cuts."""
    task, ticket = session.task, session.assessment.ticket
    session.status, session.started, session.seen = "ACTIVE", world.now, world.now
    session.base = session.step.seconds or session.step.test.seconds
    if session.base is None and task.closes is not None:
        session.base = math.floor((task.closes - world.now).total_seconds())
    if session.base is not None:
        if task.closes is not None and world.now + timedelta(seconds=session.base) > task.closes:
            over = world.now + timedelta(seconds=session.base) - task.closes
            session.ledger.append((-math.ceil(over.total_seconds()), "WINDOW"))
        if ticket.extra:
            session.ledger.append((math.ceil(session.base * ticket.extra / 100), "ACCOMMODATION"))
    if session.assessment.status == "CREATED":
        session.assessment.status = "IN_PROGRESS"


def is_over(world: World, session: Session) -> bool:
    """Whether its time is up, though nobody may have closed it yet."""
    return session.ticks and session.deadline is not None and world.now >= session.deadline + GRACE


def notice(world: World, *sessions: Session) -> int:
    """Whoever was not heard of is lost, and where the task says so, the clock stopped at the last sign of life."""
    lost = [one for one in sessions if one.status == "ACTIVE" and one.seen < world.now - LOST]
    for session in lost:
        session.status = "INTERRUPTED"
        session.stopped = session.seen if session.task.stops else None
    return len(lost)


def settle(world: World, *sessions: Session) -> int:
    """Close as of their deadline those whose time is up, once it is known who was lost."""
    notice(world, *sessions)
    late = [session for session in sessions if is_over(world, session)]
    for session in late:
        end(world, session, "TIMED_OUT", session.deadline or world.now)
    return len(late)


def present(world: World, session: Session) -> None:
    """The candidate is there."""
    if session.status in UNFINISHED:
        session.seen = world.now
    if session.status == "INTERRUPTED":
        give_back(session, world.now, "INTERRUPTION")
        session.status = "ACTIVE"


def give_back(session: Session, until: datetime, cause: str) -> None:
    """The time that the clock stood still."""
    if session.stopped is not None:
        enter_seconds(session, math.ceil((until - session.stopped).total_seconds()), cause)
    session.stopped = None


def enter_seconds(session: Session, seconds: int, cause: str) -> None:
    """Into the ledger, where there is a deadline to move."""
    if seconds and session.deadline is not None:
        session.ledger.append((seconds, cause))


def beat(world: World, session: Session) -> Session:
    """A heartbeat."""
    settle(world, session)
    present(world, session)
    return session


def save(world: World, session: Session, rows: Sequence[tuple[str, Any, int]]) -> Session:
    """Keep answers `(question, value, sequence)`: the highest sequence counts, nothing counts after the grace."""
    notice(world, session)
    late = session.ticks and session.deadline is not None and world.now > session.deadline + GRACE
    if session.status == "TIMED_OUT" or late:
        raise No("DeadlinePassed")
    if session.status in ENDED:
        raise No("SessionEnded")
    _must_run(session)
    if any(question not in session.step.test.questions.values() for question, _, _ in rows):
        raise No("InvalidAnswers")
    for question, value, sequence in rows:
        if question not in session.answers or sequence > session.answers[question][1]:
            session.answers[question] = (value, sequence, world.now)
    present(world, session)
    return session


def _must_run(session: Session) -> None:
    if session.status in WAITING:
        raise No("ProctorAwaited")
    if session.status == "PAUSED":
        raise No("SessionPaused")


def submit(world: World, session: Session) -> Session:
    """Hand in; again changes nothing."""
    settle(world, session)
    if session.status not in ENDED:
        _must_run(session)
        present(world, session)
        end(world, session, "SUBMITTED", moment(world, session))
    return session


def moment(world: World, session: Session) -> datetime:
    """When what ends now has ended: within the grace, at the deadline."""
    return min(world.now, session.deadline) if session.ticks and session.deadline else world.now


def end(world: World, session: Session, to: str, at: datetime) -> None:
    """The session is over, scored, and perhaps the last of its assessment."""
    session.status, session.ended = to, at
    session.endings += 1
    if to != "CANCELLED":
        grade(world, session)
    assessment = session.assessment
    spent = all(
        step.limit is not None and sum(one.counts for one in assessment.sessions if one.step is step) >= step.limit
        for step in session.task.steps
    )
    if assessment.status == "IN_PROGRESS" and spent and incomplete(assessment) is None:
        close(assessment, "COMPLETED", at)


def incomplete(assessment: Assessment) -> str | None:
    """Why the assessment cannot be complete."""
    if any(session.status in UNFINISHED for session in assessment.sessions):
        return "AnotherTestRunning"
    sat = [session.step for session in assessment.sessions if session.counts]
    missing = [step for step in assessment.ticket.task.steps if step.required and step not in sat]
    return "RequiredTestsUnfinished" if missing or not sat else None


def close(assessment: Assessment, to: str, at: datetime) -> None:
    """End the assessment, and perhaps use its ticket up."""
    assessment.status, assessment.ended = to, at
    consume(assessment.ticket)


def complete(world: World, assessment: Assessment) -> Assessment:
    """The candidate is done; again changes nothing."""
    settle(world, *assessment.sessions)
    if assessment.status == "COMPLETED":
        return assessment
    if not assessment.is_open:
        raise No("AssessmentEnded")
    if why := incomplete(assessment):
        raise No(why)
    close(assessment, "COMPLETED", world.now)
    return assessment


def sweep_overdue(world: World) -> int:
    """The clockwork closes what is over."""
    return settle(world, *[session for session in world.sessions() if is_over(world, session)])


def sweep_lost(world: World) -> int:
    """The clockwork notes who was not heard of."""
    return notice(world, *world.sessions())


def sweep_lapsed(world: World) -> int:
    """The clockwork ends the assessments that nobody sits and whose time has passed."""
    lapsed = 0
    for ticket in world.tickets:
        assessment = ticket.open()
        ends = [at for at in (ticket.task.closes, ticket.ends) if at is not None and world.now >= at]
        if not ends or assessment is None:
            continue
        unfinished = [one for one in assessment.sessions if one.status in UNFINISHED]
        if unfinished and (ticket.task.closes not in ends or any(one.started for one in unfinished)):
            continue
        for session in unfinished:  # whoever still waits when the task closes can never begin
            end(world, session, "CANCELLED", ticket.task.closes or world.now)
        at = max([min(ends), *(one.ended for one in assessment.sessions if one.ended)])
        close(assessment, "LAPSED" if incomplete(assessment) else "COMPLETED", at)
        lapsed += 1
    return lapsed
