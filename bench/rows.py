"""Every row of the data set, computed from its number: what is asked for is known without looking."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

Row = tuple[object, ...]
Rows = tuple[str, Sequence[str], list[Row]]  # a table, its columns, and some rows

ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
SESSIONS = (0, 0, 1, 1, 2, 2, 2, 2, 2, 3)  # of a ticket, by the last digit of its number: 1.5 on average
CHUNK = 5_000

_BASE = 1_748_736_000_000  # 2025-06-01, in milliseconds: whatever is made later has a greater key
_KINDS = [f"-7{kind:03x}-8000-" for kind in range(12)]
_CODES = len(ALPHABET) ** 13
_FOURS = [one + two + three + four for four, three, two, one in product(ALPHABET, repeat=4)]
_SPREAD = 12_345_678_910_111_213_141 | 1
_MADE, _BEGUN, _ENDED = (f"2025-06-0{day} 09:30:00+00:00" for day in (1, 2, 3))
_STOPPED = "2025-06-02 10:00:00+00:00"  # half of its time is left
_PAST, _FUTURE = "2025-07-01 00:00:00+00:00", "2100-01-01 00:00:00+00:00"
_WAITING = (("ISSUED", None, _PAST), ("ISSUED", _FUTURE, None), ("SUSPENDED", None, None), ("REVOKED", None, None))
_ORGANIZATION, _KEY, _TEST, _TASK, _STEP, _BATCH, _CANDIDATE, _TICKET, _ASSESSMENT, _SESSION, _RESULT, _EVENT = range(
    12
)


def key(kind: int, number: int) -> str:
    """A UUIDv7 in the order of numbers, so that each kind of row is in the order in which it was made."""
    moment = f"{_BASE + number:012x}"  # of what is random in others, too: it says whose key it is and is soon made
    return f"{moment[:8]}-{moment[8:]}{_KINDS[kind]}{moment}"


ORGANIZATION = key(_ORGANIZATION, 0)


def code(number: int) -> str:
    """The invitation code of a ticket: neighbours' codes have nothing to do with each other."""
    rest, one = divmod((number + 1) * _SPREAD % _CODES, len(_FOURS))
    rest, two = divmod(rest, len(_FOURS))
    last, three = divmod(rest, len(_FOURS))
    return _FOURS[one] + _FOURS[two] + _FOURS[three] + ALPHABET[last]


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
    """Candidates, tickets, assessments, sessions, results and events, table by table, some thousands at a time."""
    base = ("id", "created_at", "organization_id")
    sitting = (*base, "task_id", "ticket_id")
    for table, columns, made in (
        ("candidate", (*base, "full_name", "email", "attributes"), _candidates),
        (
            "ticket",
            (*base, "task_id", "candidate_id", "batch_id", "status", "code", "labels", "valid_from", "valid_until",
             "extra_time_percent", "assessments_allowed"),
            _tickets,
        ),
        ("assessment", (*sitting, "status", "ended_at"), _assessments),
        (
            "test_session",
            (*sitting, "assessment_id", "step_id", "test_id", "status", "grading", "attempt", "base_seconds",
             "started_at", "deadline_at", "ended_at", "stopped_at", "answered", "total"),
            _sessions,
        ),
        ("result", (*base, "session_id", "version", "score", "max_score", "marks", "released_at"), _results),
        (
            "event",
            ("id", "organization_id", "type", "subject", "actor", "task_id", "ticket_id", "session_id", "payload",
             "created_at"),
            _events,
        ),
    ):  # fmt: skip
        for start in range(0, tickets, CHUNK):
            yield table, columns, list(made(range(start, min(start + CHUNK, tickets)), tasks))


def _candidates(numbers: range, _tasks: int) -> Iterator[Row]:
    for at in numbers:
        yield key(_CANDIDATE, at), _MADE, ORGANIZATION, f"Candidate {at}", f"c{at}@example.org", "{}"


def _tickets(numbers: range, tasks: int) -> Iterator[Row]:
    places = [(Task(task).key, key(_BATCH, task)) for task in range(tasks)]
    for at in numbers:
        task, batch = places[task_of(at, tasks)]
        status, opens, closes = _ticket(at)
        yield (
            key(_TICKET, at), _MADE, ORGANIZATION, task, key(_CANDIDATE, at), batch, status, code(at), "[]", opens,
            closes, 0, 1,
        )  # fmt: skip


def _assessments(numbers: range, tasks: int) -> Iterator[Row]:
    places = [Task(task).key for task in range(tasks)]
    for at in numbers:
        if SESSIONS[at % 10]:
            state = ("IN_PROGRESS", None) if _runs(at) else ("COMPLETED", _ENDED)
            yield key(_ASSESSMENT, at), _BEGUN, ORGANIZATION, places[task_of(at, tasks)], key(_TICKET, at), *state


def _sessions(numbers: range, tasks: int) -> Iterator[Row]:
    places = [(Task(task).key, key(_STEP, task)) for task in range(tasks)]
    test, deadline = key(_TEST, 0), _BEGUN.replace("09:", "10:")
    for at in numbers:
        (task, step), ticket, entry = places[task_of(at, tasks)], key(_TICKET, at), key(_ASSESSMENT, at)
        graded, ends = ("NOT_READY", (None, _STOPPED)) if _runs(at) else ("FULLY_GRADED", (_ENDED, None))
        for attempt in range(SESSIONS[at % 10]):
            which = "PAUSED" if _runs(at) else ("SUBMITTED", "TIMED_OUT", "TERMINATED")[(at // 10 + attempt) % 3]
            yield (
                key(_SESSION, at * 3 + attempt), _BEGUN, ORGANIZATION, task, ticket, entry, step, test,
                which, graded, attempt + 1, 3_600, _BEGUN, deadline, *ends, 0, 10,
            )  # fmt: skip


def _results(numbers: range, _tasks: int) -> Iterator[Row]:
    for at in numbers:
        for attempt in range(0 if _runs(at) else SESSIONS[at % 10]):
            number, score = at * 3 + attempt, float((at + attempt) % 11)
            session = key(_SESSION, number)
            yield key(_RESULT, number), _ENDED, ORGANIZATION, session, 1, score, 10.0, "{}", _ENDED


def _events(numbers: range, tasks: int) -> Iterator[Row]:
    places = [Task(task).key for task in range(tasks)]
    for at in numbers:
        task, ticket = places[task_of(at, tasks)], key(_TICKET, at)
        for attempt in range(SESSIONS[at % 10]):
            session = key(_SESSION, at * 3 + attempt)
            yield (
                key(_EVENT, at * 3 + attempt), ORGANIZATION, "TEST_SESSION_STATUS_CHANGED", f"ses_{session}",
                f"tkt_{ticket}", task, ticket, session, '{"from":null,"to":"ACTIVE"}', _BEGUN,
            )  # fmt: skip


def _runs(at: int) -> bool:
    """Whether the ticket's only session is not over: it is paused."""
    return at % 10 == 2


def _ticket(at: int) -> tuple[str, str | None, str | None]:
    """Its status as stored, and its window: every status that the clock shows is among each task's first tickets."""
    if not SESSIONS[at % 10]:
        return ("ISSUED", None, None) if waits(at) else _WAITING[at // 100 % 4]
    return ("ACTIVATED" if _runs(at) else "CONSUMED", None, None)


def _scopes() -> str:
    from models import Permission  # noqa: PLC0415  the peers need nothing of Admit's

    return json.dumps(list(Permission))
