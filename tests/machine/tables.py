"""The state tables of docs/states.md, written out once more: nothing here is taken from the code under test."""

from __future__ import annotations

from collections.abc import Mapping

TABLES: Mapping[str, Mapping[str | None, frozenset[str]]] = {
    "tst": {None: frozenset({"DRAFT", "PUBLISHED"}), "DRAFT": frozenset({"PUBLISHED", "RETIRED"})},
    "tsk": {
        None: frozenset({"DRAFT"}),
        "DRAFT": frozenset({"OPEN", "ARCHIVED"}),
        "OPEN": frozenset({"CLOSED"}),
        "CLOSED": frozenset({"OPEN", "ARCHIVED"}),
    },
    "tkt": {  # born ISSUED by TICKETS_ISSUED, one event for all of a call
        "ISSUED": frozenset({"ACTIVATED", "SUSPENDED", "REVOKED"}),
        "ACTIVATED": frozenset({"CONSUMED", "SUSPENDED", "REVOKED"}),
        "SUSPENDED": frozenset({"ISSUED", "ACTIVATED", "REVOKED"}),
        "CONSUMED": frozenset({"ACTIVATED", "REVOKED"}),
    },
    "asm": {
        None: frozenset({"CREATED"}),
        "CREATED": frozenset({"IN_PROGRESS", "LAPSED", "CANCELLED"}),
        "IN_PROGRESS": frozenset({"COMPLETED", "LAPSED", "CANCELLED"}),
        "COMPLETED": frozenset({"IN_PROGRESS"}),
        "LAPSED": frozenset({"IN_PROGRESS"}),
    },
    "ses": {
        None: frozenset({"ACTIVE", "AWAITING_PROCTOR"}),
        "AWAITING_PROCTOR": frozenset({"READY", "CANCELLED"}),
        "READY": frozenset({"ACTIVE", "CANCELLED"}),
        "ACTIVE": frozenset({"PAUSED", "INTERRUPTED", "SUBMITTED", "TIMED_OUT", "TERMINATED", "CANCELLED"}),
        "INTERRUPTED": frozenset({"ACTIVE", "PAUSED", "SUBMITTED", "TIMED_OUT", "TERMINATED", "CANCELLED"}),
        "PAUSED": frozenset({"ACTIVE", "TERMINATED", "CANCELLED"}),
        "SUBMITTED": frozenset({"PAUSED"}),
        "TIMED_OUT": frozenset({"PAUSED"}),
        "TERMINATED": frozenset({"PAUSED"}),
        "CANCELLED": frozenset({"PAUSED"}),
    },
}

_KINDS = {"Task": "tsk", "Ticket": "tkt", "Assessment": "asm", "TestSession": "ses"}
STATUSES = {
    f"{kind} {status}"
    for kind, prefix in _KINDS.items()
    for was, to in TABLES[prefix].items()
    for status in ({was} if was else set()) | to
}
UNREACHABLE = {"Task ARCHIVED", "Assessment CANCELLED"}  # no mutation brings anything there yet

WAITING = ("AWAITING_PROCTOR", "READY")
RUNNING = ("ACTIVE", "INTERRUPTED")
UNFINISHED = (*WAITING, *RUNNING, "PAUSED")
ENDED = ("SUBMITTED", "TIMED_OUT", "TERMINATED", "CANCELLED")
