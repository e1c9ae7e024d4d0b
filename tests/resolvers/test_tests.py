"""Writing tests: what is kept, and that every bad question is named."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette

import models
from models import EventType
from tests.hall import open_hall
from tests.world import CREATE_TASK, CREATE_TEST, QUESTIONS, Door, kinds

PUBLISH = """mutation ($input: TestIdInput!) {
  publishTest(input: $input) { __typename ... on PublishTestSuccess { test { id status } } ... on Refusal { message } }
}"""
RETIRE = """mutation ($input: TestIdInput!) {
  retireTest(input: $input) { __typename ... on RetireTestSuccess { test { id status } } ... on Refusal { message } }
}"""
CHOICES = [{"text": "yes", "correct": True}, {"text": "no"}]


async def moves() -> list[Any]:
    """Every move of every test, in the log's order."""
    events = await models.Event.filter(type=EventType.TEST_STATUS_CHANGED).order_by("position")
    return [event.payload for event in events]


async def refused(owner: Door, question: dict[str, Any]) -> list[tuple[str, str]]:
    """The fields and sentences of a test with one good question and this one."""
    sections = [{"questions": [QUESTIONS[2]]}, {"questions": [question]}]
    answer = await owner.mutate(CREATE_TEST, title="Bad", sections=sections)
    assert answer["__typename"] == "InvalidQuestions", answer
    assert {problem["index"] for problem in answer["problems"]} == {1}
    return [(problem["field"], problem["message"]) for problem in answer["problems"]]


async def test_a_test_is_kept_as_it_was_sent_with_ids_for_its_questions(door: Door) -> None:
    owner = await door.sign_up()

    test = await owner.make_test(description="For beginners")

    assert {
        key: test[key] for key in ("title", "description", "status", "version", "durationSeconds", "passRatio")
    } == {
        "title": "Arithmetic",
        "description": "For beginners",
        "status": "PUBLISHED",
        "version": 1,
        "durationSeconds": 3600,
        "passRatio": 0.5,
    }
    assert test["maxScore"] == 10
    assert [section["title"] for section in test["sections"]] == ["Choices", None]
    questions = [question for section in test["sections"] for question in section["questions"]]
    assert [question["kind"] for question in questions] == [question["kind"] for question in QUESTIONS]
    assert [option["correct"] for option in questions[1]["options"]] == [True, False, True]
    assert questions[3]["tolerance"] == 0.005
    assert questions[4]["acceptedAnswers"] == ["Paris"]
    ids = [question["id"] for question in questions]
    assert len(set(ids)) == 6
    assert all(id_.startswith("qst_") for id_ in ids)
    assert all(option["id"].startswith("opt_") for option in questions[0]["options"])
    assert await kinds() == [EventType.TEST_CREATED, EventType.TEST_STATUS_CHANGED]


async def test_an_unpublished_test_is_a_draft(door: Door) -> None:
    owner = await door.sign_up()

    test = await owner.make_test(publish=False)

    assert test["status"] == "DRAFT"


async def test_a_draft_is_published_once_and_then_tasks_deliver_it(door: Door) -> None:
    owner = await door.sign_up()
    test = await owner.make_test(publish=False)
    early = await owner.mutate(CREATE_TASK, name="T", steps=[{"testId": test["id"]}])

    published = await owner.mutate(PUBLISH, testId=test["id"])
    again = await owner.mutate(PUBLISH, testId=test["id"])
    task = await owner.mutate(CREATE_TASK, name="T", steps=[{"testId": test["id"]}])

    assert early["__typename"] == "TestNotPublished"
    assert published == again == {"__typename": "PublishTestSuccess", "test": {"id": test["id"], "status": "PUBLISHED"}}
    assert task["__typename"] == "CreateTaskSuccess"
    assert await moves() == [{"from": None, "to": "DRAFT"}, {"from": "DRAFT", "to": "PUBLISHED"}]


