"""Access links and shared links, followed by people and looked at by machines."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette

from models import AccessLink, Assessment, Ticket
from tests.world import Clock, Door


@pytest.fixture
async def owner(door: Door) -> Door:
    """An organization's owner; the browser is a stranger's."""
    return await door.sign_up()


async def path_of(owner: Door, **over: Any) -> str:
    """The path of a new ticket's access link."""
    task = await owner.open_task()
    (ticket,) = await owner.issue(task["id"], **over)
    return str(ticket["accessLink"]).removeprefix("https://admit.test")


async def shared(owner: Door, app: Starlette, **columns: Any) -> str:
    """The path of a new shared link."""
    await path_of(owner)
    ticket = await Ticket.get()
    link = await AccessLink.create(organization_id=ticket.organization_id, ticket_id=ticket.id, **columns)
    return str(app.state.site.urls.shared_link(link)).removeprefix("https://admit.test")


async def test_following_an_access_link_enters_at_once(owner: Door) -> None:
    path = await path_of(owner)

    answer = await owner.client.get(path)

    made = await Assessment.get()
    assert (answer.status_code, answer.headers["location"]) == (303, f"/assessments/{made.gid}")
    assert answer.headers["set-cookie"].startswith("candidate=")
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")


async def test_following_it_again_is_the_same_assessment(owner: Door) -> None:
    path = await path_of(owner)

    places = {(await owner.client.get(path)).headers["location"] for _ in range(3)}

    assert len(places) == 1
    assert await Assessment.all().count() == 1


async def test_following_a_shared_link_enters_at_once(owner: Door, app: Starlette) -> None:
    path = await shared(owner, app)

    answer = await owner.client.get(path)

    made = await Assessment.get()
    assert (answer.status_code, answer.headers["location"]) == (303, f"/assessments/{made.gid}")


async def test_head_enters_nothing(owner: Door, app: Starlette) -> None:
    paths = [await shared(owner, app), await path_of(owner)]

    answers = [await owner.client.head(path) for path in paths]

    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b""), (200, b"")]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert await Assessment.all().count() == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Sec-Purpose", "prefetch"),
        ("Sec-Purpose", "prefetch;prerender"),
        ("Sec-Purpose", "prerender"),
        ("Purpose", "prefetch"),
        ("X-Moz", "prefetch"),
        ("X-Purpose", "preview"),
    ],
)
async def test_a_prefetch_enters_nothing(owner: Door, app: Starlette, name: str, value: str) -> None:
    paths = [await shared(owner, app), await path_of(owner)]

    answers = [await owner.client.get(path, headers={name: value}) for path in paths]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert {answer.headers["referrer-policy"] for answer in answers} == {"no-referrer"}
    assert all("set-cookie" not in answer.headers for answer in answers)
    assert await Assessment.all().count() == 0


async def test_an_expired_link_says_so(owner: Door, app: Starlette, clock: Clock) -> None:
    path = await shared(owner, app, expires_at=clock.time)

    answer = await owner.client.get(path)

    assert answer.status_code == 410
    assert "<h1>This link has expired</h1>" in answer.text
    assert await Assessment.all().count() == 0


async def test_a_revoked_link_says_so(owner: Door, app: Starlette, clock: Clock) -> None:
    path = await shared(owner, app, revoked_at=clock.time)

    answer = await owner.client.get(path)

    assert answer.status_code == 410
    assert "<h1>This link has been withdrawn</h1>" in answer.text
    assert await Assessment.all().count() == 0


@pytest.mark.parametrize("token", ["x", "a.b.c.d.e", "eyJhbGciOiJkaXIifQ....", "x" * 5000])
async def test_a_made_up_link_is_not_valid(owner: Door, token: str) -> None:
    answer = await owner.client.get(f"/a/{token}")

    assert answer.status_code == 404
    assert "<h1>This link is not valid</h1>" in answer.text


async def test_too_early_says_so_and_stays_good(owner: Door, clock: Clock) -> None:
    path = await path_of(owner, validFrom="2026-01-02T04:00:00Z")

    early = await owner.client.get(path)
    clock.forward(hours=1)
    later = await owner.client.get(path)

    assert (early.status_code, later.status_code) == (403, 303)
    assert "<h1>It is too early</h1>" in early.text


async def test_a_wrong_code_in_the_link_looks_like_one_typed(owner: Door) -> None:
    path = await path_of(owner)

    answer = await owner.client.get(path[:-1])

    assert answer.status_code == 403
    assert "This code is not right: check it and try again." in answer.text
    assert await Assessment.all().count() == 0


async def test_a_refusal_repeats_neither_the_code_nor_the_link(owner: Door, clock: Clock) -> None:
    path = await path_of(owner, validUntil="2026-01-02T04:00:00Z")
    clock.forward(hours=1)

    answer = await owner.client.get(path)

    assert answer.status_code == 410
    assert path.rpartition("/")[2] not in answer.text
