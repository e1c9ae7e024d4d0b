"""Inputs and answers of the proctor's and the instructor's side."""

from __future__ import annotations

from collections.abc import Sequence

import strawberry

import errors
import models
from schema.enums import TimeCause
from schema.node import column, optional
from schema.refusals import result
from schema.session import TestSession


def _session() -> models.TestSession:
    field: models.TestSession = strawberry.field(graphql_type=TestSession, description="The session as it is now.")
    return field


def _sessions(description: str) -> Sequence[models.TestSession]:
    field: Sequence[models.TestSession] = strawberry.field(graphql_type=list[TestSession], description=description)
    return field


@strawberry.type(description="The candidate may begin; the clock starts when they do.")
class AdmitTestSessionSuccess:
    """What admitTestSession answers."""

    test_session: models.TestSession = _session()


AdmitTestSessionResult = result("AdmitTestSessionResult", AdmitTestSessionSuccess, errors.MoveNotAllowed)


@strawberry.input(description="Which session to pause, and why.")
class PauseTestSessionInput:
    """What pauseTestSession takes."""

    test_session_id: strawberry.ID = column("The session.")
    reason: str | None = optional("Why: staff read it in the event log.")


@strawberry.type(description="The clock stands still.")
class PauseTestSessionSuccess:
    """What pauseTestSession answers."""

    test_session: models.TestSession = _session()


PauseTestSessionResult = result(
    "PauseTestSessionResult", PauseTestSessionSuccess, errors.InvalidInput, errors.MoveNotAllowed
)


@strawberry.type(description="The clock runs again; the ledger has given back what the pause took.")
class ResumeTestSessionSuccess:
    """What resumeTestSession answers."""

    test_session: models.TestSession = _session()


ResumeTestSessionResult = result("ResumeTestSessionResult", ResumeTestSessionSuccess, errors.MoveNotAllowed)


@strawberry.input(description="Which session to end, and why.")
class TerminateTestSessionInput:
    """What terminateTestSession takes."""

    test_session_id: strawberry.ID = column("The session.")
    reason: str | None = optional("Why: staff read it in the event log.")


@strawberry.type(description="The session has ended: TERMINATED, or CANCELLED if it never began.")
class TerminateTestSessionSuccess:
    """What terminateTestSession answers."""

    test_session: models.TestSession = _session()


TerminateTestSessionResult = result(
    "TerminateTestSessionResult", TerminateTestSessionSuccess, errors.InvalidInput, errors.MoveNotAllowed
)


@strawberry.input(description="Time to give or take, in some sessions or in all of a task that run.")
class AdjustTimeInput:
    """What adjustTime takes: exactly one of testSessionIds and taskId."""

    test_session_ids: list[strawberry.ID] | None = optional("These sessions.")
    task_id: strawberry.ID | None = optional("Every unfinished session of this task that has begun and has a deadline.")
    seconds: int = column("How much; negative takes, but no more than is left.")
    cause: TimeCause | None = optional("Why.", models.TimeCause.PROCTOR)
    reason: str | None = optional("Why, in words: it stands in the ledger, which the candidate can read.")


@strawberry.type(description="The deadlines have moved, at once.")
class AdjustTimeSuccess:
    """What adjustTime answers."""

    test_sessions: Sequence[models.TestSession] = _sessions("The sessions whose deadline was looked at.")


AdjustTimeResult = result(
    "AdjustTimeResult", AdjustTimeSuccess, errors.InvalidInput, errors.SessionEnded, errors.TooManyRows
)


@strawberry.input(description="Which session to bring back, and with how much time.")
class ReinstateTestSessionInput:
    """What reinstateTestSession takes."""

    test_session_id: strawberry.ID = column("The session.")
    seconds: int | None = optional("Time on top of what was left when it ended.", 0)
    reason: str | None = optional("Why, in words: it stands in the ledger, which the candidate can read.")


@strawberry.type(description="The session is back, paused; its old result counts no more.")
class ReinstateTestSessionSuccess:
    """What reinstateTestSession answers."""

    test_session: models.TestSession = _session()


ReinstateTestSessionResult = result(
    "ReinstateTestSessionResult",
    ReinstateTestSessionSuccess,
    errors.AnotherTestRunning,
    errors.AssessmentEnded,
    errors.InvalidInput,
    errors.MoveNotAllowed,
    errors.TicketRevoked,
)


@strawberry.input(description="An instructor's mark for one answer.")
class GradeAnswerInput:
    """What gradeAnswer takes."""

    test_session_id: strawberry.ID = column("The session.")
    question_id: strawberry.ID = column("The question, of any kind: a mark overrules the key.")
    points: float = column("Between 0 and what the question is worth.")
    comment: str | None = optional("A remark, at most 5,000 characters.")


@strawberry.type(description="The mark is kept; once nothing waits for one, there is a result.")
class GradeAnswerSuccess:
    """What gradeAnswer answers."""

    test_session: models.TestSession = _session()


GradeAnswerResult = result("GradeAnswerResult", GradeAnswerSuccess, errors.GradingNotPossible, errors.InvalidInput)


@strawberry.input(description="Whose results to release.")
class ReleaseResultsInput:
    """What releaseResults takes: exactly one of the two."""

    test_session_ids: list[strawberry.ID] | None = optional("These sessions, all of them graded.")
    task_id: strawberry.ID | None = optional("Every session of this task that is graded.")


@strawberry.type(description="Candidates and partners see these results from now on.")
class ReleaseResultsSuccess:
    """What releaseResults answers."""

    test_sessions: Sequence[models.TestSession] = _sessions("The sessions whose results are out.")


ReleaseResultsResult = result(
    "ReleaseResultsResult", ReleaseResultsSuccess, errors.GradingNotPossible, errors.TooManyRows
)
