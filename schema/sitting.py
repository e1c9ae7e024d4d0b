"""Inputs and answers of the candidate's side."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

import errors
import models
from schema.assessment import Assessment
from schema.node import column
from schema.refusals import result
from schema.scalars import URL
from schema.session import TestSession


@strawberry.input(description="A Task link's slug, and an invitation code.")
class EnterTaskInput:
    """What enterTask takes."""

    task_slug: str = column("The last part of the Task link.")
    invitation_code: str = column("The ticket's code, in any case, with or without dashes.")


@strawberry.input(description="A shared link's token.")
class RedeemAccessLinkInput:
    """What redeemAccessLink takes."""

    token: str = column("The last part of the shared link.")


@strawberry.type(description="The candidate is in: the same assessment, however often they come.")
class EnterTaskSuccess:
    """What enterTask and redeemAccessLink answer."""

    assessment: models.Assessment = strawberry.field(graphql_type=Assessment, description="The open assessment.")
    access_token: str = column("The candidate's credential: send it as `Authorization: Bearer …`.")


EnterTaskResult = result(
    "EnterTaskResult",
    EnterTaskSuccess,
    errors.CodeUnknown,
    errors.LinkExpired,
    errors.LinkInvalid,
    errors.LinkRevoked,
    errors.LinkSpent,
    errors.TaskNotOpen,
    errors.TicketConsumed,
    errors.TicketExpired,
    errors.TicketNotYetValid,
    errors.TicketRevoked,
    errors.TicketSuspended,
)


@strawberry.input(description="Which step to begin or to go on with.")
class StartTestInput:
    """What startTest takes."""

    step_id: strawberry.ID = column("The step.")


@strawberry.type(description="The step's session: AWAITING_PROCTOR where a proctor has to let the candidate begin.")
class StartTestSuccess:
    """What startTest answers."""

    test_session: models.TestSession = strawberry.field(graphql_type=TestSession, description="The step's session.")


StartTestResult = result(
    "StartTestResult",
    StartTestSuccess,
    errors.AnotherTestRunning,
    errors.AssessmentEnded,
    errors.AttemptsSpent,
    errors.TaskNotOpen,
    errors.TicketConsumed,
    errors.TicketExpired,
    errors.TicketNotYetValid,
    errors.TicketRevoked,
    errors.TicketSuspended,
)


@strawberry.input(description="One answer.")
class AnswerInput:
    """One of saveAnswers' rows."""

    question_id: strawberry.ID = column("The question.")
    value: JSON | None = strawberry.field(
        default=strawberry.UNSET,
        description="Option id, list of option ids, boolean, number or string; null takes the answer back.",
    )
    sequence: int = column("Counts up with each change of an answer: the highest wins, whatever arrives last.")


@strawberry.input(description="Answers to save.")
class SaveAnswersInput:
    """What saveAnswers takes."""

    test_session_id: strawberry.ID = column("The session.")
    answers: list[AnswerInput] = column("At most 500.")


@strawberry.type(description="The answers are in the database, and nothing loses them any more.")
class SaveAnswersSuccess:
    """What saveAnswers answers."""

    test_session: models.TestSession = strawberry.field(
        graphql_type=TestSession, description="The session as it is now."
    )
    saved_at: datetime = column("When they were saved.")


SaveAnswersResult = result(
    "SaveAnswersResult",
    SaveAnswersSuccess,
    errors.DeadlinePassed,
    errors.InvalidAnswers,
    errors.ProctorAwaited,
    errors.SessionEnded,
    errors.SessionPaused,
    errors.TooManyRows,
)


@strawberry.input(description="Which session.")
class TestSessionIdInput:
    """What mutations of one session take that need to know nothing else."""

    __test__ = False

    test_session_id: strawberry.ID = column("The session.")


@strawberry.type(description="The session has ended: handed in now, or in whatever way it had ended before.")
class SubmitTestSessionSuccess:
    """What submitTestSession answers."""

    test_session: models.TestSession = strawberry.field(
        graphql_type=TestSession, description="The session as it is now."
    )
    finish_url: URL = column("Where the candidate goes.")


SubmitTestSessionResult = result(
    "SubmitTestSessionResult", SubmitTestSessionSuccess, errors.ProctorAwaited, errors.SessionPaused
)


@strawberry.input(description="Which assessment is done.")
class CompleteAssessmentInput:
    """What completeAssessment takes."""

    assessment_id: strawberry.ID = column("The candidate's own assessment.")


@strawberry.type(description="The assessment is complete: now, or before.")
class CompleteAssessmentSuccess:
    """What completeAssessment answers."""

    assessment: models.Assessment = strawberry.field(
        graphql_type=Assessment, description="The assessment as it is now."
    )
    finish_url: URL = column("Where the candidate goes.")


CompleteAssessmentResult = result(
    "CompleteAssessmentResult",
    CompleteAssessmentSuccess,
    errors.AnotherTestRunning,
    errors.AssessmentEnded,
    errors.RequiredTestsUnfinished,
)


@strawberry.type(description="The server knows that the candidate is there.")
class SendHeartbeatSuccess:
    """What sendHeartbeat answers."""

    test_session: models.TestSession = strawberry.field(
        graphql_type=TestSession, description="The session as it is now."
    )


SendHeartbeatResult = result("SendHeartbeatResult", SendHeartbeatSuccess)
