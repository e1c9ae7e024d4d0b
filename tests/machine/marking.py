"""The reference for scores: what answers are worth, what instructors give, and what is released."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.machine.things import NUMBER, POINTS, No, Session, Task, Version, World


def worth(kind: str, value: Any) -> float | None:
    """The points of an answer; None when a person has to say."""
    if kind == "ESSAY":
        return None if value else 0.0
    right = value is True if kind == "TRUE_FALSE" else value == NUMBER
    return POINTS[kind] if right else 0.0


def grade(world: World, session: Session) -> None:
    """Score a session as far as it goes; another score is another version."""
    marks: dict[str, float] = {}
    for kind, question in session.step.test.questions.items():
        value, _, received = session.answers.get(question, (None, 0, world.now))
        points = worth(kind, value)
        if question in session.reviews:
            given, at = session.reviews[question]
            points = given if question not in session.answers or received <= at else points
        if points is not None:
            marks[question] = points
    if len(marks) < len(session.step.test.questions):
        session.grading = "PENDING_MANUAL"
        return
    session.grading = "FULLY_GRADED"
    current = next((one for one in session.results if one.superseded is None), None)
    if current is not None and current.marks == marks:
        return
    withdraw(world, session)
    session.results.append(Version(marks, session.endings))
    if session.task.automatic:
        _release(world, [session])


def withdraw(world: World, session: Session) -> None:
    """What counted counts no more."""
    for version in session.results:
        version.superseded = version.superseded or world.now


def mark(world: World, session: Session, question: str, points: float) -> Session:
    """An instructor's mark."""
    if session.grading not in ("PENDING_MANUAL", "FULLY_GRADED"):
        raise No("GradingNotPossible")
    kinds = {gid: kind for kind, gid in session.step.test.questions.items()}
    if question not in kinds or not 0 <= points <= POINTS[kinds[question]]:
        raise No("InvalidInput")
    session.reviews[question] = (points, world.now)
    grade(world, session)
    return session


def release(world: World, sessions: Sequence[Session]) -> list[Session]:
    """Let candidates see the results of these, all or none."""
    if any(session.grading != "FULLY_GRADED" for session in sessions):
        raise No("GradingNotPossible")
    return _release(world, sessions)


def release_all(world: World, task: Task) -> list[Session]:
    """Of all of the task that are graded."""
    return _release(world, [one for one in world.sessions() if one.task is task and one.grading == "FULLY_GRADED"])


def _release(world: World, sessions: Sequence[Session]) -> list[Session]:
    for session in sessions:
        for version in session.results:
            if version.superseded is None:
                version.released = version.released or world.now
    return list(sessions)


def score(session: Session, version: Version) -> tuple[float, bool]:
    """The points, and whether they reach half of what there were."""
    points = sum(version.marks.values())
    return points, points >= session.step.test.most / 2


def shown(session: Session) -> int | None:
    """Which version a candidate sees: the newest that was released, of how the session ended last."""
    if session.ended is None:
        return None
    numbered = enumerate(session.results, 1)
    return max((n for n, one in numbered if one.released and one.ending == session.endings), default=None)
