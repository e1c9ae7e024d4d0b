"""Another site may make a visitor's browser send anything, cookies and all: nothing is changed by it.

A page's route that takes a POST and has no row in FORMS fails here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from models import Assessment, Login
from tests.hall import events
from tests.web.test_finishing import browser_with
from tests.web.test_sitting_pages import come_in
from tests.world import PASSWORD, Door

CREATE_TASK = 'mutation { createTask(input: { name: "Forged", steps: [] }) { __typename } }'
MULTIPART = "multipart/form-data; boundary=x"


@dataclass
class Form:
    """What our own page sends: the address, the fields, the field that proves it, and that of somebody else's page."""

    path: str
    proof: str
    another: str
    fields: Mapping[str, str] = field(default_factory=dict)


async def hidden(client: httpx.AsyncClient, path: str, name: str) -> str:
    """What the page at this path has in its hidden field."""
    text = (await client.get(path)).text
    found = re.search(rf'name="{name}" value="([^"]+)"', text)
    assert found, text
    return found[1]


async def _welcome(door: Door) -> Form:
    owner = await door.sign_up()
    task, other = await owner.open_task(), await owner.open_task()
    [ticket] = await owner.issue(task["id"])
    proof, another = [await hidden(door.client, f"/t/{one['slug']}", "form_token") for one in (task, other)]
    fields = {"form_token": proof, "code": ticket["invitationCode"]}
    return Form(f"/t/{task['slug']}", "form_token", another, fields)


async def _sign_in(door: Door) -> Form:
    owner = await door.sign_up()
    task = await owner.open_task()
    fields = {
        "token": await hidden(door.client, "/sign-in", "token"),
        "email": owner.known["member"]["email"],
        "password": PASSWORD,
    }
    return Form("/sign-in", "token", await hidden(door.client, f"/t/{task['slug']}", "form_token"), fields)


async def _staff(door: Door, path: str) -> Form:
    """A form of the dashboard; somebody else has signed in before in the same browser."""
    proofs = []
    for _ in range(2):
        door.client.cookies.clear()
        form = await _sign_in(door)
        assert (await door.client.post(form.path, data=dict(form.fields))).status_code == 303
        proofs.append(await hidden(door.client, "/dashboard", "csrf"))
    return Form(path, "csrf", proofs[0], {"csrf": proofs[1]})


async def _list(door: Door) -> Form:
    other = await come_in(door)
    await other.start()
    browser = await come_in(door)
    page = (await door.client.get(browser.home)).text
    [action] = re.findall(r'action="([^"]+/start)"', page)
    return Form(action, "csrf", other.csrf, {"csrf": await hidden(door.client, browser.home, "csrf")})


async def _sitting(door: Door, path: str, **fields: str) -> Form:
    other, browser = await come_in(door), await come_in(door)
    await other.start()
    await browser.start()
    return Form(f"{browser.here}{path}", "csrf", other.csrf, {"csrf": browser.csrf, **fields})


async def _complete(door: Door) -> Form:
    other, browser = await come_in(door), await browser_with(door, {}, {"required": False})
    await other.start()
    await browser.start()
    await browser.send("/submit")
    return Form(f"{browser.home}/complete", "csrf", other.csrf, {"csrf": browser.csrf})


HERE = "/assessments/{assessment}/sessions/{session}"
FORMS: dict[str, Callable[[Door], Awaitable[Form]]] = {
    "/t/{slug}": _welcome,
    "/sign-in": _sign_in,
    "/sign-out": lambda door: _staff(door, "/sign-out"),
    "/sign-out/everywhere": lambda door: _staff(door, "/sign-out/everywhere"),
    "/dashboard/token": lambda door: _staff(door, "/dashboard/token"),
    "/assessments/{assessment}/steps/{step}/start": _list,
    "/assessments/{assessment}/complete": _complete,
    f"{HERE}/answers": lambda door: _sitting(door, "/answers", **{"answer.q3": "true"}),
    f"{HERE}/heartbeat": lambda door: _sitting(door, "/heartbeat"),
    f"{HERE}/submit": lambda door: _sitting(door, "/submit"),
}
OTHERWISE = {"/oauth/token": "a program proves itself in the request; no cookie says anything there"}


def test_every_form_has_its_row(app: Starlette) -> None:
    takes_posts = {route.path for route in app.routes if isinstance(route, Route) and "POST" in (route.methods or ())}

    assert takes_posts == {*FORMS, *(OTHERWISE.keys() & takes_posts)}


async def standing() -> tuple[int, int, list[str]]:
    """What a form could have changed: the log, the log-ins, and where each assessment is."""
    return (
        await events(),
        await Login.all().count(),
        [one.status.value for one in await Assessment.all().order_by("id")],
    )


@pytest.mark.parametrize("path", FORMS)
async def test_another_sites_form_changes_nothing_and_our_own_works(path: str, door: Door) -> None:
    form = await FORMS[path](door)
    before = await standing()
    without = {name: value for name, value in form.fields.items() if name != form.proof}
    theirs = ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"})

    forged = [
        await door.client.post(form.path, data=without),
        await door.client.post(form.path, data={**form.fields, form.proof: form.another}),
        await door.client.post(form.path, data={**form.fields, form.proof: ""}),
        await door.client.post(
            form.path, content=json.dumps(dict(form.fields)), headers={"content-type": "text/plain"}
        ),
        *[await door.client.post(form.path, data=dict(form.fields), headers=headers) for headers in theirs],
    ]
    after = await standing()
    own = await door.client.post(form.path, data=dict(form.fields))

    assert {answer.status_code for answer in forged} <= {400, 403}
    assert [answer.headers.get("set-cookie") for answer in forged] == [None] * len(forged)
    assert after == before
    assert own.status_code in (200, 303)


async def test_a_browsers_cookies_are_no_credential_for_graphql(door: Door) -> None:
    await _staff(door, "/dashboard")
    await come_in(door)
    before = await standing()
    body = json.dumps({"query": CREATE_TASK})

    answer = await door.client.post("/graphql", content=body, headers={"content-type": "application/json"})
    refused = [
        await door.client.get("/graphql", params={"query": CREATE_TASK}),
        await door.client.post("/graphql", data={"query": CREATE_TASK}),
        await door.client.post("/graphql", content=body, headers={"content-type": "text/plain"}),
        await door.client.post("/graphql", content=body, headers={"content-type": MULTIPART}),
    ]

    assert len(door.client.cookies) >= 2
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert [one.status_code for one in refused] == [405, 415, 415, 415]
    assert await standing() == before
