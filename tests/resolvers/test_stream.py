"""The live stream: what is delivered, to whom, from where on, and when it ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from socket import create_server
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette

from models import Actor, Assessment, EventType, Login, Ticket, event
from resolvers import over_sse
from services import credentials, stream
from services.site import Site
from settings import Settings
from tests.conftest import POSTGRES, REDIS, serving
from tests.hall import START, open_hall
from tests.listening import Socket, changed, event_stream, socket, until
from tests.world import Clock, Door

ROOT = Path(__file__).parents[2]
CHANGES = """
subscription ($task: ID, $ticket: ID, $session: ID, $after: Cursor) {
  testSessionStatusChanged(taskId: $task, ticketId: $ticket, testSessionId: $session, after: $after) {
    cursor occurredAt previousStatus status
  }
}
"""
HEAD = "{ events(first: 0) { head } }"
CREATE_KEY = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { __typename ... on CreateApiKeySuccess { apiKey { id } secret } }
}
"""
REVOKE_KEY = "mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { __typename } }"


@dataclass
class House:
    """A running server, seen from outside and from inside."""

    door: Door
    app: Starlette

    @property
    def site(self) -> Site:
        """What its services share."""
        site: Site = self.app.state.site
        return site

    async def actor(self, door: Door) -> Actor:
        """Who this credential speaks for."""
        return await credentials.authenticate(self.site, f"Bearer {door.token}")

    async def listened(self, followers: int = 1) -> None:
        """Until so many streams are open: what happens from now on reaches them."""
        await until(lambda: self.site.pulse.followers == followers)


@pytest.fixture
async def house(settings: Settings, clock: Clock) -> AsyncIterator[House]:
    eager = replace(settings, recheck_seconds=0.05, poll_seconds=0.05)
    async with serving(eager) as (base_url, app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        yield House(Door(client), app)


async def test_a_change_of_status_reaches_who_subscribed_before(house: House, clock: Clock) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)

    async with socket(owner) as listener:
        await listener.subscribe(CHANGES)
        await house.listened()
        await changed(actor, "PAUSED", was="ACTIVE")
        delivered = await listener.next()

    cursor = await event.end(actor)
    assert delivered == {
        "cursor": cursor,
        "occurredAt": clock().isoformat(),
        "previousStatus": "ACTIVE",
        "status": "PAUSED",
    }


async def test_a_session_that_was_just_created_has_no_previous_status(house: House) -> None:
    owner = await house.door.sign_up()

    async with socket(owner) as listener:
        await listener.subscribe(CHANGES)
        await house.listened()
        await changed(await house.actor(owner), "AWAITING_PROCTOR")
        delivered = await listener.next()

    assert (delivered["previousStatus"], delivered["status"]) == (None, "AWAITING_PROCTOR")


async def test_the_same_is_delivered_as_server_sent_events(house: House) -> None:
    owner = await house.door.sign_up()

    async with event_stream(owner, CHANGES) as events:
        await house.listened()
        await changed(await house.actor(owner), "ACTIVE")
        name, data = await anext(events)

    assert (name, data["data"]["testSessionStatusChanged"]["status"]) == ("next", "ACTIVE")


async def test_a_stream_on_which_nothing_happens_beats_and_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await house.door.sign_up()
    monkeypatch.setattr(over_sse, "HEARTBEAT_SECONDS", 0.01)
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {owner.token}"}
    actor = await house.actor(owner)

    async with house.door.client.stream("POST", "/graphql", json={"query": CHANGES}, headers=headers) as response:
        lines = response.aiter_lines()
        beats = [await anext(lines) for _ in range(4)]
        await house.listened()
        await changed(actor)
        while not (line := await anext(lines)).startswith("event"):
            assert line in beats

    assert beats == [":", ""] * 2
    assert line == "event: next"


