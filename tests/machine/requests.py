"""What anybody can ask for: how it is sent, and what the reference says of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.machine import entering, proctoring
from tests.machine.documents import MUTATIONS, SUCCESSES, Seen, seen
from tests.machine.things import No, Task, Ticket, World
from tests.world import Door

Foretell = Callable[[World], Any]


@dataclass(frozen=True)
class Client:
    """One browser of a candidate: a credential for an assessment, good until then."""

    ticket: str
    assessment: str
    door: Door
    until: datetime


@dataclass(frozen=True)
class Request:
    """A mutation, or a sweep of the clockwork. `foretell` changes the world and answers the things that are shown."""

    name: str
    send: Callable[[], Coroutine[Any, Any, Seen]]
    foretell: Foretell
    again: Callable[[Door], Request] | None = None  # the same, by somebody else


def request(door: Door, name: str, foretell: Foretell, /, **input: Any) -> Request:
    """A mutation through the door."""

    async def send() -> Seen:
        return seen(await door.execute(MUTATIONS[name], input=input))

    return Request(name, send, foretell, lambda other: request(other, name, foretell, **input))


def foretold(world: World, asked: Request) -> tuple[str, list[Any]]:
    """The outcome, and what it shows. Raises No, and the world may be half changed then."""
    made = asked.foretell(world)
    if isinstance(made, int):
        world.swept += made
        return "swept", []
    return SUCCESSES[asked.name], made if isinstance(made, list) else [made]


def by(client: Client, foretell: Foretell) -> Foretell:
    """The same, if the client's credential still counts."""

    def checked(world: World) -> Any:
        if int(world.now.timestamp()) >= int(client.until.timestamp()):
            raise No("UNAUTHENTICATED")
        return foretell(world)

    return checked


def issue(
    door: Door, house: str, task: str, people: Sequence[Mapping[str, Any]], key: str | None, **shared: datetime | None
) -> Request:
    """Tickets for these people; `shared` are their `begins` and `ends`."""
    body = (task, list(people), shared)

    def foretell(world: World) -> list[Ticket]:
        if shared["begins"] and shared["ends"] and shared["begins"] >= shared["ends"]:
            raise No("InvalidWindow")
        if key is not None and (house, key) in world.batches:
            told, tickets = world.batches[house, key]
            if told != body:
                raise No("IdempotencyKeyReused")
            return tickets
        made = [Ticket(world.by[task], one["extraTimePercent"], shared["begins"], shared["ends"]) for one in people]
        world.tickets += made
        if key is not None:
            world.batches[house, key] = (body, made)
        return made

    window = {"validFrom": _text(shared["begins"]), "validUntil": _text(shared["ends"])}
    return request(door, "issueTickets", foretell, taskId=task, candidates=people, idempotencyKey=key, **window)


def create_task(door: Door, task: Task) -> Request:
    """A task as the reference has it."""

    def foretell(world: World) -> Task:
        world.tasks.append(task)
        return task

    steps = [
        {
            "testId": step.test.gid,
            "required": step.required,
            "attemptLimit": step.limit,
            "durationSeconds": step.seconds,
        }
        for step in task.steps
    ]
    return request(
        door,
        "createTask",
        foretell,
        name="Exam",
        steps=steps,
        opensAt=_text(task.opens),
        closesAt=_text(task.closes),
        proctoring="CONFERENCE" if task.proctored else "NONE",
        continuation="CLOCK_STOPS" if task.stops else "CLOCK_RUNS",
        resultRelease="AUTOMATIC" if task.automatic else "MANUAL",
    )


def move_task(door: Door, task: str, opening: bool) -> Request:
    """Open or close it."""
    move = entering.open_task if opening else entering.close_task
    return request(door, "openTask" if opening else "closeTask", lambda w: move(w, w.by[task]), taskId=task)


def enter(door: Door, ticket: Ticket, code: str) -> Request:
    """Come in by the code, however it is spelled."""
    gid = ticket.gid
    return request(
        door,
        "enterTask",
        lambda world: entering.enter(world, world.by[gid]),
        taskSlug=ticket.task.slug,
        invitationCode=code,
    )


def redeem(door: Door, link: str, token: str) -> Request:
    """Come in by a shared link."""
    return request(
        door,
        "redeemAccessLink",
        lambda world: entering.enter(world, world.by[link].ticket, world.by[link]),
        token=token,
    )


def share(door: Door, tickets: Sequence[str], expires: datetime | None, most: int | None) -> Request:
    """A link to each."""
    return request(
        door,
        "createAccessLinks",
        lambda world: entering.share(world, [world.by[one] for one in tickets], expires, most),
        ticketIds=tickets,
        expiresAt=_text(expires),
        maxUses=most,
    )


def unshare(door: Door, link: str) -> Request:
    """Withdraw a link."""
    return request(door, "revokeAccessLink", lambda w: entering.unshare(w, w.by[link]), accessLinkId=link)


def hold(door: Door, tickets: Sequence[str], on: bool) -> Request:
    """Suspend or restore tickets."""
    rule = entering.suspend if on else entering.restore
    told: Foretell = lambda world: rule(world, [world.by[one] for one in tickets])  # noqa: E731
    return request(door, "suspendTickets" if on else "restoreTickets", told, ticketIds=tickets)


def revoke(door: Door, tickets: Sequence[str], end: bool) -> Request:
    """Withdraw tickets, and perhaps end what runs."""
    told: Foretell = lambda world: proctoring.revoke(world, [world.by[one] for one in tickets], end)  # noqa: E731
    policy = "TERMINATE" if end else "KEEP"
    return request(door, "revokeTickets", told, ticketIds=tickets, runningSessions=policy)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
