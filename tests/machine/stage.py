"""The application on a loop of the machine's own, its clock, its organizations, and what the database holds of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import httpx
from starlette.applications import Starlette
from tortoise.connection import get_connection

from models import (
    AccessLink,
    Answer,
    Assessment,
    Event,
    Member,
    Organization,
    Permission,
    Result,
    Review,
    Task,
    TestSession,
    Ticket,
    TimeAdjustment,
)
from server import create_app
from services import api_keys
from services.site import Site
from settings import Settings
from tests.hall import key
from tests.machine import things
from tests.world import Clock, Door

T = TypeVar("T")
Rows = dict[str, dict[str, dict[str, Any]]]  # by table, by key: every column

_TABLES = (Task, Ticket, Assessment, TestSession, AccessLink, TimeAdjustment, Answer, Result, Review)
_PAPER = [
    {"kind": "TRUE_FALSE", "prompt": "Zero is even.", "correctBoolean": True, "points": things.POINTS["TRUE_FALSE"]},
    {"kind": "NUMERIC", "prompt": "Days?", "correctNumber": things.NUMBER, "points": things.POINTS["NUMERIC"]},
    {"kind": "ESSAY", "prompt": "Why?", "points": things.POINTS["ESSAY"]},
]


@dataclass
class House:
    """One organization: its doors by who knocks, and its tests."""

    gid: str
    doors: dict[str, Door]
    tests: list[things.Test]
    candidates: int = 0
    read: list[str] = field(default_factory=list)  # the log as its owner has read it so far
    cursor: str | None = None


@dataclass
class Stage:
    """What runs, for every run of the machine; nothing of it is a run's own."""

    app: Starlette
    door: Door
    clock: Clock
    runner: asyncio.Runner

    @property
    def site(self) -> Site:
        """The installation's collaborators."""
        site: Site = self.app.state.site
        return site

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The work, to its end, on the machine's loop."""
        return self.runner.run(work)

    async def settle_in(self, name: str) -> House:
        """A new organization with an owner, a viewer and a proctor, and three tests: timed, with an essay, untimed."""
        owner = await self.door.sign_up(name)
        member = await Member.get(id=key(owner.known["member"]["id"]))
        rights = {
            "owner": list(Permission),
            "viewer": [Permission.READ],
            "proctor": [Permission.READ, Permission.PROCTOR],
        }
        made = {who: await api_keys.create(self.site, member.actor, who, can, None) for who, can in rights.items()}
        doors = {who: owner.with_token(one.secret) for who, one in made.items()}
        papers = [(600, 2), (1_800, 3), (None, 2)]
        tests = [await _test(doors["owner"], seconds, questions) for seconds, questions in papers]
        return House(owner.known["organization"]["id"], doors, tests)

    async def rows(self, houses: list[House]) -> Rows:
        """Every row that these organizations have."""
        ours = ", ".join(f"'{key(house.gid)}'" for house in houses)
        found: Rows = {}
        for table in _TABLES:
            sql = f'SELECT * FROM "{table._meta.db_table}" WHERE organization_id IN ({ours}) ORDER BY id'  # noqa: S608
            rows = await get_connection("default").execute_query_dict(sql)
            found[table.__name__] = {str(row["id"]): {name: _plain(name, row[name]) for name in row} for row in rows}
        return found

    async def log(self, houses: list[House], after: int) -> list[Event]:
        """What was written to the logs of these organizations since then."""
        ours = [key(house.gid) for house in houses]
        return await Event.filter(organization_id__in=ours, position__gt=after).order_by("position")

    async def clear(self, houses: list[House]) -> None:
        """Take the organizations away, so that every run is as quick as the first."""
        ours = [key(house.gid) for house in houses]
        await Organization.filter(id__in=ours).delete()
        await Event.filter(organization_id__in=ours).delete()


def _plain(name: str, value: Any) -> Any:
    """A column as both databases mean it: SQLite keeps times, keys and JSON as text."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str) and name in ("content", "marks", "labels"):
        return json.loads(value)
    if isinstance(value, str) and (name.endswith("_at") or name.startswith("valid_")):
        return datetime.fromisoformat(value)
    return value


async def _test(owner: Door, seconds: int | None, questions: int) -> things.Test:
    made = await owner.make_test(durationSeconds=seconds, sections=[{"questions": _PAPER[:questions]}])
    asked = made["sections"][0]["questions"]
    return things.Test(made["id"], seconds, {one["kind"]: one["id"] for one in asked})


@contextmanager
def staged(settings: Settings, clock: Clock) -> Iterator[Stage]:
    """The application, started; budgets are wide, for the machine guesses nothing and hurries."""
    wide: dict[str, Any] = {
        name: 10**9 for name in vars(settings) if name.startswith(("guesses_", "log_ins_", "bucket_"))
    }
    app = create_app(replace(settings, **wide))
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://admit.test")
        try:
            yield Stage(app, Door(client), clock, runner)
        finally:
            runner.run(client.aclose())
            runner.run(lifespan.__aexit__(None, None, None))
