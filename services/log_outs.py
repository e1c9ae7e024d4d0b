"""Ending every log-in of a member at once: a device was lost, or somebody has left."""

from __future__ import annotations

from uuid import UUID

import errors
from models import Actor, ActorKind, EventType, Login, Member, Permission, clock
from models.event import record
from models.unit import transactional


@transactional
async def everywhere(actor: Actor, member_id: UUID | None = None) -> int:
    """End every log-in of the member, or of the member who asks; answers how many there were, again none.

    Their tokens count no more from then on, and their streams end. Raises NotFound, and Forbidden for another member
    without the permission, or for a credential that is no log-in and names nobody.
    """
    actor.organization  # noqa: B018  nobody signed in is told so
    own = actor.id if actor.kind is ActorKind.MEMBER else None
    wanted = member_id or own
    if wanted is None:
        raise errors.Forbidden("Only a member has log-ins: name one.")
    member = await Member.seen_by(actor, wanted)
    if wanted != own:
        actor.must(Permission.MANAGE_ORGANIZATION)
    ended = await Login.revoke_all(member.id, clock.now())
    if ended:
        record(EventType.MEMBER_LOGGED_OUT, member.gid, actor, reason="everywhere", log_ins=ended)
    return ended
