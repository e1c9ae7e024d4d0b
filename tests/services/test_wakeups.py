"""Waking the listeners of other processes: through Redis, and without it by looking at the log."""

from __future__ import annotations

import asyncio
import socket
from uuid import UUID

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from starlette.applications import Starlette

from models import Event, EventType, Organization, chance, event, system
from models.unit import transactional
from services.pulse import Pulse
from services.wakeups import Outbox, channel_of, wakeups
from tests.listening import PATIENCE
from tests.redis_server import needs_redis, running_redis

SELDOM = 3_600.0
CHANNEL = channel_of("admit")
ANOTHER_PROCESS = bytes(16)


@pytest.fixture
def port() -> int:
    """A port that nothing listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number: int = listener.getsockname()[1]
        return number


async def beaten(pulse: Pulse, organization: UUID) -> None:
    """Until the organization's pulse has beaten once more."""
    async with asyncio.timeout(PATIENCE):
        await pulse.next(organization).wait()


@transactional
async def happen(organization: UUID) -> None:
    """Something is recorded."""
    event.record(EventType.TASK_CREATED, "tsk_none", system(organization))


async def test_a_commit_of_this_process_beats_at_once(app: Starlette) -> None:
    organization = await Organization.create(name="Hill School")
    pulse = Pulse()

    async with wakeups(pulse, "", SELDOM):
        beat = pulse.next(organization.id)
        await happen(organization.id)

    assert beat.is_set()


async def test_without_redis_what_another_process_wrote_is_found_by_looking(app: Starlette) -> None:
    pulse, organization = Pulse(), chance.new_id()

    async with wakeups(pulse, "", 0.01):
        with pulse.followed(organization):
            waiting = asyncio.create_task(beaten(pulse, organization))
            await Event.create(organization_id=organization, type=EventType.TASK_CREATED, subject="-", actor="-")
            await waiting


@needs_redis
async def test_redis_carries_the_pulse_from_another_process(app: Starlette, port: int) -> None:
    pulse, ours, other = Pulse(), chance.new_id(), chance.new_id()

    async with running_redis(port), wakeups(pulse, f"redis://127.0.0.1:{port}", SELDOM), Redis(port=port) as another:
        with pulse.followed(ours), pulse.followed(other):
            await beaten(pulse, ours)  # when the server listens
            waiting, not_meant = asyncio.create_task(beaten(pulse, ours)), pulse.next(other)
            await asyncio.sleep(0)
            await another.publish(CHANNEL, ANOTHER_PROCESS + ours.bytes)
            await waiting

    assert not not_meant.is_set()


@needs_redis
async def test_a_commit_is_told_to_other_processes(app: Starlette, port: int) -> None:
    organization = await Organization.create(name="Hill School")

    async with running_redis(port), Redis(port=port) as another, another.pubsub() as channel:
        await _listening(channel)
        async with wakeups(Pulse(), f"redis://127.0.0.1:{port}", SELDOM):
            await happen(organization.id)
            message = await _message(channel)

    assert message[16:] == organization.id.bytes


@needs_redis
async def test_without_its_redis_writes_go_on_and_when_it_is_back_so_are_the_wakeups(app: Starlette, port: int) -> None:
    organization = await Organization.create(name="Hill School")
    pulse = Pulse()

    async with wakeups(pulse, f"redis://127.0.0.1:{port}", SELDOM):
        with pulse.followed(organization.id):
            for _ in range(2):
                beat = pulse.next(organization.id)
                await happen(organization.id)
                assert beat.is_set()
                waiting = asyncio.create_task(beaten(pulse, organization.id))
                async with running_redis(port), Redis(port=port) as another:
                    await waiting  # everybody looks again when Redis is there
                    waiting = asyncio.create_task(beaten(pulse, organization.id))
                    await asyncio.sleep(0)
                    await another.publish(CHANNEL, ANOTHER_PROCESS + organization.id.bytes)
                    await waiting

    assert await event.head(organization.id) > 0


async def test_the_outbox_names_each_organization_once_and_too_many_as_everybody() -> None:
    few, many = [chance.new_id() for _ in range(3)], [chance.new_id() for _ in range(1_001)]
    outbox = Outbox()

    outbox.put(few[:2])
    outbox.put(few)
    named = await outbox.take()
    outbox.put(few)
    outbox.put(many)
    outbox.put(few)
    too_many = await outbox.take()
    outbox.put(few)
    outbox.put([])
    everybody = await outbox.take()

    assert (set(named), too_many, everybody) == (set(few), [], [])


async def _listening(channel: PubSub) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await channel.subscribe(CHANNEL)
                return
            except OSError:
                await asyncio.sleep(0.01)


async def _message(channel: PubSub) -> bytes:
    async with asyncio.timeout(PATIENCE):
        while True:
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=1)
            if message:
                data: bytes = message["data"]
                return data
