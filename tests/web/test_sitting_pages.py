"""The list of tests, the test page, and what its script and its forms send."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from models import Answer, Assessment, TestSession, TestSessionStatus, Ticket
from services import redirects
from tests.world import Clock, Door

S = TestSessionStatus


@dataclass
class Browser:
    """A candidate's browser that has come in."""

    client: httpx.AsyncClient
    home: str
    here: str = ""
    csrf: str = ""

    async def start(self) -> httpx.Response:
        """Press the first Start button of the list."""
        page = await self.client.get(self.home)
        action = re.search(r'action="([^"]+/start)"', page.text)
        assert action, page.text
        self.csrf = token_in(page.text)
        answer = await self.client.post(action[1], data={"csrf": self.csrf})
        self.here = answer.headers.get("location", "")
        return answer

    async def send(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """What the page's script sends."""
        sent = {"accept": "application/json", "x-csrf-token": self.csrf, **headers}
        return await self.client.post(self.here + path, json=body if body is not None else {}, headers=sent)

    async def answer(self, question: str, value: Any, sequence: int = 1) -> httpx.Response:
        """Give one answer."""
        draft = {"questionId": question, "value": value, "sequence": sequence}
        return await self.send("/answers", {"answers": [draft]})

    async def questions(self) -> dict[str, str]:
        """The ids of the questions on the page by kind."""
        page = await self.client.get(self.here)
        return {kind: name for name, kind in re.findall(r'data-id="([^"]+)" data-kind="([^"]+)"', page.text)}


def token_in(page: str) -> str:
    """The CSRF token of the page's form."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found, page
    return found[1]


async def come_in(door: Door, owner: Door | None = None, **task: Any) -> Browser:
    """A browser that followed the access link of a new ticket, of a new organization unless an owner is given."""
    owner = owner or await door.sign_up()
    made = await owner.open_task(**task)
    (ticket,) = await owner.issue(made["id"])
    entered = await door.client.get(str(ticket["accessLink"]).removeprefix("https://admit.test"))
    return Browser(door.client, entered.headers["location"])


@pytest.fixture
async def browser(door: Door) -> Browser:
    """A candidate who has come in."""
    return await come_in(door)


@pytest.fixture
async def sitting(browser: Browser) -> Browser:
    """A candidate who has started the test."""
    await browser.start()
    return browser


async def test_lists_the_tests_with_their_length(browser: Browser) -> None:
    page = await browser.client.get(browser.home)

    assert page.status_code == 200
    assert "<h2>Arithmetic</h2>" in page.text
    assert "6 questions, 1 hour" in page.text
    assert "Candidate 1" in page.text


async def test_starting_leads_to_the_test_page(browser: Browser) -> None:
    answer = await browser.start()

    session = await TestSession.get()
    assert (answer.status_code, answer.headers["location"]) == (303, f"{browser.home}/sessions/{session.gid}")
    assert session.status is S.ACTIVE
    assert (await browser.client.get(browser.here)).status_code == 200


async def test_starting_twice_is_one_session(browser: Browser) -> None:
    page = await browser.client.get(browser.home)
    action = re.search(r'action="([^"]+/start)"', page.text)
    assert action

    places = [
        (await browser.client.post(action[1], data={"csrf": token_in(page.text)})).headers["location"] for _ in range(2)
    ]

    assert places[0] == places[1]
    assert await TestSession.all().count() == 1


async def test_the_page_has_every_question_with_a_label_for_every_field(sitting: Browser) -> None:
    page = (await sitting.client.get(sitting.here)).text

    ids = set(re.findall(r'<(?:input|textarea)[^>]* id="([^"]+)"', page))
    assert len(re.findall(r'<div class="question"', page)) == 6
    assert len(re.findall(r"<fieldset", page)) == len(re.findall(r'<legend class="prompt"', page)) == 3
    assert ids == set(re.findall(r'<label class="prompt"[^>]* for="([^"]+)"', page))
    assert re.findall(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page) == []


async def test_the_page_never_tells_what_is_right(sitting: Browser) -> None:
    page = (await sitting.client.get(sitting.here)).text

    assert "Paris" not in page
    assert "3.14" not in page
    assert "correct" not in page


async def test_markup_in_a_question_or_an_answer_is_only_text(door: Door) -> None:
    question = {"kind": "ESSAY", "prompt": "<img src=x onerror=alert(1)>"}
    owner = await door.sign_up()
    test = await owner.make_test(sections=[{"title": "<b>x</b>", "questions": [question]}])
    browser = await come_in(door, owner, steps=[{"testId": test["id"]}])
    await browser.start()
    await browser.answer((await browser.questions())["ESSAY"], "</textarea><script>alert(2)</script>")

    page = (await browser.client.get(browser.here)).text

    assert "<img src=x" not in page
    assert "<script>" not in page
    assert "&lt;/textarea&gt;&lt;script&gt;alert(2)" in page


async def test_an_answer_is_acknowledged_with_the_time_that_is_left(sitting: Browser, clock: Clock) -> None:
    question = (await sitting.questions())["SHORT_TEXT"]
    clock.forward(minutes=10)

    answer = await sitting.answer(question, "Paris", 1_767_323_045_000)

    assert answer.status_code == 200
    assert answer.json() == {
        "savedAt": "2026-01-02T03:14:05+00:00",
        "status": "ACTIVE",
        "hasEnded": False,
        "hasStarted": True,
        "remainingSeconds": 3000.0,
        "deadlineAt": "2026-01-02T04:04:05+00:00",
        "serverNow": "2026-01-02T03:14:05+00:00",
    }
    assert (await Answer.get()).value == "Paris"


async def test_a_reload_shows_what_was_saved(sitting: Browser) -> None:
    questions = await sitting.questions()
    for kind, value in {"TRUE_FALSE": False, "NUMERIC": 0, "SHORT_TEXT": "Lyon", "ESSAY": "\nBecause."}.items():
        assert (await sitting.answer(questions[kind], value)).status_code == 200

    page = (await sitting.client.get(sitting.here)).text

    assert 'value="false" checked' in page
    assert f'name="answer.{questions["NUMERIC"]}" value="0"' in page
    assert 'value="Lyon"' in page
    assert "\n\nBecause.</textarea>" in page
    assert "4 of 6 answered" in page


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        '{"answers": 1}',
        '{"answers": [1]}',
        '{"answers": [{"questionId": "q", "value": 1, "sequence": true}]}',
        "{",
    ],
)
async def test_a_body_of_another_shape_is_refused(sitting: Browser, body: str) -> None:
    headers = {"accept": "application/json", "x-csrf-token": sitting.csrf}

    answer = await sitting.client.post(f"{sitting.here}/answers", content=body, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["code"] == "BadRequest"
    assert await Answer.all().count() == 0


async def test_an_answer_that_does_not_fit_is_named(sitting: Browser) -> None:
    answer = await sitting.answer((await sitting.questions())["NUMERIC"], "many")

    assert answer.status_code == 422
    assert answer.json()["code"] == "InvalidAnswers"
    assert [problem["index"] for problem in answer.json()["problems"]] == [0]


@pytest.mark.parametrize(
    "headers",
    [{"x-csrf-token": ""}, {"x-csrf-token": "x"}, {"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}],
    ids=["no token", "another token", "cross-site", "origin"],
)
@pytest.mark.parametrize("path", ["/answers", "/heartbeat", "/submit"])
async def test_another_site_changes_nothing(sitting: Browser, path: str, headers: dict[str, str]) -> None:
    answer = await sitting.send(path, {"answers": []}, **headers)

    assert answer.status_code == 403
    assert (await TestSession.get()).status is S.ACTIVE


async def test_another_site_starts_nothing(browser: Browser) -> None:
    page = await browser.client.get(browser.home)
    action = re.search(r'action="([^"]+/start)"', page.text)
    assert action

    answers = [await browser.client.post(action[1]), await browser.client.post(action[1], data={"csrf": "x"})]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert await TestSession.all().count() == 0


async def test_without_the_cookie_one_is_sent_back_to_the_invitation(sitting: Browser) -> None:
    sitting.client.cookies.clear()

    pages = [await sitting.client.get(path) for path in (sitting.home, sitting.here)]

    assert [page.status_code for page in pages] == [401, 401]
    assert "Open your invitation again" in pages[0].text


async def test_the_cookie_of_one_assessment_opens_no_other(door: Door) -> None:
    one = await come_in(door)
    cookie = dict(one.client.cookies)["candidate"]
    one.client.cookies.clear()
    other = await come_in(door)
    other.client.cookies.clear()

    page = await other.client.get(other.home, headers={"cookie": f"candidate={cookie}"})

    assert page.status_code == 401


async def test_a_members_token_is_no_candidates_cookie(browser: Browser, door: Door) -> None:
    owner = await door.sign_up()
    browser.client.cookies.clear()

    page = await browser.client.get(browser.home, headers={"cookie": f"candidate={owner.token}"})

    assert page.status_code == 401


async def test_the_heartbeat_tells_how_the_session_stands(sitting: Browser, clock: Clock) -> None:
    clock.forward(seconds=20.5)

    answer = await sitting.send("/heartbeat")

    assert answer.json()["remainingSeconds"] == 3579.5
    assert (await TestSession.get()).last_seen_at == clock.time


async def test_submitting_by_the_script_tells_where_to_go(sitting: Browser) -> None:
    answer = await sitting.send("/submit")

    slug = (await (await Ticket.get()).task).slug
    assert answer.status_code == 200
    assert answer.json()["finishUrl"].startswith(f"https://admit.test/t/{slug}?ticket=tkt_")
    assert (await TestSession.get()).status is S.SUBMITTED


async def test_submitting_by_a_form_leads_on_without_a_redirect(sitting: Browser) -> None:
    answer = await sitting.client.post(f"{sitting.here}/submit", data={"csrf": sitting.csrf})

    refresh = re.search(r'<meta http-equiv="refresh" content="0; url=([^"]+)"', answer.text)
    assert answer.status_code == 200
    assert refresh
    assert refresh[1].startswith("https://admit.test/t/")


async def test_without_a_script_the_form_saves_every_kind_of_answer(sitting: Browser) -> None:
    page = (await sitting.client.get(sitting.here)).text
    questions = await sitting.questions()
    options = {kind: re.findall(rf'name="answer.{name}" value="([^"]+)"', page) for kind, name in questions.items()}
    given = {
        "SINGLE_CHOICE": options["SINGLE_CHOICE"][1],
        "MULTIPLE_CHOICE": [options["MULTIPLE_CHOICE"][0], options["MULTIPLE_CHOICE"][2]],
        "TRUE_FALSE": "true",
        "NUMERIC": " 3,14 ",
        "SHORT_TEXT": "Paris",
        "ESSAY": "One.\r\nTwo.",
    }
    form = {f"answer.{questions[kind]}": value for kind, value in given.items()}
    form |= {"csrf": sitting.csrf, "then": "review"}

    answer = await sitting.client.post(f"{sitting.here}/answers", data=form)

    assert (answer.status_code, answer.headers["location"]) == (303, f"{sitting.here}/review")
    kept = {row.question_id: row.value for row in await Answer.all()}
    assert {kind: kept[name] for kind, name in questions.items()} == {
        **given,
        "TRUE_FALSE": True,
        "NUMERIC": 3.14,
        "ESSAY": "One.\nTwo.",
    }
    assert "You have answered every question." in (await sitting.client.get(f"{sitting.here}/review")).text


async def test_the_review_names_what_is_unanswered(sitting: Browser) -> None:
    await sitting.answer((await sitting.questions())["SHORT_TEXT"], "Paris")

    page = (await sitting.client.get(f"{sitting.here}/review")).text

    assert "5 of 6 questions have no answer." in page
    assert f'href="{sitting.here}#question-1"' in page
    assert f'href="{sitting.here}#question-5"' not in page


async def test_after_the_deadline_the_page_says_that_time_is_up(sitting: Browser, clock: Clock) -> None:
    clock.forward(hours=2)

    moved = await sitting.client.get(sitting.here)
    page = await sitting.client.get(f"{sitting.here}/finished")

    assert (moved.status_code, moved.headers["location"]) == (303, f"{sitting.here}/finished")
    assert "<h1>Time is up</h1>" in page.text
    assert (await TestSession.get()).status is S.TIMED_OUT


async def test_a_late_answer_gets_its_refusal(sitting: Browser, clock: Clock) -> None:
    question = (await sitting.questions())["SHORT_TEXT"]
    clock.forward(hours=2)

    answer = await sitting.answer(question, "Paris")

    assert (answer.status_code, answer.json()["code"]) == (409, "DeadlinePassed")
    assert await Answer.all().count() == 0


async def test_the_finished_page_of_a_running_test_is_the_test(sitting: Browser) -> None:
    answer = await sitting.client.get(f"{sitting.here}/finished")

    assert (answer.status_code, answer.headers["location"]) == (303, sitting.here)


async def test_a_finished_list_has_no_button(sitting: Browser) -> None:
    await sitting.send("/submit")

    page = (await sitting.client.get(sitting.home)).text

    assert '<span class="badge done">Done</span>' in page
    assert "/start" not in page
    assert "You have finished." in page


async def test_with_more_to_do_submitting_leads_back_to_the_list(door: Door) -> None:
    owner = await door.sign_up()
    test = await owner.make_test()
    browser = await come_in(door, owner, steps=[{"testId": test["id"]}, {"testId": test["id"]}])
    await browser.start()

    answer = await browser.send("/submit")

    assert answer.json()["finishUrl"] == f"https://admit.test{browser.home}"
    assert (await Assessment.get()).is_open


async def test_the_waiting_room_shows_the_meeting_and_asks_again(door: Door) -> None:
    browser = await come_in(door, proctoring="CONFERENCE", meetingUrl="https://meet.example.org/room")
    await browser.start()

    page = await browser.client.get(browser.here)
    state = await browser.client.get(browser.here, headers={"accept": "application/json"})

    assert '<h1 id="wait"' in page.text
    assert 'href="https://meet.example.org/room"' in page.text
    assert (state.json()["status"], state.json()["remainingSeconds"]) == ("AWAITING_PROCTOR", None)
    assert "Which is a prime?" not in page.text


async def test_the_essay_of_another_alphabet_fits_into_a_request(sitting: Browser) -> None:
    essay = "щ" * 50_000

    answer = await sitting.answer((await sitting.questions())["ESSAY"], essay)

    assert answer.status_code == 200
    assert (await Answer.get()).value == essay


async def test_the_redirect_carries_a_signature_that_the_partner_can_verify(door: Door, app: Starlette) -> None:
    browser = await come_in(door)
    await browser.start()
    finish = httpx.URL((await browser.send("/submit")).json()["finishUrl"])

    organization = await (await Ticket.get()).organization

    assert redirects.verify(dict(finish.params), organization.redirect_secret)
    assert finish.params["status"] == "SUBMITTED"
