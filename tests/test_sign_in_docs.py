"""What docs/sign-in.md shows is what happens."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest

from models import Role
from services.discovery import ALGORITHMS
from tests.provider import provider
from tests.world import Door

PAGE = (Path(__file__).parent.parent / "docs" / "sign-in.md").read_text()
CREATE = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { ... on CreateApiKeySuccess { secret apiKey { id } } }
}
"""


def block(language: str) -> str:
    """The page's only example in this language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


async def test_the_provider_is_configured_as_shown(door: Door) -> None:
    owner = await door.sign_up()
    async with provider() as idp:
        document = block("graphql").replace("https://accounts.example.edu", idp.issuer)

        answer = await owner.ask(document)

    start = f"https://admit.test/sign-in/{owner.known['organization']['id']}"
    shown = {"startUrl": start, "callbackUrl": f"{start}/callback", "enforced": False}
    assert answer == {"configureSignIn": {"settings": {"signIn": shown}}}
    assert "https://admit.example.edu/sign-in/org_…/callback" in PAGE


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
async def test_a_program_gets_its_token_as_shown(live: Door) -> None:
    made = await (await live.sign_up()).mutate(CREATE, name="Partner", scopes=["READ", "ISSUE_TICKETS"])
    known = {"ADMIT_URL": live.base_url, "CLIENT_ID": made["apiKey"]["id"], "CLIENT_SECRET": made["secret"]}

    process = await asyncio.create_subprocess_exec(
        "sh", "-c", block("sh"), env={"PATH": "/usr/bin:/bin", "NO_PROXY": "*", **known}, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()

    answer = json.loads(printed)
    assert await live.with_token(answer["access_token"]).code_of("{ organization { name } }") is None
    assert {**answer, "access_token": "eyJ…"} == json.loads(block("json"))


def test_the_page_names_every_algorithm_and_no_role_that_cannot_join() -> None:
    sentence = next(line for line in PAGE.splitlines() if line.startswith("ID tokens are signed with"))

    assert re.findall(r"\b(?:[RPE]S\d{3}|EdDSA)\b", sentence) == list(ALGORITHMS)
    assert f"never `{Role.OWNER}`" in PAGE
