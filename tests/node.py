"""Programs for Node, as tests run them: the examples of docs/ and the public suites."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.world import Door

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples"
SUITES = ROOT / "tests" / "suites"
PACKAGES = ROOT / "web" / "packages"
PATIENCE = 30.0  # seconds of real time after which a program has hung

REDIRECT = """
mutation ($input: ConfigureFinishRedirectInput!) { configureFinishRedirect(input: $input) { __typename } }
"""
TARGET = "https://www.example.edu/thanks?course=7"


def node_for(folder: Path) -> str:
    """Node, and the folder's packages; without either the test is skipped here, and fails in CI."""
    node = shutil.which("node")
    missing = node is None or not (folder / "node_modules").is_dir()
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"Needs Node and its packages: make {folder.relative_to(ROOT)}/node_modules/installed")
    assert node is not None, "CI must run Node's programs: .ci/run installs them"
    assert not missing, f"CI must run Node's programs: {folder} has no packages"
    return node


async def run(*command: str, folder: Path = EXAMPLES, patience: float = PATIENCE, **environment: str) -> str:
    """What the program prints; it must succeed, and say nothing of trouble."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**kept, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(patience):
            output, trouble = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, trouble.decode()) == (0, ""), output.decode() + trouble.decode()
    return output.decode()


@dataclass
class Stage:
    """An open task with three tickets, and its owner; and the folder of the programs that use them."""

    node: str
    owner: Door
    task: Any
    tickets: list[Any]
    folder: Path = EXAMPLES

    async def run(self, program: str, **more: str) -> list[dict[str, Any]]:
        """The lines that the program prints; it must succeed."""
        known = {
            "ADMIT_URL": self.owner.base_url,
            "ADMIT_TOKEN": self.owner.token or "",
            "ADMIT_TASK": self.task["id"],
            "ADMIT_SLUG": self.task["slug"],
            "ADMIT_CODE": self.tickets[0]["invitationCode"],
        }
        output = await run(self.node, program, folder=self.folder, **{**known, **more})
        return [json.loads(line) for line in output.splitlines()]


async def set_the_stage(node: str, door: Door, folder: Path = EXAMPLES) -> Stage:
    """A new organization's."""
    owner = await door.sign_up()
    await owner.mutate(REDIRECT, url=TARGET, allowedHosts=["www.example.edu"])
    task = await owner.open_task()
    return Stage(node, owner, task, await owner.issue(task["id"], 3), folder)
