"""A candidate in a browser: from the Welcome page to the partner's page, through a lost connection and a reload."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from models import Answer, Organization, TestSession, TestSessionStatus
from services import redirects
from tests.process import listener
from tests.world import Clock, Door

pytestmark = pytest.mark.browser
PICTURES = Path(__file__).parents[2] / "docs" / "images"
S = TestSessionStatus

CONFIGURE = """mutation ($input: ConfigureFinishRedirectInput!) {
  configureFinishRedirect(input: $input) { __typename ... on Refusal { message } }
}"""
STAFF = """mutation ($input: %s!) { %s(input: $input) { __typename ... on Refusal { message } } }"""

# What an accessibility checker looks at first, asked of the page itself; an empty list is what we want.
BARRIERS = """() => [
  ...[...document.querySelectorAll("input:not([type=hidden]), textarea, select")]
    .filter((field) => !field.labels?.length && !field.ariaLabel).map((field) => `no label: ${field.outerHTML}`),
  ...[...document.querySelectorAll("button, a[href]")]
    .filter((one) => !one.textContent.trim() && !one.ariaLabel).map((one) => `no name: ${one.outerHTML}`),
  ...[...document.querySelectorAll("fieldset")].filter((one) => !one.querySelector("legend")).map(() => "no legend"),
  ...[...document.querySelectorAll("img")].filter((one) => !one.hasAttribute("alt")).map(() => "no alt"),
  ...[...document.querySelectorAll("[id]")].map((one) => one.id)
    .filter((id, at, all) => all.indexOf(id) !== at).map((id) => `twice: ${id}`),
  ...["aria-labelledby", "aria-describedby"]
    .flatMap((name) => [...document.querySelectorAll(`[${name}]`)].flatMap((one) => one.getAttribute(name).split(" ")))
    .filter((id) => !document.getElementById(id)).map((id) => `nothing is called ${id}`),
  ...(document.querySelectorAll("h1").length === 1 ? [] : ["not one h1"]),
  ...(document.documentElement.lang ? [] : ["no lang"]),
  ...(document.title ? [] : ["no title"]),
]"""

ASTRONOMY = [
    {
        "title": "The Solar System",
        "questions": [
            {
                "kind": "SINGLE_CHOICE",
                "prompt": "Which planet is closest to the Sun?",
                "options": [{"text": "Venus"}, {"text": "Mercury", "correct": True}, {"text": "Mars"}],
            },
            {"kind": "TRUE_FALSE", "prompt": "Pluto has moons.", "correctBoolean": True},
            {
                "kind": "MULTIPLE_CHOICE",
                "prompt": "Which of these planets have two moons or more?",
                "points": 2,
                "options": [
                    {"text": "Venus"},
                    {"text": "Mars", "correct": True},
                    {"text": "Jupiter, the largest of them all", "correct": True},
                    {"text": "Neptune", "correct": True},
                ],
            },
        ],
    },
    {
        "title": "Light and stars",
        "questions": [
            {"kind": "NUMERIC", "prompt": "How many minutes does light take from the Sun to us?", "correctNumber": 8.3},
            {"kind": "SHORT_TEXT", "prompt": "Which star is nearest to us?", "acceptedAnswers": ["The Sun"]},
            {"kind": "ESSAY", "prompt": "Why is the night sky dark?", "points": 5},
        ],
    },
]


@asynccontextmanager
async def partner() -> AsyncIterator[tuple[str, asyncio.Queue[dict[str, str]]]]:
    """A partner's server on another port: its address, and the parameters of each arrival."""
    arrivals: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def done(request: Request) -> Response:
        arrivals.put_nowait(dict(request.query_params))
        return PlainTextResponse("Welcome back.")

    app = Starlette(routes=[Route("/done", done)])
    open_for = listener()
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    running = asyncio.create_task(server.serve([open_for]))
    try:
        yield f"http://127.0.0.1:{open_for.getsockname()[1]}/done", arrivals
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def page(window: BrowserContext) -> AsyncIterator[Page]:
    """A tab; the test fails if a script fails in it or the policy blocks something."""
    troubles: list[str] = []
    made = await window.new_page()
    made.set_default_timeout(10_000)
    made.on("pageerror", lambda error: troubles.append(str(error)))
    made.on("console", lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None)
    yield made
    assert troubles == []