async def test_what_came_before_the_subscription_is_not_delivered_without_a_cursor(house: House) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)
    await changed(actor, "ACTIVE")

    async with socket(owner) as listener:
        await listener.subscribe(CHANGES)
        await house.listened()
        await changed(actor, "SUBMITTED", was="ACTIVE")

        assert (await listener.next())["status"] == "SUBMITTED"


async def test_with_a_cursor_all_that_was_missed_comes_first_then_what_happens(house: House) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)
    head = (await owner.ask(HEAD))["events"]["head"]
    await changed(actor, "ACTIVE")
    await changed(actor, "PAUSED", was="ACTIVE")

    async with socket(owner) as listener:
        await listener.subscribe(CHANGES, after=head)
        missed = [(await listener.next()) for _ in range(2)]
        await changed(actor, "ACTIVE", was="PAUSED")
        live = await listener.next()

    assert [one["status"] for one in [*missed, live]] == ["ACTIVE", "PAUSED", "ACTIVE"]


async def test_fifty_writers_leave_no_gap_and_no_repeat_however_often_the_listener_is_cut_off(house: House) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)
    head = (await owner.ask(HEAD))["events"]["head"]
    writers = [asyncio.create_task(_write(actor, 12)) for _ in range(50)]

    cursors: list[str] = []
    while len(cursors) < 600:
        async with socket(owner) as listener:
            await listener.subscribe(CHANGES, after=cursors[-1] if cursors else head)
            cursors += [(await listener.next())["cursor"] for _ in range(min(150, 600 - len(cursors)))]
            listener.connection.transport.abort()  # what was sent beyond is lost on the way
    await asyncio.gather(*writers)

    log = await event.Event.visible_to(actor).order_by("position")
    assert cursors == [one.cursor for one in log if one.type == "TEST_SESSION_STATUS_CHANGED"]


async def _write(actor: Actor, times: int) -> None:
    for _ in range(times):
        await changed(actor)


async def test_a_listener_who_subscribes_while_fifty_write_misses_nothing_after_its_first(house: House) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)

    async with socket(owner) as listener:
        await listener.subscribe(CHANGES)
        await house.listened()
        writers = asyncio.gather(*(_write(actor, 4) for _ in range(50)))
        cursors = [(await listener.next())["cursor"] for _ in range(200)]
        await writers

    log = await event.Event.visible_to(actor).order_by("position")
    assert cursors == [one.cursor for one in log if one.type == "TEST_SESSION_STATUS_CHANGED"]


async def test_only_what_was_asked_for_is_delivered(house: House) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)
    task, other = await owner.open_task(), await owner.open_task()
    [ticket] = await owner.issue(task["id"])
    head = (await owner.ask(HEAD))["events"]["head"]
    here = {"task_id": _key(task), "ticket_id": _key(ticket)}
    await changed(actor, "PAUSED", task_id=_key(other))
    await changed(actor, "ACTIVE", task_id=_key(task))
    await changed(actor, "SUBMITTED", **here)

    async with socket(owner) as listener:
        await listener.subscribe(CHANGES, task=task["id"], after=head)
        of_task = [(await listener.next())["status"] for _ in range(2)]
    async with socket(owner) as listener:
        await listener.subscribe(CHANGES, ticket=ticket["id"], after=head)
        of_ticket = (await listener.next())["status"]

    assert (of_task, of_ticket) == (["ACTIVE", "SUBMITTED"], "SUBMITTED")


def _key(thing: dict[str, Any]) -> str:
    return str(thing["id"]).partition("_")[2]


async def test_ids_of_another_organization_are_like_absent_ones(house: House) -> None:
    owner, stranger = await house.door.sign_up(), await house.door.sign_up()
    task = await owner.open_task()
    [ticket] = await owner.issue(task["id"])

    async with socket(stranger) as listener:
        refused = {
            await _refusal(listener, task=task["id"]),
            await _refusal(listener, ticket=ticket["id"]),
            await _refusal(listener, session="ses_01890a5d-ac96-774b-bcce-b302099a8057"),
            await _refusal(listener, task="tsk_01890a5d-ac96-774b-bcce-b302099a8057"),
            await _refusal(listener, task=""),
        }

    assert refused == {"NOT_FOUND"}


