"""GraphQL over HTTP as its own suite audits it."""

from __future__ import annotations

import json

import pytest

from tests.node import SUITES, run
from tests.process import Running

AUDITS = 61  # of graphql-http 1.23.1: one that is left out would go unnoticed


@pytest.mark.node
async def test_passes_every_audit_of_graphql_http(node: str, server: Running) -> None:
    printed = await run(node, "audits.mjs", folder=SUITES, ADMIT_URL=server.base_url)

    audits = [json.loads(line) for line in printed.splitlines()]
    assert [audit for audit in audits if audit["status"] != "ok"] == []
    assert len({audit["id"] for audit in audits}) == AUDITS
