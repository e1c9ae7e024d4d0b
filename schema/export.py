"""Spreadsheets of direct links."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

import errors
import models
from schema.context import Info
from schema.enums import ExportStatus
from schema.filters import TicketFilter
from schema.node import Node, column, optional, relation, view
from schema.refusals import result
from schema.scalars import URL


@view(models.Export, description="A spreadsheet of a task's direct links, made in the background.")
class Export(Node):
    """View of models.Export."""

    status: ExportStatus = column("How far it is.")
    progress: float = column("From 0 to 1.")
    rows: int | None = column("How many tickets it lists, once it is READY.")
    sha256: str | None = column("The SHA-256 of the file in hexadecimal, once it is READY.")
    created_at: datetime = column("When it was asked for.")

    task: Any = relation("schema.task.Task", models.Task, "task_id", description="The task whose links it lists.")

    @strawberry.field(
        graphql_type=URL | None,
        description="Where the file is downloaded, once it is READY: signed, good for a short time.",
    )
    @staticmethod
    def download_url(root: strawberry.Parent[models.Export], info: Info) -> str | None:
        """Made anew whenever it is asked for."""
        return info.context.urls.download(root) if root.status is models.ExportStatus.READY else None


@strawberry.input(description="Which tickets' links go into a spreadsheet.")
class ExportDirectLinksInput:
    """What exportDirectLinks takes."""

    task_id: strawberry.ID = column("The task.")
    filter: TicketFilter | None = optional("Only the tickets that fit.")
    shared_links_expire_at: datetime | None = optional("When the shared links expire; null for never.")


@strawberry.type(description="The spreadsheet, queued; follow it with exportProgressed.")
class ExportSuccess:
    """What exportDirectLinks answers."""

    export: models.Export = strawberry.field(graphql_type=Export, description="The spreadsheet that will be made.")


ExportResult = result("ExportResult", ExportSuccess, errors.InvalidInput)
