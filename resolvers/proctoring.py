"""The proctor's and the instructor's side."""

from __future__ import annotations

from uuid import UUID

import strawberry

import models
from resolvers.context import Info
from schema.proctoring import (
    AdjustTimeInput,
    AdjustTimeResult,
    AdjustTimeSuccess,
    AdmitTestSessionResult,
    AdmitTestSessionSuccess,
    GradeAnswerInput,
    GradeAnswerResult,
    GradeAnswerSuccess,
    PauseTestSessionInput,
    PauseTestSessionResult,
    PauseTestSessionSuccess,
    ReinstateTestSessionInput,
    ReinstateTestSessionResult,
    ReinstateTestSessionSuccess,
    ReleaseResultsInput,
    ReleaseResultsResult,
    ReleaseResultsSuccess,
    ResumeTestSessionResult,
    ResumeTestSessionSuccess,
    TerminateTestSessionInput,
    TerminateTestSessionResult,
    TerminateTestSessionSuccess,
)
from schema.sitting import TestSessionIdInput
from services import proctoring, results
from services.proctoring import Change


@strawberry.type
class ProctoringMutations:
    """What staff do with sessions."""

    @strawberry.mutation(
        graphql_type=AdmitTestSessionResult, description="Let a waiting candidate begin. Needs sessions:proctor."
    )
    async def admit_test_session(self, info: Info, input: TestSessionIdInput) -> AdmitTestSessionSuccess:
        """AWAITING_PROCTOR → READY."""
        session = await proctoring.admit(info.context.site, info.context.actor, _key(input.test_session_id))
        return AdmitTestSessionSuccess(test_session=session)

    @strawberry.mutation(
        graphql_type=PauseTestSessionResult, description="Stop a session's clock. Needs sessions:proctor."
    )
    async def pause_test_session(self, info: Info, input: PauseTestSessionInput) -> PauseTestSessionSuccess:
        """ACTIVE or INTERRUPTED → PAUSED."""
        site, actor = info.context.site, info.context.actor
        session = await proctoring.pause(site, actor, _key(input.test_session_id), input.reason)
        return PauseTestSessionSuccess(test_session=session)

    @strawberry.mutation(
        graphql_type=ResumeTestSessionResult,
        description="Start a paused session's clock again. Needs sessions:proctor.",
    )
    async def resume_test_session(self, info: Info, input: TestSessionIdInput) -> ResumeTestSessionSuccess:
        """PAUSED → ACTIVE."""
        session = await proctoring.resume(info.context.site, info.context.actor, _key(input.test_session_id))
        return ResumeTestSessionSuccess(test_session=session)

    @strawberry.mutation(
        graphql_type=TerminateTestSessionResult, description="End a session, answers kept. Needs sessions:proctor."
    )
    async def terminate_test_session(self, info: Info, input: TerminateTestSessionInput) -> TerminateTestSessionSuccess:
        """Unfinished → TERMINATED, or CANCELLED before the start."""
        site, actor = info.context.site, info.context.actor
        session = await proctoring.terminate(site, actor, _key(input.test_session_id), input.reason)
        return TerminateTestSessionSuccess(test_session=session)

    @strawberry.mutation(
        graphql_type=AdjustTimeResult, description="Give or take time, also while sessions run. Needs sessions:proctor."
    )
    async def adjust_time(self, info: Info, input: AdjustTimeInput) -> AdjustTimeSuccess:
        """Moves deadlines, through the ledger."""
        wanted = _keys(input.test_session_ids), _task(input.task_id)
        change = Change(input.seconds, input.cause or models.TimeCause.PROCTOR, input.reason)
        return AdjustTimeSuccess(
            test_sessions=await proctoring.adjust(info.context.site, info.context.actor, *wanted, change)
        )

    @strawberry.mutation(
        graphql_type=ReinstateTestSessionResult,
        description="Bring an ended session back, paused, with the time that was left. Needs sessions:proctor.",
    )
    async def reinstate_test_session(self, info: Info, input: ReinstateTestSessionInput) -> ReinstateTestSessionSuccess:
        """Ended → PAUSED."""
        site, actor, key = info.context.site, info.context.actor, _key(input.test_session_id)
        session = await proctoring.reinstate(site, actor, key, input.seconds or 0, input.reason)
        return ReinstateTestSessionSuccess(test_session=session)

    @strawberry.mutation(graphql_type=GradeAnswerResult, description="Mark one answer. Needs results:write.")
    async def grade_answer(self, info: Info, input: GradeAnswerInput) -> GradeAnswerSuccess:
        """Appends a review; the newest counts."""
        site, actor, key = info.context.site, info.context.actor, _key(input.test_session_id)
        session = await results.mark(site, actor, key, input.question_id, input.points, input.comment)
        return GradeAnswerSuccess(test_session=session)

    @strawberry.mutation(
        graphql_type=ReleaseResultsResult, description="Let candidates and partners see results. Needs results:write."
    )
    async def release_results(self, info: Info, input: ReleaseResultsInput) -> ReleaseResultsSuccess:
        """Of graded sessions."""
        wanted = _keys(input.test_session_ids), _task(input.task_id)
        released = await results.release(info.context.site, info.context.actor, *wanted)
        return ReleaseResultsSuccess(test_sessions=released)


def _key(gid: str) -> UUID:
    return models.TestSession.key_of(gid)


def _keys(gids: list[strawberry.ID] | None) -> list[UUID] | None:
    return None if gids is None else [_key(gid) for gid in gids]


def _task(gid: str | None) -> UUID | None:
    return None if gid is None else models.Task.key_of(gid)
