"""The schema that clients rely on: what breaks them since the last commit on main is announced, or fails.

A change that breaks on purpose is named in CHANGELOG.md, under a heading `### Breaking`, by its path in the schema:
"- `Ticket.code` is called `Ticket.invitationCode`."
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.node import ROOT, SUITES, run

pytestmark = pytest.mark.node

SCHEMA = "schema.graphql"


async def git(*command: str) -> str | None:
    """What git prints; None if it fails, or there is no repository."""
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        "git", *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=quiet
    )
    output, _ = await process.communicate()
    return output.decode() if process.returncode == 0 else None


async def before() -> str | None:
    """The schema at the last commit on main; if that is where we are, what it was one commit ago, if any."""
    mains = [name for name in ("origin/main", "main") if await git("rev-parse", "--verify", "--quiet", name)]
    if mains and await git("merge-base", "--is-ancestor", "HEAD", mains[0]) is None:
        return await git("show", f"{mains[0]}:{SCHEMA}")
    ours, last = (ROOT / SCHEMA).read_text(), await git("show", f"HEAD:{SCHEMA}")
    return last if ours != last else await git("show", f"HEAD~1:{SCHEMA}")


def announced(changelog: str) -> set[str]:
    """The paths that the changelog names as broken on purpose, by what is not released yet."""
    unreleased = changelog.partition("\n## [Unreleased]")[2].partition("\n## [")[0]
    sections = re.findall(r"^### Breaking\n(.*?)(?=^##|\Z)", unreleased, re.MULTILINE | re.DOTALL)
    return {path for section in sections for path in re.findall(r"`([\w.]+)`", section)}


async def breaking(node: str, folder: Path, before: str, after: str) -> list[dict[str, Any]]:
    """What graphql-inspector says breaks clients."""
    paths = [folder / "before.graphql", folder / "after.graphql"]
    for path, text in zip(paths, (before, after), strict=True):
        path.write_text(text)
    printed = await run(node, "inspector.mjs", *map(str, paths), folder=SUITES)
    return [json.loads(line) for line in printed.splitlines()]


async def test_nothing_breaks_clients_without_being_announced(node: str, tmp_path: Path) -> None:
    past = await before()
    if past is None:
        assert os.environ.get("CI") != "true", "CI clones with a past"
        pytest.skip("A clone of one commit has no past to compare with; tests/contract.graphql still holds")

    changes = await breaking(node, tmp_path, past, (ROOT / SCHEMA).read_text())

    known = announced((ROOT / "CHANGELOG.md").read_text())
    assert [change for change in changes if change["path"] not in known] == []


async def test_a_field_that_is_gone_breaks_and_one_that_is_new_does_not(node: str, tmp_path: Path) -> None:
    old, new = "type Query { a: Int b: Int }", "type Query { b: Int c: Int }"

    changes = await breaking(node, tmp_path, old, new)

    assert [change["path"] for change in changes] == ["Query.a"]


def test_only_a_breaking_heading_announces() -> None:
    now = "\n## [Unreleased]\n\n### Added\n\n- `Query.a`\n\n### Breaking\n\n- `Query.b` is gone.\n"
    before = "\n## [1.0.0]\n\n### Breaking\n\n- `Query.c`\n"

    assert announced(now + before) == {"Query.b"}
