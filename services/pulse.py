"""Waking those who wait for an organization's log to grow."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID


class Pulse:
    """Wakes whoever waits for an organization's log to grow; services/wakeups.py tells it of other processes."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, asyncio.Event] = {}
        self._followers: Counter[UUID] = Counter()

    def beat(self, organizations: Iterable[UUID]) -> None:
        """The logs of these organizations have grown."""
        for organization in organizations:
            waiting = self._waiting.pop(organization, None)
            if waiting is not None:
                waiting.set()

    def next(self, organization: UUID) -> asyncio.Event:
        """An event that is set at the organization's next beat; take it before reading, or a beat is missed."""
        return self._waiting.setdefault(organization, asyncio.Event())

    def follow(self, organization: UUID) -> None:
        """Count one more follower of the organization's log."""
        self._followers[organization] += 1

    def leave(self, organization: UUID) -> None:
        """Count one less, and forget the organization with its last one."""
        self._followers[organization] -= 1
        if not self._followers[organization]:
            del self._followers[organization]
            self._waiting.pop(organization, None)

    @contextmanager
    def followed(self, organization: UUID) -> Iterator[None]:
        """Count one follower for as long as the block lasts."""
        self.follow(organization)
        try:
            yield
        finally:
            self.leave(organization)

    @property
    def organizations(self) -> frozenset[UUID]:
        """Those whose logs somebody follows."""
        return frozenset(self._followers)

    @property
    def followers(self) -> int:
        """How many streams are open and know where they begin."""
        return self._followers.total()
