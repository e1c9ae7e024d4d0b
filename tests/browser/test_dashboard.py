"""The live dashboard in a browser: what happens is seen as it happens, and after a cut nothing is missing."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import BrowserContext, Locator, Page, Request, WebSocketRoute, expect

from models import Event, EventType, Login, Task
from services import clockwork
from settings import Settings
from tests.conftest import serving
from tests.world import PASSWORD, QUESTIONS, Clock, Door

pytestmark = pytest.mark.browser
PEOPLE = {
    "Morning": [
        "Ada Lovelace",
        "Alan Turing",
        "Grace Hopper",
        "Katherine Johnson",
        "Edsger Dijkstra",
        "Barbara Liskov",
    ],
    "Afternoon": ["Donald Knuth", "Frances Allen", "Tony Hoare", "Radia Perlman", "John Backus", "Karen Spärck Jones"],
}
PICTURES = Path(__file__).parents[2] / "docs" / "images"
expect.set_options(timeout=15_000)

ENTER = """
mutation ($input: EnterTaskInput!) { enterTask(input: $input) {
  ... on EnterTaskSuccess { accessToken assessment { steps { step { id } } } } ... on Refusal { message }
} }
"""
START = """
mutation ($input: StartTestInput!) { startTest(input: $input) {
  ... on StartTestSuccess { testSession { id status sections { questions { id kind options { id } } } } }
  ... on Refusal { message }
} }
"""
SAVE = "mutation ($input: SaveAnswersInput!) { saveAnswers(input: $input) { ... on SaveAnswersSuccess { savedAt } } }"
SUBMIT = """mutation ($input: TestSessionIdInput!) {
  submitTestSession(input: $input) { ... on SubmitTestSessionSuccess { finishUrl } }
}"""
PAUSE = """mutation ($input: PauseTestSessionInput!) {
  pauseTestSession(input: $input) { ... on PauseTestSessionSuccess { testSession { status } } }
}"""
RESUME = """mutation ($input: TestSessionIdInput!) {
  resumeTestSession(input: $input) { ... on ResumeTestSessionSuccess { testSession { status } } }
}"""
TERMINATE = """mutation ($input: TerminateTestSessionInput!) {
  terminateTestSession(input: $input) { ... on TerminateTestSessionSuccess { testSession { status } } }
}"""
ADJUST = """mutation ($input: AdjustTimeInput!) {
  adjustTime(input: $input) { ... on AdjustTimeSuccess { __typename } ... on Refusal { message } }
}"""


@dataclass
class Sitter:
    """A candidate at the test, through the same GraphQL as everybody."""

    door: Door
    session: str
    questions: list[Any]

    async def answer(self, count: int) -> None:
        """Answer the first questions rightly."""
        right: dict[str, Any] = {"TRUE_FALSE": True, "NUMERIC": 3.14, "SHORT_TEXT": "Paris", "ESSAY": "Because."}
        values = [right.get(one["kind"]) or _choice(one) for one in self.questions[:count]]
        answers = [
            {"questionId": one["id"], "value": value, "sequence": count}
            for one, value in zip(self.questions, values, strict=False)
        ]
        assert await self.door.mutate(SAVE, testSessionId=self.session, answers=answers)

    async def submit(self) -> None:
        """Hand the test in."""
        assert await self.door.mutate(SUBMIT, testSessionId=self.session)


def _choice(question: Any) -> Any:
    if question["kind"] == "SINGLE_CHOICE":
        return question["options"][1]["id"]
    return [question["options"][0]["id"], question["options"][2]["id"]]


@dataclass
class Hall:
    """An open task with tickets, its owner, and the owner's browser at the dashboard."""

    owner: Door
    task: Any
    tickets: list[Any]
    page: Page
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def sit(self, number: int = 1) -> Sitter:
        """The candidate of this number enters and starts."""
        ticket = self.tickets[number - 1]
        slug, code = self.task["slug"], ticket["invitationCode"]
        entered = await self.owner.with_token(None).mutate(ENTER, taskSlug=slug, invitationCode=code)
        door = self.owner.with_token(entered["accessToken"])
        started = await door.mutate(START, stepId=entered["assessment"]["steps"][0]["step"]["id"])
        session = started["testSession"]
        questions = [question for section in session["sections"] for question in section["questions"]]
        return Sitter(door, session["id"], questions)

    async def watch(self) -> None:
        """Open the dashboard of the task and wait until it is live."""
        await self.page.goto(f"{self.owner.base_url}/dashboard?task={self.task['id']}")
        await expect(self.page.locator("#connection")).to_have_text("Live")
        await expect(self.page.locator("#task-name")).to_have_text(self.task["name"])

    def row(self, sitter: Sitter) -> Locator:
        """The session's row."""
        return self.page.locator(f'tr[data-session="{sitter.session}"]')

    async def changes_in_the_log(self) -> int:
        """How many changes of status the task's sessions have had."""
        key = Task.key_of(self.task["id"])
        return await Event.filter(type=EventType.TEST_SESSION_STATUS_CHANGED, task_id=key).count()


