"""Whatever people type is shown as they typed it, on every page, and is never markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from tests.web.test_sitting_pages import Browser, token_in
from tests.world import PASSWORD, QUESTIONS, SIGN_UP, Door

MARK = "xss-probe"  # a tag that no page of ours has
EVIL = f"""'"><{MARK} onclick=alert(1)></title></textarea><{MARK}>{{{{7*7}}}}<!--&lt;"""
SHOWN = f"<{MARK}"  # how it reads where it is shown
BODY = f"""
Hello <{MARK} onclick="x"></{MARK}> <script>alert(1)</script> <img src=x onerror=alert(1)>

[one](javascript:alert(1)) [two](data:text/html,x) [three](vbscript:x) ![four](javascript:x) <javascript:alert(1)>

<iframe src="https://evil.example"></iframe><svg onload=alert(1)><style>*{{}}</style><base href="//evil.example">
"""


class Reader(HTMLParser):
    """What a browser would make of a page: its tags, its attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Some text, decoded."""
        self.text += data

    @property
    def wrong(self) -> list[str]:
        """What must not be on any page."""
        found = []
        for tag, attributes in self.tags:
            found += [tag] if tag in (MARK, "iframe", "style", "base", "object", "embed") else []
            found += [name for name in attributes if name.startswith("on") or name in ("style", MARK)]
            found += [tag] if tag == "script" and not (attributes.get("src") or "").startswith("/static/") else []
            links = [attributes.get(name) or "" for name in ("href", "src", "action", "formaction")]
            found += [link for link in links if re.match(r"\s*(javascript|data|vbscript):|//", link, re.IGNORECASE)]
        return found


def read(page: httpx.Response) -> Reader:
    """The page, which is one that a browser shows."""
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "unsafe" not in page.headers["content-security-policy"]
    return Reader(page.text)


def marked(question: dict[str, Any]) -> dict[str, Any]:
    """The same question, asked in markup."""
    options = [{**option, "text": f"{option['text']} {EVIL}"} for option in question.get("options", ())]
    return {**question, "prompt": f"{question['prompt']} {EVIL}", **({"options": options} if options else {})}


async def organization(door: Door) -> Door:
    """An owner whose names are markup."""
    person = {"fullName": f"Olive {EVIL}", "email": "olive@example.org", "password": PASSWORD}
    made = await door.mutate(SIGN_UP, organizationName=f"School {EVIL}", **person)
    assert made["__typename"] == "SignUpSuccess", made
    return door.with_token(made["accessToken"], **made)


async def task_of(owner: Door, **more: Any) -> tuple[Any, Any]:
    """An open task and a ticket to it, all whose texts are markup."""
    sections = [{"title": EVIL, "questions": [marked(question) for question in QUESTIONS]}]
    test = await owner.make_test(title=f"Test {EVIL}", description=EVIL, sections=sections)
    welcome = {"title": f"Welcome {EVIL}", "body": BODY}
    task = await owner.open_task(name=f"Task {EVIL}", welcome=welcome, steps=[{"testId": test["id"]}], **more)
    candidates = [{"fullName": f"Cleo {EVIL}", "externalId": EVIL, "attributes": {EVIL: EVIL}}]
    [ticket] = await owner.issue(task["id"], candidates=candidates, group=EVIL, labels=[EVIL])
    return task, ticket


async def test_no_page_of_a_candidate_has_markup_in_it(door: Door) -> None:
    owner = await organization(door)
    task, ticket = await task_of(owner)

    welcome = await door.client.get(f"/t/{task['slug']}")
    entered = await door.client.get(str(ticket["accessLink"]).removeprefix("https://admit.test"))
    browser = Browser(door.client, entered.headers["location"])
    overview = await door.client.get(browser.home)
    await browser.start()
    questions = await browser.questions()
    answers = [await browser.answer(questions[kind], EVIL) for kind in ("SHORT_TEXT", "ESSAY")]
    sitting, review = await door.client.get(browser.here), await door.client.get(f"{browser.here}/review")
    form = {"csrf": token_in(sitting.text), f"answer.{questions['NUMERIC']}": EVIL}
    refused = await door.client.post(f"{browser.here}/answers", data=form)
    await browser.send("/submit")
    finished = await door.client.get(f"{browser.here}/finished")
    arrived = dict.fromkeys(("ticket", "session", "time", "signature"), "x") | {"status": EVIL}
    thanks = await door.client.get(f"/t/{task['slug']}", params=arrived)

    assert [answer.status_code for answer in answers] == [200, 200]
    pages = [read(page) for page in (welcome, overview, sitting, review, refused, finished, thanks)]
    assert [page.wrong for page in pages] == [[]] * 7
    shown = [SHOWN in page.text for page in pages]
    assert shown[:4] == [True] * 4
    assert shown[6]
    assert sitting.text.count(f"&lt;{MARK}") > 10


async def test_nor_has_the_waiting_room(door: Door) -> None:
    owner = await organization(door)
    _, ticket = await task_of(owner, proctoring="CONFERENCE", meetingUrl=f"https://meet.example/?a='><{MARK}>")
    entered = await door.client.get(str(ticket["accessLink"]).removeprefix("https://admit.test"))
    browser = Browser(door.client, entered.headers["location"])
    await browser.start()

    page = read(await door.client.get(browser.here))

    assert (page.wrong, SHOWN in page.text) == ([], True)


@pytest.mark.parametrize("path", [f"/t/{EVIL}", f"/t/{EVIL}/{EVIL}", f"/a/{EVIL}", f"/assessments/{EVIL}", f"/{EVIL}"])
async def test_nor_has_what_is_asked_for(door: Door, path: str) -> None:
    page = await door.client.get(path.replace("<", "%3C").replace('"', "%22"), params={"task": EVIL, EVIL: EVIL})

    assert page.status_code in (401, 403, 404)
    assert read(page).wrong == []


async def test_nor_have_the_staffs_pages(door: Door) -> None:
    owner = await organization(door)
    again = read(await door.client.get("/sign-in", params={"task": EVIL}))
    token = next(tag[1]["value"] for tag in again.tags if tag[1].get("name") == "token")
    form = {"token": token or "", "email": EVIL, "password": "x", "task": EVIL}
    wrong = read(await door.client.post("/sign-in", data=form))
    form["email"], form["password"] = owner.known["member"]["email"], PASSWORD

    signed_in = await door.client.post("/sign-in", data=form)
    dashboard = read(await door.client.get("/dashboard"))

    assert [page.wrong for page in (again, wrong, dashboard)] == [[], [], []]
    assert EVIL in [tag[1].get("value") for tag in wrong.tags]
    assert signed_in.headers["location"] == "/dashboard"
    assert dashboard.text.count(SHOWN) >= 2
