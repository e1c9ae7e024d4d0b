"""The command line: serve, migrate, create-organization, export-schema, demo."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping
from getpass import getpass
from pathlib import Path
from typing import TypeVar

import uvicorn
from starlette.applications import Starlette

import errors
from models import database
from resolvers.roots import make_schema
from services import accounts, demo
from services.site import Site
from settings import Settings, SettingsWrong

T = TypeVar("T")

KEPT_SECRET = Path("var/secret-key")


def main(
    arguments: list[str], create_app: Callable[[Settings], Starlette], make_site: Callable[[Settings], Site]
) -> int:
    """Run one command; the exit status says whether it worked."""
    given = _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment(_environment(given.command))
        match given.command:
            case "export-schema":
                _say(make_schema(settings.query_tokens).as_str())
            case "migrate":
                prepare(settings)
            case "create-organization":
                prepare(settings)
                _say(asyncio.run(_connected(settings, _create_organization(make_site(settings), given))))
            case "demo":
                prepare(settings)
                _say(asyncio.run(_connected(settings, demo.make(make_site(settings)))))
                serve(settings, create_app)
            case _:
                prepare(settings)
                serve(settings, create_app)
    except (SettingsWrong, errors.AdmitError) as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201  a command line speaks
        return 2
    return 0


def prepare(settings: Settings) -> None:
    """Make the folders and bring the tables up to date."""
    if database.is_sqlite(settings.database_url):
        database.path_of(settings.database_url).parent.mkdir(parents=True, exist_ok=True)
    asyncio.run(database.migrate(settings.database_url))


def serve(settings: Settings, create_app: Callable[[Settings], Starlette]) -> None:
    """Serve in this process until told to stop, finishing what is under way."""
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        proxy_headers=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=settings.websocket_message_bytes,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        access_log=False,  # it would hold codes and links
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="server.py", description="Admit lets test-takers in.")
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("serve", help="bring the database up to date and serve (what happens without a command)")
    commands.add_parser("migrate", help="bring the database up to date")
    commands.add_parser("export-schema", help="print the GraphQL schema")
    commands.add_parser("demo", help="serve a demo organization, which is made once")
    create = commands.add_parser("create-organization", help="make an organization and its owner")
    create.add_argument("--name", required=True, help="the organization's name")
    create.add_argument("--owner", required=True, help="the owner's full name")
    create.add_argument("--email", required=True, help="the owner's e-mail address; the password is asked for")
    return parser


def _environment(command: str | None) -> Mapping[str, str]:
    """The environment, with a secret for development that is made once and kept, so that links outlive a restart."""
    production = os.environ.get("ENVIRONMENT") == "production"
    if production or os.environ.get("SECRET_KEY") or command == "export-schema":
        return os.environ
    KEPT_SECRET.parent.mkdir(exist_ok=True)
    if not KEPT_SECRET.exists():
        KEPT_SECRET.touch(mode=0o600)
        KEPT_SECRET.write_text(secrets.token_urlsafe(48))
    return {**os.environ, "SECRET_KEY": KEPT_SECRET.read_text().strip()}


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


def _say(text: str) -> None:
    sys.stdout.write(text.rstrip("\n") + "\n")
    sys.stdout.flush()
