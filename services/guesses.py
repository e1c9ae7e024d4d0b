"""Budgets for guessing: so many wrong codes or passwords in a window, then nothing is looked at until it has passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from math import ceil

import errors
from services.counters import Budget, Counters

_KEYS = 10_000  # that are kept: a crowd comes by the same task, and often behind one address
_DIGEST = 32  # characters: enough to tell subjects apart, and nobody reads an e-mail address in Redis


@dataclass(frozen=True)
class Allowance:
    """What one kind of subject may have: so many failures in a window, the `free` ones without delay.

    What is `strict` is refused while what is shared cannot be asked; the rest is then counted by this process alone.
    """

    most: int
    free: int | None = None
    strict: bool = False


class Guesses:
    """Counts failures per subject (`address="…"`, `task="…"`), for all processes where the counters are shared.

    `counters` raise Unavailable while what is shared is away; `lenient` ones go on.
    """

    def __init__(
        self, counters: Counters, lenient: Counters, allowances: Mapping[str, Allowance], window: float
    ) -> None:
        self._counters, self._lenient = counters, lenient
        self._allowances, self._window = allowances, window
        self._counted = lru_cache(_KEYS)(self._made)

    async def check(self, **subjects: str) -> None:
        """Raise RateLimited when one of the subjects has spent its budget or must wait a little; count nothing."""
        counters, budgets = self._counted(*subjects.items())
        _must_not_wait(await counters.spend(budgets, count=False))

    async def spend(self, **subjects: str) -> None:
        """Count one wrong guess against each subject. Raises RateLimited, counting nothing, when one may not guess."""
        counters, budgets = self._counted(*subjects.items())
        _must_not_wait(await counters.spend(budgets))

    async def refund(self, **subjects: str) -> None:
        """Take back a guess that was counted before it proved right; where failures delay, all of them."""
        counters, budgets = self._counted(*subjects.items())
        await counters.refund(budgets)

    def _made(self, *subjects: tuple[str, str]) -> tuple[Counters, Sequence[Budget]]:
        """Where the subjects' failures are counted, and against what."""
        allowed = [self._allowances[kind] for kind, _ in subjects]
        budgets = [
            Budget(key(f"guesses:{kind}", subject), one.most, self._window, one.free)
            for (kind, subject), one in zip(subjects, allowed, strict=True)
        ]
        return self._counters if any(one.strict for one in allowed) else self._lenient, budgets


@lru_cache(_KEYS)
def key(kind: str, subject: str) -> str:
    """The name of a subject's counter."""
    told = network(subject) if kind.endswith("address") else subject
    return f"{kind}:{sha256(told.encode(errors='replace')).hexdigest()[:_DIGEST]}"


def network(address: str) -> str:
    """What one caller can be expected to have of addresses: one of IPv4, 2**64 of IPv6."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or found.exploded[:19])
    return str(found)


def _must_not_wait(seconds: float) -> None:
    if seconds > 0:
        raise errors.RateLimited(ceil(seconds))
