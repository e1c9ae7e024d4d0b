"""Who was away was away, whether or not the clockwork came by before they were back (docs/states.md)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.applications import Starlette

from models import Event, TestSession
from models.direct import Direct
from services import clockwork
from services.holding import notice
from services.site import Site
from tests.conftest import POSTGRES
from tests.hall import LOOK, Hall, changing, changing_many, ledger_is_exact, open_hall, row, statuses
from tests.world import Clock, Door

REVOKE = """
mutation ($input: RevokeTicketsInput!) {
  revokeTickets(input: $input) { __typename ... on Refusal { message } }
}
"""
Act = Callable[[Hall, Any], Awaitable[Any]]


async def _save(hall: Hall, session: Any) -> None:
    saved = await hall.save(session, ((await hall.paper(session))[-1]["id"], "back again", 1))
    assert saved["__typename"] == "SaveAnswersSuccess"


ACTS: dict[str, Act] = {
    "heartbeat": lambda hall, session: hall.sitter.mutate(changing("sendHeartbeat"), testSessionId=session["id"]),
    "save": _save,
    "start": lambda hall, _session: hall.start(),
    "submit": lambda hall, session: hall.submit(session),
    "look": lambda hall, session: hall.look(session),
    "staff's look": lambda hall, session: hall.owner.ask(LOOK, id=session["id"]),
    "pause": lambda hall, session: hall.proctor("pauseTestSession", session),
    "terminate": lambda hall, session: hall.proctor("terminateTestSession", session),
    "adjust": lambda hall, _session: hall.owner.mutate(changing_many("adjustTime"), taskId=hall.task["id"], seconds=60),
    "revoke": lambda hall, _session: hall.owner.mutate(
        REVOKE, ticketIds=[hall.ticket["id"]], runningSessions="TERMINATE"
    ),
    "close": lambda hall, _session: clockwork.close_overdue(hall.site),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_it_comes_out_the_same_whoever_comes_first(app: Starlette, door: Door, clock: Clock, act: Act) -> None:
    noticed = await _after_being_away(app, door, clock, act, swept=True)
    unnoticed = await _after_being_away(app, door, clock, act, swept=False)

    assert unnoticed == noticed


async def _after_being_away(app: Starlette, door: Door, clock: Clock, act: Act, *, swept: bool) -> Any:
    """What is kept of a session whose candidate came back long after the deadline, the clock standing still."""
    hall = await open_hall(app, door, continuation="CLOCK_STOPS")
    session = await hall.start()
    clock.forward(hours=2)
    if swept:
        assert await clockwork.note_lost(hall.site) == 1

    await act(hall, session)

    kept = await row(session)
    assert await ledger_is_exact(session)
    seen = await hall.look(session)
    log = await Event.filter(session_id=kept.id).order_by("position")
    told = [(event.type, event.actor.partition("_")[0], event.payload) for event in log]
    return told, seen["status"], seen["remainingSeconds"], _causes(seen), kept.answered


def _causes(seen: Any) -> list[tuple[int, str]]:
    return [(entry["seconds"], entry["cause"]) for entry in seen["timeLedger"]]


@pytest.mark.parametrize("minutes", [30, 300])
async def test_a_heartbeat_gives_the_time_back_that_nobody_had_noticed(
    app: Starlette, door: Door, clock: Clock, minutes: int
) -> None:
    hall = await open_hall(app, door, continuation="CLOCK_STOPS")
    session = await hall.start()
    clock.forward(minutes=minutes)

    back = (await hall.sitter.mutate(changing("sendHeartbeat"), testSessionId=session["id"]))["testSession"]

    assert (back["status"], back["remainingSeconds"]) == ("ACTIVE", 3_600)
    assert _causes(back) == [(minutes * 60, "INTERRUPTION")]
    assert await statuses() == [(None, "ACTIVE"), ("ACTIVE", "INTERRUPTED"), ("INTERRUPTED", "ACTIVE")]


async def test_where_the_clock_runs_on_an_answer_after_the_deadline_is_late_as_ever(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    essay = (await hall.paper(session))[-1]["id"]
    clock.forward(hours=2)

    saved = await hall.save(session, (essay, "late", 1))

    assert saved["__typename"] == "DeadlinePassed"
    assert await statuses() == [(None, "ACTIVE")]


async def test_one_sweep_finds_all_who_are_lost_however_many(
    app: Starlette, door: Door, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    halls = [await open_hall(app, door, continuation="CLOCK_STOPS") for _ in range(3)]
    for hall in halls:
        await hall.start()
    monkeypatch.setattr(clockwork, "AT_ONCE", 1)
    clock.forward(hours=2)

    lost = await clockwork.note_lost(halls[0].site)

    assert (lost, await TestSession.filter(status="INTERRUPTED").count()) == (3, 3)
    assert await clockwork.close_overdue(halls[0].site) == 0


async def test_those_who_are_lost_at_once_are_noted_together(
    app: Starlette, door: Door, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    halls = [await open_hall(app, door) for _ in range(4)]
    sessions = [await hall.start() for hall in halls]
    commits: list[None] = []
    commit = Direct.commit

    async def counting(connection: Direct) -> None:
        commits.append(None)
        await commit(connection)

    monkeypatch.setattr(Direct, "commit", counting)
    monkeypatch.setattr(clockwork, "TOGETHER", 3)
    clock.forward(hours=2)

    lost = await clockwork.note_lost(halls[0].site)

    assert lost == 4
    assert {(await row(session)).status for session in sessions} == {"INTERRUPTED"}
    assert len(commits) == (0 if POSTGRES else 2)


async def test_one_that_cannot_be_noted_is_left_and_keeps_nobody_from_it(
    app: Starlette, door: Door, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    halls = [await open_hall(app, door) for _ in range(3)]
    sessions = [await hall.start() for hall in halls]

    async def failing(site: Site, session: TestSession) -> bool:
        done = await notice(site, session)
        if session.gid == sessions[1]["id"]:
            raise OSError("what has been done is undone")
        return done

    clock.forward(hours=2)
    with monkeypatch.context() as patch:
        patch.setattr("services.clockwork.notice", failing)
        first = await clockwork.note_lost(halls[0].site)
        left = [(await row(session)).status for session in sessions]

    assert (first, left) == (2, ["INTERRUPTED", "ACTIVE", "INTERRUPTED"])
    assert f"{sessions[1]['id']} was left for the next sweep" in caplog.text
    assert await clockwork.note_lost(halls[0].site) == 1
    caplog.clear()  # it was meant to be said
