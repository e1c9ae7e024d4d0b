"""What every root field answers to everybody: one row for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models import Permission, TestSessionStatus, chance
from models.event import BEGINNING
from tests.furnished import ISSUER, Furnished
from tests.world import PASSWORD

OK = None
P = Permission
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
    `session` is what the test session is; `needs` are the scopes without one of which an API key is refused.
    """

    anonymous: str | None
    stranger: str | None  # the owner of another organization, naming this one's things
    viewer: str | None  # a member who may only read
    candidate: str | None  # the ticket's own
    narrowed: str | None  # an API key of the organization that may everything, in another task alone
    owner: str | None
    asks: Build = nothing
    also: tuple[Build, ...] = ()
    after: tuple[str, ...] = ()
    session: TestSessionStatus = TestSessionStatus.ACTIVE
    needs: tuple[Permission, ...] = ()
    people: bool = False  # whether it is for people alone: an API key is refused, whatever its scopes


PUBLIC = (OK, OK, OK, OK, OK, OK)
STAFF = (ANON, OK, OK, DENIED, OK, OK)  # names nothing: each reads its own organization
READ = (ANON, GONE, OK, OK, GONE, OK)  # names a thing that its candidate may know of
WRITE = (ANON, OK, DENIED, DENIED, DENIED, OK)  # names nothing: each changes its own organization
CHANGE = (ANON, GONE, DENIED, DENIED, GONE, OK)  # changes a thing that its candidate may know of
STAFFS = (ANON, GONE, DENIED, GONE, GONE, OK)  # changes a thing that no candidate knows of
SIT = (ANON, GONE, DENIED, OK, GONE, DENIED)  # what a candidate alone does with its own
WATCH = (ANON, OK, OK, OK, OK, OK)  # a stream of whatever one may know of


def given(build: Build) -> Build:
    """The variables of a mutation, which has one `input`."""
    return lambda things: {"input": build(things)}


def stream(of: Build) -> Build:
    """The variables of a stream that begins with the oldest."""
    return lambda things: {"after": BEGINNING, **of(things)}