async def test_another_organizations_changes_are_not_delivered(house: House) -> None:
    owner, stranger = await house.door.sign_up(), await house.door.sign_up()

    async with socket(stranger) as listener:
        await listener.subscribe(CHANGES)
        await house.listened()
        await changed(await house.actor(owner), "ACTIVE")
        await changed(await house.actor(stranger), "PAUSED")

        assert (await listener.next())["status"] == "PAUSED"


async def test_refuses_a_cursor_that_is_none_or_of_another_log(house: House) -> None:
    owner, stranger = await house.door.sign_up(), await house.door.sign_up()
    wrong = [
        "",
        "x",
        "é",
        "AAAA",
        "A" * 10_000,
        event.cursor_of(UUID(int=1)),
        (await stranger.ask(HEAD))["events"]["head"],
    ]

    async with socket(owner) as listener:
        refused = [await _refusal(listener, after=after) for after in wrong]

    assert refused == ["BAD_REQUEST"] * 7


async def test_nobody_listens_without_a_credential(house: House) -> None:
    async with socket(house.door) as listener:
        assert await _refusal(listener) == "UNAUTHENTICATED"


async def test_an_api_key_listens_if_it_may_read(house: House) -> None:
    owner = await house.door.sign_up()
    reader, writer = await _key_with(owner, ["READ"]), await _key_with(owner, ["EXPORT"])

    async with socket(reader) as listener:
        await listener.subscribe(CHANGES)
        await house.listened()
        await changed(await house.actor(owner), "ACTIVE")
        heard = (await listener.next())["status"]
    async with socket(writer) as listener:
        refused = await _refusal(listener)

    assert (heard, refused) == ("ACTIVE", "FORBIDDEN")


async def _key_with(owner: Door, scopes: list[str]) -> Door:
    made = await owner.mutate(CREATE_KEY, name="A program", scopes=scopes)
    return owner.with_token(made["secret"], id=made["apiKey"]["id"])


async def _refusal(listener: Socket, **variables: Any) -> str:
    await listener.subscribe(CHANGES, id="refused", **variables)
    message = await listener.receive()
    assert message["type"] == "error", message
    code: str = message["payload"][0]["extensions"]["code"]
    return code


async def test_a_candidate_hears_of_its_own_sessions_only(house: House) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)
    task = await owner.open_task()
    mine, other = await owner.issue(task["id"], 2)
    candidate = await _candidate(house, owner, mine["id"])

    async with socket(candidate) as listener:
        assert await _refusal(listener, ticket=other["id"]) == "NOT_FOUND"
        await listener.subscribe(CHANGES, task=task["id"])
        await house.listened()
        await changed(actor, "PAUSED", task_id=_key(task), ticket_id=_key(other))
        await changed(actor, "ACTIVE", task_id=_key(task), ticket_id=_key(mine))
        heard = await listener.next()

    assert heard["status"] == "ACTIVE"


async def _candidate(house: House, owner: Door, ticket_id: str) -> Door:
    actor = await house.actor(owner)
    ticket = await Ticket.seen_by(actor, Ticket.key_of(ticket_id))
    assessment = await Assessment.create(
        organization_id=actor.organization, task_id=ticket.task_id, ticket_id=ticket.id
    )
    return owner.with_token(credentials.candidate_token(house.site, ticket.actor_in(assessment.id)))


async def test_a_revoked_credential_closes_the_socket_while_nothing_happens(house: House) -> None:
    owner = await house.door.sign_up()
    program = await _key_with(owner, ["READ"])

    async with socket(program) as listener:
        await listener.subscribe(CHANGES)
        await house.listened()
        await owner.mutate(REVOKE_KEY, apiKeyId=program.known["id"])

        assert await listener.close_code() == 4403


