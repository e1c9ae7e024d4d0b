"""What must hold after every step, whatever was done: read off the rows and the log alone, or beside the reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from models import Event
from tests.machine import marking
from tests.machine.stage import Rows
from tests.machine.tables import ENDED, TABLES, UNFINISHED
from tests.machine.things import World

_MOVES = ("TEST_STATUS_CHANGED", "TASK_STATUS_CHANGED", "TICKET_STATUS_CHANGED", "ASSESSMENT_STATUS_CHANGED")
_MOVED = (*_MOVES, "TEST_SESSION_STATUS_CHANGED")
_KEPT = ("TimeAdjustment", "Answer", "Result", "Review")  # rows of these never go away
_FREE = {"last_refusal", "last_refused_at"}  # what a refusal may write: staff will be asked about it


def believed(world: World) -> dict[str, Any]:
    """The world as a picture that can be laid beside the rows': what the reference says of each thing, by its id."""
    sessions = list(world.sessions())
    return {
        "tasks": {task.gid: task.status for task in world.tasks},
        "tickets": {one.gid: (one.task.gid, one.status, *(one.refused or (None, None))) for one in world.tickets},
        "links": {one.gid: (one.ticket.gid, one.uses, one.opened, one.revoked) for one in world.links},
        "assessments": {
            one.gid: (ticket.gid, one.status, one.ended) for ticket in world.tickets for one in ticket.assessments
        },
        "sessions": {
            one.gid: (one.assessment.gid, one.step.gid, one.attempt, one.status, one.grading, one.answered)
            for one in sessions
        },
        "times": {one.gid: (one.started, one.base, one.deadline, one.stopped, one.ended, one.seen) for one in sessions},
        "ledgers": {one.gid: one.ledger for one in sessions if one.ledger},
        "answers": {(one.gid, question): kept for one in sessions for question, kept in one.answers.items()},
        "results": {
            (one.gid, n): (*marking.score(one, version), version.marks, version.released, version.superseded)
            for one in sessions
            for n, version in enumerate(one.results, 1)
        },
    }


def pictured(rows: Rows) -> dict[str, Any]:
    """The same picture of the rows."""
    ledgers: dict[str, list[tuple[int, str]]] = {}
    for row in rows["TimeAdjustment"].values():
        ledgers.setdefault(f"ses_{row['session_id']}", []).append((row["seconds"], row["cause"]))
    tickets, links = rows["Ticket"].values(), rows["AccessLink"].values()
    assessments, sessions = rows["Assessment"].values(), rows["TestSession"].values()
    times = ("started_at", "base_seconds", "deadline_at", "stopped_at", "ended_at", "last_seen_at")
    return {
        "tasks": {f"tsk_{row['id']}": row["status"] for row in rows["Task"].values()},
        "tickets": {
            f"tkt_{row['id']}": (f"tsk_{row['task_id']}", row["status"], row["last_refusal"], row["last_refused_at"])
            for row in tickets
        },
        "links": {
            f"lnk_{row['id']}": (f"tkt_{row['ticket_id']}", row["use_count"], row["last_opened_at"], row["revoked_at"])
            for row in links
        },
        "assessments": {
            f"asm_{row['id']}": (f"tkt_{row['ticket_id']}", row["status"], row["ended_at"]) for row in assessments
        },
        "sessions": {
            f"ses_{row['id']}": (
                f"asm_{row['assessment_id']}",
                f"stp_{row['step_id']}",
                row["attempt"],
                row["status"],
                row["grading"],
                row["answered"],
            )
            for row in sessions
        },
        "times": {f"ses_{row['id']}": tuple(row[name] for name in times) for row in sessions},
        "ledgers": ledgers,
        "answers": {
            (f"ses_{row['session_id']}", row["question_id"]): (
                row["content"]["value"],
                row["sequence"],
                row["received_at"],
            )
            for row in rows["Answer"].values()
        },
        "results": {
            (f"ses_{row['session_id']}", row["version"]): (
                row["score"],
                row["passed"],
                row["marks"],
                row["released_at"],
                row["superseded_at"],
            )
            for row in rows["Result"].values()
        },
    }


def differences(world: World, rows: Rows) -> list[str]:
    """Where the rows are not what the reference says."""
    ours, theirs = believed(world), pictured(rows)
    return [
        f"{part} {name}: {ours[part].get(name)} was foretold, {theirs[part].get(name)} is there"
        for part in ours
        for name in {**ours[part], **theirs[part]}
        if ours[part].get(name) != theirs[part].get(name)
    ]


