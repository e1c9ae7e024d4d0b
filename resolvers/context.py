"""What a resolver is handed besides what types need: the installation that services work for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import strawberry

import models
import schema.context
from services import tasks
from services.site import Site


@dataclass
class Context(schema.context.Context):
    """One operation's surroundings. `address` is the caller's network address, for counting guesses."""

    site: Site
    address: str = ""
    connection_params: dict[str, Any] = field(default_factory=dict)

    def welcome_of(self, task: models.Task) -> tasks.Welcome:
        """The same that the page shows."""
        return tasks.welcome_of(task)


Info: TypeAlias = strawberry.Info[Context, None]
