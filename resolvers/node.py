"""Reading anything by its global id, and who the credential is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

import errors
import models
from models import ActorKind, Permission
from models.paging import MAXIMUM
from resolvers.context import Info
from schema.declared import ByGlobalId, Own, declared
from schema.node import NODES, Node
from schema.viewer import Viewer

Id = Annotated[strawberry.ID, strawberry.argument(description="A global id.")]
Ids = Annotated[list[strawberry.ID], strawberry.argument(description="At most 100 global ids.")]

# What staff need besides seeing the row; READ where nothing is said.
_DEMANDED: Mapping[type[Any], Permission] = {models.ApiKey: Permission.MANAGE_KEYS, models.Export: Permission.EXPORT}

# The row that a credential speaks for, and the actor's field with its key.
_SELF: Mapping[ActorKind, tuple[type[Any], str]] = {
    ActorKind.MEMBER: (models.Member, "id"),
    ActorKind.API_KEY: (models.ApiKey, "id"),
    ActorKind.CANDIDATE: (models.Candidate, "candidate_id"),
}


@strawberry.type
class NodeQueries:
    """Relay's reading by id."""

    @strawberry.field(
        graphql_type=Node | None,
        description="The thing with this global id.",
        metadata=declared(ByGlobalId(NODES, _DEMANDED)),
    )
    async def node(self, info: Info, id: Id) -> Any:
        """Whatever the caller may know of."""
        return await _known(info, id)

    @strawberry.field(
        graphql_type=list[Node | None],
        description="The things with these ids, in the same order.",
        metadata=declared(ByGlobalId(NODES, _DEMANDED)),
    )
    async def nodes(self, info: Info, ids: Ids) -> list[Any]:
        """Where nothing is found there is null, with an error of its own."""
        if len(ids) > MAXIMUM:
            raise errors.BadRequest(f"Ask for at most {MAXIMUM} at a time.")
        return await asyncio.gather(*(_known(info, one) for one in ids), return_exceptions=True)

    @strawberry.field(
        graphql_type=Viewer | None,
        description="Who the credential is; null without one.",
        metadata=declared(Own(_SELF)),
    )
    async def viewer(self, info: Info) -> Any:
        """Everybody may know who they are."""
        if info.context.actor.kind is ActorKind.ANONYMOUS:
            return None
        model, key = _SELF[info.context.actor.kind]
        return await model.seen_by(info.context.actor, getattr(info.context.actor, key))


async def _known(info: Info, gid: str) -> Any:
    """The row, through the tenancy door. A candidate's door is narrow enough; staff need the permission, too."""
    actor = info.context.actor
    actor.organization  # noqa: B018  nobody signed in is told so before anything about ids
    model = NODES.get(gid.partition("_")[0])
    if model is None:
        raise errors.NotFound
    row = await info.context.loaders.one(model, model.key_of(gid))
    if not (actor.is_candidate and issubclass(model, models.Owned)):
        actor.must(_DEMANDED.get(model, Permission.READ))
    return row
