"""An organization with one thing of every kind, its rows made by the models, and its candidate's door."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from models import (
    AccessLink,
    ApiKey,
    Assessment,
    AssessmentStatus,
    Candidate,
    Event,
    EventType,
    Export,
    ExportStatus,
    IdentityProvider,
    Login,
    Member,
    Permission,
    Proctoring,
    Step,
    Task,
    TaskStatus,
    Test,
    TestSession,
    TestSessionStatus,
    TestStatus,
    Ticket,
    TicketBatch,
    TicketStatus,
    chance,
    clock,
)
from models.event import record
from models.moves import begin
from models.unit import transactional
from services.accounts import tokens
from services.credentials import API_KEY_PREFIX, candidate_token
from services.identity_providers import CLIENT_SECRET
from services.site import Site
from tests.world import Door

ISSUER = "https://accounts.example"  # nobody asks it anything
QUESTION: dict[str, Any] = {
    "id": "q1",
    "kind": "TRUE_FALSE",
    "prompt": "Is water wet?",
    "points": 1.0,
    "options": [],
    "correct_boolean": True,
    "correct_number": None,
    "tolerance": 0.0,
    "accepted_answers": [],
}
ESSAY: dict[str, Any] = {**QUESTION, "id": "q2", "kind": "ESSAY", "prompt": "Why?", "correct_boolean": None}


@dataclass(frozen=True)
class Furnished:
    """The rows, and the candidate's own door."""

    owner: Door
    member: Member
    api_key: ApiKey
    test: Test
    task: Task
    step: Step
    candidate: Candidate
    ticket: Ticket
    link: AccessLink
    assessment: Assessment
    session: TestSession
    export: Export
    event: Event
    sitter: Door
    link_token: str
    refresh_tokens: Iterator[str]  # each of a log-in of its own, for they are good once

    @property
    def nodes(self) -> dict[str, str]:
        """The global id of each thing by its GraphQL type."""
        rows = [row for row in vars(self).values() if hasattr(row, "gid")]
        return {"Organization": self.owner.known["organization"]["id"], **{type(row).__name__: row.gid for row in rows}}


async def furnish(site: Site, owner: Door, status: TestSessionStatus = TestSessionStatus.ACTIVE) -> Furnished:
    """Fill the owner's organization: an open task with a session, running or else waiting for its proctor."""
    member = await Member.get(email=owner.known["member"]["email"])
    ours: dict[str, Any] = {"organization_id": member.organization_id}
    key = await ApiKey.create(
        **ours,
        name="Robot",
        prefix_shown="admit_",
        hash=chance.readable(32),
        scopes=[Permission.READ],
        created_by=member.id,
    )
    content = [{"title": None, "questions": [QUESTION, ESSAY]}]
    test = await Test.create(**ours, title="Water", status=TestStatus.PUBLISHED, duration_seconds=600, content=content)
    slug = chance.readable(10).lower()
    task = await Task.create(**ours, name="Intake", slug=slug, status=TaskStatus.OPEN, proctoring=Proctoring.NONE)
    step = await Step.create(**ours, task_id=task.id, test_id=test.id, position=1, attempt_limit=None)
    batch = await TicketBatch.create(**ours, task_id=task.id, body_hash="0" * 64, count=1)
    candidate = await Candidate.create(**ours, full_name="Cleo Candidate", email="cleo@example.org")
    ticket = await Ticket.create(
        **ours,
        task_id=task.id,
        candidate_id=candidate.id,
        batch_id=batch.id,
        code=chance.invitation_codes(1)[0],
        status=TicketStatus.ACTIVATED,
    )
    link = await AccessLink.create(**ours, ticket_id=ticket.id)
    sitting = {**ours, "task_id": task.id, "ticket_id": ticket.id}
    assessment = await Assessment.create(**sitting, status=AssessmentStatus.IN_PROGRESS)
    started: dict[str, Any] = {"started_at": clock.now(), "deadline_at": clock.now() + timedelta(seconds=600)}
    session = await TestSession.create(
        **sitting,
        **(started if status is TestSessionStatus.ACTIVE else {}),
        assessment_id=assessment.id,
        step_id=step.id,
        test_id=test.id,
        status=status,
        attempt=1,
        base_seconds=600,
        last_seen_at=clock.now(),
        total=2,
    )
    # finished, so that no worker of the server takes it up
    export = await Export.create(**ours, task_id=task.id, requested_by=member.gid, status=ExportStatus.READY)
    if await IdentityProvider.of(member.organization_id) is None:
        sealed = site.keys.seal(CLIENT_SECRET, "a secret of the provider's")
        await IdentityProvider.create(**ours, issuer=ISSUER, client_id="admit", client_secret=sealed)
    until = clock.now() + timedelta(days=1)
    logins = [await Login.create(**ours, member_id=member.id, expires_at=until) for _ in range(9)]
    await _happened(member, session)
    return Furnished(
        owner=owner,
        member=member,
        api_key=key,
        test=test,
        task=task,
        step=step,
        candidate=candidate,
        ticket=ticket,
        link=link,
        assessment=assessment,
        session=session,
        export=export,
        event=await Event.get(session_id=session.id, type=EventType.ANSWERS_SAVED),
        sitter=owner.with_token(candidate_token(site, ticket.actor_in(assessment.id))),
        link_token=site.keys.seal_link(link.id, link.version, link.expires_at),
        refresh_tokens=iter([tokens(site, login)[1] for login in logins]),
    )


async def program(site: Site, things: Furnished, scopes: Iterable[Permission], *, narrowed: bool = False) -> Door:
    """The door of an API key of the organization with these scopes; narrowed, for the one task of these things."""
    secret = API_KEY_PREFIX + chance.readable(40)
    await ApiKey.create(
        organization_id=things.member.organization_id,
        name="Program",
        prefix_shown=secret[:12],
        hash=site.keys.fingerprint(secret),
        scopes=list(scopes),
        task_ids=[str(things.task.id)] if narrowed else None,
        created_by=things.member.id,
    )
    return things.owner.with_token(secret)


@transactional
async def _happened(member: Member, session: TestSession) -> None:
    """What a stream of the session replays."""
    begin(session, member.actor)
    record(EventType.ANSWERS_SAVED, session.gid, member.actor, **session.concerns(), answered=1, total=2)