async def test_a_revoked_credential_hears_not_one_event_more(settings: Settings, clock: Clock) -> None:
    async with (
        serving(replace(settings, recheck_seconds=60)) as (base_url, app),
        httpx.AsyncClient(base_url=base_url) as client,
    ):
        house = House(Door(client), app)
        owner = await house.door.sign_up()
        actor = await house.actor(owner)
        async with socket(owner) as listener:
            await listener.subscribe(CHANGES)
            await house.listened()
            assert actor.credential_id is not None
            await Login.revoke(actor.credential_id, clock())

            await changed(actor, "ACTIVE")
            code = await listener.close_code()

    assert code == 4403


async def test_an_expired_credential_closes_the_socket(house: House, clock: Clock) -> None:
    owner = await house.door.sign_up()

    async with socket(owner) as listener:
        await listener.subscribe(CHANGES)
        await house.listened()
        clock.forward(minutes=15)

        assert await listener.close_code() == 4403


async def test_over_http_an_expired_credential_is_told_so_and_the_stream_completes(house: House, clock: Clock) -> None:
    owner = await house.door.sign_up()

    async with event_stream(owner, CHANGES) as events:
        await house.listened()
        clock.forward(minutes=15)
        told = [one async for one in events]

    message = "Sign in first: the credential is missing, expired or revoked."
    error = {"message": message, "extensions": {"code": "UNAUTHENTICATED"}}
    assert told == [("next", {"errors": [error]}), ("complete", None)]


async def test_an_old_socket_runs_nothing_for_a_revoked_credential(house: House) -> None:
    owner = await house.door.sign_up()
    program = await _key_with(owner, ["READ"])

    async with socket(program) as listener:
        await owner.mutate(REVOKE_KEY, apiKeyId=program.known["id"])
        await listener.subscribe("{ organization { name } }")

        assert await listener.close_code() == 4403


async def test_listeners_who_leave_leave_nothing_behind(house: House) -> None:
    owner = await house.door.sign_up()
    streams = 12

    for _ in range(3):
        async with socket(owner) as polite, socket(owner) as rude, event_stream(owner, CHANGES) as events:
            for number in range(streams):
                await polite.subscribe(CHANGES, id=str(number))
                await rude.subscribe(CHANGES, id=str(number))
            await house.listened(2 * streams + 1)
            await polite.send({"id": "0", "type": "complete"})
            await until(lambda: house.site.pulse.followers == 2 * streams)
            rude.connection.transport.abort()
            await until(lambda: house.site.pulse.followers == streams)
            assert events
        await until(lambda: house.site.pulse.followers == 0)

    assert house.site.pulse.organizations == frozenset()
    assert await owner.ask("{ organization { name } }") == {"organization": {"name": "Example University"}}


async def test_a_listener_who_reads_nothing_holds_nobody_up(house: House) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)
    names = " ".join(f"{'a' * 1_900}{number}: cursor" for number in range(10))
    wide = f"subscription {{ testSessionStatusChanged {{ {names} }} }}"  # 19 kB an event: more than sockets hold

    async with socket(owner, max_queue=1) as deaf, socket(owner) as listener:
        for number in range(4):
            await deaf.subscribe(wide, id=str(number))
        await listener.subscribe(CHANGES)
        await house.listened(5)
        await asyncio.gather(*(_write(actor, 10) for _ in range(30)))
        heard = [(await listener.next())["status"] for _ in range(300)]
        deaf.connection.transport.abort()
    await until(lambda: house.site.pulse.followers == 0)

    assert heard == ["ACTIVE"] * 300


