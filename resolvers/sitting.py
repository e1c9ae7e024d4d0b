"""The candidate's side: coming in, sitting a test, handing it in."""

from __future__ import annotations

import strawberry

import models
from resolvers.context import Info
from schema.assessment import Assessment
from schema.scalars import URL
from schema.sitting import (
    CompleteAssessmentInput,
    CompleteAssessmentResult,
    CompleteAssessmentSuccess,
    EnterTaskInput,
    EnterTaskResult,
    EnterTaskSuccess,
    RedeemAccessLinkInput,
    SaveAnswersInput,
    SaveAnswersResult,
    SaveAnswersSuccess,
    SendHeartbeatResult,
    SendHeartbeatSuccess,
    StartTestInput,
    StartTestResult,
    StartTestSuccess,
    SubmitTestSessionResult,
    SubmitTestSessionSuccess,
    TestSessionIdInput,
)
from services import answers, assessments, entry, sessions
from services.answers import Draft


@strawberry.type
class SittingQueries:
    """What a candidate reads."""

    @strawberry.field(
        graphql_type=Assessment | None,
        description="The assessment that a candidate's credential is for; null for staff.",
    )
    async def assessment(self, info: Info) -> models.Assessment | None:
        """A candidate's own."""
        return await assessments.own(info.context.actor)


@strawberry.type
class SittingMutations:
    """What a candidate does."""

    @strawberry.mutation(
        graphql_type=EnterTaskResult, description="Enter a task by an invitation code; again changes nothing."
    )
    async def enter_task(self, info: Info, input: EnterTaskInput) -> EnterTaskSuccess:
        """The code is the authority."""
        site, address = info.context.site, info.context.address
        entered = await entry.by_code(site, address, input.task_slug, input.invitation_code)
        info.context.become(entered.actor)
        return EnterTaskSuccess(assessment=entered.assessment, access_token=entered.token)

    @strawberry.mutation(
        graphql_type=EnterTaskResult, description="Enter a task by a shared link's token; again changes nothing."
    )
    async def redeem_access_link(self, info: Info, input: RedeemAccessLinkInput) -> EnterTaskSuccess:
        """The token is the authority."""
        entered = await entry.by_link(info.context.site, info.context.address, input.token)
        info.context.become(entered.actor)
        return EnterTaskSuccess(assessment=entered.assessment, access_token=entered.token)

    @strawberry.mutation(
        graphql_type=StartTestResult,
        description="Begin a step, or go on with it: one session, however often it is sent.",
    )
    async def start_test(self, info: Info, input: StartTestInput) -> StartTestSuccess:
        """Candidates only."""
        step = models.Step.key_of(input.step_id)
        return StartTestSuccess(test_session=await sessions.start(info.context.site, info.context.actor, step))

    @strawberry.mutation(
        graphql_type=SaveAnswersResult, description="Save answers; answered once they are in the database."
    )
    async def save_answers(self, info: Info, input: SaveAnswersInput) -> SaveAnswersSuccess:
        """Candidates only."""
        session = models.TestSession.key_of(input.test_session_id)
        drafts = [Draft(one.question_id, one.value, one.sequence) for one in input.answers]
        saved = await answers.save(info.context.site, info.context.actor, session, drafts)
        return SaveAnswersSuccess(test_session=saved.session, saved_at=saved.saved_at)

    @strawberry.mutation(graphql_type=SubmitTestSessionResult, description="Hand a test in; again changes nothing.")
    async def submit_test_session(self, info: Info, input: TestSessionIdInput) -> SubmitTestSessionSuccess:
        """Candidates only."""
        site, actor = info.context.site, info.context.actor
        session = await sessions.submit(site, actor, models.TestSession.key_of(input.test_session_id))
        onward = await sessions.finish_url(site, actor, session)
        return SubmitTestSessionSuccess(test_session=session, finish_url=URL(onward))

    @strawberry.mutation(
        graphql_type=CompleteAssessmentResult,
        description="Say that one is done, though an optional test or another attempt is left; again changes nothing.",
    )
    async def complete_assessment(self, info: Info, input: CompleteAssessmentInput) -> CompleteAssessmentSuccess:
        """Candidates only."""
        site, actor = info.context.site, info.context.actor
        assessment = await assessments.complete(site, actor, models.Assessment.key_of(input.assessment_id))
        onward = await assessments.finish_url(site, actor, assessment)
        return CompleteAssessmentSuccess(assessment=assessment, finish_url=URL(onward))

    @strawberry.mutation(
        graphql_type=SendHeartbeatResult, description="Say that the candidate is there; a session thought lost goes on."
    )
    async def send_heartbeat(self, info: Info, input: TestSessionIdInput) -> SendHeartbeatSuccess:
        """Candidates only."""
        session = models.TestSession.key_of(input.test_session_id)
        return SendHeartbeatSuccess(test_session=await sessions.seen(info.context.site, info.context.actor, session))
