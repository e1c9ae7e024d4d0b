"""An assessment ends when nothing is left in it, or when its candidate says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette

from models import Assessment, Event, TestSession, Ticket
from tests.hall import START, Hall, events, key, open_hall
from tests.world import Clock, Door

COMPLETE = """
mutation ($input: CompleteAssessmentInput!) {
  completeAssessment(input: $input) {
    __typename
    ... on CompleteAssessmentSuccess { finishUrl assessment { id status endedAt canComplete } }
    ... on Refusal { message }
  }
}
"""
STEPS = "{ assessment { status canComplete steps { canStart attemptsLeft } } }"


async def complete(hall: Hall, door: Door | None = None) -> Any:
    """The candidate says that they are done; the answer is whatever it is."""
    return await (door or hall.sitter).mutate(COMPLETE, assessmentId=hall.sitter.known["assessment"]["id"])


async def sit(hall: Hall, step: int = 0) -> Any:
    """Start the step and hand it in."""
    session = await hall.start(step)
    await hall.submit(session)
    return session


async def test_with_one_attempt_at_each_required_test_it_ends_by_itself(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door, steps=[{}, {}])

    await sit(hall, 0)
    between = (await Assessment.get()).status
    await sit(hall, 1)

    assert (between, (await Assessment.get()).status, (await Ticket.get()).status) == (
        "IN_PROGRESS",
        "COMPLETED",
        "CONSUMED",
    )


async def test_a_second_attempt_is_there_to_be_used_and_the_last_one_ends_it(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door, steps=[{"attemptLimit": 2}])

    first = await sit(hall)
    left = (await hall.sitter.ask(STEPS))["assessment"]
    second = await hall.start()
    await hall.submit(second)

    assert left == {"status": "IN_PROGRESS", "canComplete": True, "steps": [{"canStart": True, "attemptsLeft": 1}]}
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert (await Assessment.get()).status == "COMPLETED"
    assert (await hall.sitter.ask(STEPS))["assessment"] == {
        "status": "COMPLETED",
        "canComplete": False,
        "steps": [{"canStart": False, "attemptsLeft": 0}],
    }


async def test_an_optional_test_is_there_to_be_taken_last(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door, steps=[{}, {"required": False}])

    await sit(hall, 0)
    await sit(hall, 1)

    assert (await Assessment.get()).status == "COMPLETED"


async def test_whoever_has_taken_what_is_required_may_be_done(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door, steps=[{"attemptLimit": 2}, {"required": False}])
    session = await sit(hall)

    clock.forward(minutes=1)
    done = await complete(hall)
    started = await hall.sitter.mutate(START, stepId=hall.step_id)

    assert done["assessment"] == {
        "id": hall.sitter.known["assessment"]["id"],
        "status": "COMPLETED",
        "endedAt": "2026-01-02T03:05:05+00:00",
        "canComplete": False,
    }
    address = f"https://admit.test/t/{hall.task['slug']}?ticket={hall.ticket['id']}&session={session['id']}&"
    assert done["finishUrl"].startswith(f"{address}status=SUBMITTED&time=2026-01-02T03%3A04%3A05Z")
    assert (await Ticket.get()).status == "CONSUMED"
    assert started["__typename"] == "AssessmentEnded"
    event = await Event.filter(type="ASSESSMENT_STATUS_CHANGED").order_by("-position").first()
    assert event is not None
    assert (event.actor, event.payload) == (hall.ticket["id"], {"from": "IN_PROGRESS", "to": "COMPLETED"})


async def test_attempts_without_a_limit_end_when_the_candidate_says_so(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door, steps=[{"attemptLimit": None}])

    for _ in range(3):
        await sit(hall)
    left = (await hall.sitter.ask(STEPS))["assessment"]
    done = await complete(hall)

    assert left == {"status": "IN_PROGRESS", "canComplete": True, "steps": [{"canStart": True, "attemptsLeft": None}]}
    assert done["assessment"]["status"] == "COMPLETED"
    assert await TestSession.all().count() == 3


async def test_saying_it_again_changes_nothing(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door, steps=[{"attemptLimit": 2}])
    await sit(hall)
    first = await complete(hall)
    before = await events()

    again = await asyncio.gather(*(complete(hall) for _ in range(20)))

    assert again == [first] * 20
    assert await events() == before


async def test_of_many_who_say_it_at_once_one_is_heard(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door, steps=[{"attemptLimit": 2}])
    await sit(hall)

    answers = await asyncio.gather(*(complete(hall) for _ in range(20)))

    assert {answer["__typename"] for answer in answers} == {"CompleteAssessmentSuccess"}
    assert await Event.filter(type="ASSESSMENT_STATUS_CHANGED").count() == 3


async def test_refuses_while_a_test_runs(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door, steps=[{"attemptLimit": 2}])
    await sit(hall)
    await hall.start()
    before = await events()

    answer = await complete(hall)

    assert answer["__typename"] == "AnotherTestRunning"
    assert ((await Assessment.get()).status, await events()) == ("IN_PROGRESS", before)


@pytest.mark.parametrize(
    ("steps", "taken"),
    [
        ([{}], []),
        ([{}, {"attemptLimit": None}], [1, 1]),
        ([{}, {"required": False}], [1]),
        ([{"required": False}, {"required": False}], []),
    ],
)
async def test_refuses_before_every_required_test_has_been_taken(
    app: Starlette, door: Door, steps: list[dict[str, Any]], taken: list[int]
) -> None:
    hall = await open_hall(app, door, steps=steps)
    for step in taken:
        await sit(hall, step)
    before, status = await events(), (await Assessment.get()).status

    answer = await complete(hall)

    assert answer == {"__typename": "RequiredTestsUnfinished", "message": "Take every required test first."}
    assert ((await Assessment.get()).status, await events()) == (status, before)


async def test_a_cancelled_session_is_no_test_taken(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door, steps=[{}], proctoring="CONFERENCE")
    await hall.proctor("terminateTestSession", await hall.start())

    assert (await TestSession.get()).status == "CANCELLED"
    assert (await complete(hall))["__typename"] == "RequiredTestsUnfinished"


async def test_where_nothing_is_required_one_test_is_enough(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door, steps=[{"required": False}, {"required": False}])
    await sit(hall, 1)

    answer = await complete(hall)

    assert answer["assessment"]["status"] == "COMPLETED"


async def test_a_test_whose_time_is_up_does_not_keep_anybody_from_finishing(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door, steps=[{"attemptLimit": 2}])
    await hall.start()

    clock.forward(hours=2)
    answer = await complete(hall)

    assert answer["assessment"]["status"] == "COMPLETED"
    assert (await TestSession.get()).status == "TIMED_OUT"


async def test_a_reinstated_session_opens_it_again_until_it_ends_again(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door, steps=[{"attemptLimit": 2}])
    session = await sit(hall)
    await complete(hall)

    await hall.proctor("reinstateTestSession", session)
    reopened = (await Assessment.get()).status, (await Ticket.get()).status
    await hall.proctor("resumeTestSession", session)
    await hall.submit(session)
    again = await complete(hall)

    assert reopened == ("IN_PROGRESS", "ACTIVATED")
    assert again["__typename"] == "CompleteAssessmentSuccess"
    assert ((await Assessment.get()).status, (await Ticket.get()).status) == ("COMPLETED", "CONSUMED")


async def test_nobody_else_says_it(app: Starlette, door: Door) -> None:
    other, hall = await open_hall(app, door), await open_hall(app, door, steps=[{"attemptLimit": 2}])
    await sit(hall)
    asked = {"assessmentId": hall.sitter.known["assessment"]["id"]}

    codes = [await who.code_of(COMPLETE, input=asked) for who in (hall.owner, other.sitter, other.owner, door)]

    assert codes == ["FORBIDDEN", "NOT_FOUND", "NOT_FOUND", "UNAUTHENTICATED"]
    assert (await Assessment.get(id=key(asked["assessmentId"]))).status == "IN_PROGRESS"
