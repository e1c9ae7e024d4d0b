"""What every row has, and the door through which an organization's rows are reached."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar
from uuid import UUID

from tortoise import Model, fields
from tortoise.queryset import QuerySet

import errors
from models import chance, clock
from models.actor import Actor, ActorKind, Permission
from models.chance import Key
from models.changes import lock, update
from models.prepared import Prepared

if TYPE_CHECKING:
    from models.organization import Organization


R = TypeVar("R", bound="Row")
W = TypeVar("W", bound="Owned")

_SCOPES = ("organization_id", "ticket_id", "task_id", "candidate_id", "assessment_id")  # an actor's, that rows bear
SCOPES = len(_SCOPES)
_others = attrgetter(*_SCOPES[1:])


def key_in(gid: str, expected: str) -> UUID:
    """The key inside a global id with the expected prefix. Raises NotFound for another type's id or no id at all."""
    prefix, _, key = gid.partition("_")
    if prefix != expected or len(key) != 36:
        raise errors.NotFound
    try:
        return Key(key)
    except ValueError:
        raise errors.NotFound from None


def cursor_of_key(key: UUID) -> str:
    """The place of the row with this key in a list, as clients see it: opaque."""
    return urlsafe_b64encode(key.bytes).decode("ascii").rstrip("=")


class Row(Model):
    """A row with a UUIDv7 key, shown to clients as its prefix and the key."""

    prefix: ClassVar[str]

    id = fields.UUIDField(primary_key=True, default=chance.new_id)
    created_at: datetime = fields.DatetimeField(default=clock.now)

    class Meta:
        abstract = True

    @property
    def gid(self) -> str:
        """The global id, like `tkt_01890a5d-…`."""
        return f"{self.prefix}_{self.id}"

    @property
    def cursor(self) -> str:
        """Its place in a list, as clients see it."""
        return cursor_of_key(self.id)

    @property
    def node(self) -> Self:
        """In a list a row is its own edge: it knows its cursor."""
        return self

    @classmethod
    def key_of(cls, gid: str) -> UUID:
        """The key inside a global id. Raises NotFound for another type's id or no id at all."""
        return key_in(gid, cls.prefix)

    async def store(self, **changes: Any) -> None:
        """Set these columns, here and where the row is kept."""
        await update(type(self), {"id": self.id}, changes)
        self.update_from_dict(changes)

    async def read_again(self) -> None:
        """Become what is kept now. Raises NotFound when it is there no longer."""
        fresh = _found(await _again(type(self)).one(self.id))
        vars(self).clear()
        vars(self).update(vars(fresh))


class Owned(Row):
    """A row that belongs to one organization and is never seen by another."""

    # Which column a candidate's own id is compared with, by that id's name on the actor; empty: candidates see none.
    candidate_scope: ClassVar[Mapping[str, str]] = {}

    # The path to the key of the row's task, for an API key that is narrowed to some tasks; None: it sees none of them.
    # Without a default: a model that says neither is seen by no narrowed key, and fails a test.
    task_scope: ClassVar[str | None]

    organization: fields.ForeignKeyRelation[Organization] = fields.ForeignKeyField(
        "admit.Organization", related_name=False, on_delete=fields.CASCADE
    )
    organization_id: UUID

    class Meta:
        abstract = True

    @classmethod
    def visible_to(cls, actor: Actor) -> QuerySet[Self]:
        """What this actor may know of: its organization's rows; a candidate its ticket's, a narrowed key its tasks'."""
        own = cls.filter(organization_id=actor.organization)
        if actor.is_candidate:
            return cls._of_candidate(own, actor)
        return cls._of_tasks(own, actor, actor.task_ids) if actor.task_ids is not None else own

    @classmethod
    def _of_candidate(cls, own: QuerySet[Self], actor: Actor) -> QuerySet[Self]:
        if not cls.candidate_scope:
            return own.filter(id__isnull=True)
        return own.filter(**{column: getattr(actor, name) for column, name in cls.candidate_scope.items()})

    @classmethod
    def _of_tasks(cls, own: QuerySet[Self], actor: Actor, task_ids: Collection[UUID]) -> QuerySet[Self]:
        if cls.task_scope is None:
            return own.filter(id__isnull=True)
        return own.filter(**{f"{cls.task_scope}__in": list(task_ids)})

    @classmethod
    async def seen_by(cls, actor: Actor, key: UUID) -> Self:
        """The row with this key. Raises NotFound when it is absent or somebody else's."""
        if not is_usual(cls, actor):
            return _found(await cls.visible_to(actor).get_or_none(id=key))
        door: Prepared[Self] = _door(cls, actor.kind, actor.permissions)
        return _found(await door.one(*scopes_of(actor), key))

    @classmethod
    async def glimpsed_by(cls, actor: Actor, key: UUID, *columns: str) -> Self:
        """The same, of which nothing is read but these columns."""
        if not is_usual(cls, actor):
            return await cls.seen_by(actor, key)
        door: Prepared[Self] = _door(cls, actor.kind, actor.permissions, columns)
        return _found(await door.one(*scopes_of(actor), key))

    @classmethod
    async def locked_by(cls, actor: Actor, key: UUID) -> Self:
        """The same, held until the transaction ends, so that what is read stays true while deciding."""
        # the row alone: who held what the door joins to it, too, would take the two in whatever order
        rows = cls.visible_to(actor).select_for_update(of=(cls._meta.db_table,))
        return _found(await rows.get_or_none(id=key))

    @classmethod
    async def kept_by(cls, actor: Actor, key: UUID) -> Self:
        """The same, kept as it is until the transaction ends by as many at once as like: who would change it waits."""
        await lock(f'SELECT 1 FROM "{cls._meta.db_table}" WHERE id = {{0}} FOR SHARE', key)  # noqa: S608
        return await cls.seen_by(actor, key)


def is_usual(model: type[Row], actor: Actor) -> bool:
    """Whether all that the model's door asks of the actor are its kind, its permissions and ids that it has."""
    needed = getattr(model, "candidate_scope", {}).values() if actor.is_candidate else ()
    return actor.task_ids is None and all(getattr(actor, name) is not None for name in needed)


def scopes_of(actor: Actor) -> Sequence[UUID | None]:
    """The ids of the actor that a door may ask for."""
    return actor.organization, *_others(actor)


def seen_as(model: type[R], kind: ActorKind, permissions: frozenset[Permission], scopes: Sequence[UUID]) -> QuerySet[R]:
    """What `visible_to` says to an actor of whom all is known but the ids."""
    known: dict[str, Any] = dict(zip(_SCOPES, scopes, strict=True))
    rows: QuerySet[R] = model.visible_to(Actor(kind, "", permissions=permissions, **known))  # type: ignore[attr-defined]  # every model with a door has it
    return rows


@cache
def _again(model: type[R]) -> Prepared[R]:
    return Prepared(lambda key: model.filter(id=key), UUID)


@lru_cache(1_000)
def _door(
    model: type[W], kind: ActorKind, permissions: frozenset[Permission], columns: tuple[str, ...] = ()
) -> Prepared[W]:
    def make(*ids: UUID) -> QuerySet[W]:
        *scopes, key = ids
        rows = seen_as(model, kind, permissions, scopes).filter(id=key)
        return rows.only(*columns) if columns else rows

    return Prepared(make, *[UUID] * (SCOPES + 1))


def _found(row: R | None) -> R:
    if row is None:
        raise errors.NotFound
    return row
