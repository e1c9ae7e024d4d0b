"""Making spreadsheets in the background: one worker of all the processes gets each, and another one if that dies."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import aclosing, suppress
from copy import copy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import errors
from models import EventType, Export, ExportStatus, Task, clock, system
from models.event import record
from models.unit import transactional
from services import direct_links
from services.exports import file_of
from services.site import Site
from services.spreadsheet import Spreadsheet

T = TypeVar("T")

STEP = 0.05  # progress is announced when it has grown by this much
BEATS = 4  # heartbeats in the time after which a silent worker is taken for dead

log = logging.getLogger("admit.exports")


class Superseded(Exception):
    """Another worker took this one for dead and has the export now."""


async def run(site: Site) -> None:
    """Make spreadsheets as they are asked for, until cancelled; what is half made is put back into the queue."""
    async with asyncio.TaskGroup() as workers:
        for _ in range(site.limits.export_workers):
            workers.create_task(_work(site))


async def _work(site: Site) -> None:
    while True:
        site.exports_queued.clear()
        try:
            while await step(site):
                pass
        except errors.Unavailable:
            pass  # the database said so in the log; its exports are still there when it is back
        except Exception:
            log.exception("exports cannot be made at present")
        with suppress(TimeoutError):  # other processes queue without waking us
            async with asyncio.timeout(site.limits.poll_seconds):
                await site.exports_queued.wait()


async def step(site: Site) -> bool:
    """Make the oldest spreadsheet that waits for it; False when none does."""
    export = await claim(site)
    if export is None:
        return False
    try:
        await make(site, export)
    except Superseded:
        log.warning("%s was taken over by another worker", export.gid)
    except asyncio.CancelledError:
        await _put_back(export)
        raise
    except errors.Unavailable:  # no fault of the export's
        await _put_back(export)
        raise
    except Exception:
        log.exception("%s failed", export.gid)
        await _fail(export)
    return True


@transactional
async def claim(site: Site) -> Export | None:
    """Take the oldest export that is queued or whose worker has been silent; of several processes one gets it."""
    now = clock.now()
    while export := await Export.unfinished(now - timedelta(seconds=site.limits.export_stale_seconds)):
        if await export.advance(ExportStatus.RUNNING, now, progress=0.0):
            _announce(export)
            return export
    return None


async def make(site: Site, export: Export) -> None:
    """Write the claimed export's file. Raises Superseded when the claim was lost, whatever went wrong otherwise."""
    now = clock.now()
    actor = system(export.organization_id)
    task = await Task.seen_by(actor, export.task_id)
    total = await direct_links.tickets(actor, export, now).count()
    with tempfile.TemporaryDirectory(prefix=_prefix(export), dir=_swept(site, export)) as folder:
        path = Path(folder) / "links.xlsx"
        with Spreadsheet(path, "Links", direct_links.columns(task), now) as sheet:
            async with aclosing(_one_ahead(direct_links.chunks(export, now))) as chunks:
                async for chunk in chunks:
                    lines = direct_links.lines(site.urls, task, export, chunk, now)
                    await _to_its_end(site, export, asyncio.to_thread(sheet.write, lines))
                    await _beat(site, export, min(1.0, sheet.rows / max(total, 1)))
            await _to_its_end(site, export, asyncio.to_thread(sheet.close))
        sha256 = await _to_its_end(site, export, asyncio.to_thread(_sealed, path))
        await _to_its_end(site, export, _finish(site, export, path, sheet.rows, sha256))


async def _one_ahead(items: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """The items, the next of which is made while one is used: the database works while the spreadsheet is written."""
    coming = asyncio.ensure_future(anext(items, None))
    try:
        while (item := await coming) is not None:
            coming = asyncio.ensure_future(anext(items, None))
            yield item
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def _to_its_end(site: Site, export: Export, work: Awaitable[T]) -> T:
    """What the work returns, with heartbeats however long it takes. Cancelled, we go only when the work is over."""
    working = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({working}, timeout=site.limits.export_stale_seconds / BEATS))[0]:
            await _beat(site, export, export.progress)
    finally:
        await asyncio.gather(working, return_exceptions=True)
    return working.result()


async def _beat(site: Site, export: Export, progress: float) -> None:
    silent = clock.now() - (export.heartbeat_at or export.created_at)
    if progress - export.progress >= STEP or silent >= timedelta(seconds=site.limits.export_stale_seconds / BEATS):
        await _progress(export, progress)


@transactional
async def _progress(export: Export, progress: float) -> None:
    if not await export.advance(ExportStatus.RUNNING, clock.now(), progress=progress):
        raise Superseded
    _announce(export)


@transactional
async def _finish(site: Site, export: Export, path: Path, rows: int, sha256: str) -> None:
    now, done = clock.now(), copy(export)  # which is as it was, when the file cannot be put in its place
    if not await done.advance(ExportStatus.READY, now, progress=1.0, rows=rows, sha256=sha256, ready_at=now):
        raise Superseded
    # while the claim is certain: the file is always the one with this SHA-256
    path.replace(file_of(site, export))  # noqa: ASYNC240  a rename does not wait
    maker = replace(system(export.organization_id), gid=export.requested_by)
    record(EventType.EXPORT_READY, export.gid, maker, task_id=export.task_id, rows=rows, sha256=sha256)


@transactional
async def _put_back(export: Export) -> None:
    if await export.advance(ExportStatus.QUEUED, None, progress=0.0):
        _announce(export)


@transactional
async def _fail(export: Export) -> None:
    if await export.advance(ExportStatus.FAILED, clock.now()):
        record(EventType.EXPORT_FAILED, export.gid, system(export.organization_id), task_id=export.task_id)


def _announce(export: Export) -> None:
    record(
        EventType.EXPORT_PROGRESSED,
        export.gid,
        system(export.organization_id),
        task_id=export.task_id,
        status=export.status,
        progress=export.progress,
    )


def _prefix(export: Export) -> str:
    return f"{export.gid}-"


def _swept(site: Site, export: Export) -> Path:
    """The folder of spreadsheets, for our eyes only, without what a worker that died left of this one."""
    site.export_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in site.export_dir.glob(f"{_prefix(export)}*"):
        shutil.rmtree(left, ignore_errors=True)
    return site.export_dir


def _sealed(path: Path) -> str:
    """The SHA-256 of the file, which is on the disk and for our eyes only when this returns."""
    path.chmod(0o600)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()
