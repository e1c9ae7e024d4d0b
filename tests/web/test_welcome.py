"""The public page behind a Task link, and entering by a code that was typed."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from models import Assessment
from tests.world import Clock, Door

FINISH = {
    "ticket": "tkt_1",
    "session": "ses_1",
    "status": "SUBMITTED",
    "time": "2026-01-02T03:04:05Z",
    "signature": "00",
}


@pytest.fixture
async def owner(door: Door) -> Door:
    """An organization's owner; the browser is a stranger's."""
    return await door.sign_up()


async def token_of(door: Door, slug: str) -> str:
    """The form token on the page."""
    found = re.search(r'name="form_token" value="([^"]+)"', (await door.client.get(f"/t/{slug}")).text)
    assert found
    return found[1]


async def type_in(door: Door, slug: str, code: str, **headers: str) -> httpx.Response:
    form = {"form_token": await token_of(door, slug), "code": code}
    return await door.client.post(f"/t/{slug}", data=form, headers=headers)


async def issued(owner: Door, **over: Any) -> tuple[str, Any]:
    """An open task's slug and a ticket to it."""
    task = await owner.open_task(**over)
    return task["slug"], (await owner.issue(task["id"]))[0]


async def test_shows_the_title_the_text_and_the_place_for_the_code(owner: Door) -> None:
    task = await owner.open_task(welcome={"title": "Spring & autumn", "body": "Bring **a pen**."})

    page = await owner.client.get(f"/t/{task['slug']}")

    assert page.status_code == 200
    assert "<h1>Spring &amp; autumn</h1>" in page.text
    assert "<p>Bring <strong>a pen</strong>.</p>" in page.text
    assert '<label for="code">Your invitation code</label>' in page.text


async def test_markup_in_the_text_is_shown_and_not_run(owner: Door) -> None:
    body = "<script>alert(1)</script> [x](javascript:2)"
    task = await owner.open_task(welcome={"title": "<script>1</script>", "body": body})

    page = await owner.client.get(f"/t/{task['slug']}")

    assert "<script>" not in page.text.replace('<script defer src="/static/', "")
    assert 'href="javascript' not in page.text


async def test_an_unknown_slug_is_a_friendly_404(owner: Door) -> None:
    page = await owner.client.get("/t/nowhere")

    assert page.status_code == 404
    assert "<h1>There is nothing here</h1>" in page.text


async def test_a_page_for_each_state_of_the_window(owner: Door, clock: Clock) -> None:
    draft = await owner.draft_task()
    early = await owner.open_task(opensAt="2026-01-03T09:00:00Z")
    over = await owner.open_task(closesAt="2026-01-02T04:00:00Z")
    clock.forward(hours=2)

    texts = [(await owner.client.get(f"/t/{task['slug']}")).text for task in (draft, early, over)]

    assert "This is not open at the moment." in texts[0]
    assert 'This opens on <time datetime="2026-01-03T09:00:00+00:00">3 January 2026, 09:00 UTC</time>' in texts[1]
    assert "This has closed." in texts[2]
    assert 'name="code"' not in texts[1]


async def test_the_right_code_enters_however_it_is_typed(owner: Door) -> None:
    slug, ticket = await issued(owner)

    answer = await type_in(owner, slug, f" {ticket['invitationCode'].lower().replace('-', ' ')} ")

    made = await Assessment.get()
    assert (answer.status_code, answer.headers["location"]) == (303, f"/assessments/{made.gid}")


async def test_the_cookie_is_for_this_assessment_alone(owner: Door) -> None:
    slug, ticket = await issued(owner)

    answer = await type_in(owner, slug, ticket["invitationCode"])

    made = await Assessment.get()
    name, *flags = answer.headers["set-cookie"].split("; ")
    assert name.startswith("candidate=")
    assert {flag.lower() for flag in flags} == {"httponly", f"path=/assessments/{made.gid}", "samesite=lax", "secure"}


