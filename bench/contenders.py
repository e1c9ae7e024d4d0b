"""Whom the benchmark lets run, and how each is started."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.dataset import ROOT, SECRET_KEY
from bench.servers import NotHere, python

# As in production, but for what bounds a single caller, for all the load is one's, and what looks after candidates.
PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": SECRET_KEY,
    "COST_CAPACITY": "0",
    "QUERY_COST": "100000000",
    "GUESSES_PER_ADDRESS": "100000000",
    "GUESSES_PER_TASK": "100000000",
    "GUESSES_IN_ALL": "100000000",
    "DATABASE_TIMEOUT_SECONDS": "60",  # a machine that does nothing else is no outage
    "SESSION_LOST_SECONDS": "86400",  # those who start here are never heard of again, and nobody else would note it
}
READS = ("W1", "W2")
WRITES = ("W3", "W4", "W5")


@dataclass(frozen=True)
class Contender:
    """A server, and the workloads that it can do on each kind of database."""

    name: str
    title: str
    command: Sequence[str]
    on_sqlite: Sequence[str] = ()
    on_postgres: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    renames: bool = False  # whether it answers a document of its own to W1 and W2

    def takes(self, workload: str, *, postgres: bool) -> bool:
        """Whether it can do this workload on this database."""
        return workload in (self.on_postgres if postgres else self.on_sqlite)

    def ready(self) -> None:
        """Raises NotHere when what it is made of is not installed."""
        if self.command[0] != "node":
            return
        if not shutil.which("node"):
            raise NotHere(f"{self.title} needs Node")
        if not (ROOT / "bench" / "node_modules" / "fastify").exists():
            raise NotHere(f"{self.title} needs what npm brings: make bench installs it where there is npm")


def _node(script: str) -> list[str]:
    return ["node", f"bench/peers/{script}.mjs"]


_DONE = (*READS, *WRITES)
_ALL = (*_DONE, "W6", "W7")

ADMIT = Contender("admit", "Admit", [sys.executable, "server.py"], _ALL, _ALL, PRODUCTION)
CONTENDERS = (
    ADMIT,
    Contender("compiled", "Admit, compiled tier alone", python("bench.peers.admit_compiled"), READS, READS, PRODUCTION),
    Contender("raw", "raw limit", python("bench.peers.raw_sqlite"), _DONE),
    Contender("raw-postgres", "raw limit", python("bench.peers.raw_postgres"), (), _DONE),
    Contender("plain", "plain Strawberry", python("bench.peers.plain_strawberry"), _DONE, _DONE),
    Contender("mercurius", "Mercurius with JIT", _node("mercurius"), _DONE, _DONE),
    Contender("postgraphile", "PostGraphile 5", _node("postgraphile"), (), READS, renames=True),
    Contender("frames", "raw frames", python("bench.peers.raw_frames"), ("W6",), ("W6",)),
    Contender("graphql-ws", "graphql-ws on Node", _node("graphql_ws"), ("W6",), ("W6",)),
)
