"""What can be read of the way everyone writes it: types over rows, and loaders in the context."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry.types import Info

from bench.peers import plain_models as models
from bench.peers import raw

T = TypeVar("T")


@strawberry.enum
class TicketStatus(Enum):
    ISSUED = "ISSUED"
    ACTIVATED = "ACTIVATED"
    CONSUMED = "CONSUMED"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    SCHEDULED = "SCHEDULED"
    EXPIRED = "EXPIRED"


@strawberry.type
class Edge(Generic[T]):
    node: T


@strawberry.type
class Connection(Generic[T]):
    edges: list[Edge[T]]


def connection(nodes: list[T]) -> Connection[T]:
    return Connection(edges=[Edge(node=node) for node in nodes])


@strawberry.type
class TestSession:
    row: strawberry.Private[models.TestSession]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"ses_{self.row.id}")

    @strawberry.field
    def status(self) -> str:
        return self.row.status

    @strawberry.field
    def started_at(self) -> datetime | None:
        return self.row.started_at

    @strawberry.field
    def deadline_at(self) -> datetime | None:
        return self.row.deadline_at

    @strawberry.field
    async def score(self, info: Info[Any, None]) -> float | None:
        score: float | None = await info.context["scores"].load(self.row.id)
        return score


@strawberry.type
class Ticket:
    row: strawberry.Private[models.Ticket]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"tkt_{self.row.id}")

    @strawberry.field
    def invitation_code(self) -> str:
        return raw.shown(self.row.code)

    @strawberry.field
    def status(self) -> TicketStatus:
        now, status = datetime.now(UTC), self.row.status
        if status in ("ISSUED", "ACTIVATED"):
            if self.row.valid_until and self.row.valid_until <= now:
                status = "EXPIRED"
            elif self.row.valid_from and self.row.valid_from > now:
                status = "SCHEDULED"
        return TicketStatus[status]

    @strawberry.field
    async def task(self, info: Info[Any, None]) -> Annotated[Task, strawberry.lazy("bench.peers.plain_types")]:
        return Task(row=await info.context["tasks"].load(self.row.task_id))

    @strawberry.field
    async def test_sessions(self, info: Info[Any, None], first: int = 50) -> Connection[TestSession]:
        found = await info.context["sessions"].load((self.row.id, first))
        return connection([TestSession(row=row) for row in found])


@strawberry.type
class Task:
    row: strawberry.Private[models.Task]

    @strawberry.field
    def name(self) -> str:
        return self.row.name

    @strawberry.field
    async def tickets(self, info: Info[Any, None], first: int = 50) -> Connection[Ticket]:
        found = await info.context["tickets"].load((self.row.id, first))
        return connection([Ticket(row=row) for row in found])


@strawberry.type
class Organization:
    row: strawberry.Private[models.Organization]

    @strawberry.field
    async def tasks(self, first: int = 50) -> Connection[Task]:
        found = await models.Task.filter(organization_id=self.row.id).order_by("id").limit(first)
        return connection([Task(row=row) for row in found])