def nothing_changed(before: Rows, after: Rows, events: Sequence[Event]) -> None:
    """A refusal changes nothing, but what staff read of it on the ticket."""
    assert [event.type for event in events] == []
    assert _without(before, _FREE) == _without(after, _FREE)


def _without(rows: Rows, names: set[str]) -> Any:
    return {
        table: {at: {name: value for name, value in row.items() if name not in names} for at, row in kept.items()}
        for table, kept in rows.items()
    }


def nothing_is_doubled(rows: Rows) -> None:
    """One open assessment per ticket, one unfinished session of it, one session per attempt, no more than allowed."""
    sessions = rows["TestSession"].values()
    unfinished = [row for row in sessions if row["status"] in UNFINISHED]
    opened = [row["ticket_id"] for row in rows["Assessment"].values() if row["status"] in ("CREATED", "IN_PROGRESS")]
    _once(opened)
    _once((row["assessment_id"], row["step_id"]) for row in unfinished)
    _once(row["ticket_id"] for row in unfinished)
    _once((row["assessment_id"], row["step_id"], row["attempt"]) for row in sessions)
    _once(row["code"] for row in rows["Ticket"].values())
    _once(row["session_id"] for row in rows["Result"].values() if row["superseded_at"] is None)


def _once(names: Iterable[Any]) -> None:
    assert [name for name, count in Counter(names).items() if count > 1] == []


def attempts_are_within_limits(world: World, rows: Rows) -> None:
    """As many attempts as the step allows, in one assessment."""
    limits = {step.gid: step.limit for task in world.tasks for step in task.steps}
    begun = [row for row in rows["TestSession"].values() if row["started_at"] and row["status"] != "CANCELLED"]
    spent = Counter((row["assessment_id"], f"stp_{row['step_id']}") for row in begun)
    assert [at for at, count in spent.items() if count > (limits[at[1]] or count)] == []


def every_second_is_in_the_ledger(rows: Rows) -> None:
    """The deadline is the start, the time limit and the ledger's sum, exactly; ended sessions say when."""
    sums: Counter[str] = Counter()
    for row in rows["TimeAdjustment"].values():
        sums[row["session_id"]] += row["seconds"]
    for row in rows["TestSession"].values():
        if row["deadline_at"] is None:
            assert row["base_seconds"] is None
            assert sums[row["id"]] == 0
        else:
            seconds = timedelta(seconds=row["base_seconds"] + sums[row["id"]])
            assert row["deadline_at"] == row["started_at"] + seconds
        assert (row["ended_at"] is not None) == (row["status"] in ENDED)


def nothing_is_unsaid(before: Rows, after: Rows) -> None:
    """Acknowledged answers, ledger entries, marks and results stay; a result is never edited, only dated."""
    for table in _KEPT:
        assert before[table].keys() - after[table].keys() == set()
    for table, changing in (("TimeAdjustment", set()), ("Review", set()), ("Result", {"released_at", "superseded_at"})):
        for at, row in before[table].items():
            now = after[table][at]
            assert {name for name in row if row[name] != now[name]} <= changing
            assert all(row[name] is None or row[name] == now[name] for name in changing)
    for at, row in before["Answer"].items():
        assert row["sequence"] <= after["Answer"][at]["sequence"]


class Log:
    """The log so far: the present status of everything that it speaks of."""

    def __init__(self) -> None:
        self.position = 0
        self.ids: list[str] = []
        self.status: dict[str, str] = {}

    def grow(self, events: Sequence[Event]) -> None:
        """Each move begins where the last one of its subject ended, and the tables allow it; positions grow."""
        for event in events:
            assert event.position > self.position
            self.position = event.position
            self.ids.append(event.gid)
            if event.type in _MOVED:
                was, to = event.payload["from"], event.payload["to"]
                table = TABLES[event.subject.partition("_")[0]]
                born = "ISSUED" if event.subject.startswith("tkt_") else None
                assert self.status.get(event.subject, born) == was, f"{event.subject} was not {was}"
                assert to in table.get(was, ()), f"{event.subject} went from {was} to {to}"
                self.status[event.subject] = to

    def tells(self, rows: Rows) -> None:
        """Every row stands where its last event left it: no move without its event."""
        tables = (("Task", "tsk"), ("Ticket", "tkt"), ("Assessment", "asm"), ("TestSession", "ses"))
        for table, prefix in tables:
            for at, row in rows[table].items():
                said = self.status.get(f"{prefix}_{at}", "ISSUED" if prefix == "tkt" else None)
                assert said == row["status"], f"{prefix}_{at} is {row['status']}, and the log says {said}"
