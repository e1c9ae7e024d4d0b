"""Replacing the secret while everything that it signed and sealed goes on working.

Two secrets are live: the first makes, both open. Several processes are restarted one after another, and each must open
what the others make, so the new secret opens everywhere (prepare) before it makes anywhere (switch).
"""

from __future__ import annotations

import base64
import os
import re
import shlex
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import errors
from models import chance, clock, dependents
from models.dependents import Dependents
from services.identity_providers import CLIENT_SECRET
from services.site import Site

_LENGTH = 48  # random bytes, 64 characters


class Step(StrEnum):
    """Where in the change of secrets an installation goes next."""

    AT_ONCE = "at-once"
    PREPARE = "prepare"
    SWITCH = "switch"
    FINISH = "finish"


NEXT = {
    Step.AT_ONCE: "Restart the server. When what the old secret made has ended: server.py rotate-secret finish",
    Step.PREPARE: "Restart every process, one after another. Then: server.py rotate-secret switch",
    Step.SWITCH: "Restart every process, one after another. When what the old secret made has ended: "
    "server.py rotate-secret finish",
    Step.FINISH: "Restart every process, one after another. What the dropped secret made opens nothing from then on.",
}


class Pair(NamedTuple):
    """SECRET_KEY, which makes, and SECRET_KEY_PREVIOUS, which opens, too; empty when there is none."""

    makes: str
    opens: str

    def after(self, step: Step) -> Pair:
        """The two after the step. Raises NotPossible for a switch without a second secret."""
        match step:
            case Step.AT_ONCE:
                return Pair(new_secret(), self.makes)
            case Step.PREPARE:
                return Pair(self.makes, new_secret())
            case Step.SWITCH if not self.opens:
                raise errors.NotPossible("There is no second secret to switch to: server.py rotate-secret prepare")
            case Step.SWITCH:
                return Pair(self.opens, self.makes)
            case _:
                return Pair(self.makes, "")

    def drops_one(self, step: Step) -> bool:
        """Whether the step throws the second secret away."""
        return bool(self.opens) and step is not Step.SWITCH


def new_secret() -> str:
    """A secret that nobody can guess."""
    return base64.urlsafe_b64encode(chance.random_bytes(_LENGTH)).decode("ascii")


async def still_needed(site: Site, since: datetime) -> list[str]:
    """What goes with the second secret if it is dropped now, `since` being when the first alone began to make things.

    API keys and client secrets say themselves what they were made with; the others are judged by their time.
    """
    kinds = {
        "log-ins, at most": await dependents.log_ins(since),
        "access links": await dependents.access_links(since),
        "API keys that were not used by their secret since": await dependents.api_keys(site.keys.printed_with),
        "rotated API keys' secrets before": await dependents.previous_secrets(site.keys.printed_with),
    }
    told = [_told(name, found) for name, found in kinds.items() if found.count]
    sealed = [secret for secret in await dependents.client_secrets() if not site.keys.is_newest(CLIENT_SECRET, secret)]
    if sealed:
        told.append(f"{len(sealed):,} identity providers that nobody signed in with since")
    candidates_until = since + timedelta(seconds=site.limits.candidate_token_seconds)
    if clock.now() < candidates_until:
        told.append(f"what candidates hold who came in before; the last ends {_day(candidates_until)}")
    return told


def must_be_over(needed: Sequence[str]) -> None:
    """Raise NotPossible while something depends on the secret that would be dropped."""
    if needed:
        what = "".join(f"\n  {one}" for one in needed)
        raise errors.NotPossible(f"SECRET_KEY_PREVIOUS is still needed by{what}\n--force drops it, and them, anyway.")


def in_env_file(path: Path, before: Pair, after: Pair) -> None:
    """Write the two into a file of NAME=value lines. Raises NotPossible for a file that says something else by now."""
    text = path.read_text() if path.is_file() else ""
    for name, was, becomes in zip(("SECRET_KEY", "SECRET_KEY_PREVIOUS"), before, after, strict=True):
        line = re.compile(rf"^([ \t]*(?:export[ \t]+)?{name}=)(.*)$", re.MULTILINE)
        said = [value.strip().strip("\"'") for _, value in line.findall(text)]
        if said != [was] and (said or was):
            raise errors.NotPossible(f"{path} and the environment differ in {name}: load the file, then try again.")
        value = shlex.quote(becomes) if becomes else ""
        text = _set(text, line, value) if said else f"{text.rstrip()}\n{name}={value}\n".lstrip()
    write_privately(path, text)


def _set(text: str, line: re.Pattern[str], value: str) -> str:
    return line.sub(lambda found: found[1] + value, text)


def write_privately(path: Path, text: str) -> None:
    """Replace the file as a whole, readable by its owner alone."""
    path = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mode 0600
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(handle)
        if path.exists():
            os.fchown(handle, path.stat().st_uid, path.stat().st_gid)
    Path(name).replace(path)


def _told(name: str, found: Dependents) -> str:
    ends = [f"the last ends {_day(found.last_ends_at)}"] if found.last_ends_at else []
    ends += [f"{found.endless:,} never end"] if found.endless else []
    return f"{found.count:,} {name}; {', '.join(ends)}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
