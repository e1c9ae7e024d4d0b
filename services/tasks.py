"""Setting up tasks, opening and closing them, and their public welcome page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import errors
from errors import Problem
from models import (
    Actor,
    Continuation,
    EventType,
    Organization,
    Permission,
    Proctoring,
    ResultRelease,
    Step,
    Task,
    TaskStatus,
    Test,
    TestStatus,
    chance,
    clock,
    moves,
)
from models.event import record
from models.unit import transactional
from services import markdown, redirects, tests, texts

STEPS = 50
ATTEMPTS = 1_000
BODY = 20_000


@dataclass(frozen=True)
class NewStep:
    """A test's place in a task that is about to be made."""

    test_id: UUID
    required: bool = True
    attempt_limit: int | None = 1
    duration_seconds: int | None = None


@dataclass(frozen=True)
class NewTask:
    """A task that is about to be made."""

    name: str
    steps: Sequence[NewStep]
    welcome_title: str | None = None
    welcome_body: str | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    finish_redirect_url: str | None = None
    proctoring: Proctoring = Proctoring.NONE
    meeting_url: str | None = None
    continuation: Continuation = Continuation.CLOCK_RUNS
    result_release: ResultRelease = ResultRelease.MANUAL


@dataclass(frozen=True)
class Welcome:
    """What the page behind a Task link shows to everybody."""

    title: str
    body: str
    task_name: str
    is_open: bool
    opens_at: datetime | None
    closes_at: datetime | None

    @property
    def body_html(self) -> str:
        """The body as safe markup."""
        return markdown.render(self.body)


@transactional
async def create(actor: Actor, new: NewTask) -> Task:
    """Make a task, closed to candidates until it is opened.

    Raises NotFound for a foreign test, then InvalidInput, TooManyRows for no step or more than 50, InvalidSteps,
    TestNotPublished, InvalidWindow, RedirectRefused.
    """
    if not 1 <= len(new.steps) <= STEPS:
        actor.must(Permission.MANAGE_TASKS, everywhere=True)
        raise errors.TooManyRows(STEPS)
    wanted = {step.test_id for step in new.steps}
    found = await Test.visible_to(actor).filter(id__in=wanted)
    if len(found) != len(wanted):
        raise errors.NotFound
    actor.must(Permission.MANAGE_TASKS, everywhere=True)
    if problems := [problem for at, step in enumerate(new.steps) for problem in _problems(at, step)]:
        raise errors.InvalidSteps(problems)
    if any(test.status is not TestStatus.PUBLISHED for test in found):
        raise errors.TestNotPublished
    check_window(new.opens_at, new.closes_at)
    task = await Task.create(**await _columns(actor, new))
    await Step.bulk_create(_steps(task, new.steps))
    record(EventType.TASK_CREATED, task.gid, actor, task_id=task.id, steps=len(new.steps))
    moves.begin(task, actor)
    return task


@transactional
async def open_(actor: Actor, task_id: UUID) -> Task:
    """Let candidates in; an open task stays as it is. Raises TaskArchived or MoveNotAllowed."""
    return await _move(actor, task_id, TaskStatus.OPEN)


@transactional
async def close(actor: Actor, task_id: UUID) -> Task:
    """Let nobody in any more; running sessions go on. Raises TaskArchived or MoveNotAllowed."""
    return await _move(actor, task_id, TaskStatus.CLOSED)


async def find(actor: Actor, task_id: UUID) -> Task:
    """The task, for staff who may read and for its candidates. Raises NotFound."""
    task = await Task.seen_by(actor, task_id)
    if not actor.is_candidate:
        actor.must(Permission.READ)
    return task


async def welcome(slug: str) -> Welcome | None:
    """The page behind a Task link, for everybody; None if there is no such task."""
    task = await Task.by_slug(slug)
    return None if task is None else welcome_of(task)


def welcome_of(task: Task) -> Welcome:
    """A task's welcome page; its title is the task's name unless it has one of its own."""
    now = clock.now()
    begun = task.opens_at is None or now >= task.opens_at
    over = task.closes_at is not None and now >= task.closes_at
    return Welcome(
        title=task.welcome_title or task.name,
        body=task.welcome_body or "",
        task_name=task.name,
        is_open=task.is_open and begun and not over,
        opens_at=task.opens_at,
        closes_at=task.closes_at,
    )


def check_window(begins: datetime | None, ends: datetime | None) -> None:
    """Raises InvalidWindow for an end that is not after its beginning."""
    if begins is not None and ends is not None and ends <= begins:
        raise errors.InvalidWindow


async def _move(actor: Actor, task_id: UUID, to: TaskStatus) -> Task:
    task = await Task.locked_by(actor, task_id)
    actor.must(Permission.MANAGE_TASKS)
    if task.status is TaskStatus.ARCHIVED:
        raise errors.TaskArchived
    if task.status is not to:
        await moves.move(task, to, actor)
    return task


async def _columns(actor: Actor, new: NewTask) -> dict[str, Any]:
    name = texts.line("name", new.name)
    url = new.finish_redirect_url
    if url:
        url = redirects.check_target(url, (await Organization.own(actor)).allowed_redirect_hosts)
    return {
        "organization_id": actor.organization,
        "name": name,
        "slug": _slug(name),
        "welcome_title": texts.optional_line("welcome.title", new.welcome_title),
        "welcome_body": texts.optional_body("welcome.body", new.welcome_body, BODY),
        "opens_at": new.opens_at,
        "closes_at": new.closes_at,
        "finish_redirect_url": url or None,
        "proctoring": new.proctoring,
        "meeting_url": texts.meeting("meetingUrl", new.meeting_url),
        "continuation": new.continuation,
        "result_release": new.result_release,
    }


def _slug(name: str) -> str:
    """The name as an address, and six random characters (30 bits) that make it unlike any other."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain)[:60].strip("-")
    return f"{words or 'task'}-{chance.readable(6).lower()}"


def _problems(index: int, step: NewStep) -> list[Problem]:
    problems = []
    if step.attempt_limit is not None and not 1 <= step.attempt_limit <= ATTEMPTS:
        problems.append(Problem(index, "attemptLimit", f"Give between 1 and {ATTEMPTS:,} attempts."))
    if wrong := tests.problem_of_duration(step.duration_seconds):
        problems.append(Problem(index, "durationSeconds", wrong))
    return problems


def _steps(task: Task, steps: Sequence[NewStep]) -> list[Step]:
    return [
        Step(
            organization_id=task.organization_id,
            task_id=task.id,
            test_id=step.test_id,
            position=position,
            required=step.required,
            attempt_limit=step.attempt_limit,
            duration_seconds=step.duration_seconds,
        )
        for position, step in enumerate(steps, 1)
    ]
