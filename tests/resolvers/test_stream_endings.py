"""A stream lives as long as the credential that it began with: it hears not one event more, and soon it is closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed

from models import ApiKey, Member, Role
from services import credentials
from services.site import Site
from settings import Settings
from tests.conftest import serving
from tests.furnished import Furnished, furnish
from tests.listening import changed, event_stream, shared, socket, until
from tests.world import LOG_IN, PASSWORD, Clock, Door

CHANGES = "subscription { testSessionStatusChanged { status } }"
CREATE_KEY = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { ... on CreateApiKeySuccess { secret apiKey { id } } }
}
"""
ROTATE_KEY = """
mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) { ... on RotateApiKeySuccess { secret } } }
"""
REFRESH = "mutation ($input: RefreshAccessTokenInput!) { refreshAccessToken(input: $input) { __typename } }"


def simple(mutation: str, type_: str = "") -> str:
    """A mutation of which nothing is read."""
    name = type_ or f"{mutation[0].upper()}{mutation[1:]}"
    return f"mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{ __typename }} }}"


@dataclass
class Stage:
    """A running server with an organization, and an owner on one device and a key in one program."""

    app: Starlette
    clock: Clock
    things: Furnished
    owner: Door  # who manages, and does not listen
    device: Door
    program: Door

    @property
    def site(self) -> Site:
        """What its services share."""
        site: Site = self.app.state.site
        return site

    @property
    def key(self) -> dict[str, Any]:
        """The program's key, as mutations name it."""
        return {"apiKeyId": self.program.known["apiKey"]["id"]}

    async def listened(self) -> None:
        """Until somebody does."""
        await until(lambda: self.site.pulse.followers == 1)

    async def happens(self) -> None:
        """Something that whoever listens may know of."""
        things = self.things
        await changed(things.member.actor, "SUBMITTED", task_id=things.task.id, ticket_id=things.ticket.id)


async def _stage(door: Door, app: Starlette, clock: Clock) -> Stage:
    owner = await door.sign_up()
    made = await owner.mutate(LOG_IN, email=owner.known["member"]["email"], password=PASSWORD)
    until_ = (clock.time + timedelta(days=2)).isoformat()
    key = await owner.mutate(CREATE_KEY, name="Robot", scopes=["READ"], expiresAt=until_)
    device, program = owner.with_token(made["accessToken"], **made), owner.with_token(key["secret"], **key)
    return Stage(app, clock, await furnish(app.state.site, owner), owner, device, program)


