"""What candidates, proctors, instructors and time do to sessions: how it is sent, and what the reference says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from services import clockwork
from services.site import Site
from tests.machine import marking, proctoring, sitting
from tests.machine.documents import Seen
from tests.machine.requests import Client, Foretell, Request, by, request
from tests.machine.things import Session, World
from tests.world import Door


def start(client: Client, step: str) -> Request:
    """Begin a step or go on with it."""
    told = by(client, lambda world: sitting.start(world, world.by[client.assessment], world.by[step]))
    return request(client.door, "startTest", told, stepId=step)


def save(client: Client, session: str, rows: Sequence[tuple[str, Any, int]]) -> Request:
    """Save answers `(question, value, sequence)`."""
    sent = [{"questionId": question, "value": value, "sequence": sequence} for question, value, sequence in rows]
    told = by(client, lambda world: sitting.save(world, world.by[session], rows))
    return request(client.door, "saveAnswers", told, testSessionId=session, answers=sent)


def submit(client: Client, session: str) -> Request:
    """Hand in."""
    told = by(client, lambda world: sitting.submit(world, world.by[session]))
    return request(client.door, "submitTestSession", told, testSessionId=session)


def beat(client: Client, session: str) -> Request:
    """Be there."""
    told = by(client, lambda world: sitting.beat(world, world.by[session]))
    return request(client.door, "sendHeartbeat", told, testSessionId=session)


def complete(client: Client) -> Request:
    """Be done."""
    told = by(client, lambda world: sitting.complete(world, world.by[client.assessment]))
    return request(client.door, "completeAssessment", told, assessmentId=client.assessment)


_OF_PROCTORS: Mapping[str, tuple[str, Callable[[World, Session], Session]]] = {
    "admit": ("admitTestSession", proctoring.admit),
    "pause": ("pauseTestSession", proctoring.pause),
    "resume": ("resumeTestSession", proctoring.resume),
    "terminate": ("terminateTestSession", proctoring.terminate),
}


def proctor(door: Door, act: str, session: str) -> Request:
    """Admit, pause, resume or terminate."""
    name, rule = _OF_PROCTORS[act]
    return request(door, name, lambda world: rule(world, world.by[session]), testSessionId=session)


def reinstate(door: Door, session: str, seconds: int) -> Request:
    """Bring an ended session back."""
    return request(
        door,
        "reinstateTestSession",
        lambda world: proctoring.reinstate(world, world.by[session], seconds),
        testSessionId=session,
        seconds=seconds,
    )


def adjust(door: Door, sessions: Sequence[str], seconds: int) -> Request:
    """Give or take time in these."""
    return request(
        door,
        "adjustTime",
        lambda world: proctoring.adjust(world, [world.by[one] for one in sessions], seconds),
        testSessionIds=sessions,
        seconds=seconds,
    )


def adjust_all(door: Door, task: str, seconds: int) -> Request:
    """Give or take time in all of the task."""
    told: Foretell = lambda world: proctoring.adjust_all(world, world.by[task], seconds)  # noqa: E731
    return request(door, "adjustTime", told, taskId=task, seconds=seconds)


def mark(door: Door, session: str, question: str, points: float) -> Request:
    """An instructor's mark."""
    return request(
        door,
        "gradeAnswer",
        lambda world: marking.mark(world, world.by[session], question, points),
        testSessionId=session,
        questionId=question,
        points=points,
    )


def release(door: Door, sessions: Sequence[str]) -> Request:
    """Release the results of these."""
    told: Foretell = lambda world: marking.release(world, [world.by[one] for one in sessions])  # noqa: E731
    return request(door, "releaseResults", told, testSessionIds=sessions)


def release_all(door: Door, task: str) -> Request:
    """Release whatever is graded in the task."""
    return request(door, "releaseResults", lambda w: marking.release_all(w, w.by[task]), taskId=task)


_SWEEPS: Mapping[str, tuple[Callable[[Site], Awaitable[int]], Callable[[World], int]]] = {
    "lost": (clockwork.note_lost, sitting.sweep_lost),
    "overdue": (clockwork.close_overdue, sitting.sweep_overdue),
    "lapsed": (lambda _site: clockwork.note_lapsed(), sitting.sweep_lapsed),
}


def sweep(site: Site, which: str) -> Request:
    """What the clockwork does by itself."""
    work, rule = _SWEEPS[which]

    async def send() -> Seen:
        return Seen("swept", body={"count": await work(site)})

    return Request(f"sweep {which}", send, rule)
