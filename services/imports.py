"""Candidates from a CSV file, for an operator who issues more tickets than one call of the API may."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import orjson

import errors
from errors import Problem
from models import Task, TicketBatch, system
from services import tickets
from services.candidates import EXTRA_TIME, NewCandidate

COLUMNS = ("fullName", "email", "externalId", "attributes", "extraTimePercent", "meetingUrl")  # as in CandidateInput


async def run(issue: tickets.Issue, candidates: Sequence[NewCandidate]) -> tuple[TicketBatch, bool]:
    """Issue a ticket to each of them, or to none; the batch, and whether an earlier import had made it.

    Whoever runs commands here may act in every organization. Raises NotFound without such a task, and what
    `tickets.make` does.
    """
    task = await Task.by_id(issue.task_id)
    if task is None:
        raise errors.NotFound("There is no task with this id.")
    draft, batch = await tickets.make(system(task.organization_id), issue, candidates, len(candidates))
    return batch, batch is not draft.batch


def read(path: Path) -> list[NewCandidate]:
    """The file's candidates. Raises NotPossible for what is no such file, InvalidCandidates naming every bad row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _candidates(file)
    except (OSError, UnicodeDecodeError, csv.Error) as wrong:
        what = "is not UTF-8" if isinstance(wrong, UnicodeDecodeError) else "cannot be read as CSV"
        raise errors.NotPossible(f"{path} {what}.") from wrong


def _candidates(file: TextIO) -> list[NewCandidate]:
    rows = csv.DictReader(file, strict=True)
    names = rows.fieldnames or []
    if "fullName" not in names or not set(names) <= set(COLUMNS) or len(set(names)) < len(names):
        raise errors.NotPossible(f"The first row names the columns: fullName, and any of {', '.join(COLUMNS[1:])}.")
    candidates: list[NewCandidate] = []
    problems: list[Problem] = []
    for at, row in enumerate(rows):
        wrong = list(_problems(at, row))
        problems += wrong
        candidates += [] if wrong else [_candidate(row)]
    if problems:
        raise errors.InvalidCandidates(problems)
    if not candidates:
        raise errors.NotPossible("The file has no candidates.")
    return candidates


def _problems(at: int, row: Mapping[Any, Any]) -> Iterator[Problem]:
    """What only a file can get wrong; the rest is judged as it is in the API."""
    if None in row or None in row.values():
        yield Problem(at, "fullName", "This row has not as many fields as the first one.")
        return
    percent = row.get("extraTimePercent") or "0"
    if not percent.isdecimal() or len(percent) > len(str(EXTRA_TIME)):
        yield Problem(at, "extraTimePercent", "This is not a whole number of percent.")
    try:
        orjson.loads(row.get("attributes") or "{}")
    except orjson.JSONDecodeError:
        yield Problem(at, "attributes", "This is not JSON.")


def _candidate(row: Mapping[str, str]) -> NewCandidate:
    return NewCandidate(
        row["fullName"],
        row.get("email"),
        row.get("externalId"),
        orjson.loads(row.get("attributes") or "{}"),
        int(row.get("extraTimePercent") or 0),
        row.get("meetingUrl"),
    )
