"""What staff can do with a session as it is now."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from models.actor import Actor, Permission
from models.session import ENDED, RUNNING, UNFINISHED, GradingStatus, TestSession, TestSessionAction, TestSessionStatus

A = TestSessionAction

# When each is possible, and who may.
ACTIONS: Mapping[TestSessionAction, tuple[Callable[[TestSession], bool], Permission]] = {
    A.ADMIT: (lambda session: session.status is TestSessionStatus.AWAITING_PROCTOR, Permission.PROCTOR),
    A.PAUSE: (lambda session: session.status in RUNNING, Permission.PROCTOR),
    A.RESUME: (lambda session: session.status is TestSessionStatus.PAUSED, Permission.PROCTOR),
    A.TERMINATE: (lambda session: session.status in UNFINISHED, Permission.PROCTOR),
    A.ADJUST_TIME: (lambda session: session.is_timed and session.status in UNFINISHED, Permission.PROCTOR),
    A.REINSTATE: (lambda session: session.has_begun and session.status in ENDED, Permission.PROCTOR),
    A.GRADE: (
        lambda session: session.grading in (GradingStatus.PENDING_MANUAL, GradingStatus.FULLY_GRADED),
        Permission.GRADE,
    ),
    A.RELEASE: (lambda session: session.grading is GradingStatus.FULLY_GRADED, Permission.GRADE),
}


def allowed(session: TestSession, actor: Actor) -> list[TestSessionAction]:
    """The actions that this actor could take now."""
    return [action for action, (possible, needed) in ACTIONS.items() if possible(session) and actor.may(needed)]