async def invite(live: Door, **task: Any) -> tuple[Door, Any, Any]:
    """An owner, an open task and a ticket to it."""
    owner = await live.sign_up()
    made = await owner.open_task(**task)
    return owner, made, (await owner.issue(made["id"]))[0]


async def begin(page: Page, ticket: Any) -> str:
    """Follow the access link and start the test; answers its address."""
    await page.goto(ticket["accessLink"])
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator("#question-1")).to_be_visible()
    await page.wait_for_load_state("networkidle")  # the page's first sign of life, which one that comes now would join
    return page.url.partition("#")[0]


async def saved(page: Page) -> None:
    """Wait until the page says that everything is saved."""
    await expect(page.locator("#saved[data-state=saved]")).to_have_text("Saved")


async def kept() -> dict[str, Any]:
    """What the database has, by the kind of question."""
    session = await TestSession.get()
    test = await session.test
    answers = await Answer.of(session)
    return {question.kind.value: answers[question.id].value for question in test.questions if question.id in answers}


async def test_from_the_welcome_page_to_the_partner(live: Door, page: Page) -> None:
    async with partner() as (address, arrivals):
        owner, task, ticket = await invite(live, welcome={"title": "Spring exam", "body": "Bring **a pen**."})
        done = await owner.mutate(CONFIGURE, url=address, allowedHosts=["127.0.0.1"])
        assert done["__typename"] == "ConfigureFinishRedirectSuccess", done

        await page.goto(f"{live.base_url}/t/{task['slug']}")
        await expect(page.get_by_role("heading", name="Spring exam")).to_be_visible()
        assert await page.evaluate(BARRIERS) == []
        await page.get_by_label("Your invitation code").fill("wrong")
        await page.get_by_role("button", name="Enter").click()
        await expect(page.get_by_role("alert")).to_contain_text("This code is not right")
        assert await page.evaluate(BARRIERS) == []
        await page.get_by_label("Your invitation code").fill(ticket["invitationCode"].lower())
        await page.get_by_role("button", name="Enter").click()
        await expect(page.get_by_role("heading", level=1, name="Entrance exam")).to_be_visible()
        assert await page.evaluate(BARRIERS) == []
        await page.get_by_role("button", name="Start").click()

        await expect(page.locator("#timer")).to_have_text("1:00:00")
        assert await page.evaluate(BARRIERS) == []
        await page.get_by_role("radio", name="seven").check()
        await page.get_by_role("button", name="Next").click()
        await page.get_by_role("checkbox", name="two").check()
        await page.get_by_role("checkbox", name="four").check()
        await page.get_by_role("button", name="Next").click()
        await page.get_by_role("radio", name="True").check()
        await page.get_by_role("button", name="Next").click()
        await page.get_by_label("Pi, to two places?").fill("3,14")
        await page.keyboard.press("Enter")
        await page.get_by_label("The capital of France?").fill("Paris")
        await saved(page)

        await page.get_by_role("button", name="Finish the test").click()
        await expect(page.get_by_role("dialog")).to_contain_text("1 of 6 questions has no answer.")
        await page.get_by_role("button", name="Question 6", exact=True).click()
        await page.get_by_label("Why is that so?").fill("Because <b>it</b> is.")
        await saved(page)
        await page.get_by_role("button", name="Finish the test").click()
        await expect(page.get_by_role("dialog")).to_contain_text("You have answered every question.")
        assert (await TestSession.get()).status is S.ACTIVE
        await page.get_by_role("button", name="Submit the test").click()

        arrival = await asyncio.wait_for(arrivals.get(), 10)
        await expect(page.get_by_text("Welcome back.")).to_be_visible()
        session, organization = await TestSession.get(), await Organization.get()
        assert redirects.verify(arrival, organization.redirect_secret)
        assert (arrival["session"], arrival["status"]) == (session.gid, "SUBMITTED")
        values = await kept()
        assert session.answered == 6
        assert (values["TRUE_FALSE"], values["NUMERIC"], values["SHORT_TEXT"]) == (True, 3.14, "Paris")
        assert values["ESSAY"] == "Because <b>it</b> is."