async def hall_at(door: Door, window: BrowserContext, people: int = 3) -> Hall:
    owner = await door.sign_up("Hill School")
    test = await owner.make_test(sections=[{"questions": QUESTIONS[:5]}])
    task = await owner.open_task(name="Entrance exam", steps=[{"testId": test["id"]}])
    tickets = await owner.issue(task["id"], people, group="Morning") if people else []
    hall = Hall(owner, task, tickets, await window.new_page())
    hall.page.on("request", lambda request: hall.requests.append(request))  # noqa: PLW0108  Playwright marks what it calls
    hall.page.on("console", lambda message: hall.complaints.append(message.text) if message.type == "error" else None)
    hall.page.on("pageerror", lambda error: hall.complaints.append(str(error)))
    await sign_in(hall)
    return hall


async def sign_in(hall: Hall) -> None:
    await hall.page.goto(f"{hall.owner.base_url}/sign-in")
    await hall.page.get_by_label("E-mail").fill(hall.owner.known["member"]["email"])
    await hall.page.get_by_label("Password").fill(PASSWORD)
    await hall.page.keyboard.press("Enter")
    await expect(hall.page.get_by_role("heading", name="Tasks")).to_be_visible()


@pytest.fixture
async def hall(live: Door, window: BrowserContext) -> Hall:
    """A signed-in owner's browser, and an open task with three tickets."""
    return await hall_at(live, window)


async def test_the_tasks_are_listed_and_lead_to_their_sessions(hall: Hall) -> None:
    card = hall.page.get_by_role("link", name="Entrance exam")
    await expect(card).to_contain_text("3 tickets · 0 test sessions")

    await card.click()

    await expect(hall.page.get_by_role("heading", name="Entrance exam")).to_be_visible()
    await expect(hall.page.locator("#empty")).to_have_text(
        "Nobody has started yet. Sessions appear here by themselves."
    )
    await expect(hall.page.locator("#connection")).to_have_text("Live")
    await expect(hall.page.get_by_label("Task", exact=True)).to_have_value(hall.task["id"])


async def test_every_status_and_all_progress_is_seen_as_it_happens(hall: Hall) -> None:
    await hall.watch()

    sitter = await hall.sit()
    row = hall.row(sitter)
    await expect(row.locator(".name")).to_have_text("Candidate 1")
    await expect(row.locator(".group")).to_have_text("Morning")
    await expect(row.locator(".state")).to_have_text("Active")
    await expect(row.get_by_role("progressbar", name="0 of 5 answered")).to_be_visible()
    await expect(row.locator(".left")).to_have_text("1:00:00")
    await sitter.answer(2)
    await expect(row.get_by_role("progressbar", name="2 of 5 answered")).to_be_visible()
    await hall.owner.mutate(PAUSE, testSessionId=sitter.session)
    await expect(row.locator(".state")).to_have_text("Paused")
    await hall.owner.mutate(RESUME, testSessionId=sitter.session)
    await expect(row.locator(".state")).to_have_text("Active")
    await sitter.answer(5)
    await expect(row.locator(".answered")).to_have_text("5/5")
    await sitter.submit()

    await expect(row.locator(".state")).to_have_text("Submitted")
    await expect(row.locator(".score")).to_have_text("6/6")
    await expect(row).to_have_attribute("data-changes", "4")
    await expect(hall.page.locator("#counts button:visible")).to_have_text(["1 All", "1 Submitted"])
    assert await hall.changes_in_the_log() == 4
    assert hall.complaints == []
    assert {request.url.split("/")[2] for request in hall.requests} == {hall.owner.base_url.removeprefix("http://")}


async def test_the_clock_of_a_running_session_counts_down(hall: Hall) -> None:
    sitter = await hall.sit()

    await hall.watch()

    await expect(hall.row(sitter).locator(".left")).to_have_text(re.compile(r"59:5\d"))


async def test_extra_time_is_seen_while_the_session_runs(hall: Hall) -> None:
    sitter = await hall.sit()
    await hall.watch()

    await hall.owner.mutate(
        ADJUST, testSessionIds=[sitter.session], seconds=600, cause="TECHNICAL", reason="Fire alarm"
    )

    await expect(hall.row(sitter).locator(".left")).to_have_text(re.compile(r"1:0\d:\d\d"))


async def _close(socket: WebSocketRoute) -> None:
    await socket.close(code=1001)


