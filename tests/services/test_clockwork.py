"""The server closes sessions at their deadline and notices lost ones, whether or not anybody asks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.applications import Starlette
from tortoise.exceptions import IntegrityError

from models import Answer, Assessment, Event, TestSession, Ticket
from models import clock as models_clock
from services import clockwork, endings
from tests.hall import changing, events, ledger_is_exact, open_hall, row, statuses
from tests.world import Clock, Door

HEARTBEAT = changing("sendHeartbeat")


async def test_a_session_is_closed_at_its_deadline_not_when_it_was_noticed(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    await hall.save(session, ((await hall.paper(session))[-1]["id"], "kept", 1))

    clock.forward(hours=5)
    closed = await clockwork.close_overdue(hall.site)

    kept = await row(session)
    assert closed == 1
    assert (kept.status, kept.ended_at) == ("TIMED_OUT", datetime(2026, 1, 2, 4, 4, 5, tzinfo=UTC))
    assert (await Answer.get()).value == "kept"
    assert (await Assessment.get()).status == "COMPLETED"
    assert await statuses() == [(None, "ACTIVE"), ("ACTIVE", "INTERRUPTED"), ("INTERRUPTED", "TIMED_OUT")]
    assert await Event.filter(type="TEST_SESSION_STATUS_CHANGED", actor="system").count() == 2


async def test_the_grace_is_over_before_a_session_is_closed(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door)
    await hall.start()

    clock.forward(seconds=3600 + 4.999)
    early = await clockwork.close_overdue(hall.site)
    clock.forward(seconds=0.001)
    due = await clockwork.close_overdue(hall.site)
    again = await clockwork.close_overdue(hall.site)

    assert (early, due, again) == (0, 1, 0)


@pytest.mark.parametrize(
    ("seconds", "kind", "kept"),
    [
        (3600, "SaveAnswersSuccess", 1),
        (3605, "SaveAnswersSuccess", 1),
        (3605.001, "DeadlinePassed", 0),
        (7200, "DeadlinePassed", 0),
    ],
)
async def test_only_the_servers_clock_decides_which_answer_is_late(
    app: Starlette, door: Door, clock: Clock, seconds: float, kind: str, kept: int
) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    essay = (await hall.paper(session))[-1]["id"]

    clock.forward(seconds=seconds)
    answer = await hall.save(session, (essay, "late", 1))

    assert answer["__typename"] == kind
    assert await Answer.all().count() == kept


async def test_a_late_answer_is_told_so_also_after_the_close(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    essay = (await hall.paper(session))[-1]["id"]
    clock.forward(seconds=3606)
    await clockwork.close_overdue(hall.site)
    before = await events()

    answer = await hall.save(session, (essay, "late", 1))

    assert answer["__typename"] == "DeadlinePassed"
    assert await events() == before


async def test_handing_in_within_the_grace_counts_at_the_deadline(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()

    clock.forward(seconds=3603)
    handed_in = await hall.submit(session)

    assert handed_in["testSession"]["status"] == "SUBMITTED"
    assert handed_in["testSession"]["endedAt"] == handed_in["testSession"]["deadlineAt"]


async def test_handing_in_too_late_finds_the_session_closed(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()

    clock.forward(seconds=3606)
    handed_in = await hall.submit(session)

    assert handed_in["__typename"] == "SubmitTestSessionSuccess"
    assert handed_in["testSession"]["status"] == "TIMED_OUT"


async def test_whoever_looks_at_an_overdue_session_finds_it_closed(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()

    clock.forward(seconds=3606)
    seen = await hall.look(session)

    assert seen["status"] == "TIMED_OUT"
    assert seen["endedAt"] == "2026-01-02T04:04:05+00:00"


async def test_of_two_who_close_at_once_one_does(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    clock.forward(hours=2)
    first, second = await row(session), await row(session)

    closed = await asyncio.gather(
        endings.catch_up(hall.site, first), endings.catch_up(hall.site, second), clockwork.close_overdue(hall.site)
    )

    assert sum(closed) == 1
    assert await statuses() == [(None, "ACTIVE"), ("ACTIVE", "INTERRUPTED"), ("INTERRUPTED", "TIMED_OUT")]


async def test_a_silent_session_is_interrupted_and_its_clock_runs_on(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()

    clock.forward(seconds=60)
    early = await clockwork.note_lost(hall.site)
    clock.forward(seconds=1)
    lost = await clockwork.note_lost(hall.site)
    interrupted = await hall.look(session)
    clock.forward(minutes=10)
    back = (await hall.sitter.mutate(HEARTBEAT, testSessionId=session["id"]))["testSession"]

    assert (early, lost) == (0, 1)
    assert (interrupted["status"], back["status"]) == ("INTERRUPTED", "ACTIVE")
    assert (interrupted["remainingSeconds"], back["remainingSeconds"]) == (3539, 2939)
    assert back["timeLedger"] == []


async def test_where_the_task_says_so_the_clock_stops_while_the_candidate_is_away(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door, continuation="CLOCK_STOPS")
    session = await hall.start()
    essay = (await hall.paper(session))[-1]["id"]

    clock.forward(seconds=61.5)
    await clockwork.note_lost(hall.site)
    clock.forward(hours=3)
    closed = await clockwork.close_overdue(hall.site)
    saved = (await hall.save(session, (essay, "back again", 1)))["testSession"]

    assert closed == 0
    assert saved["status"] == "ACTIVE"
    assert saved["remainingSeconds"] == 3600
    assert [(entry["seconds"], entry["cause"]) for entry in saved["timeLedger"]] == [(10_862, "INTERRUPTION")]
    assert await ledger_is_exact(session)


async def test_a_heartbeat_keeps_a_session_from_being_lost(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    before = await events()

    clock.forward(seconds=59)
    await hall.sitter.mutate(HEARTBEAT, testSessionId=session["id"])
    clock.forward(seconds=59)

    assert await clockwork.note_lost(hall.site) == 0
    assert await events() == before


LATE: dict[str, Any] = {"closesAt": "2026-01-02T04:00:00Z"}
EXPIRING: dict[str, Any] = {"validUntil": "2026-01-02T04:00:00Z"}


@pytest.mark.parametrize(
    ("ticket", "task"), [({}, LATE), (EXPIRING, {}), (EXPIRING, {"closesAt": "2026-01-03T00:00:00Z"})]
)
async def test_an_assessment_that_nobody_finished_ends_when_its_time_has_passed(
    app: Starlette, door: Door, clock: Clock, ticket: dict[str, Any], task: dict[str, Any]
) -> None:
    hall = await open_hall(app, door, ticket=ticket, **task)

    clock.forward(minutes=55)
    early = await clockwork.note_lapsed()
    clock.forward(minutes=5)
    due = await clockwork.note_lapsed()
    again = await clockwork.note_lapsed()

    kept = await Assessment.get()
    assert (early, due, again) == (0, 1, 0)
    assert (kept.status, kept.ended_at) == ("LAPSED", datetime(2026, 1, 2, 4, 0, tzinfo=UTC))
    assert (await Ticket.get()).status == "CONSUMED"
    event = await Event.filter(type="ASSESSMENT_STATUS_CHANGED").order_by("-position").first()
    assert event is not None
    assert (event.actor, event.payload) == ("system", {"from": "CREATED", "to": "LAPSED"})
    before = await events()
    assert (await hall.enter())["__typename"] == "TicketExpired"
    assert await events() == before


async def test_without_a_closing_time_an_assessment_stays_open(app: Starlette, door: Door, clock: Clock) -> None:
    await open_hall(app, door)

    clock.forward(days=365)

    assert await clockwork.note_lapsed() == 0
    assert (await Assessment.get()).is_open


async def test_whoever_sits_a_test_is_waited_for(app: Starlette, door: Door, clock: Clock) -> None:
    person = {"fullName": "Extra Time", "extraTimePercent": 50}
    hall = await open_hall(app, door, ticket={"candidates": [person]}, steps=[{"attemptLimit": 2}], **LATE)
    session = await hall.start()

    clock.forward(minutes=70)
    running = await clockwork.note_lapsed()
    await hall.submit(session)
    over = await clockwork.note_lapsed()

    kept = await Assessment.get()
    assert (running, over) == (0, 1)
    # the extra time lifted the closing time, and the assessment did not end before its test did
    # and it is complete, for what was left was another attempt
    assert (kept.status, kept.ended_at) == ("COMPLETED", datetime(2026, 1, 2, 4, 14, 5, tzinfo=UTC))
    assert (await row(session)).status == "SUBMITTED"
    assert (await hall.enter())["__typename"] == "TicketConsumed"


async def test_who_waits_for_a_proctor_when_the_task_closes_waits_no_longer(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door, proctoring="CONFERENCE", **LATE)
    session = await hall.start()

    clock.forward(hours=3)
    ended = await clockwork.note_lapsed()

    closing = datetime(2026, 1, 2, 4, 0, tzinfo=UTC)
    kept, assessment = await row(session), await Assessment.get()
    assert ended == 1
    assert (kept.status, kept.ended_at, kept.started_at) == ("CANCELLED", closing, None)
    assert (assessment.status, assessment.ended_at) == ("LAPSED", closing)
    assert (await Ticket.get()).status == "CONSUMED"


async def test_who_waits_for_a_proctor_may_begin_after_the_tickets_time(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door, ticket=EXPIRING, proctoring="CONFERENCE")
    session = await hall.start()

    clock.forward(hours=3)
    ended = await clockwork.note_lapsed()
    await hall.proctor("admitTestSession", session)

    assert ended == 0
    assert (await hall.start())["status"] == "ACTIVE"


async def test_who_finished_in_time_is_told_so_also_later(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door, ticket=EXPIRING, **LATE)
    await hall.submit(await hall.start())

    clock.forward(hours=3)

    assert await clockwork.note_lapsed() == 0
    assert (await Assessment.get()).status == "COMPLETED"
    assert (await hall.enter())["__typename"] == "TicketConsumed"


async def test_a_lapsed_assessment_goes_on_when_a_session_is_reinstated(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door, steps=[{}, {}], **LATE)
    session = await hall.start()
    await hall.submit(session)
    clock.forward(hours=1)
    lapsed = await clockwork.note_lapsed()

    await hall.proctor("reinstateTestSession", session, seconds=600)
    waited = await clockwork.note_lapsed()

    assert (lapsed, waited) == (1, 0)
    assert ((await Assessment.get()).status, (await Ticket.get()).status) == ("IN_PROGRESS", "ACTIVATED")
    assert (await hall.enter())["__typename"] == "EnterTaskSuccess"


async def test_of_two_who_end_an_assessment_at_once_one_does(app: Starlette, door: Door, clock: Clock) -> None:
    await open_hall(app, door, **LATE)
    clock.forward(hours=1)

    ended = await asyncio.gather(*(clockwork.note_lapsed() for _ in range(5)))

    assert sum(ended) == 1
    assert await Event.filter(type="ASSESSMENT_STATUS_CHANGED").count() == 2


async def test_more_than_one_sweep_holds_are_ended_by_the_next(
    app: Starlette, door: Door, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await open_hall(app, door, **LATE)
    monkeypatch.setattr(clockwork, "AT_ONCE", 2)
    clock.forward(hours=1)

    ended = [await clockwork.note_lapsed() for _ in range(3)]

    assert ended == [2, 1, 0]


async def test_the_sweep_ends_assessments_too(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door, **LATE)
    clock.forward(hours=1)

    running = asyncio.create_task(clockwork.run(hall.site, 0))
    while (await Assessment.get()).is_open:
        await asyncio.sleep(0)
    running.cancel()

    assert (await Assessment.get()).status == "LAPSED"


async def test_a_clock_that_the_task_stops_stood_still_while_the_server_was_away(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door, continuation="CLOCK_STOPS")
    session = await hall.start()
    clock.forward(hours=2)

    running = asyncio.create_task(clockwork.run(hall.site, 0))
    while (await row(session)).status == "ACTIVE":
        await asyncio.sleep(0)
    running.cancel()

    assert await clockwork.close_overdue(hall.site) == 0
    assert await statuses() == [(None, "ACTIVE"), ("ACTIVE", "INTERRUPTED")]
    assert (await hall.look(session))["remainingSeconds"] == 3_600


async def test_a_sweep_that_fails_does_not_end_the_sweeping(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door)
    await hall.start()
    clock.forward(hours=2)
    times = iter([None, None])

    def broken_at_first() -> datetime:
        return next(times, clock.time) or _broken()

    models_clock.use(broken_at_first)
    running = asyncio.create_task(clockwork.run(hall.site, 0))
    while not await TestSession.filter(status="TIMED_OUT").exists():
        await asyncio.sleep(0)
    running.cancel()

    assert next(times, "spent") == "spent"
    assert await statuses() == [(None, "ACTIVE"), ("ACTIVE", "INTERRUPTED"), ("INTERRUPTED", "TIMED_OUT")]


def _broken() -> datetime:
    raise OSError("the clock is broken")


async def test_the_indexes_keep_a_second_open_assessment_and_session_out(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await row(await hall.start())
    columns: dict[str, Any] = {
        "organization_id": session.organization_id,
        "task_id": session.task_id,
        "ticket_id": session.ticket_id,
    }

    with pytest.raises(IntegrityError):
        await Assessment.create(**columns)
    for attempt in (1, 2):
        with pytest.raises(IntegrityError):
            await TestSession.create(
                **columns,
                assessment_id=session.assessment_id,
                step_id=session.step_id,
                test_id=session.test_id,
                status="PAUSED" if attempt == 2 else "SUBMITTED",
                attempt=attempt,
            )

    assert (await Assessment.all().count(), await TestSession.all().count()) == (1, 1)
