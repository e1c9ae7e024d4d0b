"""Documents that nobody wrote: each goes the long way and the short way, and the bytes are compared.

The fixture `every_tier_agrees` compares the tiers with graphql-core, for these as for every document of the suite.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries
from starlette.applications import Starlette

from models import TestSessionStatus
from resolvers.roots import make_schema
from server import create_app
from settings import Settings
from tests import twins
from tests.furnished import Furnished, furnish
from tests.world import Clock, Door

EXAMPLES = 60
TEXT = st.text(max_size=5).map(nodes.String)
SCALARS = {
    "Cursor": TEXT,
    "URL": TEXT,
    "JSON": TEXT,
    "DateTime": st.just(nodes.String("2026-01-02T03:04:05Z")),
}
FIELDS = ["organization", "ticket", "task", "node", "nodes", "viewer", "testSession", "accessDiagnosis"]
_ID = re.compile(r'\b(id|ticketId|invitationCode|ids): (\[[^\]]*\]|"""(?:[^"\\]|\\.)*"""|"(?:[^"\\]|\\.)*")')
_SIZE = re.compile(r"\b(first|last): -?\d+")


@pytest.fixture
def settings_of_the_app(settings: Settings) -> Settings:
    """Nothing that changes from one request to the next: no bucket."""
    return replace(settings, cost_capacity=0, query_cost=10**9, query_aliases=400)


def sensible(document: str, mine: Furnished, chance: random.Random) -> str:
    """The document with ids of things that there are, and pages that there can be, most of the time."""

    def known(found: re.Match[str]) -> str:
        named = {"invitationCode": [mine.ticket.code], "ticketId": [mine.ticket.gid]}
        of = named.get(found[1], list(mine.nodes.values()))
        chosen = chance.choice([*of, "junk"] if chance.random() < 0.1 else of)
        return f'{found[1]}: ["{chosen}"]' if found[1] == "ids" else f'{found[1]}: "{chosen}"'

    return _SIZE.sub(lambda found: f"{found[1]}: {chance.randint(0, 3)}", _ID.sub(known, document))


async def test_generated_documents_are_answered_the_same_by_every_tier_and_both_ways(
    settings_of_the_app: Settings, clock: Clock
) -> None:
    documents: list[str] = []

    @settings(max_examples=EXAMPLES, database=None, deadline=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(queries(make_schema()._schema, fields=FIELDS, custom_scalars=SCALARS, allow_null=True))
    def collect(document: str) -> None:
        documents.append(document)

    collect()
    app = create_app(settings_of_the_app)
    before = twins.SEEN.copy()
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=settings_of_the_app.base_url) as client:
            answered = await _all_the_same(app, Door(client), documents)

    assert answered > EXAMPLES // 4, "most of them were refused, and prove nothing"
    assert len(twins.SEEN - before) >= 2


async def _all_the_same(app: Starlette, door: Door, documents: list[str]) -> int:
    mine = await furnish(app.state.site, await door.sign_up(), TestSessionStatus.SUBMITTED)
    chance, answered = random.Random(1), 0  # noqa: S311  no secret is made of it
    for document in documents:
        asked = sensible(document, mine, chance)
        for one in (mine.owner, mine.sitter):
            first, again = await one.post(asked), await one.post(asked)
            assert (again.status_code, again.headers) == (first.status_code, first.headers), asked
            assert _unsealed(again) == _unsealed(first), asked
            answered += bool(first.json().get("data"))
    return answered


def _unsealed(answer: httpx.Response) -> bytes:
    return re.sub(rb'"id":"[0-9a-f]{12}"', b"", re.sub(rb"/a/[\w.-]+", b"", answer.content))
