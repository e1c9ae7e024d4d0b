"""Every row of the data set, computed from its number: what is asked for is known without looking."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Row = tuple[object, ...]
Rows = tuple[str, Sequence[str], list[Row]]  # a table, its columns, and some rows

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
SESSIONS = (0, 0, 1, 1, 2, 2, 2, 2, 2, 3)  # of a ticket, by the last digit of its number: 1.5 on average
CHUNK = 5_000

_BASE = 1_748_736_000_000  # 2025-06-01, in milliseconds: whatever is made later has a greater key
_MIX = 0x9E3779B97F4A7C15
_CODES = len(ALPHABET) ** 13
_SPREAD = 12_345_678_910_111_213_141 | 1
_MADE, _BEGUN, _ENDED = (f"2025-06-0{day} 09:30:00+00:00" for day in (1, 2, 3))
_STOPPED = "2025-06-02 10:00:00+00:00"  # half of its time is left
_PAST, _FUTURE = "2025-07-01 00:00:00+00:00", "2100-01-01 00:00:00+00:00"
_WAITING = (("ISSUED", None, _PAST), ("ISSUED", _FUTURE, None), ("SUSPENDED", None, None), ("REVOKED", None, None))
_ORGANIZATION, _KEY, _TEST, _TASK, _STEP, _BATCH, _CANDIDATE, _TICKET, _ASSESSMENT, _SESSION, _RESULT = range(11)


def key(kind: int, number: int) -> str:
    """A UUIDv7 in the order of numbers, so that each kind of row is in the order in which it was made."""
    moment = f"{_BASE + number:012x}"
    tail = f"{(number * _MIX + kind) & (2**62 - 1) | 2**63:016x}"
    return f"{moment[:8]}-{moment[8:]}-7{kind:03x}-{tail[:4]}-{tail[4:]}"


ORGANIZATION = key(_ORGANIZATION, 0)


def code(number: int) -> str:
    """The invitation code of a ticket: neighbours' codes have nothing to do with each other."""
    value, text = (number + 1) * _SPREAD % _CODES, ""
    for _ in range(13):
        value, digit = divmod(value, 31)
        text += ALPHABET[digit]
    return text


def task_of(number: int, tasks: int) -> int:
    """The number of a ticket's task."""
    return number // 10 % tasks


