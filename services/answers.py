"""Saving answers one by one: acknowledged when they are in the database, and never lost after that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import errors
from errors import Problem
from models import Actor, Answer, EventType, Permission, Question, Test, TestSession, TestSessionStatus, clock
from models.event import record
from models.unit import transactional
from services import scoring, sessions, timekeeping
from services.holding import held_by_candidate
from services.site import Site

AT_ONCE = 500
_SEQUENCE = 1 << 63  # what the column holds


@dataclass(frozen=True)
class Draft:
    """An answer as the candidate's client sends it; of a question's drafts the highest sequence counts."""

    question_id: str
    value: Any
    sequence: int


@dataclass(frozen=True)
class Saved:
    """What was acknowledged, and when."""

    session: TestSession
    saved_at: datetime


@transactional
async def save(site: Site, actor: Actor, session_id: UUID, drafts: Sequence[Draft]) -> Saved:
    """Keep these answers; one that is older than what we have is acknowledged and changes nothing.

    Raises TooManyRows, ProctorAwaited, SessionPaused, SessionEnded, DeadlinePassed, or InvalidAnswers naming each bad
    one; then nothing of the call was kept.
    """
    session, _ = await held_by_candidate(site, actor, session_id)
    if len(drafts) > AT_ONCE:
        raise errors.TooManyRows(AT_ONCE)
    _must_take(session, site.limits.answer_grace)
    test = await Test.seen_by(actor, session.test_id)
    questions = {question.id: question for question in test.questions}
    if problems := [problem for at, draft in enumerate(drafts) if (problem := _problem(at, draft, questions))]:
        raise errors.InvalidAnswers(problems)
    known = await Answer.of(session)
    fresh = _fresh(session, drafts, known)
    await Answer.keep(fresh)
    known |= {answer.question_id: answer for answer in fresh}
    await _note(session, sum(answer.value is not None for answer in known.values()), bool(fresh), actor)
    return Saved(session, clock.now())


async def of_session(actor: Actor, session: TestSession) -> dict[str, Answer]:
    """The candidate's answers by question, for the candidate and for whoever grades."""
    mine = await TestSession.seen_by(actor, session.id)
    if not actor.is_candidate:
        actor.must(Permission.GRADE)
    return await Answer.of(mine)


def _must_take(session: TestSession, grace: timedelta) -> None:
    """Raise why the session takes no answer now."""
    if session.status is TestSessionStatus.TIMED_OUT or timekeeping.is_late(session, clock.now(), grace):
        raise errors.DeadlinePassed
    if session.has_ended:
        raise errors.SessionEnded
    sessions.must_run(session)


def _problem(index: int, draft: Draft, questions: Mapping[str, Question]) -> Problem | None:
    if draft.question_id not in questions:
        return Problem(index, "questionId", "The test has no such question.")
    if not 0 <= draft.sequence < _SEQUENCE:
        return Problem(index, "sequence", "A sequence counts up from 0.")
    wrong = scoring.problem_of(questions[draft.question_id], scoring.cleaned(draft.value))
    return Problem(index, "value", wrong) if wrong else None


def _fresh(session: TestSession, drafts: Sequence[Draft], known: Mapping[str, Answer]) -> list[Answer]:
    """The newest draft of each question that is newer than what is kept."""
    sequences = {key: answer.sequence for key, answer in known.items()}
    newest: dict[str, Draft] = {}
    for draft in drafts:
        if draft.sequence > sequences.get(draft.question_id, -1):
            sequences[draft.question_id] = draft.sequence
            newest[draft.question_id] = draft
    return [
        Answer(
            organization_id=session.organization_id,
            session_id=session.id,
            question_id=draft.question_id,
            content={"value": scoring.cleaned(draft.value)},
            sequence=draft.sequence,
        )
        for draft in newest.values()
    ]


async def _note(session: TestSession, answered: int, changed: bool, actor: Actor) -> None:
    """How far the candidate is; whoever saves is there."""
    await session.store(answered=answered)
    await sessions.present(session, actor)
    if changed:
        record(
            EventType.ANSWERS_SAVED, session.gid, actor, **session.concerns(), answered=answered, total=session.total
        )
