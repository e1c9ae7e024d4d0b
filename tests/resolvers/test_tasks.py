"""Setting up tasks, opening and closing them, and the page that everybody may read."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import models
from models import EventType, TaskStatus
from tests.world import CREATE_TASK, OPEN_TASK, Clock, Door, kinds

TASK = """
query ($id: ID!) {
  task(id: $id) {
    id name slug status link opensAt closesAt finishRedirectUrl proctoring meetingUrl continuation resultRelease
    welcome { title body bodyHtml taskName isOpen }
    steps { position required attemptLimit durationSeconds test { id title } }
  }
}
"""
CLOSE_TASK = OPEN_TASK.replace("openTask", "closeTask").replace("OpenTask", "CloseTask")
WELCOME = """
query ($slug: String!) {
  welcomePage(taskSlug: $slug) { title body bodyHtml taskName isOpen opensAt closesAt }
}
"""
MISSING = "tsk_01890a5d-ac96-774b-bcce-b302099a8057"


def shown(test: Any) -> dict[str, str]:
    """What a step shows of its test."""
    return {"id": test["id"], "title": test["title"]}


async def refused(owner: Door, **over: Any) -> Any:
    """The refusal of a task that would be fine but for these values."""
    if "steps" not in over:
        over["steps"] = [{"testId": (await owner.make_test())["id"]}]
    answer = await owner.mutate(CREATE_TASK, **{"name": "Exam", **over})
    assert await models.Task.all().count() == 0
    assert await models.Step.all().count() == 0
    return answer


async def test_a_task_is_kept_as_it_was_sent_and_lets_nobody_in_yet(door: Door) -> None:
    owner = await door.sign_up()
    test = await owner.make_test()
    other = {"required": False, "attemptLimit": None, "durationSeconds": 60}
    steps = [{"testId": test["id"]}, {"testId": test["id"], **other}]

    made = await owner.draft_task(
        name="Élan, 2026!",
        steps=steps,
        opensAt="2026-01-03T00:00:00+02:00",
        closesAt="2026-02-03T00:00:00Z",
        proctoring="CONFERENCE",
        meetingUrl="https://meet.example.org/room",
        continuation="CLOCK_STOPS",
        resultRelease="AUTOMATIC",
        welcome={"title": "Hello", "body": "**Good luck**"},
    )

    task = (await owner.ask(TASK, id=made["id"]))["task"]
    assert re.fullmatch(r"elan-2026-[a-z2-9]{6}", task["slug"])
    assert task == {
        "id": made["id"],
        "name": "Élan, 2026!",
        "slug": made["slug"],
        "status": "DRAFT",
        "link": f"https://admit.test/t/{made['slug']}",
        "opensAt": "2026-01-02T22:00:00+00:00",
        "closesAt": "2026-02-03T00:00:00+00:00",
        "finishRedirectUrl": None,
        "proctoring": "CONFERENCE",
        "meetingUrl": "https://meet.example.org/room",
        "continuation": "CLOCK_STOPS",
        "resultRelease": "AUTOMATIC",
        "welcome": {
            "title": "Hello",
            "body": "**Good luck**",
            "bodyHtml": "<p><strong>Good luck</strong></p>\n",
            "taskName": "Élan, 2026!",
            "isOpen": False,
        },
        "steps": [
            {"position": 1, "required": True, "attemptLimit": 1, "durationSeconds": None, "test": shown(test)},
            {"position": 2, "required": False, "attemptLimit": None, "durationSeconds": 60, "test": shown(test)},
        ],
    }
    assert await kinds(EventType.TEST_CREATED, EventType.TEST_STATUS_CHANGED) == [
        EventType.TASK_CREATED,
        EventType.TASK_STATUS_CHANGED,
    ]


async def test_a_name_in_another_script_still_makes_a_link(door: Door) -> None:
    owner = await door.sign_up()

    made = await owner.draft_task(name="入学試験")

    assert re.fullmatch(r"task-[a-z2-9]{6}", made["slug"])


async def test_refuses_a_task_without_steps_or_with_more_than_fifty(door: Door) -> None:
    owner = await door.sign_up()
    test = await owner.make_test()

    none = await refused(owner, steps=[])
    many = await refused(owner, steps=[{"testId": test["id"]}] * 51)

    assert (none["__typename"], none["limit"]) == ("TooManyRows", 50)
    assert (many["__typename"], many["limit"]) == ("TooManyRows", 50)


async def test_every_bad_step_is_named(door: Door) -> None:
    owner = await door.sign_up()
    test = await owner.make_test()
    steps: list[dict[str, Any]] = [{"testId": test["id"]} for _ in range(3)]
    steps[0]["attemptLimit"] = 0
    steps[2]["durationSeconds"] = -5

    answer = await refused(owner, steps=steps)

    assert answer["__typename"] == "InvalidSteps"
    assert answer["problems"] == [
        {"index": 0, "field": "attemptLimit", "message": "Give between 1 and 1,000 attempts."},
        {"index": 2, "field": "durationSeconds", "message": "Give between 1 and 604,800 seconds."},
    ]


async def test_refuses_a_test_that_is_not_published(door: Door) -> None:
    owner = await door.sign_up()
    draft = await owner.make_test(publish=False)

    answer = await refused(owner, steps=[{"testId": draft["id"]}])

    assert answer["__typename"] == "TestNotPublished"


async def test_a_foreign_test_is_not_found_even_without_the_permission(door: Door) -> None:
    owner, other = await door.sign_up(), await door.sign_up()
    viewer = await owner.colleague(models.Role.VIEWER)
    theirs, ours = await other.make_test(), await owner.make_test()

    foreign = await owner.code_of(CREATE_TASK, input={"name": "T", "steps": [{"testId": theirs["id"]}]})
    another = await owner.code_of(CREATE_TASK, input={"name": "T", "steps": [{"testId": MISSING}]})
    unseen = await viewer.code_of(CREATE_TASK, input={"name": "T", "steps": [{"testId": theirs["id"]}]})
    forbidden = await viewer.code_of(CREATE_TASK, input={"name": "T", "steps": [{"testId": ours["id"]}]})

    assert (foreign, another, unseen, forbidden) == ("NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "FORBIDDEN")
    assert await models.Task.all().count() == 0


async def test_refuses_an_end_that_is_not_after_the_beginning(door: Door) -> None:
    owner = await door.sign_up()

    answer = await refused(owner, opensAt="2026-01-02T00:00:00Z", closesAt="2026-01-02T00:00:00Z")

    assert answer["__typename"] == "InvalidWindow"


async def test_a_time_without_its_zone_is_the_clients_mistake(door: Door) -> None:
    owner = await door.sign_up()
    test = await owner.make_test()

    code = await owner.code_of(
        CREATE_TASK, input={"name": "T", "steps": [{"testId": test["id"]}], "opensAt": "2026-01-02T00:00:00"}
    )

    assert code == "BAD_REQUEST"


async def test_refuses_a_redirect_to_a_host_that_is_not_allowed(door: Door) -> None:
    owner = await door.sign_up()

    answer = await refused(owner, finishRedirectUrl="https://elsewhere.example/done")

    assert answer["__typename"] == "RedirectRefused"


async def test_refuses_a_meeting_that_is_not_https(door: Door) -> None:
    owner = await door.sign_up()

    for url in ("http://meet.example.org", "javascript:alert(1)", "https://", "https://a@b.example", "https://a b"):
        answer = await refused(owner, meetingUrl=url)

        assert (answer["__typename"], answer["field"]) == ("InvalidInput", "meetingUrl"), url


async def test_refuses_a_blank_name_and_a_welcome_text_that_is_too_long(door: Door) -> None:
    owner = await door.sign_up()

    blank = await refused(owner, name="  ")
    long = await refused(owner, welcome={"body": "x" * 20_001})

    assert (blank["__typename"], blank["field"]) == ("InvalidInput", "name")
    assert (long["__typename"], long["field"]) == ("InvalidInput", "welcome.body")


async def test_opening_twice_is_opening_once(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    again = await owner.mutate(OPEN_TASK, taskId=task["id"])

    assert again == {"__typename": "OpenTaskSuccess", "task": {"id": task["id"], "status": "OPEN"}}
    events = await models.Event.filter(type=EventType.TASK_STATUS_CHANGED).order_by("position")
    assert [event.payload for event in events] == [{"from": None, "to": "DRAFT"}, {"from": "DRAFT", "to": "OPEN"}]


async def test_two_who_open_at_once_both_succeed_with_one_event(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.draft_task()

    answers = await asyncio.gather(*(owner.mutate(OPEN_TASK, taskId=task["id"]) for _ in range(5)))

    assert {answer["__typename"] for answer in answers} == {"OpenTaskSuccess"}
    assert await models.Event.filter(type=EventType.TASK_STATUS_CHANGED).count() == 2


async def test_a_closed_task_can_be_opened_again_and_its_link_stays(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    closed = await owner.mutate(CLOSE_TASK, taskId=task["id"])
    twice = await owner.mutate(CLOSE_TASK, taskId=task["id"])
    opened = await owner.mutate(OPEN_TASK, taskId=task["id"])

    assert closed == twice == {"__typename": "CloseTaskSuccess", "task": {"id": task["id"], "status": "CLOSED"}}
    assert opened["task"]["status"] == "OPEN"
    assert (await owner.ask(TASK, id=task["id"]))["task"]["link"] == task["link"]


async def test_refuses_to_close_a_task_that_was_never_open(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.draft_task()

    answer = await owner.mutate(CLOSE_TASK, taskId=task["id"])

    assert answer["__typename"] == "MoveNotAllowed"
    assert (await owner.ask(TASK, id=task["id"]))["task"]["status"] == "DRAFT"


async def test_refuses_to_open_an_archived_task(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.draft_task()
    await models.Task.filter(slug=task["slug"]).update(status=TaskStatus.ARCHIVED)

    answer = await owner.mutate(OPEN_TASK, taskId=task["id"])

    assert answer["__typename"] == "TaskArchived"


async def test_a_task_of_another_organization_is_not_found(door: Door) -> None:
    owner, other = await door.sign_up(), await door.sign_up()
    task = await owner.draft_task()
    key = task["id"].removeprefix("tsk_")

    codes = [
        await other.code_of(TASK, id=task["id"]),
        await other.code_of(OPEN_TASK, input={"taskId": task["id"]}),
        await owner.code_of(OPEN_TASK, input={"taskId": MISSING}),
        await owner.code_of(OPEN_TASK, input={"taskId": f"tst_{key}"}),
        await owner.code_of(TASK, id="tsk_nonsense"),
    ]

    assert codes == ["NOT_FOUND"] * 5
    assert (await owner.ask(TASK, id=task["id"]))["task"]["status"] == "DRAFT"


async def test_a_proctor_may_not_open_a_task(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.draft_task()
    proctor = await owner.colleague(models.Role.PROCTOR)

    code = await proctor.code_of(OPEN_TASK, input={"taskId": task["id"]})

    assert code == "FORBIDDEN"
    assert (await owner.ask(TASK, id=task["id"]))["task"]["status"] == "DRAFT"


async def test_everybody_may_read_the_welcome_page_and_markup_in_it_is_text(door: Door, clock: Clock) -> None:
    owner = await door.sign_up()
    task = await owner.open_task(welcome={"body": "Bring a <script>pen</script>"}, opensAt="2026-01-02T04:00:00Z")

    before = (await door.ask(WELCOME, slug=task["slug"]))["welcomePage"]
    clock.forward(hours=1)
    after = (await door.ask(WELCOME, slug=task["slug"]))["welcomePage"]

    assert before == {
        "title": "Entrance exam",
        "body": "Bring a <script>pen</script>",
        "bodyHtml": "<p>Bring a &lt;script&gt;pen&lt;/script&gt;</p>\n",
        "taskName": "Entrance exam",
        "isOpen": False,
        "opensAt": "2026-01-02T04:00:00+00:00",
        "closesAt": None,
    }
    assert after == {**before, "isOpen": True}


async def test_an_unknown_slug_has_no_welcome_page(door: Door) -> None:
    assert [(await door.ask(WELCOME, slug=slug))["welcomePage"] for slug in ("nope", "", "a\0b")] == [None] * 3