async def test_every_wrong_code_gets_the_same_page(owner: Door) -> None:
    slug, _ticket = await issued(owner)
    other_slug, other = await issued(owner)
    revoked_elsewhere = other["invitationCode"]

    codes = ("", "x", "ABCD-EFGHJ-KMNP", revoked_elsewhere, "\x00", "é" * 400)
    pages = [await type_in(owner, slug, code) for code in codes]

    bodies = {re.sub(r'value="[^"]*"', "", page.text) for page in pages}
    assert {page.status_code for page in pages} == {403}
    assert len(bodies) == 1
    assert "This code is not right: check it and try again." in bodies.pop()
    assert other_slug != slug
    assert await Assessment.all().count() == 0


async def test_the_page_of_a_wrong_code_takes_the_next_try(owner: Door) -> None:
    slug, ticket = await issued(owner)
    wrong = await type_in(owner, slug, "wrong")
    found = re.search(r'name="form_token" value="([^"]+)"', wrong.text)
    assert found

    answer = await owner.client.post(f"/t/{slug}", data={"form_token": found[1], "code": ticket["invitationCode"]})

    assert answer.status_code == 303


async def test_too_many_wrong_codes_are_told_when_to_come_back(owner: Door) -> None:
    slug, ticket = await issued(owner)
    for _ in range(20):
        assert (await type_in(owner, slug, "wrong")).status_code == 403

    answer = await type_in(owner, slug, ticket["invitationCode"])

    assert answer.status_code == 429
    assert 590 <= int(answer.headers["retry-after"]) <= 601
    assert "You can try again in " in answer.text
    assert await Assessment.all().count() == 0


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"}],
    ids=["cross-site", "same-site", "origin"],
)
async def test_another_sites_form_enters_nothing(owner: Door, headers: dict[str, str]) -> None:
    slug, ticket = await issued(owner)

    answer = await type_in(owner, slug, ticket["invitationCode"], **headers)

    assert answer.status_code == 403
    assert await Assessment.all().count() == 0


@pytest.mark.parametrize("token", ["", "1.x", "9999999999.AAAA", "x"])
async def test_a_form_that_we_did_not_make_enters_nothing(owner: Door, token: str) -> None:
    slug, ticket = await issued(owner)

    answer = await owner.client.post(f"/t/{slug}", data={"form_token": token, "code": ticket["invitationCode"]})

    assert answer.status_code == 400
    assert await Assessment.all().count() == 0


async def test_a_form_of_yesterday_says_so(owner: Door, clock: Clock) -> None:
    slug, ticket = await issued(owner)
    token = await token_of(owner, slug)
    clock.forward(hours=13)

    answer = await owner.client.post(f"/t/{slug}", data={"form_token": token, "code": ticket["invitationCode"]})

    assert answer.status_code == 400
    assert "open for too long" in answer.text


async def test_a_finished_candidate_is_thanked(owner: Door) -> None:
    task = await owner.open_task(welcome={"title": "Spring"})

    page = await owner.client.get(f"/t/{task['slug']}", params=FINISH)

    assert page.status_code == 200
    assert "<h1>Thank you</h1>" in page.text
    assert "You have finished “Entrance exam”. Your answers are saved." in page.text
    assert 'name="code"' not in page.text


async def test_the_refusal_of_a_right_code_says_why(owner: Door, clock: Clock) -> None:
    task = await owner.open_task()
    (ticket,) = await owner.issue(task["id"], validUntil="2026-01-02T04:00:00Z")
    token = await token_of(owner, task["slug"])
    clock.forward(hours=1)

    answer = await owner.client.post(f"/t/{task['slug']}", data={"form_token": token, "code": ticket["invitationCode"]})

    assert answer.status_code == 410
    assert "This invitation has expired." in answer.text


async def test_every_page_forbids_scripts_frames_and_traces(owner: Door) -> None:
    task = await owner.open_task()

    for path in (f"/t/{task['slug']}", "/t/nowhere", "/nowhere"):
        headers = (await owner.client.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


async def test_no_page_has_code_or_style_of_its_own(owner: Door) -> None:
    task = await owner.open_task()

    page = (await owner.client.get(f"/t/{task['slug']}")).text

    assert re.findall(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page) == []
    assert re.findall(r'(?:src|href)="(?:https?:)?//', page) == []


async def test_a_wrong_method_is_refused_in_the_same_look(owner: Door) -> None:
    answer = await owner.client.put("/t/x")

    assert answer.status_code == 405
    assert "<!doctype html>" in answer.text
