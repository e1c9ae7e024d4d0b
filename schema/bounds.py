"""How large, deep and dear one document may be."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import errors

GUESSING = frozenset({"logIn", "signUp", "refreshAccessToken", "enterTask", "redeemAccessLink"})
_WHEREVER = "those of a fragment counted wherever it is spread"


def _most(count: int, what: str) -> Any:
    return field(default=count, metadata={"what": what})


@dataclass(frozen=True)
class Bounds:
    """The most that a document may have. All but the last two are settings, QUERY_DEPTH and so on."""

    bytes: int = _most(20_000, "bytes")
    tokens: int = _most(2_000, "tokens")
    depth: int = _most(12, "fields inside one another")
    fields: int = _most(400, f"fields, {_WHEREVER}")
    aliases: int = _most(30, f"aliases and repeated fields, {_WHEREVER}")
    directives: int = _most(50, f"directives, {_WHEREVER}")
    directives_in_place: int = _most(5, "directives in one place")
    fragments: int = _most(50, "fragments")
    cost: int = _most(5_000, "points of cost: ask for smaller pages, or for less of each row")
    guesses: int = _most(1, f"of {', '.join(sorted(GUESSING))}")
    introspected: int = _most(250_000, "points of introspection, twice what the standard query has")

    def refusal(self, name: str) -> errors.QueryTooComplex:
        """Why a document that is over this bound is refused."""
        [what] = [bound.metadata["what"] for bound in fields(self) if bound.name == name]
        return errors.QueryTooComplex(f"A document may have at most {getattr(self, name):,} {what}.")

    def check(self, **counts: int) -> None:
        """Raise QueryTooComplex for the first count that is over its bound."""
        for name, count in counts.items():
            if count > getattr(self, name):
                raise self.refusal(name)


@dataclass
class Tally:
    """What was counted; `introspected` is the cost of what is asked about the schema, and in nothing else."""

    fields: int = 0
    aliases: int = 0
    directives: int = 0
    guesses: int = 0
    introspected: int = 0
    cost: int = 0
    depth: int = 0

    def add(self, other: Tally) -> None:
        """Count what is beside it, too."""
        for name, count in vars(other).items():
            setattr(self, name, max(self.depth, count) if name == "depth" else getattr(self, name) + count)
