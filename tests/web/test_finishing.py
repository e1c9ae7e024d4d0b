"""Another attempt, or saying that one is done: on the list of tests."""

from __future__ import annotations

import re
from typing import Any

import httpx

from models import Assessment, TestSession, Ticket
from tests.hall import events
from tests.web.test_sitting_pages import Browser, come_in
from tests.world import Door


async def browser_with(door: Door, *steps: dict[str, Any], **task: Any) -> Browser:
    """A candidate who has come in to a task with these steps, all of one test."""
    owner = await door.sign_up()
    test = await owner.make_test()
    return await come_in(door, owner, steps=[{"testId": test["id"], **step} for step in steps], **task)


async def shown(browser: Browser) -> list[str]:
    """What the buttons and badges of the list say."""
    page = (await browser.client.get(browser.home)).text
    found = re.findall(r'<(button|span class="badge)[^>]*>(.*?)</(?:button|span)>', page)
    return [re.sub("<span.*", "", text) for _, text in found]


async def finish(browser: Browser) -> httpx.Response:
    """Press the button."""
    return await browser.client.post(f"{browser.home}/complete", data={"csrf": browser.csrf})


async def test_an_attempt_that_is_left_can_be_begun_or_left_alone(door: Door) -> None:
    browser = await browser_with(door, {"attemptLimit": 3})

    fresh = await shown(browser)
    await browser.start()
    running = await shown(browser)
    await browser.send("/submit")
    once = await shown(browser)
    await browser.start()
    await browser.send("/submit")
    twice = await shown(browser)

    assert (fresh, running) == (["Start"], [])
    assert once == ["Try again (2 attempts left)", "Finish"]
    assert twice == ["Try again (1 attempt left)", "Finish"]


async def test_as_many_attempts_as_one_likes_are_not_counted(door: Door) -> None:
    browser = await browser_with(door, {"attemptLimit": None})
    await browser.start()
    await browser.send("/submit")

    assert await shown(browser) == ["Try again", "Finish"]


async def test_a_required_test_that_is_left_keeps_the_button_away(door: Door) -> None:
    browser = await browser_with(door, {"attemptLimit": 2}, {})
    await browser.start()
    await browser.send("/submit")

    assert await shown(browser) == ["Try again (1 attempt left)", "Start"]


async def test_finishing_leads_on_without_a_redirect(door: Door) -> None:
    browser = await browser_with(door, {}, {"required": False})
    await browser.start()
    await browser.send("/submit")

    answer = await finish(browser)

    session, ticket = await TestSession.get(), await Ticket.get()
    assert answer.status_code == 200
    assert f'content="0; url=https://admit.test/t/{(await ticket.task).slug}?ticket={ticket.gid}' in answer.text
    assert f"session={session.gid}" in answer.text
    assert "You have finished." in answer.text
    assert "questions answered" not in answer.text
    assert ((await Assessment.get()).status, ticket.status) == ("COMPLETED", "CONSUMED")
    assert await shown(browser) == ["Done", "Not available"]


async def test_the_button_pressed_too_early_or_without_our_page_changes_nothing(door: Door) -> None:
    browser = await browser_with(door, {"attemptLimit": 2})
    await browser.start()
    before = await events()

    early = await finish(browser)
    browser.csrf = "made up"
    forged = await finish(browser)

    assert (early.status_code, forged.status_code) == (409, 403)
    assert "Finish the test that is running first." in early.text
    assert ((await Assessment.get()).status, await events()) == ("IN_PROGRESS", before)
