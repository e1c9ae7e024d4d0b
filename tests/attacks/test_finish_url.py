"""A candidate is sent on to hosts that staff allowed, however an address is written: looked at when set, and when used.

What is used may have been kept before a rule was made, or while its host was allowed: here it is put into the database.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette

from models import Organization, Task, Ticket
from tests.hall import PAPER, open_hall
from tests.resolvers.test_redirects import CONFIGURE
from tests.web.test_sitting_pages import come_in
from tests.world import Door

ALLOWED = ["good.example", "ports.example:8443"]
TRICKS = [
    "//good.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:good.example",
    "https:evil.example",
    "https:/evil.example",
    "https:\\\\good.example",
    "https://good.example\\@evil.example/",
    "https://evil.example\\.good.example/",
    "https://user@good.example/",
    "https://user:password@good.example/",
    "https://good.example@evil.example/",
    "https://good.example%40evil.example/",
    "https://good.example:444/",
    "https://good.example:0443/",
    "https://good.example:8443/",
    "https://ports.example/",
    "https://good.example:99999/",
    "https://good.example/\x00",
    "https://good.example/\r\nSet-Cookie: a=b",
    "https://good.example/%0d%0a",
    "https://good.example/\t",
    "ht\ttps://good.example/",
    "\x01https://good.example/",
    "https://good\u200b.example/",
    "https://127.0.0.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://169.254.169.254/",
    "https://g\u043e\u043ed.example/",
    "https://\uff47ood.example/",
    "https://xn--gd-9kaa.example/",
    "https://good\u3002example/",
    "javascript:alert(1)",
    "JaVaScRiPt://good.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "blob:https://good.example/x",
    "http://good.example/",
    "https://good.example.evil.example/",
    "https://evilgood.example/",
    "https://sub.good.example/",
    "https://good.example./",
    "https://evil.example/?good.example",
    "https://evil.example/?url=https://good.example/",
    "https://evil.example#good.example",
    "https://evil.example/good.example",
    "https://good.example/#fragment",
    "good.example",
    "/t/elsewhere",
]
CREATED = "mutation ($input: CreateTaskInput!) { createTask(input: $input) { __typename ... on Refusal { message } } }"


async def allowing(owner: Door) -> None:
    """Candidates may go to the good hosts."""
    answer = await owner.mutate(CONFIGURE, allowedHosts=ALLOWED)
    assert answer["__typename"] == "ConfigureFinishRedirectSuccess", answer


def _links(page: str) -> list[str]:
    return re.findall(r'(?:href|action|content="\d+; url)="?([^"]+)"', page)


async def test_no_trick_is_taken_when_it_is_set(door: Door) -> None:
    owner = await door.sign_up()
    await allowing(owner)
    task = await owner.open_task()
    [ticket] = await owner.issue(task["id"])
    steps = [{"testId": (await owner.make_test())["id"]}]

    answers: dict[str, list[Any]] = {
        url: [
            (await owner.mutate(CONFIGURE, url=url))["__typename"],
            (await owner.mutate(CONFIGURE, url=url, taskId=task["id"]))["__typename"],
            (await owner.mutate(CONFIGURE, url=url, ticketId=ticket["id"]))["__typename"],
            (await owner.mutate(CREATED, name="N", steps=steps, finishRedirectUrl=url))["__typename"],
        ]
        for url in TRICKS
    }

    assert {url: kinds for url, kinds in answers.items() if kinds != ["RedirectRefused"] * 4} == {}
    kept = [await model.all().values_list("finish_redirect_url", flat=True) for model in (Organization, Task, Ticket)]
    assert kept == [[None]] * 3


async def test_no_trick_is_followed_when_it_is_used(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    await allowing(hall.owner)
    session = await hall.start()
    handed_in = await hall.submit(session)
    home = f"https://admit.test/t/{hall.task['slug']}?ticket="
    assert handed_in["finishUrl"].startswith(home)

    followed = {}
    for model in (Organization, Task, Ticket):
        for url in (*TRICKS, "https://good.example/done"):
            if "\x00" not in url:  # which no database keeps
                await model.filter().update(finish_redirect_url=url)
                followed[model, url] = (await hall.sitter.ask(PAPER, id=session["id"]))["testSession"]["finishUrl"]
        await model.filter().update(finish_redirect_url=None)

    good = {key: seen for key, seen in followed.items() if key[1] == "https://good.example/done"}
    assert {seen.partition("?")[0] for seen in good.values()} == {"https://good.example/done"}
    assert {key: seen for key, seen in followed.items() if key not in good and not seen.startswith(home)} == {}


async def test_the_pages_lead_nowhere_else_either(door: Door) -> None:
    browser = await come_in(door)
    await browser.start()
    await browser.send("/submit")

    led = {}
    for url in TRICKS:
        if "\x00" not in url:
            await Ticket.filter().update(finish_redirect_url=url)
            led[url] = await browser.client.get(f"{browser.here}/finished")

    hosts = {urlsplit(link).hostname for page in led.values() for link in _links(page.text)}
    assert hosts == {"admit.test", None}
    assert {page.status_code for page in led.values()} == {200}
    assert not any("evil.example" in page.text or "javascript:" in page.text.lower() for page in led.values())


async def test_a_host_that_is_no_longer_allowed_is_not_gone_to(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    await allowing(hall.owner)
    await hall.owner.mutate(CONFIGURE, url="https://good.example/done")
    session = await hall.start()
    before = (await hall.submit(session))["finishUrl"]

    await hall.owner.mutate(CONFIGURE, allowedHosts=["other.example"], url=None)
    await Organization.filter().update(finish_redirect_url="https://good.example/done")
    after = (await hall.sitter.ask(PAPER, id=session["id"]))["testSession"]["finishUrl"]

    assert before.startswith("https://good.example/done?ticket=")
    assert after.startswith(f"https://admit.test/t/{hall.task['slug']}?ticket=")
