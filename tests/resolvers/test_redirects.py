"""Configuring where candidates go on finishing: of the organization, a task, a ticket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import models
from models import EventType
from tests.world import Door

CONFIGURE = """
mutation ($input: ConfigureFinishRedirectInput!) {
  configureFinishRedirect(input: $input) {
    __typename
    ... on ConfigureFinishRedirectSuccess {
      settings { finishRedirectUrl allowedRedirectHosts }
      task { id finishRedirectUrl }
      ticket { id finishRedirectUrl }
    }
    ... on Refusal { message }
    ... on TooManyRows { limit }
  }
}
"""
SETTINGS = "{ organization { settings { finishRedirectUrl allowedRedirectHosts } } }"
URL = "https://school.example/done?course=1"
BLANK: dict[str, Any] = {"finishRedirectUrl": None, "allowedRedirectHosts": []}


async def settings_of(owner: Door) -> Any:
    """What is configured."""
    return (await owner.ask(SETTINGS))["organization"]["settings"]


async def events() -> list[tuple[str, Any]]:
    """Subject and payload of each event about a redirect."""
    rows = await models.Event.filter(type=EventType.FINISH_REDIRECT_CONFIGURED).order_by("position")
    return [(row.subject, row.payload) for row in rows]


async def allowing(door: Door) -> Door:
    """An owner whose organization allows school.example."""
    owner = await door.sign_up()
    await owner.mutate(CONFIGURE, allowedHosts=["school.example"])
    return owner


async def test_the_organization_sets_its_hosts_and_its_address(door: Door) -> None:
    owner = await door.sign_up()

    answer = await owner.mutate(CONFIGURE, url=URL, allowedHosts=["School.example", "b.example:8443", "school.example"])

    expected = {"finishRedirectUrl": URL, "allowedRedirectHosts": ["school.example", "b.example:8443"]}
    assert answer == {
        "__typename": "ConfigureFinishRedirectSuccess",
        "settings": expected,
        "task": None,
        "ticket": None,
    }
    assert await settings_of(owner) == expected
    assert await events() == [(owner.known["organization"]["id"], {"blank": False, "hosts": 2})]


async def test_null_makes_it_blank_and_hosts_alone_leave_the_address(door: Door) -> None:
    owner = await allowing(door)
    await owner.mutate(CONFIGURE, url=URL)

    hosts = await owner.mutate(CONFIGURE, allowedHosts=["other.example"])
    blank = await owner.mutate(CONFIGURE, url=None)

    assert hosts["settings"] == {"finishRedirectUrl": URL, "allowedRedirectHosts": ["other.example"]}
    assert blank["settings"] == {"finishRedirectUrl": None, "allowedRedirectHosts": ["other.example"]}


async def test_sent_twice_or_at_once_it_is_one_change(door: Door) -> None:
    owner = await allowing(door)

    await asyncio.gather(*(owner.mutate(CONFIGURE, url=URL) for _ in range(5)))

    assert [payload for _, payload in await events()] == [{"blank": True, "hosts": 1}, {"blank": False, "hosts": 1}]


async def test_a_task_and_a_ticket_have_addresses_of_their_own(door: Door) -> None:
    owner = await allowing(door)
    task = await owner.open_task()
    [ticket] = await owner.issue(task["id"])

    of_task = await owner.mutate(CONFIGURE, url="https://school.example/task", taskId=task["id"])
    of_ticket = await owner.mutate(CONFIGURE, url="https://school.example/ticket", ticketId=ticket["id"])
    blank = await owner.mutate(CONFIGURE, url=None, taskId=task["id"])

    assert of_task["task"] == {"id": task["id"], "finishRedirectUrl": "https://school.example/task"}
    assert of_ticket["ticket"] == {"id": ticket["id"], "finishRedirectUrl": "https://school.example/ticket"}
    assert of_ticket["task"] is None
    assert blank["task"] == {"id": task["id"], "finishRedirectUrl": None}
    assert blank["settings"] == {"finishRedirectUrl": None, "allowedRedirectHosts": ["school.example"]}
    subjects = [task["id"], ticket["id"], task["id"]]
    assert (await events())[1:] == [(subject, {"blank": at == 2}) for at, subject in enumerate(subjects)]


@pytest.mark.parametrize(
    "url",
    [
        "//school.example",
        "https:school.example",
        "https://school.example\\@evil.example",
        "/\\evil.example",
        "http://school.example/",
        "https://school.example.evil.example/",
        "https://evil.example/?school.example",
        "https://user@school.example/",
        "https://school.example:444/",
        "https://school.example/\n",
        "https://127.0.0.1/",
        "https://ѕchool.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://school.example/#x",
        "https://school.example/" + "x" * 2_000,
    ],
)
async def test_refuses_every_trick_at_every_level(door: Door, url: str) -> None:
    owner = await allowing(door)
    task = await owner.open_task()
    [ticket] = await owner.issue(task["id"])

    answers = [
        await owner.mutate(CONFIGURE, url=url),
        await owner.mutate(CONFIGURE, url=url, taskId=task["id"]),
        await owner.mutate(CONFIGURE, url=url, ticketId=ticket["id"]),
    ]

    assert [answer["__typename"] for answer in answers] == ["RedirectRefused"] * 3
    assert await settings_of(owner) == {**BLANK, "allowedRedirectHosts": ["school.example"]}
    assert len(await events()) == 1


async def test_refuses_hosts_that_are_none_and_too_many_of_them(door: Door) -> None:
    owner = await door.sign_up()

    bad = await owner.mutate(CONFIGURE, allowedHosts=["fine.example", "https://school.example"])
    many = await owner.mutate(CONFIGURE, allowedHosts=[f"h{at}.example" for at in range(101)])

    assert bad["__typename"] == "RedirectRefused"
    assert (many["__typename"], many["limit"]) == ("TooManyRows", 100)
    assert await settings_of(owner) == BLANK


async def test_what_cannot_be_meant_is_a_bad_request(door: Door) -> None:
    owner = await allowing(door)
    task = await owner.open_task()
    [ticket] = await owner.issue(task["id"])

    codes = [
        await owner.code_of(CONFIGURE, input={"url": URL, "taskId": task["id"], "ticketId": ticket["id"]}),
        await owner.code_of(CONFIGURE, input={"url": URL, "taskId": task["id"], "allowedHosts": ["school.example"]}),
        await owner.code_of(CONFIGURE, input={"url": URL, "ticketId": ticket["id"], "allowedHosts": []}),
    ]

    assert codes == ["BAD_REQUEST"] * 3
    assert len(await events()) == 1


async def test_only_those_who_may_configure_and_only_their_own(door: Door) -> None:
    owner, other = await allowing(door), await allowing(door)
    instructor = await owner.colleague(models.Role.INSTRUCTOR)
    viewer = await owner.colleague(models.Role.VIEWER)
    task = await owner.open_task()
    [ticket] = await owner.issue(task["id"])

    codes = [
        await instructor.code_of(CONFIGURE, input={"url": URL}),
        await viewer.code_of(CONFIGURE, input={"url": URL, "taskId": task["id"]}),
        await viewer.code_of(CONFIGURE, input={"url": URL, "ticketId": ticket["id"]}),
        await other.code_of(CONFIGURE, input={"url": URL, "taskId": task["id"]}),
        await other.code_of(CONFIGURE, input={"url": URL, "ticketId": ticket["id"]}),
        await owner.code_of(CONFIGURE, input={"url": URL, "ticketId": task["id"]}),
        await door.code_of(CONFIGURE, input={"url": URL}),
        await instructor.code_of(CONFIGURE, input={"url": URL, "taskId": task["id"]}),
    ]

    assert codes == ["FORBIDDEN"] * 3 + ["NOT_FOUND"] * 3 + ["UNAUTHENTICATED", None]
    assert [subject for subject, _ in (await events())[2:]] == [task["id"]]
