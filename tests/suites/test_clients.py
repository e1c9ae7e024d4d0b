"""The clients that people use, each asking, changing, and taking up a broken stream where it broke off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.node import EXAMPLES, Stage, node_for
from tests.test_examples import CHANGES, ISSUED, NAMES

pytestmark = pytest.mark.node


@pytest.fixture
def example(stage: Stage) -> Stage:
    """The same stage for the programs of docs/examples."""
    return replace(stage, node=node_for(EXAMPLES), folder=EXAMPLES)


@pytest.mark.parametrize("client", ["graphql-ws", "graphql-sse"])
async def test_a_reference_client_asks_changes_and_resumes(stage: Stage, client: str) -> None:
    lines = await stage.run("plain.mjs", ADMIT_CLIENT=client)

    assert lines == [
        {"tickets": 3},
        {"mutation": "IssueTicketsSuccess"},
        {"status": "ACTIVE"},
        {"status": "SUBMITTED"},
        {"status": "ACTIVE"},
    ]


async def test_apollo_client_asks_changes_and_resumes(example: Stage) -> None:
    lines = await example.run("apollo.mjs")

    assert lines == [{"tickets": NAMES, "of": 3}, *ISSUED, *CHANGES]


@pytest.mark.parametrize("stream", ["ws", "sse"])
async def test_urql_asks_changes_and_resumes(example: Stage, stream: str) -> None:
    lines = await example.run("urql.mjs", ADMIT_STREAM=stream)

    assert lines == [{"tickets": NAMES}, *ISSUED, *CHANGES]
