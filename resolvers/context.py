"""What a resolver is handed besides what types need: the installation that services work for."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import strawberry

import models
import schema.context
from services import tasks
from services.bucket import Standing
from services.site import Site


class Place(Protocol):
    """Where the events of one subscription come from."""

    is_shared: bool

    def events(self, info: Info, after: str | None, **watched: Any) -> AsyncGenerator[models.Event, None]:
        """Those to execute."""


@dataclass
class Context(schema.context.Context):
    """One operation's surroundings. `address` is the caller's network address, for counting guesses; `place` where a
    subscription's events come from.
    """

    site: Site
    address: str = ""
    place: Place | None = None
    connection_params: dict[str, Any] = field(default_factory=dict)

    async def charge(self, cost: int) -> dict[str, int] | None:
        """From the bucket of the credential, or of the address of whoever has none; what is shared was paid for."""
        if self.place is not None and self.place.is_shared:
            return None
        return _told(await self.site.bucket.charge(self.actor, self.address, cost))

    def charge_at_once(self, cost: int) -> dict[str, int] | None:
        """The same for an operation, if nobody has to wait for it. Raises Elsewhere, too."""
        return _told(self.site.bucket.charge_at_once(self.actor, self.address, cost))

    def welcome_of(self, task: models.Task) -> tasks.Welcome:
        """The same that the page shows."""
        return tasks.welcome_of(task)


def _told(left: Standing | None) -> dict[str, int] | None:
    if left is None:
        return None
    return {
        "maximumAvailable": left.maximum,
        "currentlyAvailable": left.available,
        "restoreRate": left.restore_rate,
    }


Info: TypeAlias = strawberry.Info[Context, None]
