"""What still depends on an older secret: counted for the operator alone, over all organizations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from tortoise.expressions import Q
from tortoise.functions import Max
from tortoise.queryset import QuerySet

from models import clock
from models.access_link import AccessLink
from models.api_key import ApiKey
from models.base import Owned
from models.identity_provider import IdentityProvider
from models.member import Login

R = TypeVar("R", bound=Owned)


@dataclass(frozen=True)
class Dependents:
    """Live things of one kind that an older secret made: how many, when the last ends, and how many never end."""

    count: int
    last_ends_at: datetime | None
    endless: int


async def log_ins(since: datetime) -> Dependents:
    """Log-ins from before: at most these, for one that was refreshed since then carries the new secret."""
    return await _counted(Login.filter(revoked_at=None, created_at__lt=since))


async def access_links(since: datetime) -> Dependents:
    """Access links that were made before."""
    return await _counted(AccessLink.filter(revoked_at=None, created_at__lt=since))


async def api_keys(since: datetime) -> Dependents:
    """API keys from before that were not used since then: their use fingerprints them with the new secret."""
    unused = Q(last_used_at=None) | Q(last_used_at__lt=since)
    return await _counted(ApiKey.filter(unused, revoked_at=None, created_at__lt=since))


async def client_secrets() -> list[str]:
    """What organizations share with their identity providers, each as it is sealed."""
    return [row.client_secret for row in await IdentityProvider.all()]


async def _counted(rows: QuerySet[R]) -> Dependents:
    live = rows.filter(Q(expires_at=None) | Q(expires_at__gt=clock.now()))
    ends = await live.annotate(last=Max("expires_at")).first().values_list("last")
    return Dependents(await live.count(), ends[0] if ends else None, await live.filter(expires_at=None).count())