@dataclass
class Cable:
    """The page's WebSockets, which can be cut and stay cut; the page is only told that a socket has closed."""

    whole: bool = True
    sockets: list[WebSocketRoute] = field(default_factory=list)
    closing: asyncio.Task[None] | None = None

    def lay(self, socket: WebSocketRoute) -> None:
        """Pass a new socket on to the server while the cable is whole."""
        self.sockets.append(socket)
        if self.whole:
            socket.connect_to_server()
        else:
            self.closing = asyncio.create_task(_close(socket))

    async def cut(self) -> None:
        """End every socket and refuse new ones."""
        self.whole = False
        for socket in self.sockets:
            await _close(socket)

    def mend(self) -> None:
        """Let the next socket through."""
        self.whole = True


async def test_after_its_socket_was_cut_no_change_is_missing(hall: Hall) -> None:
    cable = Cable()
    await hall.page.route_web_socket("**/graphql", cable.lay)
    first = await hall.sit(1)
    await hall.watch()
    second = await hall.sit(2)
    await expect(hall.row(second).locator(".state")).to_have_text("Active")
    await hall.row(second).get_by_role("button").click()

    await cable.cut()
    await expect(hall.page.locator("#connection")).to_have_text("Reconnecting…")
    await hall.owner.mutate(PAUSE, testSessionId=second.session)
    await hall.owner.mutate(RESUME, testSessionId=second.session)
    await first.answer(3)
    third = await hall.sit(3)
    await third.submit()
    await second.submit()
    await expect(hall.row(second).locator(".state")).to_have_text("Active")
    cable.mend()

    await expect(hall.page.locator("#connection")).to_have_text("Live")
    await expect(hall.row(second).locator(".state")).to_have_text("Submitted")
    await expect(hall.row(third).locator(".state")).to_have_text("Submitted")
    await expect(hall.row(first).locator(".answered")).to_have_text("3/5")
    await expect(hall.page.locator(".detail .changes li")).to_contain_text(
        ["Active", "Active → Paused", "Paused → Active", "Active → Submitted"]
    )
    # the first session had started before the page was opened; every change since then is there, and none twice
    await expect(hall.page.locator("#sessions")).to_have_attribute("data-changes", "6")
    assert await hall.changes_in_the_log() == 7


async def test_a_browser_that_was_offline_catches_up(hall: Hall, window: BrowserContext) -> None:
    await hall.watch()

    await window.set_offline(True)
    await expect(hall.page.locator("#connection")).to_have_text("Reconnecting…")
    sitter = await hall.sit()
    await sitter.submit()
    await window.set_offline(False)

    await expect(hall.row(sitter).locator(".state")).to_have_text("Submitted")
    await expect(hall.row(sitter)).to_have_attribute("data-changes", "2")
    await expect(hall.page.locator("#connection")).to_have_text("Live")


async def test_the_token_is_renewed_before_it_ends_and_nobody_notices(
    settings: Settings, clock: Clock, window: BrowserContext
) -> None:
    short = replace(settings, access_token_seconds=2)
    async with serving(short) as (base_url, _app), httpx.AsyncClient(base_url=base_url) as client:
        hall = await hall_at(Door(client), window)
        sockets: list[object] = []
        states: list[str] = []
        hall.page.on("websocket", lambda socket: sockets.append(socket))  # noqa: PLW0108  as above
        await hall.page.expose_function("note", lambda state: states.append(state))  # noqa: PLW0108  as above
        await hall.watch()
        await hall.page.evaluate(
            "new MutationObserver(() => note(document.getElementById('connection').textContent))"
            ".observe(document.getElementById('connection'), {childList: true})"
        )

        while len(sockets) < 3:
            await hall.page.wait_for_event("websocket", timeout=15_000)
        sitter = await hall.sit()

        await expect(hall.row(sitter).locator(".state")).to_have_text("Active")
        await expect(hall.row(sitter)).to_have_attribute("data-changes", "1")
        assert set(states) <= {"Live"}


