"""GraphiQL's page, files and examples."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from graphql import parse, validate

from resolvers.roots import make_schema
from tests.world import Door

EXAMPLES = (Path(__file__).parents[2] / "web" / "static" / "graphiql-examples.js").read_text()


@pytest.mark.parametrize("document", re.findall(r"= `(.*?)`;", EXAMPLES, re.DOTALL))
def test_every_example_is_valid(document: str) -> None:
    schema = make_schema()._schema

    assert validate(schema, parse(document)) == []


def test_there_is_an_example_of_each_of_the_five() -> None:
    assert len(re.findall(r"= `", EXAMPLES)) == 5


async def test_a_browser_gets_the_page_and_its_policy(door: Door) -> None:
    answer = await door.client.get("/graphql", headers={"accept": "text/html,*/*;q=0.8"})

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "'unsafe-inline'" not in answer.headers["content-security-policy"]


async def test_the_page_has_a_mark_of_its_own(door: Door) -> None:
    page = (await door.client.get("/graphql", headers={"accept": "text/html"})).text

    [address] = re.findall(r'<link rel="icon" href="([^"]+)"', page)
    assert (await door.client.get(address)).headers["content-type"].startswith("image/svg+xml")


@pytest.mark.parametrize("name", ["nothing.js", "..%2fpackage.json", "%2e%2e/package.json"])
async def test_no_other_file_is_served(door: Door, name: str) -> None:
    answer: httpx.Response = await door.client.get(f"/graphql/assets/{name}")

    assert answer.status_code == 404
