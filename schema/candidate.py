"""The test-taker."""

from __future__ import annotations

import strawberry
from strawberry.scalars import JSON

import models
from schema.node import Node, column, optional, view
from schema.scalars import URL


@view(models.Candidate, description="The test-taker. Personal data is here and nowhere else.")
class Candidate(Node):
    """View of models.Candidate."""

    full_name: str = column("The person's name, exactly as it was sent.")
    email: str | None = column("The person's e-mail address.")
    external_id: str | None = column("What another system calls this person.")
    attributes: JSON = column("Whatever else the integrator wants to keep, as an object.")


@strawberry.input(description="A candidate to issue a ticket for.")
class CandidateInput:
    """One row of issueTickets."""

    full_name: str = column("The person's name, at most 200 characters; any text, also one that begins with =.")
    email: str | None = optional("The person's e-mail address.")
    external_id: str | None = optional("What your system calls this person, at most 200 characters.")
    attributes: JSON | None = optional("Whatever else you want to keep, an object of at most 10,000 bytes.")
    extra_time_percent: int | None = optional("Accommodation: this much more time, 0 to 400 percent.")
    meeting_url: URL | None = optional("The https address of this person's own conference.")
