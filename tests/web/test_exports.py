"""Downloading a spreadsheet by its signed address, and by no other."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from models import Event, EventType, Export, system
from services import exporting
from settings import Settings
from tests.resolvers.test_exports import EXPORT, STATE
from tests.world import Clock, Door


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """No worker in the background: the tests are the worker."""
    return replace(settings, export_workers=0)


@pytest.fixture
async def export(app: Starlette, door: Door) -> Any:
    """A finished export of an open task with two tickets, and the slug of its task."""
    owner = await door.sign_up()
    task = await owner.open_task()
    await owner.issue(task["id"], 2)
    asked = await owner.mutate(EXPORT, taskId=task["id"])
    await exporting.step(app.state.site)
    shown = await owner.ask(STATE, id=asked["export"]["id"])
    return {**shown["node"], "slug": task["slug"]}


async def downloads(export: Any) -> int:
    """How often the log says that the file was downloaded."""
    row = await Export.by_id(Export.key_of(export["id"]))
    assert row is not None
    log = Event.visible_to(system(row.organization_id))
    return await log.filter(type=EventType.EXPORT_DOWNLOADED, subject=export["id"]).count()


async def test_the_address_gives_the_file(door: Door, export: Any) -> None:
    answer = await door.client.get(export["downloadUrl"])

    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == export["sha256"]
    assert answer.headers["content-type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    name = f"admit-links-{export['slug']}-2026-01-02.xlsx"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["cache-control"] == "no-store"
    assert await downloads(export) == 1


@pytest.mark.parametrize(
    "tamper",
    [
        {"signature": "A" * 43},
        {"signature": ""},
        {"until": "9999999999"},
        {"until": "-1"},
        {"until": "٣"},
        {"until": ""},
    ],
)
async def test_a_changed_address_gives_nothing(door: Door, export: Any, tamper: dict[str, str]) -> None:
    address = httpx.URL(export["downloadUrl"]).copy_merge_params(tamper)

    answer = await door.client.get(address)

    assert answer.status_code == 403
    assert "text/html" in answer.headers["content-type"]
    assert await downloads(export) == 0


async def test_an_address_without_a_signature_gives_nothing(door: Door, export: Any) -> None:
    answer = await door.client.get(f"/exports/{export['id']}.xlsx")

    assert answer.status_code == 403


async def test_one_exports_signature_does_not_open_another(app: Starlette, door: Door, export: Any) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    other = (await owner.mutate(EXPORT, taskId=task["id"]))["export"]
    await exporting.step(app.state.site)

    answer = await door.client.get(export["downloadUrl"].replace(export["id"], other["id"]))

    assert answer.status_code == 403


async def test_an_address_is_good_for_an_hour(door: Door, export: Any, clock: Clock) -> None:
    clock.forward(seconds=3599)
    in_time = await door.client.get(export["downloadUrl"])
    clock.forward(seconds=1)
    too_late = await door.client.get(export["downloadUrl"])

    assert (in_time.status_code, too_late.status_code) == (200, 403)
    assert await downloads(export) == 1


async def test_an_export_that_is_not_ready_is_not_found(app: Starlette, door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    asked = (await owner.mutate(EXPORT, taskId=task["id"]))["export"]
    row = await Export.by_id(Export.key_of(asked["id"]))
    assert row is not None

    answers = [await door.client.get(app.state.site.urls.download(one)) for one in (row, Export())]

    assert [answer.status_code for answer in answers] == [404, 404]


async def test_a_file_that_is_gone_is_not_found(app: Starlette, door: Door, export: Any) -> None:
    (app.state.site.export_dir / f"{export['id']}.xlsx").unlink()

    answer = await door.client.get(export["downloadUrl"])

    assert answer.status_code == 404
    assert await downloads(export) == 0
