"""Spreadsheets of a task's direct links: asked for and downloaded. `services/exporting.py` makes them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

import errors
from models import ANONYMOUS, Actor, EventType, Export, Permission, Task, clock, event, system
from models.event import record
from models.filters import TicketFilter
from models.unit import transactional
from services import direct_links, stream
from services.site import Site

CHANGES = (EventType.EXPORT_PROGRESSED, EventType.EXPORT_READY, EventType.EXPORT_FAILED)


async def request(
    site: Site, actor: Actor, task_id: UUID, ticket_filter: TicketFilter | None, links_expire_at: datetime | None
) -> Export:
    """Queue a spreadsheet of the task's tickets that fit, their shared links good until `links_expire_at`.

    Raises InvalidInput for an expiry that has passed.
    """
    export = await _queue(actor, task_id, ticket_filter, links_expire_at)
    site.exports_queued.set()
    return export


@transactional
async def _queue(
    actor: Actor, task_id: UUID, ticket_filter: TicketFilter | None, links_expire_at: datetime | None
) -> Export:
    task = await Task.seen_by(actor, task_id)
    actor.must(Permission.EXPORT)
    if links_expire_at is not None:
        links_expire_at = links_expire_at.replace(microsecond=0)  # what a sealed link says
        if links_expire_at <= clock.now():
            raise errors.InvalidInput("sharedLinksExpireAt", "Links cannot expire in the past.")
    export = await Export.create(
        organization_id=task.organization_id,
        task_id=task.id,
        ticket_filter=direct_links.stored(ticket_filter),
        links_expire_at=links_expire_at,
        requested_by=actor.gid,
    )
    record(EventType.EXPORT_REQUESTED, export.gid, actor, task_id=task.id)
    return export


async def watch(site: Site, actor: Actor, key: UUID) -> AsyncGenerator[Export, None]:
    """The export as it is now, then whenever it has changed, until it is over.

    Raises NotFound, Forbidden, and Unauthenticated as soon as the credential no longer counts.
    """
    since = await event.end(actor)  # before the first look, or a change in between would be missed
    export = await _visible(actor, key)
    yield export
    if export.is_over:
        return
    async with aclosing(stream.follow(site, actor, types=CHANGES, subject=export.gid, after=since)) as changes:
        async for _ in changes:
            before, export = export, await _visible(actor, key)
            if (export.status, export.progress) != (before.status, before.progress):
                yield export
            if export.is_over:
                return


async def _visible(actor: Actor, key: UUID) -> Export:
    export = await Export.seen_by(actor, key)
    actor.must(Permission.EXPORT)
    actor.must(Permission.READ)  # the stream's
    return export


@dataclass(frozen=True)
class Download:
    """A file, and the name that it is saved under."""

    path: Path
    filename: str


async def download(site: Site, gid: str, until: str, signature: str) -> Download:
    """The file behind a signed address. Raises Forbidden when the address is not ours or has expired, else NotFound."""
    if not site.urls.may_download(gid, until, signature):
        raise errors.Forbidden("This download address has expired or is not right: ask for a new one.")
    export = await Export.by_id(Export.key_of(gid))
    if export is None or export.ready_at is None or not file_of(site, export).is_file():
        raise errors.NotFound
    task = await Task.seen_by(system(export.organization_id), export.task_id)
    await _note_download(export)
    return Download(file_of(site, export), f"admit-links-{task.slug}-{export.ready_at:%Y-%m-%d}.xlsx")


@transactional
async def _note_download(export: Export) -> None:
    bearer = replace(ANONYMOUS, organization_id=export.organization_id)  # the address is the authority, whoever has it
    record(EventType.EXPORT_DOWNLOADED, export.gid, bearer, task_id=export.task_id)


def file_of(site: Site, export: Export) -> Path:
    """Where the finished spreadsheet lies."""
    return site.export_dir / f"{export.gid}.xlsx"
