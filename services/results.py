"""Grading what has ended, marking what a person has to mark, and releasing what is graded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import errors
from models import (
    Actor,
    Answer,
    EventType,
    GradingStatus,
    Permission,
    Result,
    ResultRelease,
    Review,
    Task,
    Test,
    TestSession,
    clock,
)
from models.event import record
from models.unit import transactional
from services import scoring, texts
from services.holding import all_locked, chosen, held
from services.site import Site

COMMENT = 5_000
_LATER = timedelta(microseconds=1)
MARKABLE = (GradingStatus.PENDING_MANUAL, GradingStatus.FULLY_GRADED)


async def grade(session: TestSession, actor: Actor) -> None:
    """Score a session that has ended, as far as it can be; its ticket's lock is held.

    A score that differs from the version that counts becomes a new version, which supersedes it.
    """
    test = await Test.seen_by(actor, session.test_id)
    answers = await Answer.of(session)
    values = {key: answer.value for key, answer in answers.items()}
    marks = scoring.marks(test.questions, values, _given(await Review.of(session), answers))
    known = {key: points for key, points in marks.items() if points is not None}
    whole = len(known) == len(marks)
    await session.store(grading=GradingStatus.FULLY_GRADED if whole else GradingStatus.PENDING_MANUAL)
    if whole:
        await _record(session, test, known, actor)


async def withdraw(session: TestSession) -> None:
    """The session goes on: whatever it scored counts no more. Its ticket's lock is held."""
    await Result.supersede(session, clock.now())
    await session.store(grading=GradingStatus.NOT_READY)


@transactional
async def mark(
    site: Site, actor: Actor, session_id: UUID, question_id: str, points: float, comment: str | None
) -> TestSession:
    """Give one answer an instructor's mark; the newest counts, and every one is kept.

    Raises GradingNotPossible before the end, InvalidInput for points that the question does not have.
    """
    session, _ = await held(site, actor, session_id, Permission.GRADE)
    if session.grading not in MARKABLE:
        raise errors.GradingNotPossible
    test = await Test.seen_by(actor, session.test_id)
    question = next((one for one in test.questions if one.id == question_id), None)
    if question is None:
        raise errors.InvalidInput("questionId", "The test has no such question.")
    if not 0 <= points <= question.points:  # false for NaN, too
        raise errors.InvalidInput("points", f"Give between 0 and {question.points:g} points.")
    answer, earlier = (await Answer.of(session)).get(question_id), await Review.of(session)
    # whoever marks has seen the answer and the marks before, whatever the clock says by now: it may have been set back
    seen = [clock.now(), *([answer.received_at] if answer else []), *(one.created_at + _LATER for one in earlier[-1:])]
    await Review.create(
        created_at=max(seen),
        organization_id=session.organization_id,
        session_id=session.id,
        question_id=question_id,
        points=points,
        comment=texts.optional_body("comment", comment, COMMENT),
        reviewer=actor.gid,
    )
    record(EventType.ANSWER_GRADED, session.gid, actor, **session.concerns(), question=question_id)
    await grade(session, actor)
    return session


@transactional
async def release(
    site: Site, actor: Actor, session_ids: Sequence[UUID] | None, task_id: UUID | None
) -> Sequence[TestSession]:
    """Let candidates and partners see the results of these sessions, or of all of the task that are graded.

    Answers the sessions; one whose result was out already is among them. Raises BadRequest unless exactly one of the
    two is given, NotFound, TooManyRows, and GradingNotPossible, having released nothing, if one of them is not graded.
    """
    sessions = await chosen(site, actor, session_ids, task_id, grading=GradingStatus.FULLY_GRADED)
    actor.must(Permission.GRADE)
    sessions = await all_locked(site, actor, sessions)
    graded = [session for session in sessions if session.grading is GradingStatus.FULLY_GRADED]
    if session_ids is not None and len(graded) < len(sessions):
        raise errors.GradingNotPossible
    await _release({session.id: session for session in graded}, actor)
    return graded


async def _record(session: TestSession, test: Test, marks: dict[str, float], actor: Actor) -> None:
    now = clock.now()
    before = await Result.of(session)
    current = next((one for one in before if one.superseded_at is None), None)
    if current is not None and current.marks == marks:
        return
    await Result.supersede(session, now)
    score = math.fsum(marks.values())
    result = await Result.create(
        organization_id=session.organization_id,
        session_id=session.id,
        created_at=max(now, session.ended_at or now),  # never before the end, though the clock was set back since
        version=len(before) + 1,
        score=score,
        max_score=test.max_score,
        passed=scoring.passed(score, test.max_score, test.pass_ratio),
        marks=marks,
    )
    record(EventType.RESULT_RECORDED, session.gid, actor, **session.concerns(), version=result.version)
    task = await Task.seen_by(actor, session.task_id)
    if task.result_release is ResultRelease.AUTOMATIC:
        await _release({session.id: session}, actor)


async def _release(sessions: dict[UUID, TestSession], actor: Actor) -> None:
    results = await Result.unreleased_of(sessions)
    await Result.release([result.id for result in results], clock.now())
    for result in results:
        session = sessions[result.session_id]
        record(EventType.RESULTS_RELEASED, session.gid, actor, **session.concerns(), version=result.version)


def _given(reviews: Sequence[Review], answers: dict[str, Answer]) -> dict[str, float]:
    """The newest mark of each question, unless its answer came later: a reinstated session may change it."""
    newest = {review.question_id: review for review in reviews}
    return {
        key: review.points
        for key, review in newest.items()
        if key not in answers or answers[key].received_at <= review.created_at
    }
