"""A candidate comes in, sits a test and hands it in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette

from models import Answer, Assessment, Event, Task, TaskStatus, TestSession, Ticket, TicketStatus, system
from models.moves import move
from models.unit import transactional
from tests.hall import ENTER, START, SUBMIT, events, key, ledger_is_exact, open_hall, row, statuses
from tests.world import Clock, Door


@transactional
async def set_ticket(ticket: Any, status: TicketStatus) -> None:
    kept = await Ticket.get(id=key(ticket["id"]))
    await move(kept, status, system(kept.organization_id))


@transactional
async def close_task(task: Any) -> None:
    kept = await Task.get(id=key(task["id"]))
    await move(kept, TaskStatus.CLOSED, system(kept.organization_id))


async def test_a_candidate_enters_starts_answers_and_hands_in(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    questions = {question["kind"]: question for question in await hall.paper(session)}
    seven = questions["SINGLE_CHOICE"]["options"][1]["id"]
    two, _, four = [option["id"] for option in questions["MULTIPLE_CHOICE"]["options"]]

    clock.forward(minutes=1)
    saved = await hall.save(
        session,
        (questions["SINGLE_CHOICE"]["id"], seven, 1),
        (questions["MULTIPLE_CHOICE"]["id"], [four, two], 1),
        (questions["TRUE_FALSE"]["id"], True, 1),
        (questions["NUMERIC"]["id"], 3.1415, 1),
        (questions["SHORT_TEXT"]["id"], "  pARIS ", 1),
    )
    handed_in = await hall.submit(session)

    assert session["status"] == "ACTIVE"
    assert session["remainingSeconds"] == 3600
    assert saved["testSession"]["progress"] == {"answered": 5, "total": 6}
    assert saved["savedAt"] == "2026-01-02T03:05:05+00:00"
    assert handed_in["testSession"]["status"] == "SUBMITTED"
    assert handed_in["testSession"]["endedAt"] == "2026-01-02T03:05:05+00:00"
    assert handed_in["finishUrl"].startswith(f"https://admit.test/t/{hall.task['slug']}?ticket={hall.ticket['id']}")
    assert await statuses() == [(None, "ACTIVE"), ("ACTIVE", "SUBMITTED")]
    # an essay without an answer needs no person
    graded = await hall.look(session)
    assert (graded["grading"], graded["score"], graded["maxScore"], graded["passed"]) == (
        "FULLY_GRADED",
        6.0,
        10.0,
        True,
    )
    assert (await Assessment.get()).status == "COMPLETED"
    assert (await Ticket.get()).status == "CONSUMED"


async def test_entering_is_idempotent_and_free(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    before = await events()

    again = await hall.enter()

    assert again["assessment"]["id"] == hall.sitter.known["assessment"]["id"]
    assert again["assessment"]["status"] == "CREATED"
    assert again["assessment"]["ticket"]["status"] == "ACTIVATED"
    assert again["assessment"]["steps"] == [
        {"canStart": True, "reason": None, "step": {"id": hall.step_id}, "testSession": None}
    ]
    assert await events() == before
    assert await TestSession.all().count() == 0


async def test_sixty_who_enter_at_once_are_one_assessment(app: Starlette, door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    ticket = (await owner.issue(task["id"]))[0]

    answers = await asyncio.gather(
        *(door.mutate(ENTER, taskSlug=task["slug"], invitationCode=ticket["invitationCode"]) for _ in range(60))
    )

    assert {answer["assessment"]["id"] for answer in answers} == {(await Assessment.get()).gid}
    assert await Event.filter(type="ASSESSMENT_STATUS_CHANGED").count() == 1
    assert await Event.filter(type="TICKET_STATUS_CHANGED").count() == 1


async def test_sixty_who_start_at_once_are_one_session(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)

    answers = await asyncio.gather(*(hall.sitter.mutate(START, stepId=hall.step_id) for _ in range(60)))

    assert {answer["testSession"]["id"] for answer in answers} == {(await TestSession.get()).gid}
    assert {answer["testSession"]["attempt"] for answer in answers} == {1}
    assert await statuses() == [(None, "ACTIVE")]


@pytest.mark.parametrize("code", ["ABCD-EFGHJ-KMNP", "", "\x00", "💥" * 500, "0" * 10_000])
async def test_every_wrong_code_gets_one_answer(app: Starlette, door: Door, code: str) -> None:
    hall = await open_hall(app, door)
    await set_ticket(hall.ticket, TicketStatus.REVOKED)
    before = await events()

    answers = [
        await door.mutate(ENTER, taskSlug=slug, invitationCode=code)
        for slug in (hall.task["slug"], "no-such-task", "\x00", "x" * 200)
    ]

    expected = {"__typename": "CodeUnknown", "message": "This code is not right: check it and try again."}
    assert answers == [expected] * 4
    assert await events() == before


async def test_guessing_is_over_when_the_budget_is_spent_even_all_at_once(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    guesses = [{"taskSlug": hall.task["slug"], "invitationCode": f"WRONG{n}"} for n in range(100)]

    answers = await asyncio.gather(*(door.execute(ENTER, input=guess) for guess in guesses))
    right = await door.code_of(
        ENTER, input={"taskSlug": hall.task["slug"], "invitationCode": hall.ticket["invitationCode"]}
    )

    told = [one for answer in answers if answer.get("data") for one in answer["data"].values() if one]
    assert len(told) == 20
    assert {error["extensions"]["code"] for answer in answers for error in answer.get("errors", [])} == {"RATE_LIMITED"}
    assert right == "RATE_LIMITED"


@pytest.mark.parametrize(
    ("status", "refusal"), [(TicketStatus.REVOKED, "TicketRevoked"), (TicketStatus.SUSPENDED, "TicketSuspended")]
)
async def test_the_right_code_of_a_withdrawn_ticket_says_so(
    app: Starlette, door: Door, status: TicketStatus, refusal: str
) -> None:
    hall = await open_hall(app, door)
    await set_ticket(hall.ticket, status)
    before = await events()

    entered = await hall.enter()
    started = await hall.sitter.mutate(START, stepId=hall.step_id)

    assert (entered["__typename"], started["__typename"]) == (refusal, refusal)
    assert await events() == before
    assert await TestSession.all().count() == 0


async def test_a_begun_test_is_come_back_to_whatever_happens_to_ticket_and_task(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door, ticket={"validUntil": "2026-01-02T04:00:00Z"})
    session = await hall.start()

    clock.forward(minutes=58)
    await set_ticket(hall.ticket, TicketStatus.REVOKED)
    await close_task(hall.task)
    again = await hall.enter()

    assert again["assessment"]["steps"][0]["testSession"]["id"] == session["id"]
    assert (await hall.start())["status"] == "ACTIVE"
    assert (await hall.save(session))["__typename"] == "SaveAnswersSuccess"


@pytest.mark.parametrize(
    ("ticket", "task", "refusal"),
    [
        ({"validFrom": "2026-02-01T00:00:00Z"}, {}, "TicketNotYetValid"),
        ({"validUntil": "2026-01-01T00:00:00Z"}, {}, "TicketExpired"),
        ({}, {"opensAt": "2026-02-01T00:00:00Z"}, "TicketNotYetValid"),
        ({}, {"closesAt": "2026-01-01T00:00:00Z"}, "TicketExpired"),
    ],
)
async def test_outside_the_window_nobody_enters(
    app: Starlette, door: Door, ticket: dict[str, Any], task: dict[str, Any], refusal: str
) -> None:
    owner = await door.sign_up()
    made = await owner.open_task(**task)
    issued = (await owner.issue(made["id"], **ticket))[0]
    before = await events()

    answer = await door.mutate(ENTER, taskSlug=made["slug"], invitationCode=issued["invitationCode"])

    assert answer["__typename"] == refusal
    assert await events() == before
    assert (await Ticket.get()).status == "ISSUED"


async def test_a_task_that_is_not_open_lets_nobody_in(app: Starlette, door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.draft_task()
    ticket = (await owner.issue(task["id"]))[0]

    answer = await door.mutate(ENTER, taskSlug=task["slug"], invitationCode=ticket["invitationCode"])

    assert answer["__typename"] == "TaskNotOpen"
    assert await Assessment.all().count() == 0


async def test_a_finished_ticket_is_consumed(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    await hall.submit(await hall.start())
    before = await events()

    entered = await hall.enter()
    started = await hall.sitter.mutate(START, stepId=hall.step_id)

    assert (entered["__typename"], started["__typename"]) == ("TicketConsumed", "AttemptsSpent")
    assert await events() == before


async def test_one_test_at_a_time_and_the_assessment_ends_when_nothing_is_left(app: Starlette, door: Door) -> None:
    owner = await door.sign_up()
    test = await owner.make_test()
    steps = [
        {"testId": test["id"]},
        {"testId": test["id"], "attemptLimit": 2},
        {"testId": test["id"], "required": False},
    ]
    task = await owner.open_task(steps=steps)
    ticket = (await owner.issue(task["id"]))[0]
    entered = await door.mutate(ENTER, taskSlug=task["slug"], invitationCode=ticket["invitationCode"])
    sitter = door.with_token(entered["accessToken"])

    async def begin(step: int) -> Any:
        return await sitter.mutate(START, stepId=task["steps"][step]["id"])

    first = (await begin(0))["testSession"]
    busy = (await begin(1))["__typename"]
    onward = [(await sitter.mutate(SUBMIT, testSessionId=first["id"]))["finishUrl"]]
    spent = (await begin(0))["__typename"]
    for step in (1, 1, 2):
        assert (await Assessment.get()).status == "IN_PROGRESS"
        session = (await begin(step))["testSession"]
        onward.append((await sitter.mutate(SUBMIT, testSessionId=session["id"]))["finishUrl"])

    assert (busy, spent) == ("AnotherTestRunning", "AttemptsSpent")
    assert onward[:3] == [f"https://admit.test/assessments/{entered['assessment']['id']}"] * 3
    assert onward[3].startswith(f"https://admit.test/t/{task['slug']}?ticket={ticket['id']}")
    assert ((await Assessment.get()).status, (await Ticket.get()).status) == ("COMPLETED", "CONSUMED")


async def test_submitting_again_changes_nothing(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    first = await hall.submit(session)
    before = await events()

    clock.forward(minutes=1)
    second = await hall.submit(session)

    assert second == first
    assert await events() == before


async def test_staff_do_not_sit_tests(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()

    codes = [
        await hall.owner.code_of(START, input={"stepId": hall.step_id}),
        await hall.owner.code_of(
            "mutation ($input: TestSessionIdInput!) { submitTestSession(input: $input) { __typename } }",
            input={"testSessionId": session["id"]},
        ),
        await door.code_of(START, input={"stepId": hall.step_id}),
    ]

    assert codes == ["FORBIDDEN", "FORBIDDEN", "UNAUTHENTICATED"]
    assert (await row(session)).status == "ACTIVE"


async def test_another_candidate_and_another_organization_find_nothing(app: Starlette, door: Door) -> None:
    hall, other = await open_hall(app, door), await open_hall(app, door)
    session = await hall.start()
    look = "query ($id: ID!) { testSession(id: $id) { id } }"

    codes = [
        await other.sitter.code_of(look, id=session["id"]),
        await other.owner.code_of(look, id=session["id"]),
        await other.sitter.code_of(START, input={"stepId": hall.step_id}),
    ]

    assert codes == ["NOT_FOUND"] * 3


async def test_the_paper_never_holds_the_key(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()

    questions = await hall.paper(session)
    forbidden = await hall.sitter.execute(
        "query ($id: ID!) { testSession(id: $id) { test { sections { questions { correctBoolean } } } } }",
        id=session["id"],
    )

    assert [question["kind"] for question in questions] == [
        "SINGLE_CHOICE",
        "MULTIPLE_CHOICE",
        "TRUE_FALSE",
        "NUMERIC",
        "SHORT_TEXT",
        "ESSAY",
    ]
    assert {frozenset(option) for question in questions for option in question["options"]} == {
        frozenset({"id", "text"})
    }
    assert forbidden.get("errors") or forbidden["data"]["testSession"]["test"]["sections"] is None


async def test_the_highest_sequence_wins_whatever_arrives_last(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    essay = (await hall.paper(session))[-1]["id"]

    await hall.save(session, (essay, "third", 3), (essay, "first", 1))
    before = await events()
    late = await hall.save(session, (essay, "second", 2), (essay, "an equal", 3))

    assert late["__typename"] == "SaveAnswersSuccess"
    assert (await Answer.get()).value == "third"
    assert await events() == before


async def test_null_and_nothing_take_an_answer_back(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    questions = await hall.paper(session)
    multiple, essay = questions[1], questions[5]
    await hall.save(session, (multiple["id"], [multiple["options"][0]["id"]], 1), (essay["id"], "Because.", 1))

    cleared = await hall.save(session, (multiple["id"], [], 2), (essay["id"], None, 2))

    assert cleared["testSession"]["progress"] == {"answered": 0, "total": 6}
    assert [question["answer"] for question in await hall.paper(session)] == [None] * 6


async def test_bad_answers_are_named_and_none_of_the_call_is_kept(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    single, multiple, boolean, number, short, essay = await hall.paper(session)
    option = multiple["options"][0]["id"]
    before = await events()

    answer = await hall.save(
        session,
        (essay["id"], "This one is fine.", 1),
        (single["id"], option, 1),
        (multiple["id"], [option, option], 1),
        (boolean["id"], "true", 1),
        (number["id"], True, 1),
        (short["id"], "x" * 1_001, 1),
        (essay["id"], "x" * 50_001, 1),
        (essay["id"], "a\x00b", 1),
        ("qst_nowhere", "x", 1),
        (essay["id"], "x", -1),
    )

    assert answer["__typename"] == "InvalidAnswers"
    assert [(problem["index"], problem["field"]) for problem in answer["problems"]] == [
        (1, "value"), (2, "value"), (3, "value"), (4, "value"), (5, "value"), (6, "value"), (7, "value"),
        (8, "questionId"), (9, "sequence"),
    ]  # fmt: skip
    assert await Answer.all().count() == 0
    assert await events() == before


async def test_more_than_five_hundred_answers_are_refused(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()

    answer = await hall.save(session, *(("q", None, 1) for _ in range(501)))

    assert answer["__typename"] == "TooManyRows"


async def test_events_of_answers_hold_no_answer(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()

    await hall.save(session, ((await hall.paper(session))[-1]["id"], "my private thoughts", 1))

    saved = await Event.get(type="ANSWERS_SAVED")
    assert saved.payload == {"answered": 1, "total": 6}
    assert saved.session_id == key(session["id"])


@pytest.mark.parametrize(
    ("over", "closes", "extra", "seconds", "ledger"),
    [
        ({}, None, None, 3600, []),
        ({}, None, 25, 4500, [(900, "ACCOMMODATION")]),
        ({}, "2026-01-02T03:34:05Z", None, 1800, [(-1800, "WINDOW")]),
        ({}, "2026-01-02T03:34:05Z", 50, 3600, [(-1800, "WINDOW"), (1800, "ACCOMMODATION")]),
        ({"durationSeconds": None}, "2026-01-02T03:34:05Z", 10, 1980, [(180, "ACCOMMODATION")]),
    ],
)
async def test_what_cuts_and_adds_time_stands_in_the_ledger(
    app: Starlette,
    door: Door,
    over: dict[str, Any],
    closes: str | None,
    extra: int | None,
    seconds: int,
    ledger: list[tuple[int, str]],
) -> None:
    owner = await door.sign_up()
    test = await owner.make_test(**over)
    task = await owner.open_task(steps=[{"testId": test["id"]}], closesAt=closes)
    person = {"fullName": "Extra Time", "extraTimePercent": extra}
    ticket = (await owner.issue(task["id"], candidates=[person]))[0]
    entered = await door.mutate(ENTER, taskSlug=task["slug"], invitationCode=ticket["invitationCode"])

    started = await door.with_token(entered["accessToken"]).mutate(START, stepId=task["steps"][0]["id"])

    session = started["testSession"]
    assert session["remainingSeconds"] == seconds
    assert [(entry["seconds"], entry["cause"]) for entry in session["timeLedger"]] == ledger
    assert await ledger_is_exact(session)


async def test_a_test_without_a_limit_has_no_deadline_and_no_ledger(app: Starlette, door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    test = await owner.make_test(durationSeconds=None)
    task = await owner.open_task(steps=[{"testId": test["id"]}])
    ticket = (await owner.issue(task["id"], candidates=[{"fullName": "A", "extraTimePercent": 50}]))[0]
    entered = await door.mutate(ENTER, taskSlug=task["slug"], invitationCode=ticket["invitationCode"])

    started = await door.with_token(entered["accessToken"]).mutate(START, stepId=task["steps"][0]["id"])

    session = started["testSession"]
    assert (session["deadlineAt"], session["remainingSeconds"], session["timeLedger"]) == (None, None, [])


async def test_assessment_is_the_candidates_own_and_null_for_staff(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    document = "{ assessment { id steps { canStart } } }"

    assert (await hall.sitter.ask(document))["assessment"]["id"] == hall.sitter.known["assessment"]["id"]
    assert (await hall.owner.ask(document))["assessment"] is None
    assert await door.code_of(document) == "UNAUTHENTICATED"
