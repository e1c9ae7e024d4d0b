"""Where an organization's members sign in, when it is not here."""

from __future__ import annotations

from tortoise import fields

from models.actor import Role
from models.base import Owned


class IdentityProvider(Owned):
    """An organization's OpenID provider: one at most. `client_secret` is sealed, never shown.

    Whoever signs in there with an e-mail address of one of `allowed_domains` joins with the `default_role`; where that
    is None only those who are members already come in. `is_enforced` ends signing in by password.
    """

    prefix = "idp"

    issuer = fields.CharField(max_length=500)
    client_id = fields.CharField(max_length=255)
    client_secret = fields.CharField(max_length=2000)
    allowed_domains: list[str] = fields.JSONField(default=list)
    default_role = fields.CharEnumField(Role, Role.__doc__, max_length=16, null=True)
    is_enforced = fields.BooleanField(default=False)

    class Meta:
        table = "identity_provider"
        unique_together = (("organization_id",),)
