"""Where an organization's members sign in, when it is not here."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields

from models.actor import Role
from models.base import Owned


class IdentityProvider(Owned):
    """An organization's OpenID provider: one at most. `client_secret` is sealed, never shown.

    Whoever signs in there with an e-mail address of one of `allowed_domains` joins with the `default_role`; where that
    is None only those who are members already come in. `is_enforced` ends signing in by password. `proved_at` is when
    an owner first came in this way since the issuer, the client or its secret was changed.
    """

    prefix = "idp"
    task_scope = None

    issuer = fields.CharField(max_length=500)
    client_id = fields.CharField(max_length=255)
    client_secret = fields.CharField(max_length=2000)
    allowed_domains: list[str] = fields.JSONField(default=list)
    default_role: Role | None = fields.CharEnumField(  # type: ignore[assignment]  # its type forgets `null`
        Role, Role.__doc__, max_length=16, null=True
    )
    is_enforced = fields.BooleanField(default=False)
    proved_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "identity_provider"
        unique_together = (("organization_id",),)

    @classmethod
    async def of(cls, organization_id: UUID) -> IdentityProvider | None:
        """The organization's provider; that somebody may sign in there is no secret."""
        return await cls.get_or_none(organization_id=organization_id)

    @classmethod
    async def note(cls, used: IdentityProvider, **columns: Any) -> None:
        """Change columns of the provider that somebody came from, unless its issuer or client is another meanwhile.

        Its secret is compared opened, by who asks: one that was only sealed anew is the same one.
        """
        await cls.filter(id=used.id, issuer=used.issuer, client_id=used.client_id).update(**columns)
