"""The command line, run as an operator runs it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from signal import SIGTERM

from models import ApiKey, Event, Member, Task, Ticket, database
from server import create_app
from services import demo
from services.site import Site
from settings import Settings
from tests.process import Running, free_port, gone

ROOT = Path(__file__).parent.parent


async def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run `server.py` in a folder of its own; the exit status, what it printed, and what it complained of."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "server.py"),
        *arguments,
        cwd=folder,
        env={**kept, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complained = await process.communicate()
    return process.returncode or 0, printed.decode(), complained.decode()


async def test_export_schema_prints_the_schema_that_is_committed(tmp_path: Path) -> None:
    status, printed, _ = await run(tmp_path, "export-schema")

    assert status == 0
    assert printed == (ROOT / "schema.graphql").read_text()


async def test_a_production_start_without_a_secret_is_refused_in_a_sentence(tmp_path: Path) -> None:
    status, printed, complained = await run(tmp_path, ENVIRONMENT="production")

    assert (status, printed) == (2, "")
    assert complained == "Set SECRET_KEY to at least 32 random characters: everything is signed with it.\n"
    assert not list(tmp_path.iterdir())


async def test_create_organization_makes_one_once(tmp_path: Path) -> None:
    order = ("create-organization", "--name", "Hill School", "--owner", "Olive Owner", "--email", "olive@example.org")

    made = await run(tmp_path, *order, ADMIT_PASSWORD="correct horse battery")
    again = await run(tmp_path, *order, ADMIT_PASSWORD="correct horse battery")

    assert made[0] == 0
    assert made[1].startswith("org_")
    assert made[1].endswith(" Hill School\n")
    assert again == (2, "", "This e-mail address is already in use: log in instead.\n")


async def test_migrate_twice_changes_nothing(tmp_path: Path) -> None:
    first = await run(tmp_path, "migrate")
    second = await run(tmp_path, "migrate")

    assert (first[0], second[0]) == (0, 0)
    assert (tmp_path / "var" / "admit.sqlite3").exists()


async def test_without_a_command_the_tables_are_made_and_served_until_it_is_told_to_stop(tmp_path: Path) -> None:
    address, log = f"http://127.0.0.1:{(port := free_port())}", tmp_path / "log"
    with log.open("wb") as output:
        begun = await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / "server.py"), cwd=tmp_path, stdout=output, stderr=output,
            env={"PATH": os.environ["PATH"], "PORT": str(port), "BASE_URL": address},
        )  # fmt: skip
    server = Running(begun, address, log)
    try:
        await server.ready()
        status = await server.stop()
    finally:
        await gone([server])

    assert status in (0, -SIGTERM)
    assert "Traceback" not in log.read_text()


async def test_the_demo_is_made_once_and_then_reused(settings: Settings) -> None:
    site: Site = create_app(settings).state.site
    await database.connect(settings.database_url)
    try:
        first = await demo.make(site)
        second = await demo.make(site)

        member = await Member.by_email(demo.EMAIL)
        assert member is not None
        assert (await Task.all().count(), await Ticket.all().count()) == (1, 25)
        assert await ApiKey.filter(revoked_at=None).count() == 1
        assert await Event.filter(type="TICKETS_ISSUED").count() == 1
        assert _addresses(first) == _addresses(second)
        assert f"{settings.base_url}/dashboard?task=tsk_" in first
    finally:
        await database.disconnect()


def _addresses(sheet: str) -> list[str]:
    """The lines that stay the same: all but GraphiQL's, which has a new key each time."""
    return [line for line in sheet.splitlines() if "GraphiQL" not in line]
