"""Spreadsheets of direct links: what is in them, who may have them, and workers that die."""

from __future__ import annotations

import asyncio
import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from starlette.applications import Starlette

from models import Event, EventType, Export, ExportStatus, Role, Ticket, moves, system
from models.unit import transactional
from services import direct_links, exporting, exports
from services.credentials import authenticate
from services.site import Site
from settings import Settings
from tests.world import Clock, Door

EXPORT = """
mutation ($input: ExportDirectLinksInput!) {
  exportDirectLinks(input: $input) {
    __typename
    ... on ExportSuccess { export { id status progress rows sha256 downloadUrl task { id } } }
    ... on Refusal { message }
    ... on InvalidInput { field }
  }
}
"""
STATE = "query ($id: ID!) { node(id: $id) { id ... on Export { status progress rows sha256 downloadUrl createdAt } } }"
PROGRESS = "subscription ($id: ID!) { exportProgressed(id: $id) { status progress rows downloadUrl task { id } } }"
HEADINGS = [
    "Candidate",
    "E-mail",
    "External id",
    "Group",
    "Code",
    "Access link",
    "Shared link",
    "Valid until",
    "Status",
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """No worker in the background: the tests are the worker, step by step."""
    return replace(settings, export_workers=0)


@pytest.fixture
def site(app: Starlette) -> Site:
    """The application's collaborators."""
    made: Site = app.state.site
    return made


async def ready(door: Door, site: Site, **input: Any) -> Any:
    """An export that was asked for and made, as GraphQL shows it."""
    asked = await door.mutate(EXPORT, **input)
    assert asked["__typename"] == "ExportSuccess", asked
    while await exporting.step(site):
        pass
    return (await door.ask(STATE, id=asked["export"]["id"]))["node"]


def sheet(site: Site, export: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The file's rows, each by its headings."""
    headings, *rows = openpyxl.load_workbook(site.export_dir / f"{export['id']}.xlsx")["Links"].values
    return [dict(zip(map(str, headings), row, strict=True)) for row in rows]


async def row_of(export: Mapping[str, Any]) -> Export:
    """The export's row."""
    found = await Export.by_id(Export.key_of(export["id"]))
    assert found is not None
    return found


async def events_of(export: Mapping[str, Any]) -> list[tuple[EventType, str, dict[str, Any]]]:
    """What the log says of the export: type, actor, payload."""
    row = await row_of(export)
    log = await Event.visible_to(system(row.organization_id)).filter(subject=export["id"])
    return [(event.type, event.actor, event.payload) for event in log]


@transactional
async def revoke(ticket_id: str) -> None:
    """Withdraw a ticket."""
    ticket = await Ticket.hold(Ticket.key_of(ticket_id))
    await moves.move(ticket, type(ticket.status).REVOKED, system(ticket.organization_id))


async def watch(door: Door, export_id: str) -> list[Any]:
    """What the subscription says until it ends, over SSE: each answer."""
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {door.token}"}
    body = {"query": PROGRESS, "variables": {"id": export_id}}
    answer = await door.client.post("/graphql", json=body, headers=headers)
    said = [line.removeprefix("data:") for line in answer.text.splitlines() if line.startswith("data:")]
    return [json.loads(data) for data in said if data.strip()]


async def test_asking_answers_at_once(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    answer = await owner.mutate(EXPORT, taskId=task["id"])

    assert answer["__typename"] == "ExportSuccess"
    key = answer["export"].pop("id")
    assert key.startswith("exp_")
    assert answer["export"] == {
        "status": "QUEUED",
        "progress": 0.0,
        "rows": None,
        "sha256": None,
        "downloadUrl": None,
        "task": {"id": task["id"]},
    }
    assert await events_of({"id": key}) == [(EventType.EXPORT_REQUESTED, owner.known["member"]["id"], {})]


async def test_the_file_has_a_row_for_each_ticket(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    tickets = await owner.issue(task["id"], 3, group="Morning", validUntil="2026-03-01T10:00:00+02:00")

    export = await ready(owner, site, taskId=task["id"])

    rows = sheet(site, export)
    shared = [row.pop("Shared link") for row in rows]
    assert rows == [
        {
            "Candidate": f"Candidate {at}",
            "E-mail": f"candidate{at}@example.org",
            "External id": f"S-{at}",
            "Group": "Morning",
            "Code": ticket["invitationCode"],
            "Access link": ticket["accessLink"],
            "Valid until": "2026-03-01T08:00:00Z",
            "Status": "ISSUED",
        }
        for at, ticket in enumerate(tickets, 1)
    ]
    opened = [site.keys.open_link(link.removeprefix("https://admit.test/a/")) for link in shared]
    assert all(link.startswith("https://admit.test/a/") for link in shared)
    assert len({claims.link_id for claims in opened}) == 3
    assert {claims.expires_at for claims in opened} == {None}


async def test_the_finished_export_is_recorded_with_its_maker(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    await owner.issue(task["id"], 2)

    export = await ready(owner, site, taskId=task["id"])

    file = site.export_dir / f"{export['id']}.xlsx"
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (export["status"], export["progress"], export["rows"], export["sha256"]) == ("READY", 1.0, 2, sha256)
    assert export["downloadUrl"].startswith(f"https://admit.test/exports/{export['id']}.xlsx?until=")
    assert await events_of(export) == [
        (EventType.EXPORT_REQUESTED, owner.known["member"]["id"], {}),
        (EventType.EXPORT_PROGRESSED, "system", {"status": "RUNNING", "progress": 0.0}),
        (EventType.EXPORT_PROGRESSED, "system", {"status": "RUNNING", "progress": 1.0}),
        (EventType.EXPORT_READY, owner.known["member"]["id"], {"rows": 2, "sha256": sha256}),
    ]


async def test_the_links_that_an_export_makes_are_recorded(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    await owner.issue(task["id"], 2)

    export = await ready(owner, site, taskId=task["id"])
    await ready(owner, site, taskId=task["id"])

    row = await row_of(export)
    log = await Event.visible_to(system(row.organization_id)).filter(type=EventType.ACCESS_LINKS_CREATED)
    assert [(event.subject, event.task_id, event.payload) for event in log] == [
        (task["id"], row.task_id, {"count": 2, "export": export["id"]})
    ]


async def test_the_file_is_for_our_eyes_only(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    export = await ready(owner, site, taskId=task["id"])

    assert stat.S_IMODE(site.export_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((site.export_dir / f"{export['id']}.xlsx").stat().st_mode) == 0o600
    assert [path.name for path in site.export_dir.iterdir()] == [f"{export['id']}.xlsx"]


async def test_meeting_links_are_there_where_a_proctor_watches(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    meeting = {"proctoring": "CONFERENCE", "meetingUrl": "https://meet.example.org/hall"}
    task = await owner.open_task(**meeting)
    people = [{"fullName": "Ada", "meetingUrl": "https://meet.example.org/ada"}, {"fullName": "Ben"}]
    await owner.issue(task["id"], candidates=people)

    export = await ready(owner, site, taskId=task["id"])

    rows = sheet(site, export)
    assert list(rows[0]) == [*HEADINGS, "Meeting link"]
    assert [row["Meeting link"] for row in rows] == ["https://meet.example.org/ada", "https://meet.example.org/hall"]


async def test_meeting_links_are_not_there_where_nobody_watches(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    await owner.issue(task["id"], candidates=[{"fullName": "Ada", "meetingUrl": "https://meet.example.org/ada"}])

    export = await ready(owner, site, taskId=task["id"])

    assert list(sheet(site, export)[0]) == HEADINGS


async def test_a_name_like_a_formula_stays_text(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    names = ["=cmd()|' /C calc'!A0", "{=1+1}", "+1", "-1", "@SUM(A1)", "http://example.org", "<r>x</r>"]
    await owner.issue(task["id"], candidates=[{"fullName": name, "externalId": name} for name in names])

    export = await ready(owner, site, taskId=task["id"])

    rows = sheet(site, export)
    assert [row["Candidate"] for row in rows] == names
    assert [row["External id"] for row in rows] == names


async def test_only_the_tickets_that_fit_are_listed(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task, other = await owner.open_task(), await owner.open_task()
    await owner.issue(task["id"], 2, group="Morning")
    await owner.issue(task["id"], 2, group="Evening", validFrom="2026-02-01T00:00:00Z")
    await owner.issue(other["id"], 1, group="Evening", validFrom="2026-02-01T00:00:00Z")

    fits = {"group": "Evening", "status": ["SCHEDULED"], "text": "DATE 2"}
    export = await ready(owner, site, taskId=task["id"], filter=fits)

    assert export["rows"] == 1
    assert [(row["Candidate"], row["Group"], row["Status"]) for row in sheet(site, export)] == [
        ("Candidate 2", "Evening", "SCHEDULED")
    ]


async def test_the_filter_of_an_export_is_kept_whole(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    wanted = {"group": "G", "status": ["EXPIRED"], "label": "L", "externalId": "S", "text": "t"}

    answer = await owner.mutate(EXPORT, taskId=task["id"], filter=wanted)

    kept = direct_links.loaded((await row_of(answer["export"])).ticket_filter)
    assert (kept.group, kept.status, kept.label, kept.external_id, kept.text) == ("G", ("EXPIRED",), "L", "S", "t")


async def test_nobody_fits_and_the_file_has_its_header(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    export = await ready(owner, site, taskId=task["id"])

    assert (export["status"], export["rows"]) == ("READY", 0)
    assert sheet(site, export) == []


async def test_a_revoked_ticket_has_no_shared_link(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    tickets = await owner.issue(task["id"], 2)
    await revoke(tickets[0]["id"])

    export = await ready(owner, site, taskId=task["id"])

    first, second = sheet(site, export)
    assert (first["Status"], first["Shared link"]) == ("REVOKED", None)
    assert (second["Status"], second["Shared link"] is None) == ("ISSUED", False)


async def test_the_same_again_is_another_export_with_the_same_links(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    await owner.issue(task["id"], 2)
    asked = {"taskId": task["id"], "sharedLinksExpireAt": "2026-06-01T12:00:00.5+02:00"}

    first, second = await ready(owner, site, **asked), await ready(owner, site, **asked)
    other = await ready(owner, site, taskId=task["id"])

    def links(export: Any) -> list[tuple[Any, datetime | None]]:
        claims = [site.keys.open_link(row["Shared link"].rpartition("/")[2]) for row in sheet(site, export)]
        return [(claim.link_id, claim.expires_at) for claim in claims]

    assert first["id"] != second["id"]
    assert links(first) == links(second)
    assert {ends for _, ends in links(first)} == {datetime.fromisoformat("2026-06-01T10:00:00+00:00")}
    assert not {key for key, _ in links(first)} & {key for key, _ in links(other)}


async def test_many_tickets_are_read_in_chunks(door: Door, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct_links, "CHUNK", 3)
    owner = await door.sign_up()
    task = await owner.open_task()
    tickets = await owner.issue(task["id"], 7)

    export = await ready(owner, site, taskId=task["id"])

    assert [row["Code"] for row in sheet(site, export)] == [ticket["invitationCode"] for ticket in tickets]
    progress = [payload["progress"] for type_, _, payload in await events_of(export) if type_ == "EXPORT_PROGRESSED"]
    assert progress == [0.0, 3 / 7, 6 / 7, 1.0]


async def test_the_statements_are_few(door: Door, site: Site, statements: list[str]) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    await owner.issue(task["id"], 500)
    await owner.mutate(EXPORT, taskId=task["id"])
    statements.clear()

    await exporting.step(site)

    assert len(statements) < 30


async def test_refuses_links_that_expire_in_the_past(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    answer = await owner.mutate(EXPORT, taskId=task["id"], sharedLinksExpireAt="2026-01-02T03:04:05Z")

    assert (answer["__typename"], answer["field"]) == ("InvalidInput", "sharedLinksExpireAt")
    assert await exporting.step(site) is False


async def test_a_viewer_may_not_export(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    export = await ready(owner, site, taskId=task["id"])
    viewer = await owner.colleague(Role.VIEWER)

    codes = [await viewer.code_of(EXPORT, input={"taskId": task["id"]}), await viewer.code_of(STATE, id=export["id"])]

    assert codes == ["FORBIDDEN", "FORBIDDEN"]
    assert await exporting.step(site) is False


async def test_another_organization_finds_nothing(door: Door, site: Site) -> None:
    owner, stranger = await door.sign_up(), await door.sign_up()
    task = await owner.open_task()
    export = await ready(owner, site, taskId=task["id"])

    codes = [
        await stranger.code_of(EXPORT, input={"taskId": task["id"]}),
        await stranger.code_of(STATE, id=export["id"]),
    ]

    assert codes == ["NOT_FOUND", "NOT_FOUND"]
    assert await exporting.step(site) is False


async def test_nobody_exports_without_a_credential(door: Door) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()

    assert await door.code_of(EXPORT, input={"taskId": task["id"]}) == "UNAUTHENTICATED"


async def test_the_export_of_a_worker_that_died_is_taken_over(door: Door, site: Site, clock: Clock) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    await owner.issue(task["id"], 2)
    asked = (await owner.mutate(EXPORT, taskId=task["id"]))["export"]
    dead = await exporting.claim(site)
    assert dead is not None
    left = site.export_dir / f"{dead.gid}-left"
    left.mkdir(parents=True)

    clock.forward(seconds=60)
    assert await exporting.step(site) is False
    clock.forward(seconds=1)
    assert await exporting.step(site) is True

    export = (await owner.ask(STATE, id=asked["id"]))["node"]
    assert (export["status"], export["rows"]) == ("READY", 2)
    assert not left.exists()


async def test_a_worker_taken_for_dead_changes_nothing_any_more(door: Door, site: Site, clock: Clock) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    await owner.issue(task["id"], 2)
    await owner.mutate(EXPORT, taskId=task["id"])
    slow = await exporting.claim(site)
    assert slow is not None
    clock.forward(minutes=2)
    await exporting.step(site)
    before = await events_of({"id": slow.gid})

    with pytest.raises(exporting.Superseded):
        await exporting.make(site, slow)

    export = (await owner.ask(STATE, id=slow.gid))["node"]
    file = (site.export_dir / f"{slow.gid}.xlsx").read_bytes()
    assert (export["status"], export["sha256"]) == ("READY", hashlib.sha256(file).hexdigest())
    assert await events_of({"id": slow.gid}) == before


async def test_of_many_workers_one_gets_the_export(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    await owner.mutate(EXPORT, taskId=task["id"])

    claimed = await asyncio.gather(*(exporting.claim(site) for _ in range(8)))

    assert [claim is not None for claim in claimed].count(True) == 1


async def test_an_export_that_cannot_be_made_has_failed(
    door: Door, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    site.export_dir.parent.mkdir(exist_ok=True)
    site.export_dir.write_text("a file where the folder should be")

    failed = await ready(owner, site, taskId=task["id"])
    site.export_dir.unlink()
    made = await ready(owner, site, taskId=task["id"])

    assert (failed["status"], failed["downloadUrl"], failed["sha256"]) == ("FAILED", None, None)
    assert (await events_of(failed))[-1] == (EventType.EXPORT_FAILED, "system", {})
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"{failed['id']} failed"
    ]
    assert made["status"] == "READY"


async def test_an_export_whose_file_cannot_be_put_in_its_place_has_failed(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    asked = (await owner.mutate(EXPORT, taskId=task["id"]))["export"]
    exports.file_of(site, await Export.get()).mkdir(parents=True)

    worked = [await exporting.step(site) for _ in range(2)]

    assert worked == [True, False]
    assert (await Export.get()).status is ExportStatus.FAILED
    assert (await events_of(asked))[-1] == (EventType.EXPORT_FAILED, "system", {})


async def test_a_worker_that_is_stopped_puts_its_export_back(
    door: Door, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct_links, "CHUNK", 1)
    owner = await door.sign_up()
    task = await owner.open_task()
    await owner.issue(task["id"], 5)
    asked = (await owner.mutate(EXPORT, taskId=task["id"]))["export"]
    working = asyncio.create_task(exporting.step(site))
    while (await row_of(asked)).progress == 0.0:
        await asyncio.sleep(0)

    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working

    row = await row_of(asked)
    assert (row.status, row.progress, row.heartbeat_at) == (ExportStatus.QUEUED, 0.0, None)
    assert list(site.export_dir.iterdir()) == []
    assert await exporting.step(site) is True
    assert (await owner.ask(STATE, id=asked["id"]))["node"]["rows"] == 5


async def test_a_background_worker_makes_what_is_queued_and_stops_when_told(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    actor = await authenticate(site, f"Bearer {owner.token}")
    running = asyncio.create_task(exporting.run(replace(site, limits=replace(site.limits, export_workers=2))))

    asked = (await owner.mutate(EXPORT, taskId=task["id"]))["export"]
    states = [export.status async for export in exports.watch(site, actor, Export.key_of(asked["id"]))]
    running.cancel()
    ended = await asyncio.gather(running, return_exceptions=True)

    assert states[-1] == ExportStatus.READY
    assert isinstance(ended[0], asyncio.CancelledError)


async def test_watching_shows_the_present_and_every_change_to_the_end(
    door: Door, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct_links, "CHUNK", 1)
    owner = await door.sign_up()
    task = await owner.open_task()
    await owner.issue(task["id"], 2)
    asked = (await owner.mutate(EXPORT, taskId=task["id"]))["export"]
    actor = await authenticate(site, f"Bearer {owner.token}")
    watched = exports.watch(site, actor, Export.key_of(asked["id"]))

    first = await anext(watched)
    await exporting.step(site)
    rest = [export async for export in watched]

    assert (first.status, first.progress) == (ExportStatus.QUEUED, 0.0)
    assert [(export.status, export.progress, export.rows) for export in rest] == [(ExportStatus.READY, 1.0, 2)]


async def test_the_subscription_ends_with_the_finished_export(door: Door, site: Site) -> None:
    owner = await door.sign_up()
    task = await owner.open_task()
    await owner.issue(task["id"], 2)
    asked = (await owner.mutate(EXPORT, taskId=task["id"]))["export"]

    said, _ = await asyncio.gather(watch(owner, asked["id"]), exporting.step(site))

    last = said[-1]["data"]["exportProgressed"]
    assert (last["status"], last["progress"], last["rows"], last["task"]["id"]) == ("READY", 1.0, 2, task["id"])
    assert last["downloadUrl"].startswith(f"https://admit.test/exports/{asked['id']}.xlsx?")
    assert len(await watch(owner, asked["id"])) == 1


async def test_the_subscription_is_for_those_who_may_export(door: Door, site: Site) -> None:
    owner, stranger = await door.sign_up(), await door.sign_up()
    viewer = await owner.colleague(Role.VIEWER)
    task = await owner.open_task()
    export = await ready(owner, site, taskId=task["id"])

    said = [await watch(one, export["id"]) for one in (viewer, stranger, owner)]

    codes = [answers[0].get("errors", [{}])[0].get("extensions", {}).get("code") for answers in said]
    assert codes == ["FORBIDDEN", "NOT_FOUND", None]
