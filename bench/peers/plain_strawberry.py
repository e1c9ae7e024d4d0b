"""The way everyone writes it: Strawberry, Tortoise and data loaders, served by Starlette. It authenticates nobody."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.types import Info
from tortoise import Tortoise

from bench.peers import plain_models as models
from bench.peers import plain_writes, raw
from bench.peers.plain_types import Organization, TestSession, Ticket


@strawberry.type
class Query:
    @strawberry.field
    async def organization(self) -> Organization | None:
        return Organization(row=await models.Organization.get(id=plain_writes.OWN))

    @strawberry.field
    async def ticket(self, invitation_code: str) -> Ticket | None:
        return Ticket(row=await models.Ticket.get(code=raw.stored(invitation_code)))


@strawberry.type
class TaskNotOpen:
    message: str


@strawberry.input
class CandidateInput:
    full_name: str
    email: str | None = None
    external_id: str | None = None


@strawberry.input
class IssueTicketsInput:
    task_id: strawberry.ID
    candidates: list[CandidateInput]


@strawberry.type
class IssueTicketsSuccess:
    tickets: list[Ticket]


@strawberry.input
class EnterTaskInput:
    task_slug: str
    invitation_code: str


@strawberry.type
class Assessment:
    id: strawberry.ID
    status: str


@strawberry.type
class EnterTaskSuccess:
    assessment: Assessment
    access_token: str


@strawberry.input
class StartTestInput:
    step_id: strawberry.ID


@strawberry.type
class StartTestSuccess:
    test_session: TestSession


IssueResult: TypeAlias = Annotated[IssueTicketsSuccess | TaskNotOpen, strawberry.union("IssueTicketsResult")]
EnterResult: TypeAlias = Annotated[EnterTaskSuccess | TaskNotOpen, strawberry.union("EnterTaskResult")]
StartResult: TypeAlias = Annotated[StartTestSuccess | TaskNotOpen, strawberry.union("StartTestResult")]


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def issue_tickets(self, input: IssueTicketsInput) -> IssueResult:
        people = [vars(one) for one in input.candidates]
        tickets = await plain_writes.issue(UUID(input.task_id[4:]), people)
        return IssueTicketsSuccess(tickets=[Ticket(row=row) for row in tickets])

    @strawberry.mutation
    async def enter_task(self, input: EnterTaskInput) -> EnterResult:
        made = await plain_writes.enter(input.task_slug, input.invitation_code)
        shown = Assessment(id=strawberry.ID(f"asm_{made.id}"), status=made.status)
        return EnterTaskSuccess(assessment=shown, access_token=plain_writes.signed(str(made.id)))

    @strawberry.mutation
    async def start_test(self, info: Info[Any, None], input: StartTestInput) -> StartResult:
        token = info.context["request"].headers["authorization"][7:]
        made = await plain_writes.start(token, UUID(input.step_id[4:]))
        return StartTestSuccess(test_session=TestSession(row=made))


class Endpoint(GraphQL[Any, None]):
    """Loaders for each request."""

    async def get_context(self, request: Any, response: Any) -> Any:
        """What resolvers find in `info.context`."""
        loaders = {name: DataLoader(load_fn=load) for name, load in _LOADS.items()}
        return {"request": request, "response": response, **loaders}


async def _tasks(keys: list[UUID]) -> list[models.Task]:
    found = await models.Task.in_bulk(keys, "id")
    return [found[key] for key in keys]


async def _tickets(keys: list[tuple[UUID, int]]) -> list[list[models.Ticket]]:
    return await asyncio.gather(*(models.Ticket.filter(task_id=key).order_by("id").limit(first) for key, first in keys))


async def _sessions(keys: list[tuple[UUID, int]]) -> list[list[models.TestSession]]:
    found: dict[UUID, list[models.TestSession]] = {key: [] for key, _ in keys}
    for row in await models.TestSession.filter(ticket_id__in=list(found)).order_by("id"):
        found[row.ticket_id].append(row)
    return [found[key][:first] for key, first in keys]


async def _scores(keys: list[UUID]) -> list[float | None]:
    rows = await models.Result.filter(session_id__in=keys, superseded_at=None).order_by("version")
    found = {row.session_id: row.score for row in rows}
    return [found.get(key) for key in keys]


_LOADS: dict[str, Any] = {"tasks": _tasks, "tickets": _tickets, "sessions": _sessions, "scores": _scores}


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """The database's."""
    url = os.environ["DATABASE_URL"].replace("sqlite:", "sqlite://").replace("postgres:", "asyncpg:")
    await Tortoise.init(
        db_url=url, modules={"plain": ["bench.peers.plain_models"]}, use_tz=True, _enable_global_fallback=True
    )
    yield
    await Tortoise.close_connections()


async def healthz(request: Request) -> PlainTextResponse:
    """It answers."""
    return PlainTextResponse("ok")


if __name__ == "__main__":
    door = Endpoint(strawberry.Schema(query=Query, mutation=Mutation))
    served = Starlette(routes=[Route("/healthz", healthz), Route("/graphql", door)], lifespan=lifespan)
    uvicorn.run(served, port=int(os.environ["PORT"]), log_level="warning", access_log=False)
