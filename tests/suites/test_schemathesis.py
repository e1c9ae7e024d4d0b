"""A thousand documents that Schemathesis makes up from schema.graphql, asked by one who may do all, among data.

In three parts, which take turns on the machine: as many cases for each operation as make a thousand.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncIterator
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, get_named_type

import models
from models import Permission
from tests.attacks.budgets import AS_ENVIRONMENT
from tests.hall import ENTER, START, SUBMIT
from tests.node import ROOT, run
from tests.process import Running
from tests.resolvers.test_sweep import FIELDS, id_arguments
from tests.suites.conftest import started
from tests.world import Door

CASES = 1_000
SEED = "20261122"
PATIENCE = 110.0
# what must have shown data, or nothing was tried but refusals
ANSWERED = {
    *("Query.organization", "Query.node", "Query.task", "Query.ticket", "Query.testSession", "Query.accessDiagnosis"),
    *("Mutation.createTest", "Mutation.openTask", "Mutation.revokeTickets", "Mutation.terminateTestSession"),
}
SCHEMA = ROOT / "schema.graphql"

CREATE_KEY = """
mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { ... on CreateApiKeySuccess { secret } } }
"""
IDS = """
{
  organization {
    id
    members(first: 1) { nodes { id } }
    tests(first: 1) { nodes { id } }
    tasks(first: 1) { nodes {
      id steps { id }
      tickets(first: 3) { nodes { id candidate { id } testSessions(first: 1) { nodes { id assessment { id } } } } }
    } }
  }
}
"""


async def furnished(owner: Door) -> list[str]:
    """Two tickets have been used, one has not; every id there is."""
    task = await owner.open_task()
    going, done, _unused = await owner.issue(task["id"], 3)
    for ticket in (going, done):
        entered = await owner.mutate(ENTER, taskSlug=task["slug"], invitationCode=ticket["invitationCode"])
        sitter = owner.with_token(entered["accessToken"])
        started = await sitter.mutate(START, stepId=task["steps"][0]["id"])
    await sitter.mutate(SUBMIT, testSessionId=started["testSession"]["id"])
    return ids_in(await owner.ask(IDS))


def ids_in(answer: Any) -> list[str]:
    """Every id, wherever in the answer."""
    match answer:
        case {"id": str(found), **rest}:
            return [found, *ids_in(list(rest.values()))]
        case dict():
            return ids_in(list(answer.values()))
        case list():
            return [found for each in answer for found in ids_in(each)]
    return []


def configured(ids: list[str]) -> str:
    """Schemathesis' settings: where an id is asked for, it is mostly one that is there, and of the right kind."""
    dictionaries, bindings = [], []
    for at, (name, path) in enumerate(id_arguments()):
        prefix = getattr(getattr(models, asked_for(name, path), None), "prefix", "")
        fitting = [id_ for id_ in ids if id_.startswith(prefix)] or ids
        dictionaries += [f"[dictionaries.d{at}]", f"values = {json.dumps(fitting)}"]
        place = f"{FIELDS[name][0].capitalize()}.{name}.{path.replace('.*', '[*]')}"
        bindings.append(f'"{place}" = {{ dictionary = "d{at}", probability = 0.8 }}')
    return "\n".join([*dictionaries, "[parameters]", *bindings])


def asked_for(name: str, path: str) -> str:
    """What an id argument is the id of, by its name: `input.ticketIds` are of tickets."""
    words = path.removesuffix(".*").rpartition(".")[2].removesuffix("s").removesuffix("Id")
    kind = get_named_type(FIELDS[name][1].type).name
    return kind if words == "id" else words[:1].upper() + words[1:]


@pytest.fixture
async def server(tmp_path: Path, database_url: str) -> AsyncIterator[Running]:
    """A process without budgets."""
    async with started(tmp_path, database_url, **AS_ENVIRONMENT) as made:
        yield made


def operations() -> list[str]:
    """`Query.task` and its like."""
    schema = build_schema(SCHEMA.read_text())
    roots = [root for root in (schema.query_type, schema.mutation_type) if root]
    return [f"{root.name}.{name}" for root in roots for name in root.fields]


@pytest.mark.parametrize("part", [r"^Query\.", r"^Mutation\.[a-i]", r"^Mutation\.[j-z]"])
async def test_no_made_up_document_is_an_error_of_ours(
    server: Running, visitor: Door, tmp_path: Path, part: str
) -> None:
    owner = await visitor.sign_up()
    key = await owner.mutate(CREATE_KEY, name="Schemathesis", scopes=list(Permission.__members__))
    (tmp_path / "schemathesis.toml").write_text(configured(await furnished(owner)))
    every = operations()
    asked, each = {name for name in every if re.search(part, name)}, ceil(CASES / len(every))
    command = (
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml"),
        *("run", str(SCHEMA), "--url", f"{server.base_url}/graphql", "--no-color", "--include-name-regex", part),
        *("--header", f"Authorization: Bearer {key['secret']}"),
        *("--checks", "no_fault_of_ours,response_schema_conformance", "--continue-on-failure"),
        *("--phases", "fuzzing", "--max-examples", str(each), "--seed", SEED),
        *("--generation-database", "none", "--report-json-path", "report.json"),
    )
    hooks = {"SCHEMATHESIS_HOOKS": "tests.suites.schemathesis_hooks", "PYTHONPATH": str(ROOT), "NO_PROXY": "*"}

    said = await run(*command, folder=tmp_path, patience=PATIENCE, **hooks)

    report = json.loads((tmp_path / "report.json").read_text())
    assert report["failures"] == [], said
    assert report["operations"]["tested"] == len(asked)
    assert report["test_cases"]["generated"] >= each * len(asked)
    assert set(report["warnings"]["missing_test_data"]) & ANSWERED == set()