async def test_a_log_in_that_ends_elsewhere_ends_the_stream_and_shows_the_way_in(
    settings: Settings, clock: Clock, window: BrowserContext
) -> None:
    async with (
        serving(replace(settings, recheck_seconds=0.1)) as (base_url, _app),
        httpx.AsyncClient(base_url=base_url) as client,
    ):
        hall = await hall_at(Door(client), window)
        await hall.watch()

        for login in await Login.all():
            await Login.revoke(login.id, clock())

        await expect(hall.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_two_tabs_stay_signed_in_and_signing_out_ends_both(hall: Hall, window: BrowserContext) -> None:
    await hall.watch()
    other = await window.new_page()
    await other.goto(hall.page.url)
    await expect(other.locator("#connection")).to_have_text("Live")
    sitter = await hall.sit()
    await expect(hall.row(sitter).locator(".state")).to_have_text("Active")
    await expect(other.locator(f'tr[data-session="{sitter.session}"] .state')).to_have_text("Active")

    await other.get_by_role("button", name="Sign out", exact=True).click()

    await expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    await hall.page.reload()
    await expect(hall.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_a_row_opens_by_keyboard_to_its_result_and_time_ledger(hall: Hall) -> None:
    sitter = await hall.sit()
    await sitter.answer(1)
    await sitter.submit()
    await hall.watch()

    await hall.row(sitter).get_by_role("button", name="Candidate 1").focus()
    await hall.page.keyboard.press("Enter")

    detail = hall.page.locator("tr.detail")
    await expect(detail.locator(".result dd")).to_have_text(["1 of 6", "No", "Graded", "Not yet"])
    await expect(detail.locator(".ledger li")).to_have_text(["Test +1:00:00"])
    await expect(hall.row(sitter).get_by_role("button")).to_have_attribute("aria-expanded", "true")
    await hall.page.keyboard.press("Enter")
    await expect(detail).to_have_count(0)


async def test_sessions_are_found_by_text_and_by_status(hall: Hall) -> None:
    first, second = await hall.sit(1), await hall.sit(2)
    await second.submit()
    await hall.watch()

    await hall.page.get_by_role("searchbox").fill("candidate 1")
    await expect(hall.row(first)).to_be_visible()
    await expect(hall.row(second)).to_be_hidden()
    await expect(hall.page.locator("#shown")).to_have_text("1 of 2 sessions")
    await hall.page.get_by_role("searchbox").fill("")
    await hall.page.get_by_role("button", name="Submitted").click()

    await expect(hall.row(first)).to_be_hidden()
    await expect(hall.row(second)).to_be_visible()
    await expect(hall.page.get_by_role("button", name="1 Submitted")).to_have_attribute("aria-pressed", "true")


async def test_a_phone_shows_the_sessions_without_scrolling_sideways(hall: Hall) -> None:
    await hall.page.set_viewport_size({"width": 360, "height": 740})
    sitter = await hall.sit()

    await hall.watch()

    await expect(hall.row(sitter).locator(".state")).to_be_visible()
    assert await hall.page.evaluate("document.documentElement.scrollWidth") == 360


async def test_a_task_of_another_organization_is_not_there(hall: Hall) -> None:
    other = await (await hall.owner.with_token(None).sign_up()).open_task(name="Their secret")

    await hall.page.goto(f"{hall.owner.base_url}/dashboard?task={other['id']}")

    await expect(hall.page.get_by_role("alert")).to_have_text("There is nothing with this id.")
    assert "Their secret" not in await hall.page.content()


async def test_a_busy_morning_at_a_glance(settings: Settings, clock: Clock, window: BrowserContext) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    calm = replace(settings, access_token_seconds=86_400, session_lost_seconds=86_400)
    async with serving(calm) as (base_url, app), httpx.AsyncClient(base_url=base_url) as client:
        clock.time = now - timedelta(minutes=62)
        hall = await hall_at(Door(client), window, people=0)
        for group, people in PEOPLE.items():
            rows = [
                {"fullName": name, "externalId": f"S-{group[0]}{seat}"} for seat, name in enumerate(people, start=1)
            ]
            hall.tickets += await hall.owner.issue(hall.task["id"], candidates=rows, group=group)
        sitters = []
        for number, answered in enumerate((2, 5, 4, 5, 3, 4, 2, 3, 1, 2, 0, 1), start=1):
            sitters.append(await hall.sit(number))
            await sitters[-1].answer(answered)
            clock.time = now - timedelta(minutes=40) + timedelta(minutes=3, seconds=7) * number
        clock.time = now - timedelta(minutes=1)
        await sitters[6].submit()
        for number in (1, 3):
            await sitters[number].submit()
        await hall.owner.mutate(TERMINATE, testSessionId=sitters[4].session, reason="Used a phone")
        await hall.owner.mutate(
            ADJUST, testSessionIds=[sitters[5].session], seconds=600, cause="TECHNICAL", reason="Power cut"
        )
        clock.time = now
        assert await clockwork.close_overdue(app.state.site) == 1
        await hall.watch()
        await hall.owner.mutate(PAUSE, testSessionId=sitters[8].session)
        await expect(hall.row(sitters[8]).locator(".state")).to_have_text("Paused")
        await expect(hall.row(sitters[0]).locator(".state")).to_have_text("Timed out")
        await hall.row(sitters[6]).get_by_role("button").click()
        await expect(hall.page.locator("tr.detail .marks li")).to_have_count(5)
        await hall.page.set_viewport_size({"width": 1360, "height": 1040})

        if os.environ.get("ADMIT_SCREENSHOTS") == "1":
            await hall.page.screenshot(path=PICTURES / "dashboard.png", animations="disabled")
        assert hall.complaints == []
