"""What is true: tables, enums, state tables, finders, and the tenancy door."""

from models.access_link import AccessLink, AccessLinkStatus
from models.actor import ANONYMOUS, PERMISSIONS, Actor, ActorKind, Permission, Role, system
from models.api_key import ApiKey
from models.assessment import Assessment, AssessmentStatus
from models.base import Owned, Row
from models.event import Event, EventType
from models.export import Export, ExportStatus
from models.grading import Answer, Result, Review
from models.identity_provider import IdentityProvider
from models.ledger import TimeAdjustment, TimeCause
from models.member import Login, Member
from models.organization import Organization
from models.session import GradingStatus, TestSession, TestSessionAction, TestSessionStatus
from models.task import Continuation, Proctoring, ResultRelease, Step, Task, TaskStatus
from models.test import Option, Question, QuestionKind, Section, Test, TestStatus
from models.ticket import Candidate, Ticket, TicketBatch, TicketStatus

__all__ = [
    "ANONYMOUS",
    "PERMISSIONS",
    "AccessLink",
    "AccessLinkStatus",
    "Actor",
    "ActorKind",
    "Answer",
    "ApiKey",
    "Assessment",
    "AssessmentStatus",
    "Candidate",
    "Continuation",
    "Event",
    "EventType",
    "Export",
    "ExportStatus",
    "GradingStatus",
    "IdentityProvider",
    "Login",
    "Member",
    "Option",
    "Organization",
    "Owned",
    "Permission",
    "Proctoring",
    "Question",
    "QuestionKind",
    "Result",
    "ResultRelease",
    "Review",
    "Role",
    "Row",
    "Section",
    "Step",
    "Task",
    "TaskStatus",
    "Test",
    "TestSession",
    "TestSessionAction",
    "TestSessionStatus",
    "TestStatus",
    "Ticket",
    "TicketBatch",
    "TicketStatus",
    "TimeAdjustment",
    "TimeCause",
    "system",
]
