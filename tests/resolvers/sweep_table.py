"""What every root field answers to everybody: one row for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models import TestSessionStatus, chance
from models.event import cursor_of
from tests.furnished import Furnished
from tests.world import PASSWORD

OK = None
ANON, GONE, DENIED = "UNAUTHENTICATED", "NOT_FOUND", "FORBIDDEN"

Variables = dict[str, Any]
Build = Callable[[Furnished], Variables]


def nothing(things: Furnished) -> Variables:
    """No arguments."""
    return {}


@dataclass(frozen=True)
class Row:
    """How a field is answered to each caller in turn, and how it is asked.

    `also` are other ways of asking, for their ids; `after` are the fields that whoever may has used before;
    `session` is what the test session is.
    """

    anonymous: str | None
    stranger: str | None  # the owner of another organization, naming this one's things
    viewer: str | None  # a member who may only read
    candidate: str | None  # the ticket's own
    owner: str | None
    asks: Build = nothing
    also: tuple[Build, ...] = ()
    after: tuple[str, ...] = ()
    session: TestSessionStatus = TestSessionStatus.ACTIVE


PUBLIC = (OK, OK, OK, OK, OK)
STAFF = (ANON, OK, OK, DENIED, OK)  # names nothing: each reads its own organization
READ = (ANON, GONE, OK, OK, OK)  # names a thing that its candidate may know of
WRITE = (ANON, OK, DENIED, DENIED, OK)  # names nothing: each changes its own organization
CHANGE = (ANON, GONE, DENIED, DENIED, OK)  # changes a thing that its candidate may know of
STAFFS = (ANON, GONE, DENIED, GONE, OK)  # changes a thing that no candidate knows of
SIT = (ANON, GONE, DENIED, OK, DENIED)  # what a candidate alone does with its own
WATCH = (ANON, OK, OK, OK, OK)  # a stream of whatever one may know of


def given(build: Build) -> Build:
    """The variables of a mutation, which has one `input`."""
    return lambda things: {"input": build(things)}


def stream(of: Build) -> Build:
    """The variables of a stream that begins with the oldest."""
    return lambda things: {"after": cursor_of(0), **of(things)}


def the_test(things: Furnished) -> Variables:
    """By its id."""
    return {"testId": things.test.gid}


def the_task(things: Furnished) -> Variables:
    """By its id."""
    return {"taskId": things.task.gid}


def the_ticket(things: Furnished) -> Variables:
    """By its id."""
    return {"ticketId": things.ticket.gid}


def the_tickets(things: Furnished) -> Variables:
    """By their ids."""
    return {"ticketIds": [things.ticket.gid]}


def the_session(things: Furnished) -> Variables:
    """By its id."""
    return {"testSessionId": things.session.gid}


def a_person(things: Furnished) -> Variables:
    """Somebody new."""
    address = f"{chance.readable(12).lower()}@example.org"
    return {"organizationName": "New", "fullName": "Nora New", "email": address, "password": PASSWORD}


def an_answer(things: Furnished) -> Variables:
    """To the question that a machine marks."""
    return {**the_session(things), "answers": [{"questionId": "q1", "value": True, "sequence": 1}]}


def a_mark(things: Furnished) -> Variables:
    """For the question that a person marks."""
    return {**the_session(things), "questionId": "q2", "points": 1}


STREAMS = (stream(the_task), stream(the_ticket), stream(the_session))
QUESTION: Variables = {"kind": "TRUE_FALSE", "prompt": "Is it?", "correctBoolean": True}

ROWS: dict[str, Row] = {
    # ---- reading
    "viewer": Row(*PUBLIC),
    "welcomePage": Row(*PUBLIC, lambda things: {"taskSlug": things.task.slug}),
    "organization": Row(*STAFF),
    "events": Row(*STAFF),
    "node": Row(*READ, lambda things: {"id": things.task.gid}),
    "nodes": Row(*READ, lambda things: {"ids": [things.ticket.gid]}),
    "task": Row(*READ, lambda things: {"id": things.task.gid}),
    "ticket": Row(
        *READ,
        lambda things: {"id": things.ticket.gid},
        (lambda things: {"invitationCode": things.ticket.invitation_code},),
    ),
    "testSession": Row(*READ, lambda things: {"id": things.session.gid}),
    "assessment": Row(ANON, OK, OK, OK, OK),
    "accessDiagnosis": Row(ANON, GONE, OK, DENIED, OK, the_ticket),
    # ---- accounts
    "signUp": Row(*PUBLIC, given(a_person)),
    "logIn": Row(*PUBLIC, given(lambda things: {"email": things.member.email, "password": PASSWORD})),
    "refreshAccessToken": Row(*PUBLIC, given(lambda things: {"refreshToken": next(things.refresh_tokens)})),
    "logOut": Row(*PUBLIC, given(lambda things: {"refreshToken": next(things.refresh_tokens)})),
    "createApiKey": Row(*WRITE, given(lambda _: {"name": "Robot", "scopes": ["READ"]})),
    "revokeApiKey": Row(*STAFFS, given(lambda things: {"apiKeyId": things.api_key.gid})),
    # ---- tests, tasks, tickets, links
    "createTest": Row(*WRITE, given(lambda _: {"title": "T", "sections": [{"questions": [QUESTION]}]})),
    "publishTest": Row(*CHANGE, given(the_test)),
    "retireTest": Row(*CHANGE, given(the_test)),
    "createTask": Row(*CHANGE, given(lambda things: {"name": "T", "steps": [{"testId": things.test.gid}]})),
    "openTask": Row(*CHANGE, given(the_task)),
    "closeTask": Row(*CHANGE, given(the_task)),
    "issueTickets": Row(*CHANGE, given(lambda things: {**the_task(things), "candidates": [{"fullName": "Ann"}]})),
    "revokeTickets": Row(*CHANGE, given(the_tickets)),
    "suspendTickets": Row(*CHANGE, given(the_tickets)),
    "restoreTickets": Row(*CHANGE, given(the_tickets), after=("suspendTickets",)),
    "createAccessLinks": Row(*CHANGE, given(the_tickets)),
    "revokeAccessLink": Row(*STAFFS, given(lambda things: {"accessLinkId": things.link.gid})),
    "configureFinishRedirect": Row(
        *WRITE,
        given(lambda _: {"url": None}),
        (
            given(lambda things: {"url": None, **the_task(things)}),
            given(lambda things: {"url": None, **the_ticket(things)}),
        ),
    ),
    "exportDirectLinks": Row(*CHANGE, given(the_task)),
    # ---- the candidate's side
    "enterTask": Row(
        *PUBLIC, given(lambda things: {"taskSlug": things.task.slug, "invitationCode": things.ticket.invitation_code})
    ),
    "redeemAccessLink": Row(*PUBLIC, given(lambda things: {"token": things.link_token})),
    "startTest": Row(*SIT, given(lambda things: {"stepId": things.step.gid})),
    "saveAnswers": Row(*SIT, given(an_answer)),
    "sendHeartbeat": Row(*SIT, given(the_session)),
    "submitTestSession": Row(*SIT, given(the_session)),
    "completeAssessment": Row(
        *SIT, given(lambda things: {"assessmentId": things.assessment.gid}), after=("submitTestSession",)
    ),
    # ---- the proctor's and instructor's side
    "admitTestSession": Row(*CHANGE, given(the_session), session=TestSessionStatus.AWAITING_PROCTOR),
    "pauseTestSession": Row(*CHANGE, given(the_session)),
    "resumeTestSession": Row(*CHANGE, given(the_session), after=("pauseTestSession",)),
    "terminateTestSession": Row(*CHANGE, given(the_session)),
    "adjustTime": Row(
        *CHANGE,
        given(lambda things: {"testSessionIds": [things.session.gid], "seconds": 60}),
        (given(lambda things: {**the_task(things), "seconds": 60}),),
    ),
    "reinstateTestSession": Row(*CHANGE, given(the_session), after=("terminateTestSession",)),
    "gradeAnswer": Row(*CHANGE, given(a_mark), after=("submitTestSession",)),
    "releaseResults": Row(
        *CHANGE,
        given(lambda things: {"testSessionIds": [things.session.gid]}),
        (given(the_task),),
        after=("submitTestSession", "gradeAnswer"),
    ),
    # ---- watching
    "testSessionStatusChanged": Row(*WATCH, stream(nothing), STREAMS),
    "testSessionProgressed": Row(*WATCH, stream(nothing), STREAMS),
    "exportProgressed": Row(*STAFFS, lambda things: {"id": things.export.gid}),
}

# Ids that name no row of an organization, and why.
NO_ROWS = {
    ("saveAnswers", "input.answers.*.questionId"): "a question is a part of its test's document",
    ("gradeAnswer", "input.questionId"): "a question is a part of its test's document",
}
