"""People on staff and the log-ins they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q

from models.actor import PERMISSIONS, Actor, ActorKind, Role
from models.base import Owned
from models.prepared import Joined


class Member(Owned):
    """A person on staff, who signs in by password, or as the subject that an identity provider knows."""

    prefix = "mem"
    task_scope = None

    full_name = fields.CharField(max_length=200)
    email = fields.CharField(max_length=320, unique=True)
    role = fields.CharEnumField(Role, Role.__doc__, max_length=16)
    password_hash = fields.CharField(max_length=200, null=True)
    oidc_issuer = fields.CharField(max_length=500, null=True)
    oidc_subject = fields.CharField(max_length=255, null=True)

    class Meta:
        table = "member"
        unique_together = (("organization_id", "oidc_issuer", "oidc_subject"),)
        indexes = (("organization_id", "id"),)

    @classmethod
    async def by_email(cls, email: str) -> Member | None:
        """The member with this (normalised) address; the address and a password are the authority."""
        return await cls.get_or_none(email=email)

    @classmethod
    async def by_subject(cls, organization_id: UUID, issuer: str, subject: str) -> Member | None:
        """The organization's member whom its provider knows so; the provider's signature is the authority."""
        return await cls.get_or_none(organization_id=organization_id, oidc_issuer=issuer, oidc_subject=subject)

    @classmethod
    async def bind(cls, key: UUID, issuer: str, subject: str) -> bool:
        """Let the member sign in as this subject; False if the issuer knows the member as another one already."""
        free = Q(oidc_subject=None) | ~Q(oidc_issuer=issuer) | Q(oidc_subject=subject)
        return bool(await cls.filter(free, id=key).update(oidc_issuer=issuer, oidc_subject=subject))

    @property
    def actor(self) -> Actor:
        """What this member may do."""
        return Actor(ActorKind.MEMBER, self.gid, self.organization_id, PERMISSIONS[self.role], self.id)


class Login(Owned):
    """One signed-in device: its refresh token is good once: `generation` counts how often it was exchanged."""

    prefix = "lgn"
    task_scope = None

    member: fields.ForeignKeyRelation[Member] = fields.ForeignKeyField("admit.Member", related_name=False)
    member_id: UUID
    generation = fields.IntField(default=0)
    expires_at: datetime = fields.DatetimeField()
    revoked_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "login"

    @classmethod
    async def roles(cls, keys: Collection[UUID], at: datetime) -> Mapping[UUID, Role]:
        """Of those that running streams began with and that still count, what their members are."""
        live = cls.filter(id__in=list(keys), revoked_at=None, expires_at__gt=at)
        return dict(await live.values_list("id", "member__role")) if keys else {}

    @classmethod
    async def by_id(cls, key: UUID) -> Login | None:
        """The log-in that a signed token names, with its member; the signature is the authority."""
        found = await _with_member.one(key)
        if found is None:
            return None
        login: Login
        login, login.member = found
        return login

    @classmethod
    async def exchange(cls, key: UUID, generation: int) -> bool:
        """Count the refresh token of this generation as used; False if it was used before."""
        return bool(await cls.filter(id=key, generation=generation, revoked_at=None).update(generation=generation + 1))

    @classmethod
    async def revoke(cls, key: UUID, at: datetime) -> bool:
        """End the log-in; False if it had ended."""
        return bool(await cls.filter(id=key, revoked_at=None).update(revoked_at=at))

    @classmethod
    async def revoke_all(cls, member_id: UUID, at: datetime) -> int:
        """End every log-in of the member; answers how many had not ended."""
        return await cls.filter(member_id=member_id, revoked_at=None, expires_at__gt=at).update(revoked_at=at)

    @classmethod
    async def revoke_others(cls, actor: Actor, at: datetime) -> list[Member]:
        """End every log-in of the organization but the actor's own; answers whose had not ended."""
        others = cls.visible_to(actor).filter(revoked_at=None, expires_at__gt=at).exclude(id=actor.credential_id)
        members = {login.member_id: login.member for login in await others.select_related("member")}
        await others.update(revoked_at=at)
        return list(members.values())

    def is_live(self, at: datetime) -> bool:
        """Whether tokens of this log-in still count."""
        return self.revoked_at is None and at < self.expires_at


_with_member = Joined("FROM login JOIN member ON member.id = login.member_id WHERE login.id = {0}", Login, Member)
