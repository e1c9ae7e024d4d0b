"""Relay: its compiler on schema.graphql, and its runtime on what the compiler made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.node import EXAMPLES, ROOT, SUITES, Stage, node_for, run

pytestmark = pytest.mark.node

CONFIG = {
    "src": "src",
    "schema": "schema.graphql",
    "artifactDirectory": "artifacts",
    "language": "javascript",
    "eagerEsModules": False,  # Node finds the imports of CommonJS without their extension
}
DOCUMENTS = {
    "deskChangesSubscription",
    "deskIssueMutation",
    "deskPageQuery",
    "deskQuery",
    "deskTicketQuery",
    "desk_ticket",
    "desk_tickets",
}
NAMES = ["Candidate 1", "Candidate 2", "Candidate 3"]


async def compiled(node: str, folder: Path) -> Path:
    """The folder with the artifacts. The compiler fails for a single document that does not fit the schema."""
    shutil.copytree(SUITES / "relay", folder / "src")
    shutil.copyfile(ROOT / "schema.graphql", folder / "schema.graphql")
    (folder / "artifacts").mkdir()
    (folder / "relay.config.json").write_text(json.dumps(CONFIG))
    compiler = SUITES / "node_modules" / "relay-compiler" / "cli.js"
    said = await run(node, str(compiler), "relay.config.json", folder=folder)
    assert "compiled documents: " in said
    assert "ERROR" not in said
    return folder / "artifacts"


async def test_the_compiler_understands_the_schema(node: str, tmp_path: Path) -> None:
    artifacts = await compiled(node, tmp_path)

    assert {path.name.removesuffix(".graphql.js") for path in artifacts.iterdir()} == DOCUMENTS


async def test_the_runtime_pages_refetches_changes_and_resumes(stage: Stage, tmp_path: Path) -> None:
    node_for(EXAMPLES)  # the stream is theirs

    lines = await stage.run("relay.mjs", ADMIT_ARTIFACTS=str(await compiled(stage.node, tmp_path / "relay")))

    assert lines == [
        {"page": NAMES[:2], "of": 3},
        {"pages": NAMES},
        {
            "refused": "InvalidCandidates",
            "problems": [{"index": 0, "field": "fullName"}, {"index": 0, "field": "email"}],
        },
        {"pages": [*NAMES, "Grace Hopper"]},
        {"changes": ["ACTIVE", "SUBMITTED"]},
        {"status": "CONSUMED", "assessments": [{"status": "COMPLETED"}]},
    ]