def the_key(things: Furnished) -> Variables:
    """By its id."""
    return {"apiKeyId": things.api_key.gid}


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
    "organization": Row(*STAFF, needs=(P.READ,)),
    "events": Row(*STAFF, needs=(P.READ,)),
    "node": Row(*READ, lambda things: {"id": things.task.gid}, needs=(P.READ,)),
    "nodes": Row(*READ, lambda things: {"ids": [things.ticket.gid]}, needs=(P.READ,)),
    "task": Row(*READ, lambda things: {"id": things.task.gid}, needs=(P.READ,)),
    "ticket": Row(
        *READ,
        lambda things: {"id": things.ticket.gid},
        (lambda things: {"invitationCode": things.ticket.invitation_code},),
        needs=(P.READ,),
    ),
    "testSession": Row(*READ, lambda things: {"id": things.session.gid}, needs=(P.READ,)),
    "assessment": Row(ANON, OK, OK, OK, OK, OK),
    "accessDiagnosis": Row(ANON, GONE, OK, DENIED, GONE, OK, the_ticket, needs=(P.READ,)),
    # ---- accounts
    "signUp": Row(*PUBLIC, given(a_person)),
    "logIn": Row(*PUBLIC, given(lambda things: {"email": things.member.email, "password": PASSWORD})),
    "refreshAccessToken": Row(*PUBLIC, given(lambda things: {"refreshToken": next(things.refresh_tokens)})),
    "logOut": Row(*PUBLIC, given(lambda things: {"refreshToken": next(things.refresh_tokens)})),
    "logOutEverywhere": Row(
        *STAFFS, given(lambda things: {"memberId": things.member.gid}), needs=(P.MANAGE_ORGANIZATION,)
    ),
    "createApiKey": Row(
        *WRITE,
        given(lambda _: {"name": "Robot", "scopes": ["READ"]}),
        (given(lambda things: {"name": "Robot", "scopes": ["READ"], "taskIds": [things.task.gid]}),),
        needs=(P.MANAGE_KEYS, P.READ),
    ),
    "rotateApiKey": Row(*STAFFS, given(the_key), needs=(P.MANAGE_KEYS, P.READ)),
    "revokeApiKey": Row(*STAFFS, given(the_key), needs=(P.MANAGE_KEYS,)),
    "configureSignIn": Row(
        *WRITE, given(lambda _: {"issuer": ISSUER, "clientId": "admit"}), needs=(P.MANAGE_ORGANIZATION,), people=True
    ),
    "removeSignIn": Row(
        *(ANON, GONE, DENIED, DENIED, DENIED, OK),
        given(lambda things: {"organizationId": f"org_{things.member.organization_id}"}),
        needs=(P.MANAGE_ORGANIZATION,),
        people=True,
    ),
    # ---- tests, tasks, tickets, links
    "createTest": Row(
        *WRITE, given(lambda _: {"title": "T", "sections": [{"questions": [QUESTION]}]}), needs=(P.AUTHOR_TESTS,)
    ),
    "publishTest": Row(*CHANGE, given(the_test), needs=(P.AUTHOR_TESTS,)),
    "retireTest": Row(*CHANGE, given(the_test), needs=(P.AUTHOR_TESTS,)),
    "createTask": Row(
        *CHANGE, given(lambda things: {"name": "T", "steps": [{"testId": things.test.gid}]}), needs=(P.MANAGE_TASKS,)
    ),
    "openTask": Row(*CHANGE, given(the_task), needs=(P.MANAGE_TASKS,)),
    "closeTask": Row(*CHANGE, given(the_task), needs=(P.MANAGE_TASKS,)),
    "issueTickets": Row(
        *CHANGE,
        given(lambda things: {**the_task(things), "candidates": [{"fullName": "Ann"}]}),
        needs=(P.ISSUE_TICKETS,),
    ),
    "revokeTickets": Row(*CHANGE, given(the_tickets), needs=(P.ISSUE_TICKETS,)),
    "suspendTickets": Row(*CHANGE, given(the_tickets), needs=(P.ISSUE_TICKETS,)),
    "restoreTickets": Row(*CHANGE, given(the_tickets), after=("suspendTickets",), needs=(P.ISSUE_TICKETS,)),
    "createAccessLinks": Row(*CHANGE, given(the_tickets), needs=(P.SHARE_LINKS,)),
    "revokeAccessLink": Row(*STAFFS, given(lambda things: {"accessLinkId": things.link.gid}), needs=(P.SHARE_LINKS,)),
    "configureFinishRedirect": Row(
        *WRITE,
        given(lambda _: {"url": None}),
        (
            given(lambda things: {"url": None, **the_task(things)}),
            given(lambda things: {"url": None, **the_ticket(things)}),
        ),
        needs=(P.MANAGE_ORGANIZATION,),
    ),
    "exportDirectLinks": Row(*CHANGE, given(the_task), needs=(P.EXPORT,)),
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
    "admitTestSession": Row(
        *CHANGE, given(the_session), session=TestSessionStatus.AWAITING_PROCTOR, needs=(P.PROCTOR,)
    ),
    "pauseTestSession": Row(*CHANGE, given(the_session), needs=(P.PROCTOR,)),
    "resumeTestSession": Row(*CHANGE, given(the_session), after=("pauseTestSession",), needs=(P.PROCTOR,)),
    "terminateTestSession": Row(*CHANGE, given(the_session), needs=(P.PROCTOR,)),
    "adjustTime": Row(
        *CHANGE,
        given(lambda things: {"testSessionIds": [things.session.gid], "seconds": 60}),
        (given(lambda things: {**the_task(things), "seconds": 60}),),
        needs=(P.PROCTOR,),
    ),
    "reinstateTestSession": Row(*CHANGE, given(the_session), after=("terminateTestSession",), needs=(P.PROCTOR,)),
    "gradeAnswer": Row(*CHANGE, given(a_mark), after=("submitTestSession",), needs=(P.GRADE,)),
    "releaseResults": Row(
        *CHANGE,
        given(lambda things: {"testSessionIds": [things.session.gid]}),
        (given(the_task),),
        after=("submitTestSession", "gradeAnswer"),
        needs=(P.GRADE,),
    ),
    # ---- watching
    "testSessionStatusChanged": Row(*WATCH, stream(nothing), STREAMS, needs=(P.READ,)),
    "testSessionProgressed": Row(*WATCH, stream(nothing), STREAMS, needs=(P.READ,)),
    "exportProgressed": Row(*STAFFS, lambda things: {"id": things.export.gid}, needs=(P.EXPORT, P.READ)),
}

# Ids that name no row of an organization, and why.
NO_ROWS = {
    ("saveAnswers", "input.answers.*.questionId"): "a question is a part of its test's document",
    ("gradeAnswer", "input.questionId"): "a question is a part of its test's document",
}

# Ids of what is no task's, so that every key of the organization knows it.
NO_TASKS = frozenset({("removeSignIn", "input.organizationId")})
