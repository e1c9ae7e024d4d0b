"""What a crowd does at once costs few statements: coming in, starting a test, and issuing a ticket."""

from __future__ import annotations

from uuid import UUID

import pytest
from starlette.applications import Starlette

import errors
from models import Actor, ActorKind, Assessment, Event, Member, Permission, Step, Test, TestSession
from models.seat import Arrival, Seat
from services import credentials, entry, sessions, tickets
from services.candidates import NewCandidate
from tests.conftest import POSTGRES
from tests.hall import Hall, key, open_hall
from tests.world import Clock, Door

# Of them on PostgreSQL: the locks of the ticket and of the task, and the log's.
ENTRY = 7 if POSTGRES else 4
START = 7 if POSTGRES else 4
ISSUE = 6 if POSTGRES else 5


@pytest.fixture
async def hall(app: Starlette, door: Door) -> Hall:
    """An open task, and a ticket whose candidate has come in."""
    return await open_hall(app, door)


async def test_an_entry_is_few_statements(hall: Hall, statements: list[str]) -> None:
    another = (await hall.owner.issue(hall.task["id"]))[0]
    await hall.enter()  # so that its statements are written
    statements.clear()

    entered = await entry.by_code(hall.site, "192.0.2.1", hall.task["slug"], another["invitationCode"])

    assert entered.assessment.is_open
    assert len(_asked(statements)) == ENTRY, statements


async def test_who_has_come_in_is_known_without_being_looked_up(hall: Hall, statements: list[str]) -> None:
    entered = await hall.enter()
    statements.clear()

    actor = await credentials.authenticate(hall.site, f"Bearer {entered['accessToken']}")

    assert (actor.gid, actor.assessment_id) == (hall.ticket["id"], key(entered["assessment"]["id"]))
    assert _asked(statements) == []


async def test_a_token_that_is_known_counts_until_it_ends(
    hall: Hall, clock: Clock, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = f"Bearer {(await hall.enter())['accessToken']}"
    actor = await credentials.authenticate(hall.site, token)
    hall.site.candidates.clear()
    statements.clear()
    read = [await credentials.authenticate(hall.site, token) for _ in range(3)]
    asked = len(_asked(statements))

    monkeypatch.setattr(credentials, "_TOKENS", 1)
    await credentials.authenticate(hall.site, f"Bearer {(await hall.enter())['accessToken']}")
    kept = len(hall.site.candidates)
    await credentials.authenticate(hall.site, token)
    assert actor.expires_at is not None
    clock.time = actor.expires_at
    with pytest.raises(errors.Unauthenticated):
        await credentials.authenticate(hall.site, token)

    assert (read, asked, kept) == ([actor] * 3, 1, 1)


async def test_a_start_is_few_statements(hall: Hall, statements: list[str]) -> None:
    actor = await credentials.authenticate(hall.site, f"Bearer {hall.sitter.known['accessToken']}")
    await Test.count_questions((await Step.get(id=key(hall.step_id))).test_id)  # as whoever came first has done
    statements.clear()

    session = await sessions.start(hall.site, actor, key(hall.step_id))

    assert session.has_begun
    assert len(_asked(statements)) == START, statements


async def test_whoever_came_in_unseen_is_not_let_in_again(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    held, looks = Arrival.by_code, list[Arrival | None]()

    async def blind(slug: str, code: str) -> Arrival | None:
        looks.append(arrival := await held(slug, code))
        return arrival and arrival._replace(assessments=[])

    with monkeypatch.context() as patch:
        patch.setattr(Arrival, "by_code", blind)
        again = await entry.by_code(hall.site, "192.0.2.1", hall.task["slug"], hall.ticket["invitationCode"])

    assert again.assessment.gid == hall.sitter.known["assessment"]["id"]
    assert await Assessment.all().count() == 1
    assert len(looks) == 2  # it presumed that nobody had, and began again
    assert await Event.filter(type="ASSESSMENT_STATUS_CHANGED").count() == 1


async def test_a_session_that_was_not_seen_is_not_begun_again(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = await credentials.authenticate(hall.site, f"Bearer {hall.sitter.known['accessToken']}")
    begun = await sessions.start(hall.site, actor, key(hall.step_id))
    held = Seat.held_by

    async def blind(actor: Actor, step_id: UUID) -> Seat:
        return (await held(actor, step_id))._replace(sessions=[])

    monkeypatch.setattr(Seat, "held_by", blind)
    with pytest.raises(errors.AnotherTestRunning):
        await sessions.start(hall.site, actor, key(hall.step_id))

    assert [session.id for session in await TestSession.all()] == [begun.id]


async def test_to_issue_a_ticket_is_few_statements(hall: Hall, statements: list[str]) -> None:
    member = await Member.get(id=key(hall.owner.known["member"]["id"]))
    actor = Actor(ActorKind.MEMBER, member.gid, member.organization_id, frozenset(Permission), id=member.id)
    statements.clear()

    issued = await tickets.issue(hall.site, actor, tickets.Issue(key(hall.task["id"])), [NewCandidate("Ada")])

    assert len(issued.tickets) == 1
    assert len(_asked(statements)) == ISSUE, statements


def _asked(statements: list[str]) -> list[str]:
    """Those that were caused here: the server looks after what is overdue meanwhile."""
    return [one for one in statements if '"export"' not in one]
