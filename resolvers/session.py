"""Reading sessions, and why somebody cannot get in."""

from __future__ import annotations

from typing import Annotated

import strawberry

import models
from resolvers.context import Info
from schema.diagnosis import AccessDiagnosis
from schema.session import TestSession
from services import diagnosis, sessions
from services.diagnosis import Diagnosis

_Session = Annotated[strawberry.ID, strawberry.argument(description="The session.")]
_Ticket = Annotated[strawberry.ID, strawberry.argument(description="The ticket.")]


@strawberry.type
class SessionQueries:
    """Reading one session."""

    @strawberry.field(graphql_type=TestSession | None, description="One test session; closed first, if its time is up.")
    async def test_session(self, info: Info, id: _Session) -> models.TestSession:
        """Staff's, or a candidate's own."""
        return await sessions.current(info.context.site, info.context.actor, models.TestSession.key_of(id))

    @strawberry.field(
        graphql_type=AccessDiagnosis, description="Why this person can or cannot get in now, and what to do."
    )
    async def access_diagnosis(self, info: Info, ticket_id: _Ticket) -> Diagnosis:
        """Staff only."""
        return await diagnosis.of_ticket(info.context.actor, models.Ticket.key_of(ticket_id))