async def test_a_reload_keeps_every_answer_and_the_place(live: Door, page: Page) -> None:
    _, _, ticket = await invite(live)
    await begin(page, ticket)
    await page.get_by_role("radio", name="seven").check()
    await page.get_by_role("button", name="Next").click()
    await page.get_by_role("checkbox", name="three").check()
    await saved(page)

    await page.reload()

    await expect(page.get_by_role("checkbox", name="three")).to_be_checked()
    await page.get_by_role("button", name="Previous").click()
    await expect(page.get_by_role("radio", name="seven")).to_be_checked()
    await expect(page.locator("#count")).to_have_text("2 of 6 answered")


async def test_answers_given_without_a_connection_are_saved_when_it_is_back(
    live: Door, page: Page, window: BrowserContext
) -> None:
    _, _, ticket = await invite(live)
    await begin(page, ticket)
    await saved_or_empty(page)

    await window.set_offline(True)
    await page.get_by_role("radio", name="seven").check()
    await expect(page.locator("#saved")).to_have_text("Not saved – retrying")
    assert await kept() == {}
    await window.set_offline(False)

    await saved(page)
    assert set(await kept()) == {"SINGLE_CHOICE"}


async def saved_or_empty(page: Page) -> None:
    """Wait until nothing is under way."""
    await expect(page.locator("#saved[data-state=saved]")).to_be_visible()


async def test_an_answer_survives_a_closed_tab_without_a_connection(
    live: Door, page: Page, window: BrowserContext
) -> None:
    _, _, ticket = await invite(live)
    address = await begin(page, ticket)
    await window.set_offline(True)
    await page.get_by_role("navigation").get_by_role("button", name="5").click()
    await page.get_by_label("The capital of France?").fill("Paris")
    await expect(page.locator("#saved")).to_have_text("Not saved – retrying")
    await page.close()
    await window.set_offline(False)

    again = await window.new_page()
    await again.goto(address)

    await saved(again)
    assert await kept() == {"SHORT_TEXT": "Paris"}
    assert await again.evaluate("localStorage.length") == 0


async def test_the_whole_test_by_keyboard(live: Door, page: Page) -> None:
    _, task, ticket = await invite(live)
    await begin(page, ticket)

    await page.get_by_role("radio", name="four").focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("radio", name="seven")).to_be_checked()
    await page.get_by_role("button", name="Next").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#question-2")).to_be_focused()
    await page.get_by_role("button", name="Finish the test").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_contain_text("5 of 6 questions have no answer.")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await page.get_by_role("button", name="Finish the test").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Submit the test").focus()
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert f"/t/{task['slug']}?" in page.url
    assert (await TestSession.get()).status is S.SUBMITTED


async def test_a_pause_an_extension_and_the_end_are_seen_at_once(live: Door, page: Page, clock: Clock) -> None:
    owner, _, ticket = await invite(live)
    await begin(page, ticket)
    session = (await TestSession.get()).gid

    await staff(owner, "pauseTestSession", testSessionId=session, reason="fire drill")
    await look(page)
    await expect(page.get_by_role("dialog")).to_contain_text("Paused")
    clock.forward(minutes=7)
    await staff(owner, "resumeTestSession", testSessionId=session)
    await look(page)
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.locator("#timer")).to_have_text("1:00:00")
    await staff(owner, "adjustTime", testSessionIds=[session], seconds=600, cause="TECHNICAL", reason="slow network")
    await look(page)
    await expect(page.locator("#timer")).to_contain_text("1:10:00")
    await staff(owner, "terminateTestSession", testSessionId=session, reason="fire")
    await look(page)

    await expect(page.get_by_role("heading", name="This test was ended")).to_be_visible()


async def look(page: Page) -> None:
    """The sign of life that the page gives by itself every 20 seconds, now."""
    await page.evaluate("window.dispatchEvent(new Event('online'))")