def waits(number: int) -> bool:
    """Whether the ticket lets a candidate in who has not come yet."""
    return number % 10 == 0 or (number % 10 == 1 and number // 10 % 10 > 0)


@dataclass(frozen=True)
class Task:
    """A task as callers name it."""

    number: int

    @property
    def key(self) -> str:
        """Its key."""
        return key(_TASK, self.number)

    @property
    def slug(self) -> str:
        """The last part of its Task link."""
        return f"bench-{self.number}"

    @property
    def step(self) -> str:
        """The global id of its only step."""
        return f"stp_{key(_STEP, self.number)}"


def paused(task: int) -> str:
    """The key of a session of this task that is paused: that of its first ticket whose number ends in 2."""
    return key(_SESSION, (task * 10 + 2) * 3)


def small(tasks: int, tickets: int, key_hash: str) -> Iterator[Rows]:
    """The few rows that everything else belongs to."""
    secret = b"\x00" * 32
    yield (
        "organization",
        ("id", "created_at", "name", "allowed_redirect_hosts", "redirect_secret", "time_zone"),
        [(ORGANIZATION, _MADE, "Bench University", "[]", secret, "UTC")],
    )
    yield (
        "api_key",
        ("id", "created_at", "organization_id", "name", "prefix_shown", "hash", "scopes", "created_by", "last_used_at"),
        [(key(_KEY, 0), _MADE, ORGANIZATION, "bench", "admit_", key_hash, _scopes(), key(_KEY, 1), _FUTURE)],
    )
    question = {"kind": "TRUE_FALSE", "prompt": "Is water wet?", "points": 1.0, "options": [], "correct_boolean": True}
    question |= {"correct_number": None, "tolerance": 0.0, "accepted_answers": []}
    content = [{"title": None, "questions": [{"id": f"q{at}", **question} for at in range(10)]}]
    yield (
        "test",
        ("id", "created_at", "organization_id", "title", "version", "status", "duration_seconds", "content"),
        [(key(_TEST, 0), _MADE, ORGANIZATION, "Water", 1, "PUBLISHED", 3_600, json.dumps(content))],
    )
    numbers = range(tasks)
    yield (
        "task",
        (
            "id",
            "created_at",
            "organization_id",
            "name",
            "slug",
            "status",
            "proctoring",
            "continuation",
            "result_release",
        ),
        [
            (Task(at).key, _MADE, ORGANIZATION, f"Task {at}", Task(at).slug, "OPEN", "NONE", "CLOCK_RUNS", "MANUAL")
            for at in numbers
        ],
    )
    yield (
        "step",
        ("id", "created_at", "organization_id", "task_id", "test_id", "position", "required"),
        [(key(_STEP, at), _MADE, ORGANIZATION, Task(at).key, key(_TEST, 0), 1, 1) for at in numbers],
    )
    yield (
        "ticket_batch",
        ("id", "created_at", "organization_id", "task_id", "body_hash", "count"),
        [(key(_BATCH, at), _MADE, ORGANIZATION, Task(at).key, "0" * 64, tickets // tasks) for at in numbers],
    )


def large(tasks: int, tickets: int) -> Iterator[Rows]:
    """Candidates, tickets, assessments, sessions and results, some thousands at a time."""
    for start in range(0, tickets, CHUNK):
        yield from _chunk(range(start, min(start + CHUNK, tickets)), tasks)


def _chunk(numbers: range, tasks: int) -> Iterator[Rows]:
    people: list[Row] = []
    tickets: list[Row] = []
    entries: list[Row] = []
    sessions: list[Row] = []
    results: list[Row] = []
    places = [(Task(task).key, key(_BATCH, task), key(_STEP, task)) for task in range(tasks)]
    test, deadline = key(_TEST, 0), _BEGUN.replace("09:", "10:")
    for at in numbers:
        task, batch, step = places[task_of(at, tasks)]
        person, ticket = key(_CANDIDATE, at), key(_TICKET, at)
        status, opens, closes = _ticket(at)
        people.append((person, _MADE, ORGANIZATION, f"Candidate {at}", f"c{at}@example.org", "{}"))
        tickets.append(
            (ticket, _MADE, ORGANIZATION, task, person, batch, status, code(at), "[]", opens,
             closes, 0, 1)
        )  # fmt: skip
        attempts = SESSIONS[at % 10]
        runs = at % 10 == 2
        entry = key(_ASSESSMENT, at) if attempts else ""
        if attempts:
            state = ("IN_PROGRESS", None) if runs else ("COMPLETED", _ENDED)
            entries.append((entry, _BEGUN, ORGANIZATION, task, ticket, *state))
        for attempt in range(attempts):
            session = key(_SESSION, at * 3 + attempt)
            which = "PAUSED" if runs else ("SUBMITTED", "TIMED_OUT", "TERMINATED")[(at // 10 + attempt) % 3]
            graded = "NOT_READY" if runs else "FULLY_GRADED"
            ends = (None, _STOPPED) if runs else (_ENDED, None)
            sessions.append(
                (session, _BEGUN, ORGANIZATION, task, ticket, entry, step, test,
                 which, graded, attempt + 1, 3_600, _BEGUN, deadline, *ends, 0, 10)
            )  # fmt: skip
            if not runs:
                score = float((at + attempt) % 11)
                results.append(
                    (key(_RESULT, at * 3 + attempt), _ENDED, ORGANIZATION, session, 1, score, 10.0, "{}", _ENDED)
                )
    base = ("id", "created_at", "organization_id")
    sitting = (*base, "task_id", "ticket_id")
    yield "candidate", (*base, "full_name", "email", "attributes"), people
    yield (
        "ticket",
        (*base, "task_id", "candidate_id", "batch_id", "status", "code", "labels", "valid_from", "valid_until",
         "extra_time_percent", "assessments_allowed"),
        tickets,
    )  # fmt: skip
    yield "assessment", (*sitting, "status", "ended_at"), entries
    yield (
        "test_session",
        (*sitting, "assessment_id", "step_id", "test_id", "status", "grading", "attempt", "base_seconds", "started_at",
         "deadline_at", "ended_at", "stopped_at", "answered", "total"),
        sessions,
    )  # fmt: skip
    yield "result", (*base, "session_id", "version", "score", "max_score", "marks", "released_at"), results


def _ticket(at: int) -> tuple[str, str | None, str | None]:
    """Its status as stored, and its window: every status that the clock shows is among each task's first tickets."""
    if not SESSIONS[at % 10]:
        return ("ISSUED", None, None) if waits(at) else _WAITING[at // 100 % 4]
    return ("ACTIVATED" if at % 10 == 2 else "CONSUMED", None, None)


def _scopes() -> str:
    from models import Permission  # noqa: PLC0415  the peers need nothing of Admit's

    return json.dumps(list(Permission))
