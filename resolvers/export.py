"""Asking for a spreadsheet of direct links, and watching it being made."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

import models
from resolvers.context import Info
from schema.export import Export, ExportDirectLinksInput, ExportResult, ExportSuccess
from services import exports


@strawberry.type
class ExportMutations:
    """Mutations about spreadsheets."""

    @strawberry.mutation(
        graphql_type=ExportResult, description="Make an Excel file of a task's direct links, in the background."
    )
    async def export_direct_links(self, info: Info, input: ExportDirectLinksInput) -> ExportSuccess:
        """Answers at once."""
        site, actor, task_id = info.context.site, info.context.actor, models.Task.key_of(input.task_id)
        chosen = input.filter.to_model() if input.filter else None
        export = await exports.request(site, actor, task_id, chosen, input.shared_links_expire_at)
        return ExportSuccess(export=export)


@strawberry.type
class ExportSubscriptions:
    """Watching a spreadsheet being made."""

    @strawberry.subscription(
        graphql_type=Export,
        description="The export as it is now, then whenever it has changed, until it is READY or FAILED.",
    )
    async def export_progressed(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The export.")]
    ) -> AsyncGenerator[models.Export, None]:
        """Fresh loaders for each."""
        watched = exports.watch(info.context.site, info.context.actor, models.Export.key_of(id))
        async with aclosing(watched) as states:
            async for export in states:
                info.context.renew()
                yield export