@pytest.fixture
async def eager(settings: Settings, clock: Clock) -> AsyncIterator[Stage]:
    """A server that looks at credentials all the time."""
    quick = replace(settings, export_workers=0, recheck_seconds=0.05, poll_seconds=0.05)
    async with serving(quick) as (base_url, app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        yield await _stage(Door(client), app, clock)


@pytest.fixture
async def lazy(settings: Settings, clock: Clock) -> AsyncIterator[Stage]:
    """A server that looks at credentials only when there is something to tell."""
    slow = replace(settings, export_workers=0, recheck_seconds=60.0, poll_seconds=0.05)
    async with serving(slow) as (base_url, app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        yield await _stage(Door(client), app, clock)


async def revoked(stage: Stage) -> None:
    await stage.owner.mutate(simple("revokeApiKey"), **stage.key)


async def expired(stage: Stage) -> None:
    stage.clock.forward(days=2)


async def rotated_at_once(stage: Stage) -> None:
    await stage.owner.mutate(ROTATE_KEY, **stage.key, overlapSeconds=0)


async def rotated_twice(stage: Stage) -> None:
    for _ in range(2):
        await stage.owner.mutate(ROTATE_KEY, **stage.key)


async def rotated_and_over(stage: Stage) -> None:
    await stage.owner.mutate(ROTATE_KEY, **stage.key, overlapSeconds=60)
    stage.clock.forward(seconds=60)


async def logged_out(stage: Stage) -> None:
    await stage.device.mutate(simple("logOut"), refreshToken=stage.device.known["refreshToken"])


async def logged_out_everywhere(stage: Stage) -> None:
    await stage.owner.mutate(simple("logOutEverywhere"))


async def token_stolen(stage: Stage) -> None:
    for _ in range(2):
        await stage.owner.with_token(None).execute(REFRESH, input={"refreshToken": stage.device.known["refreshToken"]})


async def a_quarter_of_an_hour_later(stage: Stage) -> None:
    stage.clock.forward(minutes=15)


async def a_day_later(stage: Stage) -> None:
    stage.clock.forward(days=1)


async def narrowed(stage: Stage) -> None:
    await ApiKey.filter(id=stage.key["apiKeyId"].partition("_")[2]).update(task_ids=[])


async def demoted(stage: Stage) -> None:
    await Member.filter(email=stage.device.known["member"]["email"]).update(role=Role.VIEWER)


async def removed(stage: Stage) -> None:
    await Member.filter(email=stage.device.known["member"]["email"]).delete()


async def nearly_a_day_later(stage: Stage) -> None:
    stage.clock.forward(hours=23)


async def ten_minutes_later(stage: Stage) -> None:
    stage.clock.forward(minutes=10)


def program(stage: Stage) -> Door:
    return stage.program


def device(stage: Stage) -> Door:
    return stage.device


def candidate(stage: Stage) -> Door:
    return stage.things.sitter


Listener = Callable[[Stage], Door]
Cause = Callable[[Stage], Awaitable[None]]

endings = pytest.mark.parametrize(
    ("who", "cause"),
    [
        (program, revoked),
        (program, expired),
        (program, rotated_at_once),
        (program, rotated_twice),
        (program, rotated_and_over),
        (program, narrowed),
        (device, logged_out),
        (device, logged_out_everywhere),
        (device, demoted),
        (device, removed),
        (device, token_stolen),
        (device, a_quarter_of_an_hour_later),
        (candidate, a_day_later),
    ],
    ids=lambda one: one.__name__,
)


async def by_secret_and_by_token(stage: Stage) -> tuple[Door, Door]:
    client = stage.key["apiKeyId"], stage.program.known["secret"]
    form = {"grant_type": "client_credentials"}
    answer = await stage.owner.client.post("/oauth/token", data=form, auth=client)
    return stage.program, stage.owner.with_token(answer.json()["access_token"])


async def by_token_and_by_secret(stage: Stage) -> tuple[Door, Door]:
    secret, token = await by_secret_and_by_token(stage)
    return token, secret


async def two_members(stage: Stage) -> tuple[Door, Door]:
    stage.clock.forward(minutes=5)
    return stage.device, await stage.owner.colleague(Role.OWNER)


async def two_log_ins(stage: Stage) -> tuple[Door, Door]:
    return stage.device, stage.owner


async def a_candidate_twice(stage: Stage) -> tuple[Door, Door]:
    stage.clock.forward(hours=1)
    later = credentials.candidate_token(stage.site, stage.things.ticket.actor_in(stage.things.assessment.id))
    return stage.things.sitter, stage.owner.with_token(later)


def test_a_credential_is_looked_at_every_five_seconds_at_least() -> None:
    assert Settings().recheck_seconds <= 5


@endings
async def test_the_socket_is_closed_while_nothing_happens(eager: Stage, who: Listener, cause: Cause) -> None:
    async with socket(who(eager)) as listener:
        await listener.subscribe(CHANGES)
        await eager.listened()
        await cause(eager)

        assert await listener.close_code() == 4403


@endings
async def test_server_sent_events_end_while_nothing_happens(eager: Stage, who: Listener, cause: Cause) -> None:
    async with event_stream(who(eager), CHANGES) as events:
        await eager.listened()
        await cause(eager)
        told = [one async for one in events]

    assert [name for name, _ in told] == ["next", "complete"]
    assert told[0][1]["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


@endings
async def test_not_one_event_more_is_heard(lazy: Stage, who: Listener, cause: Cause) -> None:
    async with socket(who(lazy)) as listener, event_stream(who(lazy), CHANGES) as events:
        await listener.subscribe(CHANGES)
        await until(lambda: lazy.site.pulse.followers == 2)
        await cause(lazy)
        await lazy.happens()
        heard = []
        with suppress(ConnectionClosed):
            while True:
                heard.append(await listener.receive())
        told = [one async for one in events]

    assert (heard, listener.connection.close_code) == ([], 4403)
    assert told[0][1]["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize(
    ("two", "cause"),
    [
        (by_secret_and_by_token, rotated_at_once),
        (by_secret_and_by_token, rotated_twice),
        (by_secret_and_by_token, rotated_and_over),
        (by_token_and_by_secret, a_day_later),
        (two_log_ins, logged_out),
        (two_log_ins, token_stolen),
        (two_members, logged_out_everywhere),
        (two_members, demoted),
        (two_members, removed),
        (two_members, ten_minutes_later),
        (a_candidate_twice, nearly_a_day_later),
    ],
    ids=lambda one: one.__name__,
)
async def test_of_those_who_share_a_channel_it_ends_that_subscriber_and_nobody_else(
    lazy: Stage, two: Callable[[Stage], Awaitable[tuple[Door, Door]]], cause: Cause
) -> None:
    lapsing, lasting = await two(lazy)

    async with socket(lapsing) as one, socket(lasting) as other, event_stream(lasting, CHANGES) as events:
        await one.subscribe(CHANGES)
        await other.subscribe(CHANGES)
        await until(lambda: shared(lazy.app) == [3])
        await lazy.happens()
        before = [await one.next(), await other.next(), (await anext(events))[0]]
        await cause(lazy)
        await lazy.happens()
        heard = []
        with suppress(ConnectionClosed):
            while True:
                heard.append(await one.receive())
        after = [await other.next(), (await anext(events))[0]]
        left = shared(lazy.app)

    assert before == [{"status": "SUBMITTED"}, {"status": "SUBMITTED"}, "next"]
    assert (heard, one.connection.close_code) == ([], 4403)
    assert (after, left) == ([{"status": "SUBMITTED"}, "next"], [2])


@pytest.mark.parametrize("mutation", ["revokeTickets", "suspendTickets"])
async def test_a_candidate_whose_ticket_is_withdrawn_goes_on_hearing_of_the_running_session(
    eager: Stage, mutation: str
) -> None:
    type_ = "RevokeTickets" if mutation == "revokeTickets" else "TicketIds"

    async with socket(eager.things.sitter) as listener:
        await listener.subscribe(CHANGES)
        await eager.listened()
        await eager.owner.mutate(simple(mutation, type_), ticketIds=[eager.things.ticket.gid])
        await eager.happens()

        assert (await listener.next())["status"] == "SUBMITTED"


async def test_in_the_overlap_a_stream_that_began_with_the_old_secret_goes_on(eager: Stage) -> None:
    async with socket(eager.program) as listener:
        await listener.subscribe(CHANGES)
        await eager.listened()
        await eager.owner.mutate(ROTATE_KEY, **eager.key)
        await eager.happens()

        assert (await listener.next())["status"] == "SUBMITTED"


async def test_a_stream_that_began_with_the_new_secret_outlives_the_overlap(eager: Stage) -> None:
    made = await eager.owner.mutate(ROTATE_KEY, **eager.key)

    async with socket(eager.owner.with_token(made["secret"])) as listener:
        await listener.subscribe(CHANGES)
        await eager.listened()
        eager.clock.forward(days=1)
        await eager.happens()

        assert (await listener.next())["status"] == "SUBMITTED"


async def test_a_running_stream_is_a_use_of_its_key(eager: Stage) -> None:
    async with socket(eager.program) as listener:
        await listener.subscribe(CHANGES)
        await eager.listened()
        later = eager.clock.forward(minutes=5)
        for _ in range(20):
            await eager.happens()
            await listener.next()
        key = await ApiKey.get(id=eager.key["apiKeyId"].partition("_")[2])

    assert key.last_used_at == later


async def test_a_running_stream_costs_one_write_a_minute_at_most(eager: Stage, statements: list[str]) -> None:
    async with socket(eager.program) as listener:
        await listener.subscribe(CHANGES)
        await eager.listened()
        statements.clear()
        for _ in range(20):
            eager.clock.forward(seconds=2)
            await eager.happens()
            await listener.next()

    assert [one for one in statements if one.startswith("UPDATE") and "api_key" in one] == []
