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


async def api_keys(printed_with: str) -> Dependents:
    """API keys whose secret is not known to be kept under the fingerprint of this SECRET_KEY."""
    return await _counted(ApiKey.filter(revoked_at=None, printed_with__not=printed_with))


async def previous_secrets(printed_with: str) -> Dependents:
    """Of rotated API keys the secrets before, in their overlap, that are not known to be kept under this SECRET_KEY."""
    overlapping = ApiKey.filter(revoked_at=None, previous_hash__isnull=False, previous_until__gt=clock.now())
    return await _counted(overlapping.filter(previous_printed_with__not=printed_with), "previous_until")


async def client_secrets() -> list[str]:
    """What organizations share with their identity providers, each as it is sealed."""
    return [row.client_secret for row in await IdentityProvider.all()]


async def _counted(rows: QuerySet[R], ends_at: str = "expires_at") -> Dependents:
    live = rows.filter(Q(expires_at=None) | Q(expires_at__gt=clock.now()))
    ends = await live.annotate(last=Max(ends_at)).first().values_list("last")
    return Dependents(await live.count(), ends[0] if ends else None, await live.filter(**{ends_at: None}).count())
