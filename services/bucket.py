"""The leaky bucket of each credential: what documents cost goes in, and leaks out at a steady rate."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import errors
from models import Actor
from services.counters import Counters
from services.guesses import key

_GRAIN = 1e-6  # of a point: what rounding loses


@dataclass(frozen=True)
class Standing:
    """How much a credential may still ask for at once, of how much, and how much comes back in a second."""

    maximum: int
    available: int
    restore_rate: int


class Bucket:
    """Holds `capacity` points of cost, of which `per_second` leak; with a capacity of 0 there is no bucket."""

    def __init__(self, counters: Counters, capacity: int, per_second: int) -> None:
        self._counters, self._capacity, self._rate = counters, capacity, max(1, per_second)

    async def charge(self, actor: Actor, address: str, cost: int) -> Standing | None:
        """Pour the cost into the bucket of the actor's credential, or of the address of somebody without one.

        Raises RateLimited, and pours nothing, when it would run over. What is larger than a bucket empties one.
        """
        if not self._capacity:
            return None
        return self._standing(await self._counters.pour(*self._poured(actor, address, cost)))

    def charge_at_once(self, actor: Actor, address: str, cost: int) -> Standing | None:
        """The same, if nobody has to wait for it. Raises Elsewhere, too."""
        if not self._capacity:
            return None
        return self._standing(self._counters.pour_at_once(*self._poured(actor, address, cost)))

    def _poured(self, actor: Actor, address: str, cost: int) -> tuple[str, float, float]:
        full = self._capacity / self._rate
        return _whose(actor, address), min(cost / self._rate, full), full

    def _standing(self, poured: tuple[float, float]) -> Standing:
        wait, level = poured
        if wait > 0:
            raise errors.RateLimited(ceil(wait), "You have asked for too much in too short a time: wait a little.")
        return Standing(self._capacity, int(self._capacity - level * self._rate + _GRAIN), self._rate)


def _whose(actor: Actor, address: str) -> str:
    credential = actor.credential_id or actor.assessment_id
    return key("cost:credential", str(credential)) if credential else key("cost:address", address)
