"""The command line: serve, migrate, create-organization, import-tickets, backup, restore, rotate-secret, …"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from getpass import getpass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE

import errors
from models import Task, clock, database
from models.alone import alone
from resolvers.roots import make_schema
from services import accounts, backups, demo, imports, rotation
from services.candidates import NewCandidate
from services.site import Site
from services.tickets import Issue
from settings import Settings, SettingsWrong
from web import log_lines
from web.connection import Bounds
from web.http_again import HttpAgain
from web.socket_wire import SocketWire

T = TypeVar("T")

KEPT_SECRET = Path("var/secret-key")
MANY_FILES = 65_536
GARBAGE = 10_000, 1, 250  # new objects after which they are looked through, twice as many once more, all seldom
RESTARTED_WITHIN = timedelta(hours=1)  # until then some process may still make things with the secret before


def main(
    arguments: list[str], create_app: Callable[[Settings], Starlette], make_site: Callable[[Settings], Site]
) -> int:
    """Run one command; the exit status says whether it worked."""
    given = _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment(_environment(given.command))
        match given.command:
            case "export-schema":
                _say(make_schema().as_str())
            case "migrate":
                prepare(settings)
            case "create-organization":
                prepare(settings)
                _say(asyncio.run(_connected(settings, _create_organization(make_site(settings), given))))
            case "import-tickets":
                candidates = imports.read(given.path)
                _collect_seldom()
                prepare(settings)
                _say(asyncio.run(_connected(settings, _import(given, candidates))))
            case "backup":
                _say(backups.take(settings.database_url, given.path))
            case "restore":
                with alone(settings.database_url):
                    _say(backups.put_back(settings.database_url, given.path, replace=given.replace))
                    prepare(settings)
            case "rotate-secret":
                _say(_rotate(settings, make_site(settings), given))
            case "demo":
                with alone(settings.database_url):
                    prepare(settings)
                    _say(asyncio.run(_connected(settings, demo.make(make_site(settings)))))
                    serve(settings, create_app)
            case _:
                with alone(settings.database_url):
                    prepare(settings)
                    serve(settings, create_app)
    except (SettingsWrong, errors.AdmitError) as wrong:
        rows = [f"Row {one.index + 2}, {one.field}: {one.message}" for one in getattr(wrong, "problems", ())]
        print(wrong, *rows, sep="\n", file=sys.stderr)  # noqa: T201  a command line speaks
        return 2
    return 0


def prepare(settings: Settings) -> None:
    """Make the folders and bring the tables up to date."""
    if database.is_sqlite(settings.database_url):
        database.path_of(settings.database_url).parent.mkdir(parents=True, exist_ok=True)
    asyncio.run(database.migrate(settings.database_url))


def serve(settings: Settings, create_app: Callable[[Settings], Starlette]) -> None:
    """Serve in this process until told to stop, finishing what is under way."""
    _allow_many_connections()
    server = uvicorn.Server(configured(settings, create_app(settings), log_config=log_lines.CONFIG))
    _collect_seldom()
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


def _allow_many_connections() -> None:
    """Open as many files as the system lets us: shells begin with about a thousand, which a few attackers use up."""
    few, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = MANY_FILES if most == resource.RLIM_INFINITY else min(most, MANY_FILES)
    if few != resource.RLIM_INFINITY and few < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))


def configured(settings: Settings, app: Starlette, **more: Any) -> uvicorn.Config:
    """uvicorn as Admit runs it: bounded where it bounds nothing by itself, and silent about who asks what."""
    bounds = Bounds(**{field.name: getattr(settings, field.name) for field in fields(Bounds)})
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=HttpAgain.asking(app.state.short, bounds),
        ws=type("WebSocket", (SocketWire,), {"bounds": bounds}),
        ws_max_size=settings.websocket_message_bytes,
        ws_per_message_deflate=False,
        lifespan="on",
        proxy_headers=False,  # server.py believes those proxies that the settings name
        server_header=False,
        limit_concurrency=settings.connections or None,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        access_log=False,  # it would hold codes and links
        **more,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="server.py", description="Admit lets test-takers in.")
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("serve", help="bring the database up to date and serve (what happens without a command)")
    commands.add_parser("migrate", help="bring the database up to date")
    commands.add_parser("export-schema", help="print the GraphQL schema")
    commands.add_parser("demo", help="serve a demo organization, which is made once")
    backup = commands.add_parser("backup", help="copy the database while it is served")
    backup.add_argument("path", type=Path, nargs="?", help="the file to write; in var/backups unless given")
    restore = commands.add_parser("restore", help="put a backup back while no server runs")
    restore.add_argument("path", type=Path, help="the backup")
    restore.add_argument("--replace", action="store_true", help="move a database that is in use aside")
    rotate = commands.add_parser("rotate-secret", help="replace SECRET_KEY while what it made goes on working")
    rotate.add_argument(
        "step", type=rotation.Step, nargs="?", default=rotation.Step.AT_ONCE, metavar="prepare|switch|finish",
        help="for several processes prepare, switch, finish; for one nothing, and then finish",
    )  # fmt: skip
    rotate.add_argument("--env-file", type=Path, help="the file of NAME=value lines that holds the secrets")
    rotate.add_argument("--since", type=_moment, help="when the last process was restarted with the secrets of now")
    rotate.add_argument("--force", action="store_true", help="drop a secret that something still depends on")
    create = commands.add_parser("create-organization", help="make an organization and its owner")
    create.add_argument("--name", required=True, help="the organization's name")
    create.add_argument("--owner", required=True, help="the owner's full name")
    create.add_argument("--email", required=True, help="the owner's e-mail address; the password is asked for")
    tickets_ = commands.add_parser(
        "import-tickets", help="issue tickets to all candidates of a CSV file, however many, or to none of them"
    )
    tickets_.add_argument("path", type=Path, help=f"UTF-8; the first row names columns: {', '.join(imports.COLUMNS)}")
    tickets_.add_argument("--task", required=True, help="the task's id, like tsk_…")
    tickets_.add_argument("--group", help="a group for all of them")
    tickets_.add_argument("--label", action="append", default=[], help="a label for all of them; may be repeated")
    tickets_.add_argument("--valid-from", type=_moment, help="from when they let their candidates in")
    tickets_.add_argument("--valid-until", type=_moment, help="until when they let their candidates in")
    tickets_.add_argument("--idempotency-key", help="a name for this import: again with it and nothing is issued twice")
    return parser


def _environment(command: str | None) -> Mapping[str, str]:
    """The environment, with a secret for development that is made once and kept, so that links outlive a restart."""
    production = os.environ.get("ENVIRONMENT") == "production"
    if production or os.environ.get("SECRET_KEY") or command == "export-schema":
        return os.environ
    KEPT_SECRET.parent.mkdir(exist_ok=True)
    if not KEPT_SECRET.exists():
        rotation.write_privately(KEPT_SECRET, rotation.new_secret())
    kept = KEPT_SECRET.read_text().split()
    return {**os.environ, **dict(zip(("SECRET_KEY", "SECRET_KEY_PREVIOUS"), kept, strict=False))}


def _collect_seldom() -> None:
    """Let what is in memory now stay, without looking through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