async def test_a_retired_test_enters_no_new_task_and_running_ones_go_on(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    test = {"testId": (await models.Test.get()).gid}

    retired = await hall.owner.mutate(RETIRE, **test)
    again = await hall.owner.mutate(RETIRE, **test)
    late = await hall.owner.mutate(CREATE_TASK, name="T", steps=[test])
    session = await hall.start()

    assert retired == again == {"__typename": "RetireTestSuccess", "test": {"id": test["testId"], "status": "RETIRED"}}
    assert late["__typename"] == "TestNotPublished"
    assert (await hall.submit(session))["__typename"] == "SubmitTestSessionSuccess"
    assert await moves() == [{"from": None, "to": "PUBLISHED"}, {"from": "PUBLISHED", "to": "RETIRED"}]


async def test_a_retired_test_is_not_published_again(door: Door) -> None:
    owner = await door.sign_up()
    test = await owner.make_test(publish=False)
    await owner.mutate(RETIRE, testId=test["id"])
    before = await moves()

    answer = await owner.mutate(PUBLISH, testId=test["id"])

    assert answer == {"__typename": "MoveNotAllowed", "message": "It is RETIRED; it cannot become PUBLISHED."}
    assert ((await models.Test.get()).status, await moves()) == ("RETIRED", before)


async def test_the_right_answers_are_for_those_who_write_or_grade_tests(door: Door) -> None:
    owner = await door.sign_up()
    test = await owner.make_test()
    document = "query ($id: ID!) { node(id: $id) { ... on Test { title sections { title } } } }"
    roles = [models.Role.ADMIN, models.Role.INSTRUCTOR, models.Role.PROCTOR, models.Role.VIEWER]

    answers = [await (await owner.colleague(role)).execute(document, id=test["id"]) for role in roles]

    assert [answer["data"]["node"]["title"] for answer in answers] == ["Arithmetic"] * 4
    shown = [{"title": "Choices"}, {"title": None}]
    assert [answer["data"]["node"]["sections"] for answer in answers] == [shown, shown, None, None]
    codes = [[error["extensions"]["code"] for error in answer.get("errors", [])] for answer in answers]
    assert codes == [[], [], ["FORBIDDEN"], ["FORBIDDEN"]]


async def test_sent_twice_it_makes_two_tests(door: Door) -> None:
    owner = await door.sign_up()

    first, second = await owner.make_test(), await owner.make_test()

    assert first["id"] != second["id"]


async def test_every_bad_question_is_named_and_nothing_is_kept(door: Door) -> None:
    owner = await door.sign_up()
    bad = [
        {"kind": "SINGLE_CHOICE", "prompt": "One?", "options": [{"text": "a"}, {"text": "b"}]},
        QUESTIONS[0],
        {"kind": "TRUE_FALSE", "prompt": " "},
    ]

    answer = await owner.mutate(CREATE_TEST, title="Bad", sections=[{"questions": bad[:2]}, {"questions": bad[2:]}])

    assert answer["__typename"] == "InvalidQuestions"
    assert answer["problems"] == [
        {"index": 0, "field": "options", "message": "Exactly one option must be correct."},
        {"index": 2, "field": "prompt", "message": "This must not be blank."},
        {"index": 2, "field": "correctBoolean", "message": "A true-or-false question needs it, and no other has it."},
    ]
    assert await models.Test.all().count() == 0
    assert await kinds() == []


async def test_refuses_a_single_choice_with_two_right_options_or_with_one_option(door: Door) -> None:
    owner = await door.sign_up()
    two = [{"text": "a", "correct": True}, {"text": "b", "correct": True}]

    both = await refused(owner, {"kind": "SINGLE_CHOICE", "prompt": "?", "options": two})
    one = await refused(owner, {"kind": "SINGLE_CHOICE", "prompt": "?", "options": CHOICES[:1]})

    assert both == [("options", "Exactly one option must be correct.")]
    assert one == [("options", "Give between 2 and 100 options.")]


async def test_refuses_a_multiple_choice_without_a_right_option(door: Door) -> None:
    owner = await door.sign_up()
    none = [{"text": "a"}, {"text": ""}]

    problems = await refused(owner, {"kind": "MULTIPLE_CHOICE", "prompt": "?", "options": none})

    assert problems == [
        ("options.1.text", "This must not be blank."),
        ("options", "At least one option must be correct."),
    ]


async def test_refuses_a_number_without_its_key_or_with_a_negative_tolerance(door: Door) -> None:
    owner = await door.sign_up()

    problems = await refused(owner, {"kind": "NUMERIC", "prompt": "?", "tolerance": -1})

    assert problems == [
        ("correctNumber", "A numeric question needs a finite number, and no other has one."),
        ("tolerance", "A tolerance is 0 or more."),
    ]


async def test_refuses_a_short_text_that_nothing_answers(door: Door) -> None:
    owner = await door.sign_up()

    none = await refused(owner, {"kind": "SHORT_TEXT", "prompt": "?"})
    blank = await refused(owner, {"kind": "SHORT_TEXT", "prompt": "?", "acceptedAnswers": [" "]})

    assert none == [("acceptedAnswers", "Give between 1 and 100 accepted answers.")]
    assert blank == [("acceptedAnswers", "Each is one line of at most 500 characters, and not blank.")]


async def test_refuses_the_key_of_another_kind(door: Door) -> None:
    owner = await door.sign_up()

    problems = await refused(
        owner, {"kind": "ESSAY", "prompt": "?", "options": CHOICES, "correctNumber": 1, "acceptedAnswers": ["x"]}
    )

    assert [field for field, _ in problems] == ["options", "correctNumber", "acceptedAnswers"]


async def test_refuses_negative_points_long_prompts_and_text_that_cannot_be_kept(door: Door) -> None:
    owner = await door.sign_up()

    long = await refused(owner, {"kind": "ESSAY", "prompt": "x" * 10_001, "points": -1})
    nul = await refused(owner, {"kind": "ESSAY", "prompt": "a\0b"})

    assert long == [
        ("prompt", "This is longer than 10,000 characters."),
        ("points", "Give between 0 and 1,000,000 points."),
    ]
    assert nul == [("prompt", "Control characters cannot be kept.")]


async def test_refuses_no_question_and_more_than_five_hundred(door: Door) -> None:
    owner = await door.sign_up()

    none = await owner.mutate(CREATE_TEST, title="Empty", sections=[])
    many = await owner.mutate(CREATE_TEST, title="Long", sections=[{"questions": [QUESTIONS[5]] * 501}])

    assert (none["__typename"], none["limit"]) == ("TooManyRows", 500)
    assert (many["__typename"], many["limit"]) == ("TooManyRows", 500)
    assert await models.Test.all().count() == 0


async def test_refuses_a_time_limit_and_a_pass_ratio_out_of_range(door: Door) -> None:
    owner = await door.sign_up()
    sections = [{"questions": QUESTIONS}]

    zero = await owner.mutate(CREATE_TEST, title="T", sections=sections, durationSeconds=0)
    long = await owner.mutate(CREATE_TEST, title="T", sections=sections, durationSeconds=604_801)
    ratio = await owner.mutate(CREATE_TEST, title="T", sections=sections, passRatio=1.1)
    blank = await owner.mutate(CREATE_TEST, title=" ", sections=sections)

    assert [answer["field"] for answer in (zero, long, ratio, blank)] == [
        "durationSeconds",
        "durationSeconds",
        "passRatio",
        "title",
    ]
    assert await models.Test.all().count() == 0


async def test_a_proctor_may_not_write_tests(door: Door) -> None:
    proctor = await (await door.sign_up()).colleague(models.Role.PROCTOR)

    code = await proctor.code_of(CREATE_TEST, input={"title": "T", "sections": []})

    assert code == "FORBIDDEN"
    assert await models.Test.all().count() == 0
