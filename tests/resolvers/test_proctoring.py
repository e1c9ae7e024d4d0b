"""The proctor's side: admitting, pausing, resuming, ending, giving time, bringing back."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from starlette.applications import Starlette

from models import Answer, Assessment, Event, Member, Permission, Role, TestSession, Ticket, TimeAdjustment
from services import clockwork, sessions
from tests.hall import (
    ENTER,
    START,
    Hall,
    changing,
    changing_many,
    events,
    key,
    ledger_is_exact,
    open_hall,
    row,
    site_of,
    statuses,
)
from tests.resolvers.test_tickets import REVOKE_TICKETS
from tests.world import Clock, Door

ADJUST = changing_many("adjustTime")
MANY = ("pauseTestSession", "resumeTestSession", "terminateTestSession", "reinstateTestSession", "admitTestSession")


async def test_where_a_proctor_watches_the_clock_starts_when_both_are_ready(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door, proctoring="CONFERENCE", meetingUrl="https://meet.example.org/1")

    waiting = await hall.start()
    again = await hall.start()
    saved = await hall.save(waiting)
    clock.forward(minutes=10)
    admitted = await hall.proctor("admitTestSession", waiting)
    ready = (await hall.look(waiting))["startedAt"]
    clock.forward(minutes=1)
    begun = await hall.start()

    assert (waiting["status"], again["id"], saved["__typename"]) == (
        "AWAITING_PROCTOR",
        waiting["id"],
        "ProctorAwaited",
    )
    assert (admitted["testSession"]["status"], ready) == ("READY", None)
    assert (begun["status"], begun["startedAt"], begun["remainingSeconds"]) == (
        "ACTIVE",
        "2026-01-02T03:15:05+00:00",
        3600,
    )
    assert await statuses() == [(None, "AWAITING_PROCTOR"), ("AWAITING_PROCTOR", "READY"), ("READY", "ACTIVE")]


async def test_the_questions_are_not_read_in_the_waiting_room(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door, proctoring="CONFERENCE")
    waiting = await hall.start()

    seen = await hall.sitter.ask("query ($id: ID!) { testSession(id: $id) { sections { title } } }", id=waiting["id"])

    assert seen["testSession"]["sections"] is None


async def test_a_pause_stops_the_clock_and_is_given_back(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    essay = (await hall.paper(session))[-1]["id"]

    clock.forward(minutes=10)
    paused = (await hall.proctor("pauseTestSession", session, reason="Fire drill"))["testSession"]
    clock.forward(hours=2, milliseconds=1)
    closed = await clockwork.close_overdue(hall.site)
    refused = [(await hall.save(session, (essay, "x", 1)))["__typename"], (await hall.submit(session))["__typename"]]
    resumed = (await hall.proctor("resumeTestSession", session))["testSession"]

    assert (paused["status"], paused["remainingSeconds"], closed) == ("PAUSED", 3000, 0)
    assert refused == ["SessionPaused", "SessionPaused"]
    assert (resumed["status"], resumed["remainingSeconds"]) == ("ACTIVE", 3000)
    assert [(entry["seconds"], entry["cause"]) for entry in resumed["timeLedger"]] == [(7201, "PAUSE")]
    assert await ledger_is_exact(session)
    assert await Answer.all().count() == 0
    assert (await _reason(hall.owner, session), await _reason(hall.sitter, session)) == ("Fire drill", None)


async def _reason(door: Door, session: Any) -> str | None:
    """What staff said, as this door shows it; the log says nothing of it."""
    assert [event.payload for event in await Event.all() if "reason" in event.payload] == []
    seen = await door.ask("query ($id: ID!) { testSession(id: $id) { statusReason } }", id=session["id"])
    reason: str | None = seen["testSession"]["statusReason"]
    return reason


async def test_time_is_given_and_taken_at_once_and_never_below_what_is_left(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    clock.forward(minutes=30)

    given = await hall.owner.mutate(ADJUST, testSessionIds=[session["id"]], seconds=600, reason="Noise outside")
    taken = await hall.owner.mutate(ADJUST, taskId=hall.task["id"], seconds=-99_999, cause="OTHER")

    assert given["testSessions"][0]["remainingSeconds"] == 2400
    assert taken["testSessions"][0]["remainingSeconds"] == 0
    ledger = [(entry["seconds"], entry["cause"], entry["reason"]) for entry in taken["testSessions"][0]["timeLedger"]]
    assert ledger == [(600, "PROCTOR", "Noise outside"), (-2400, "OTHER", None)]
    assert await ledger_is_exact(session)


async def test_of_many_adjustments_at_once_every_second_counts(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    seconds = [60, -1] * 6

    answers = await asyncio.gather(
        *(hall.owner.mutate(ADJUST, testSessionIds=[session["id"]], seconds=each) for each in seconds)
    )

    assert {answer["__typename"] for answer in answers} == {"AdjustTimeSuccess"}
    seen = await hall.look(session)
    assert sorted(entry["seconds"] for entry in seen["timeLedger"]) == sorted(seconds)
    assert seen["remainingSeconds"] == 3600 + sum(seconds)
    assert await ledger_is_exact(session)


async def test_extra_time_lifts_the_tasks_closing_and_keeps_the_session_open(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door, closesAt="2026-01-02T03:34:05Z")
    session = await hall.start()

    await hall.owner.mutate(ADJUST, testSessionIds=[session["id"]], seconds=1200)
    clock.forward(minutes=45)
    closed = await clockwork.close_overdue(hall.site)

    assert closed == 0
    assert (await hall.look(session))["remainingSeconds"] == 300


async def test_adjusting_a_task_reaches_only_what_runs(app: Starlette, door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    halls = [await _enter(app, door, owner, task, ticket) for ticket in await owner.issue(task["id"], 3)]
    running, ended = await halls[0].start(), await halls[1].start()
    await halls[1].submit(ended)

    answer = await owner.mutate(ADJUST, taskId=task["id"], seconds=60)

    assert [session["id"] for session in answer["testSessions"]] == [running["id"]]
    assert await TimeAdjustment.all().count() == 1


async def _enter(app: Starlette, door: Door, owner: Door, task: Any, ticket: Any) -> Hall:
    entered = await door.mutate(ENTER, taskSlug=task["slug"], invitationCode=ticket["invitationCode"])
    return Hall(site_of(app), owner, task, ticket, door.with_token(entered["accessToken"], **entered))


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"seconds": 0}, "InvalidInput"),
        ({"seconds": 700_000}, "InvalidInput"),
        ({"seconds": 1, "reason": "x" * 501}, "InvalidInput"),
    ],
)
async def test_senseless_adjustments_are_refused(app: Starlette, door: Door, more: dict[str, Any], kind: str) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    before = await events()

    answer = await hall.owner.mutate(ADJUST, testSessionIds=[session["id"]], **more)

    assert answer["__typename"] == kind
    assert await events() == before
    assert (await hall.look(session))["deadlineAt"] == session["deadlineAt"]


async def test_an_adjustment_is_for_sessions_or_for_a_task(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()

    codes = [
        await hall.owner.code_of(ADJUST, input={"seconds": 1}),
        await hall.owner.code_of(
            ADJUST, input={"seconds": 1, "taskId": hall.task["id"], "testSessionIds": [session["id"]]}
        ),
        await hall.owner.code_of(ADJUST, input={"seconds": 1, "testSessionIds": [session["id"], "ses_nonsense"]}),
    ]
    empty = await hall.owner.mutate(ADJUST, seconds=1, testSessionIds=[])

    assert codes == ["BAD_REQUEST", "BAD_REQUEST", "NOT_FOUND"]
    assert empty["__typename"] == "TooManyRows"


async def test_ending_keeps_the_answers_and_says_who_and_why(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    essay = (await hall.paper(session))[-1]["id"]
    await hall.save(session, (essay, "half a thought", 1))

    ended = (await hall.proctor("terminateTestSession", session, reason="Left the room"))["testSession"]
    late = await hall.save(session, (essay, "the other half", 2))
    again = await hall.proctor("terminateTestSession", session)

    assert (ended["status"], ended["grading"]) == ("TERMINATED", "PENDING_MANUAL")
    assert (late["__typename"], again["__typename"]) == ("SessionEnded", "MoveNotAllowed")
    assert (await Answer.get()).value == "half a thought"
    assert await _reason(hall.owner, session) == "Left the room"


async def test_ending_one_who_waits_cancels_and_spends_no_attempt(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door, proctoring="CONFERENCE")
    waiting = await hall.start()

    ended = (await hall.proctor("terminateTestSession", waiting))["testSession"]
    again = await hall.start()
    brought_back = await hall.proctor("reinstateTestSession", waiting)

    assert (ended["status"], ended["grading"]) == ("CANCELLED", "NOT_READY")
    assert (again["status"], again["attempt"]) == ("AWAITING_PROCTOR", 2)
    assert brought_back["__typename"] == "MoveNotAllowed"


async def test_a_reinstated_session_has_the_time_that_was_left_and_what_is_given(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    clock.forward(minutes=20)
    await hall.submit(session)
    old = await hall.look(session)

    clock.forward(hours=20, milliseconds=500)
    back = (await hall.proctor("reinstateTestSession", session, seconds=300, reason="Clicked by mistake"))[
        "testSession"
    ]
    clock.forward(minutes=5)
    resumed = (await hall.proctor("resumeTestSession", session))["testSession"]

    assert (old["score"], old["grading"]) == (0.0, "FULLY_GRADED")
    assert (back["status"], back["remainingSeconds"], back["endedAt"]) == ("PAUSED", 2700, None)
    assert (back["score"], back["grading"]) == (None, "NOT_READY")
    assert (resumed["status"], resumed["remainingSeconds"]) == ("ACTIVE", 2700)
    assert [entry["cause"] for entry in resumed["timeLedger"]] == ["REINSTATEMENT", "PAUSE"]
    assert await ledger_is_exact(session)
    assert (await Assessment.get()).status == "IN_PROGRESS"
    assert (await Ticket.get()).status == "ACTIVATED"
    assert (await hall.submit(session))["testSession"]["status"] == "SUBMITTED"
    assert (await hall.look(session))["result"]["version"] == 2


async def test_what_timed_out_is_reinstated_with_what_is_given_and_no_more(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    clock.forward(hours=3)
    await clockwork.close_overdue(hall.site)

    back = (await hall.proctor("reinstateTestSession", session, seconds=120))["testSession"]

    assert (back["status"], back["remainingSeconds"]) == ("PAUSED", 120)
    assert await ledger_is_exact(session)


async def test_a_session_is_not_reinstated_beside_a_running_one(app: Starlette, door: Door) -> None:
    owner = await door.sign_up()
    test = await owner.make_test()
    task = await owner.open_task(steps=[{"testId": test["id"], "attemptLimit": 3}, {"testId": test["id"]}])
    hall = await _enter(app, door, owner, task, (await owner.issue(task["id"]))[0])
    first = await hall.start()
    await hall.submit(first)
    await hall.start()
    before = await events()

    answer = await hall.proctor("reinstateTestSession", first)

    assert answer["__typename"] == "AnotherTestRunning"
    assert await events() == before


@pytest.mark.parametrize(
    ("mutation", "allowed"),
    [
        ("pauseTestSession", {"ACTIVE", "INTERRUPTED"}),
        ("resumeTestSession", {"PAUSED"}),
        ("terminateTestSession", {"ACTIVE", "INTERRUPTED", "PAUSED", "AWAITING_PROCTOR", "READY"}),
        ("reinstateTestSession", {"SUBMITTED", "TERMINATED", "TIMED_OUT"}),
        ("admitTestSession", {"AWAITING_PROCTOR"}),
    ],
)
async def test_each_action_is_for_some_states_and_changes_nothing_in_others(
    app: Starlette, door: Door, clock: Clock, mutation: str, allowed: set[str]
) -> None:
    for status in (
        "ACTIVE",
        "INTERRUPTED",
        "PAUSED",
        "SUBMITTED",
        "TERMINATED",
        "TIMED_OUT",
        "AWAITING_PROCTOR",
        "READY",
    ):
        hall = await open_hall(
            app, door, proctoring="CONFERENCE" if status in ("AWAITING_PROCTOR", "READY") else "NONE"
        )
        session = await _session_in(hall, status, clock)
        before, offered = await events(), (await hall.look(session))["allowedActions"]

        answer = await hall.proctor(mutation, session)

        done = answer["__typename"].endswith("Success")
        assert done == (status in allowed), (status, answer)
        assert done == (mutation.removesuffix("TestSession").upper() in offered), (status, offered)
        assert done or ((await row(session)).status == status and await events() == before)


async def _session_in(hall: Hall, status: str, clock: Clock) -> Any:
    session = await hall.start()
    match status:
        case "INTERRUPTED":
            clock.forward(seconds=61)
            await clockwork.note_lost(hall.site)
        case "PAUSED":
            await hall.proctor("pauseTestSession", session)
        case "SUBMITTED":
            await hall.submit(session)
        case "TERMINATED":
            await hall.proctor("terminateTestSession", session)
        case "TIMED_OUT":
            clock.forward(hours=2)
            await clockwork.close_overdue(hall.site)
        case "READY":
            await hall.proctor("admitTestSession", session)
    assert (await row(session)).status == status
    return session


@pytest.mark.parametrize("seed", range(5))
async def test_the_ledger_sums_to_the_deadline_whatever_is_done(
    app: Starlette, door: Door, clock: Clock, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  a test's dice
    stops = chance.choice(["CLOCK_STOPS", "CLOCK_RUNS"])
    hall = await open_hall(app, door, closesAt="2026-01-02T03:50:00.5Z", continuation=stops)
    session = await hall.start()

    for _ in range(25):
        clock.forward(seconds=chance.random() * 200)
        match chance.randrange(7):
            case 0:
                await hall.proctor("pauseTestSession", session)
            case 1:
                await hall.proctor("resumeTestSession", session)
            case 2:
                await hall.owner.mutate(ADJUST, testSessionIds=[session["id"]], seconds=chance.choice([-400, 7, 900]))
            case 3:
                await clockwork.close_overdue(hall.site)
                await clockwork.note_lost(hall.site)
            case 4:
                await hall.sitter.mutate(changing("sendHeartbeat"), testSessionId=session["id"])
            case 5:
                await hall.submit(session)
            case 6:
                await hall.proctor("reinstateTestSession", session, seconds=chance.randrange(500))
        kept = await row(session)
        assert await ledger_is_exact(session)
        assert kept.deadline_at is not None
        assert kept.ended_at is None or kept.ended_at <= kept.deadline_at


@pytest.mark.parametrize("mutation", MANY)
async def test_only_a_proctor_may_and_nobody_elsewhere_finds_it(app: Starlette, door: Door, mutation: str) -> None:
    hall, other = await open_hall(app, door), await open_hall(app, door)
    session = await hall.start()
    before = await events()
    document = changing(mutation)

    async def code(who: Door) -> str | None:
        return await who.code_of(document, input={"testSessionId": session["id"]})

    assert await code(hall.sitter) == "FORBIDDEN"
    assert await code(await hall.owner.colleague(Role.VIEWER)) == "FORBIDDEN"
    assert await code(other.owner) == "NOT_FOUND"
    assert await code(door) == "UNAUTHENTICATED"
    assert await statuses() == [(None, "ACTIVE")]
    assert await events() == before + 1  # the colleague's log-in


async def test_a_revoked_tickets_sessions_can_be_ended_by_policy(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    kept = await row(session)
    actor = (await _owner(hall)).actor

    await sessions.terminate_of_ticket(hall.site, actor, await Ticket.get(id=kept.ticket_id), "Revoked")

    assert (await row(session)).status == "TERMINATED"
    assert actor.may(Permission.PROCTOR)


async def test_a_revoked_tickets_session_whose_time_was_up_had_ended_by_itself(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    deadline = (await row(session)).deadline_at

    clock.forward(hours=2)
    await hall.owner.mutate(REVOKE_TICKETS, ticketIds=[hall.ticket["id"]], runningSessions="TERMINATE")

    kept = await row(session)
    assert (kept.status, kept.ended_at) == ("TIMED_OUT", deadline)


async def _owner(hall: Hall) -> Any:
    return await Member.get(id=key(hall.owner.known["member"]["id"]))


async def test_start_after_the_window_is_refused_even_when_admitted(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door, proctoring="CONFERENCE", closesAt="2026-01-02T04:00:00Z")
    waiting = await hall.start()
    await hall.proctor("admitTestSession", waiting)
    clock.forward(hours=1)
    before = await events()

    answer = await hall.sitter.mutate(START, stepId=hall.step_id)

    assert answer["__typename"] == "TicketExpired"
    assert await events() == before
    assert await TestSession.filter(started_at__isnull=False).count() == 0
