"""Streams that are executed once for many: who shares, who does not, who lags, and who joins from where."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import httpx
import pytest

import errors
from models import Actor, EventType, event
from planner.front import Front
from services import credentials
from settings import Settings
from tests.conftest import serving
from tests.hall import key, open_hall
from tests.listening import Socket, changed, door_of, event_stream, shared, socket, until
from tests.resolvers.test_stream import CHANGES, CREATE_KEY, HEAD, REVOKE_KEY, House
from tests.world import Clock, Door
from web.socket_wire import Outlet

NAMES = " ".join(f"{'a' * 1_500}{number}: cursor" for number in range(10))  # 15 kB an event: more than sockets hold
SESSIONS = "subscription { testSessionStatusChanged { testSession { id } } }"
WIDE = f"subscription ($after: Cursor) {{ testSessionStatusChanged(after: $after) {{ cursor {NAMES} }} }}"


@pytest.fixture
async def house(settings: Settings, clock: Clock) -> AsyncIterator[House]:
    eager = replace(settings, recheck_seconds=60, poll_seconds=0.05, stream_queue=20)
    async with serving(eager) as (base_url, app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        yield House(Door(client), app)


async def _key(owner: Door, **more: Any) -> Door:
    made = await owner.mutate(CREATE_KEY, name="A program", scopes=["READ"], **more)
    return owner.with_token(made["secret"], id=made["apiKey"]["id"])


async def _cursors(listener: Socket, number: int) -> list[str]:
    return [(await listener.next())["cursor"] for _ in range(number)]


async def _log(house: House, owner: Door) -> list[str]:
    log = await event.Event.visible_to(await house.actor(owner)).order_by("position")
    return [one.cursor for one in log if one.type is EventType.TEST_SESSION_STATUS_CHANGED]


async def test_fifty_who_ask_the_same_cost_the_statements_of_one(house: House, statements: list[str]) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)

    async with socket(owner) as listener, event_stream(owner, CHANGES) as events:
        for number in range(50):
            await listener.subscribe(CHANGES, id=str(number))
        await house.listened(51)
        await changed(actor)
        await _cursors(listener, 50)  # by now all have joined
        await anext(events)
        statements.clear()
        await changed(actor)
        heard = [await listener.receive() for _ in range(50)]
        _, data = await anext(events)

    assert {one["id"] for one in heard} == {str(number) for number in range(50)}
    assert [one["payload"] for one in heard] == [data] * 50
    assert len([one for one in statements if one.startswith("SELECT") and '"type" IN' in one]) <= 2  # the poll's beat
    assert len([one for one in statements if one.startswith("SELECT") and 'FROM "login"' in one]) <= 3


async def test_one_event_is_executed_once_for_all_who_see_alike_and_once_more_for_who_sees_otherwise(
    house: House, statements: list[str]
) -> None:
    hall = await open_hall(house.app, house.door)
    session = await hall.start()
    actor = await house.actor(hall.owner)
    about: dict[str, Any] = {
        "task_id": key(hall.task["id"]),
        "ticket_id": key(hall.ticket["id"]),
        "session_id": key(session["id"]),
    }
    programs = [await _key(hall.owner), await _key(hall.owner, taskIds=[hall.task["id"]])]

    async def executions(events: int, doors: Sequence[Door]) -> int:
        async with AsyncExitStack() as stack:
            listeners = [await stack.enter_async_context(socket(door)) for door in doors]
            for one in listeners:
                await one.subscribe(SESSIONS)
            await until(lambda: sum(shared(house.app)) == len(doors))
            statements.clear()
            for _ in range(events):
                await changed(actor, **about)
            for one in listeners:
                assert [await one.next() for _ in range(events)] == [{"testSession": {"id": session["id"]}}] * events
            return sum(one.startswith('SELECT "test_session".') for one in statements)

    assert await executions(3, [hall.owner] * 7) == 3
    assert await executions(3, [hall.owner, *programs] * 2) == 9


async def test_who_asks_for_what_is_open_is_not_executed_and_pays_for_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await house.door.sign_up()
    paid: list[int] = []
    executed: list[str] = []
    schema, bucket = door_of(house.app).schema, house.site.bucket
    run, charge = schema.stream, bucket.charge

    async def running(query: str, *others: Any, **more: Any) -> Any:
        executed.append(query)
        return await run(query, *others, **more)

    async def charging(actor: Actor, address: str, cost: int) -> Any:
        paid.append(cost)
        return await charge(actor, address, cost)

    monkeypatch.setattr(schema, "stream", running)
    monkeypatch.setattr(bucket, "charge", charging)

    async with socket(owner) as listener:
        await listener.subscribe(CHANGES, id="1")
        await until(lambda: shared(house.app) == [1])
        await listener.subscribe(CHANGES, id="2", after=None)
        await until(lambda: shared(house.app) == [2])

    assert executed == [CHANGES]
    assert paid == [paid[0]] * 2


async def test_who_may_not_pay_for_what_is_open_is_told_so(settings: Settings, clock: Clock) -> None:
    poor = replace(settings, cost_capacity=10, cost_per_second=1, poll_seconds=0.05)
    async with serving(poor) as (base_url, app), httpx.AsyncClient(base_url=base_url, trust_env=False) as client:
        owner = await Door(client).sign_up()
        async with socket(owner, max_queue=None) as listener:  # what is not read delays no good-bye
            for number in range(50):
                await listener.subscribe(CHANGES, id=str(number))
            message = await listener.receive()
            await until(lambda: len(shared(app)) == 1)

    assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "RATE_LIMITED")


@pytest.mark.parametrize("after", ['($after: Cursor = "{}") | $after', '| "{}"', "($after: Cursor!) | $after"])
async def test_who_begins_elsewhere_than_now_does_not_join_what_is_open_at_once(house: House, after: str) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)
    head = (await owner.ask(HEAD))["events"]["head"]
    declared, _, given = after.replace("{}", head).partition("| ")
    document = f"subscription {declared} {{ testSessionStatusChanged(after: {given}) {{ status }} }}"

    async with socket(owner) as early, socket(owner) as late:
        await early.subscribe(document, **({"after": head} if "!" in after else {}))
        await until(lambda: shared(house.app) == [1])
        await changed(actor)
        await early.next()
        await late.subscribe(document)
        told = await late.receive()

    if "!" in after:
        assert (told["type"], told["payload"][0]["extensions"]) == ("error", {"code": "BAD_REQUEST"})
    else:
        assert told["payload"] == {"data": {"testSessionStatusChanged": {"status": "ACTIVE"}}}


async def test_while_the_database_is_away_credentials_are_asked_for_again_and_nobody_is_sent_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)
    asked: list[int] = []
    ask = credentials.lapsed
    monkeypatch.setattr(errors.Unavailable, "retry_after", 0.01)

    async with socket(owner) as one, event_stream(owner, CHANGES) as events, socket(owner) as late:
        await one.subscribe(CHANGES)
        await until(lambda: shared(house.app) == [2])

        async def lapsed(actors: Collection[Actor]) -> set[Actor]:
            asked.append(len(actors))
            if len(asked) in (1, 3):
                raise errors.Unavailable
            if len(asked) == 2:  # somebody joins meanwhile: they are asked for once more, while it is away again
                await late.subscribe(CHANGES)
                await until(lambda: shared(house.app) == [3])
            return await ask(actors)

        monkeypatch.setattr(credentials, "lapsed", lapsed)
        await changed(actor)
        first = [await one.next(), (await anext(events))[1]["data"]["testSessionStatusChanged"]]
        await changed(actor)
        second = [await late.next(), await one.next()]

    assert (first[0], second[0]) == (first[1], second[1])
    assert first != second
    assert len(asked) == 5


async def test_a_bug_of_ours_ends_all_who_share_it_and_is_logged_once(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise LookupError("a bug")

    owner = await house.door.sign_up()
    actor = await house.actor(owner)

    async with socket(owner) as one, event_stream(owner, CHANGES) as events:
        await one.subscribe(CHANGES)
        await until(lambda: shared(house.app) == [2])
        monkeypatch.setattr(Front, "told", broken)
        await changed(actor)
        message = await one.receive()
        told = [name_and_data async for name_and_data in events]

    [failure] = message["payload"]
    assert (message["type"], failure["extensions"]["code"]) == ("error", "INTERNAL")
    assert told == [("next", {"errors": [failure]}), ("complete", None)]
    assert [one.message.split()[1] for one in caplog.records if one.name == "admit.graphql"] == [
        failure["extensions"]["id"]
    ]


async def test_messages_of_every_length_are_written_at_once_and_arrive_whole(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)
    lengths = [*range(25, 45), *range(65_430, 65_460)]  # of an id: around those at which a frame's head grows
    taken: list[bool] = []
    send = Outlet.send

    def sending(outlet: Outlet, *text: bytes) -> bool:
        taken.append(send(outlet, *text))
        return taken[-1]

    monkeypatch.setattr(Outlet, "send", sending)

    async with socket(owner, max_queue=None) as listener:
        for length in lengths:
            await listener.subscribe("subscription { testSessionStatusChanged { status } }", id="x" * length)
        await house.listened(len(lengths))
        await changed(actor)
        heard = [await listener.receive() for _ in lengths]  # by now all have joined
        taken.clear()
        await changed(actor)
        again = [await listener.receive() for _ in lengths]

    assert sorted(len(one["id"]) for one in again) == lengths
    assert {json.dumps(one["payload"]) for one in heard + again} == {
        '{"data": {"testSessionStatusChanged": {"status": "ACTIVE"}}}'
    }
    assert taken[0]  # nothing waited then


async def test_who_lags_is_told_where_it_stopped_and_resumes_there_and_nobody_waits(house: House) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)

    async with socket(owner, max_queue=1) as deaf, socket(owner) as listener:
        await deaf.subscribe(WIDE)
        await listener.subscribe(CHANGES)
        await house.listened(2)
        sent = 0
        while house.site.pulse.followers == 2:
            await changed(actor)
            sent += 1
            await listener.next()
        heard = []
        while (message := await deaf.receive())["type"] == "next":
            heard.append(message["payload"]["data"]["testSessionStatusChanged"]["cursor"])
        [notice] = message["payload"]
        await deaf.subscribe(WIDE, id="again", after=notice["extensions"]["cursor"])
        await changed(actor)
        rest = await _cursors(deaf, sent + 1 - len(heard))

    assert (message["type"], notice["extensions"]) == ("error", {"code": "LAGGING", "cursor": heard[-1]})
    assert heard + rest == await _log(house, owner)


async def test_who_joins_from_an_old_cursor_while_much_happens_hears_each_once_in_order(house: House) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)
    head = (await owner.ask(HEAD))["events"]["head"]

    async def write() -> None:
        for _ in range(40):
            await changed(actor)

    async with AsyncExitStack() as stack:
        writing = asyncio.create_task(write())
        listeners = []
        for _ in range(5):
            one = await stack.enter_async_context(socket(owner))
            await one.subscribe(CHANGES, after=head)
            listeners.append(one)
        heard = await asyncio.gather(*(_cursors(one, 40) for one in listeners))
        await writing

    log = await _log(house, owner)
    assert heard == [log] * 5


async def test_a_revoked_key_ends_its_own_stream_only(house: House) -> None:
    owner = await house.door.sign_up()
    first, second = await _key(owner), await _key(owner)

    async with socket(first) as one, socket(second) as other, socket(owner) as third:
        for listener in (one, other, third):
            await listener.subscribe(CHANGES)
        await house.listened(3)
        await owner.mutate(REVOKE_KEY, apiKeyId=first.known["id"])
        await changed(await house.actor(owner))

        assert await one.close_code() == 4403
        assert await _cursors(other, 1) == await _cursors(third, 1)


async def test_of_many_credentials_those_that_lapsed_are_told_apart(house: House) -> None:
    owner = await house.door.sign_up()
    key = await _key(owner)
    lapsing = await house.actor(key)
    actor = await house.actor(owner)

    await owner.mutate(REVOKE_KEY, apiKeyId=key.known["id"])

    assert await credentials.lapsed({lapsing, actor}) == {lapsing}


async def test_a_narrowed_key_and_a_whole_one_hear_what_each_may(house: House) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)
    task = await owner.open_task()
    narrowed, whole = await _key(owner, taskIds=[task["id"]]), await _key(owner)

    async with socket(narrowed) as few, socket(whole) as all_:
        for listener in (few, all_):
            await listener.subscribe(CHANGES)
        await house.listened(2)
        await changed(actor, "PAUSED")
        await changed(actor, "ACTIVE", task_id=task["id"].partition("_")[2])

        assert [(await all_.next())["status"] for _ in range(2)] == ["PAUSED", "ACTIVE"]
        assert (await few.next())["status"] == "ACTIVE"


async def test_other_variables_are_another_stream(house: House) -> None:
    owner = await house.door.sign_up()
    actor = await house.actor(owner)
    one, other = await owner.open_task(), await owner.open_task()

    async with socket(owner) as listener:
        await listener.subscribe(CHANGES, id="one", task=one["id"])
        await listener.subscribe(CHANGES, id="other", task=other["id"])
        await house.listened(2)
        await changed(actor, task_id=one["id"].partition("_")[2])
        first = await listener.receive()
        await changed(actor, task_id=other["id"].partition("_")[2])
        second = await listener.receive()

    assert (first["id"], second["id"]) == ("one", "other")
