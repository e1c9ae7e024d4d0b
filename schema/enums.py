"""The enums of the models, as GraphQL shows them."""

from __future__ import annotations

from enum import Enum

import strawberry

from models import (
    AccessLinkStatus,
    AssessmentStatus,
    Continuation,
    EventType,
    ExportStatus,
    GradingStatus,
    Permission,
    Proctoring,
    QuestionKind,
    ResultRelease,
    Role,
    TaskStatus,
    TestSessionAction,
    TestSessionStatus,
    TestStatus,
    TicketStatus,
    TimeCause,
)


class RunningSessions(Enum):
    """What becomes of unfinished test sessions: KEEP lets them go on to their end, TERMINATE ends them at once."""

    KEEP = "KEEP"
    TERMINATE = "TERMINATE"


Scope = Permission

SHOWN = (
    AccessLinkStatus,
    AssessmentStatus,
    Continuation,
    EventType,
    ExportStatus,
    GradingStatus,
    Proctoring,
    QuestionKind,
    ResultRelease,
    Role,
    RunningSessions,
    TaskStatus,
    TestSessionAction,
    TestSessionStatus,
    TestStatus,
    TicketStatus,
    TimeCause,
)
for shown in SHOWN:
    strawberry.enum(shown, description=shown.__doc__)
strawberry.enum(Scope, name="Scope", description="One thing that an API key may do.")

__all__ = [
    "AccessLinkStatus",
    "AssessmentStatus",
    "Continuation",
    "EventType",
    "ExportStatus",
    "GradingStatus",
    "Proctoring",
    "QuestionKind",
    "ResultRelease",
    "Role",
    "RunningSessions",
    "Scope",
    "TaskStatus",
    "TestSessionAction",
    "TestSessionStatus",
    "TestStatus",
    "TicketStatus",
    "TimeCause",
]