async def _connected(settings: Settings, work: Awaitable[T]) -> T:
    await database.connect(settings.database_url)
    try:
        return await work
    finally:
        await database.disconnect()


async def _create_organization(site: Site, given: argparse.Namespace) -> str:
    password = os.environ.get("ADMIT_PASSWORD") or getpass("Password: ")
    made = await accounts.sign_up(site, given.name, given.owner, given.email, password)
    return f"{made.organization.gid} {made.organization.name}"


async def _import(given: argparse.Namespace, candidates: Sequence[NewCandidate]) -> str:
    issue = Issue(
        task_id=Task.key_of(given.task),
        group=given.group,
        labels=given.label,
        valid_from=given.valid_from,
        valid_until=given.valid_until,
        idempotency_key=given.idempotency_key,
    )
    batch, replayed = await imports.run(issue, candidates)
    return f"{batch.gid} {batch.count:,} tickets {'had been issued before' if replayed else 'issued'}"


def _rotate(settings: Settings, site: Site, given: argparse.Namespace) -> str:
    """Take a step of a change of secrets, where they are kept; what is to be done next."""
    kept = None if os.environ.get("SECRET_KEY") or settings.is_production else KEPT_SECRET
    file = given.env_file or kept
    before = rotation.Pair(settings.secret_key, settings.secret_key_previous)
    after = before.after(given.step)
    if before.drops_one(given.step) and not given.force:
        needed = rotation.still_needed(site, given.since or _restarted_by(file))
        rotation.must_be_over(asyncio.run(_connected(settings, needed)))
    if given.env_file:
        rotation.in_env_file(given.env_file, before, after)
    elif kept:
        rotation.write_privately(kept, "\n".join(after))
    said = [] if file else [f"SECRET_KEY={after.makes}", f"SECRET_KEY_PREVIOUS={after.opens}"]
    return "\n".join([*said, rotation.NEXT[given.step]])


def _restarted_by(file: Path | None) -> datetime:
    """When the last process surely ran with the secrets in the file, if nobody says; without a file, only just now."""
    if file is None or not file.exists():
        return clock.now()
    return datetime.fromtimestamp(file.stat().st_mtime, UTC) + RESTARTED_WITHIN


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _say(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()