async def test_the_session_is_shown_as_it_is_at_each_event(house: House) -> None:
    hall = await open_hall(house.app, house.door)
    document = (
        "subscription { testSessionStatusChanged { status testSession { id status progress { answered total } } } }"
    )

    async with socket(hall.owner) as listener:
        await listener.subscribe(document)
        await house.listened()
        session = await hall.start()
        began = await listener.next()
        await hall.submit(session)
        ended = await listener.next()

    shown = {"id": session["id"], "progress": {"answered": 0, "total": 6}}
    assert began == {"status": "ACTIVE", "testSession": {**shown, "status": "ACTIVE"}}
    assert ended == {"status": "SUBMITTED", "testSession": {**shown, "status": "SUBMITTED"}}


async def test_progress_is_told_as_answers_are_saved(house: House) -> None:
    hall = await open_hall(house.app, house.door)
    session = await hall.start()
    question = next(one for one in await hall.paper(session) if one["kind"] == "TRUE_FALSE")
    document = """subscription ($session: ID) {
      testSessionProgressed(testSessionId: $session) { cursor occurredAt testSession { progress { answered total } } }
    }"""

    async with socket(hall.sitter) as listener:
        await listener.subscribe(document, session=session["id"])
        await house.listened()
        await hall.save(session, (question["id"], True, 1))
        told = await listener.next()

    assert told["testSession"] == {"progress": {"answered": 1, "total": 6}}


async def test_a_follower_of_the_service_may_ask_for_one_subject_and_leave_at_any_time(house: House) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)
    await changed(actor)

    async with aclosing(
        stream.follow(house.site, actor, types=list(EventType), subject="ses_none", after=event.BEGINNING)
    ) as events:
        one = await anext(events)

    assert (one.subject, house.site.pulse.followers) == ("ses_none", 0)


# ---- two processes on one PostgreSQL --------------------------------------------------------------------------------


@pytest.mark.skipif(not POSTGRES, reason="one process alone serves an SQLite file")
@pytest.mark.parametrize("events_url", [REDIS, ""], ids=["redis", "polling"])
async def test_two_processes_deliver_each_others_changes(settings: Settings, events_url: str) -> None:
    seldom = 60.0  # so that nothing but Redis wakes a stream in time
    shared = replace(
        settings, events_url=events_url, poll_seconds=seldom if events_url else 0.05, recheck_seconds=seldom
    )
    document = "subscription ($after: Cursor) { testSessionStatusChanged(after: $after) { status testSession { id } } }"

    async with serving(shared) as (base_url, app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        hall = await open_hall(app, Door(client))
        async with _another_process(shared) as address, httpx.AsyncClient(base_url=address, trust_env=False) as away:
            there, sitter_there = Door(away, hall.owner.token), Door(away, hall.sitter.token)
            async with socket(hall.owner) as here_listener, socket(there) as there_listener:
                await here_listener.subscribe(document)
                await House(Door(client), app).listened()
                started = await sitter_there.mutate(START, stepId=hall.step_id)
                here = [await here_listener.next()]
                await there_listener.subscribe(document, after=event.BEGINNING)  # nobody here sees when it listens
                away_heard = [await there_listener.next()]
                await hall.submit(started["testSession"])
                here.append(await here_listener.next())
                away_heard.append(await there_listener.next())

    assert [one["status"] for one in here] == ["ACTIVE", "SUBMITTED"]
    assert away_heard == here


@asynccontextmanager
async def _another_process(settings: Settings) -> AsyncIterator[str]:
    """`python server.py` on a free port: its base address."""
    with create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    given = {field.name.upper(): str(getattr(settings, field.name)) for field in fields(settings)}
    environment = {**os.environ, **given, "HOST": "127.0.0.1", "PORT": str(port)}
    process = await asyncio.create_subprocess_exec(sys.executable, "server.py", cwd=ROOT, env=environment)
    try:
        address = f"http://127.0.0.1:{port}"
        await _answers(address)
        yield address
    finally:
        process.terminate()
        await process.wait()


async def _answers(address: str) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient(base_url=address, trust_env=False) as client:
        while True:
            try:
                assert (await client.get("/healthz")).status_code == 200
                return
            except httpx.TransportError:
                await asyncio.sleep(0.05)