async def staff(owner: Door, mutation: str, **input: Any) -> None:
    """One of staff's mutations, which must succeed."""
    name = f"{mutation[0].upper()}{mutation[1:]}"
    input_type = "TestSessionIdInput" if mutation == "resumeTestSession" else f"{name}Input"
    done = await owner.mutate(STAFF % (input_type, mutation), **input)
    assert done["__typename"] == f"{name}Success", done


async def test_when_time_is_up_the_test_ends_with_what_was_saved(live: Door, page: Page, clock: Clock) -> None:
    owner = await live.sign_up()
    test = await owner.make_test(durationSeconds=60)
    task = await owner.open_task(steps=[{"testId": test["id"]}])
    (ticket,) = await owner.issue(task["id"])
    await begin(page, ticket)
    await page.get_by_role("radio", name="seven").check()
    await saved(page)

    clock.forward(seconds=66)
    await look(page)

    await expect(page.get_by_role("heading", name="Time is up")).to_be_visible()
    session = await TestSession.get()
    assert (session.status, session.answered) == (S.TIMED_OUT, 1)


async def test_a_number_that_is_none_is_said_to_be_none(live: Door, page: Page) -> None:
    _, _, ticket = await invite(live)
    await begin(page, ticket)
    await page.get_by_role("navigation").get_by_role("button", name="4").click()

    await page.get_by_label("Pi, to two places?").fill("about three")

    await expect(page.get_by_text("This is not a number, so it is not saved.")).to_be_visible()
    await expect(page.locator("#saved")).to_have_text("Not saved: see the question")
    await page.get_by_label("Pi, to two places?").fill("-3.1e0")
    await saved(page)
    assert await kept() == {"NUMERIC": -3.1}


async def test_without_javascript_the_test_can_be_taken(live: Door, chromium: Any) -> None:
    async with partner() as (address, arrivals):
        owner, _, ticket = await invite(live)
        await owner.mutate(CONFIGURE, url=address, allowedHosts=["127.0.0.1"])
        window = await chromium.new_context(java_script_enabled=False)
        page = await window.new_page()
        await begin(page, ticket)

        await page.get_by_role("radio", name="seven").check()
        await page.get_by_label("The capital of France?").fill("Paris")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_role("radio", name="seven")).to_be_checked()
        await page.get_by_role("button", name="Save and finish the test").click()
        await expect(page.get_by_text("4 of 6 questions have no answer.")).to_be_visible()
        await page.get_by_role("button", name="Submit the test").click()

        arrival = await asyncio.wait_for(arrivals.get(), 10)
        assert redirects.verify(arrival, (await Organization.get()).redirect_secret)
        await window.close()


async def test_on_a_phone_nothing_sticks_out(live: Door, page: Page) -> None:
    owner = await live.sign_up()
    test = await owner.make_test(title="Introduction to astronomy", sections=ASTRONOMY)
    welcome = {"title": "An unusually long title for an exam", "body": "Text. " * 40}
    task = await owner.open_task(steps=[{"testId": test["id"]}], welcome=welcome)
    (ticket,) = await owner.issue(task["id"])
    await page.set_viewport_size({"width": 320, "height": 640})
    widths = []

    for address in (task["link"], ticket["accessLink"], f"{live.base_url}/nowhere"):
        await page.goto(address)
        widths.append(await page.evaluate("document.documentElement.scrollWidth"))
    await begin(page, ticket)
    widths.append(await page.evaluate("document.documentElement.scrollWidth"))

    assert widths == [320] * 4
    if os.environ.get("ADMIT_SCREENSHOTS") == "1":
        await pictures(page)


async def pictures(page: Page) -> None:
    """The test page for the README, in the middle of a test: wide, and on a phone."""
    await page.get_by_role("radio", name="Mercury").check()
    await page.get_by_role("button", name="Next").click()
    await page.get_by_role("radio", name="True").check()
    await page.get_by_role("button", name="Next").click()
    await page.get_by_role("checkbox", name="Mars").check()
    await page.get_by_role("checkbox", name="Jupiter").check()
    await saved(page)
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, width, height in (("test-page", 1200, 720), ("test-page-phone", 390, 780)):
        await page.set_viewport_size({"width": width, "height": height})
        await page.mouse.move(0, 0)
        await page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")
