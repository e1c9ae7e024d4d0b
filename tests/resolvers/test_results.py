"""Grading, marking and releasing: a result is never edited, and who may see which version."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette

from models import Event, Result, Review, Role, chance
from services import clockwork
from tests.hall import Hall, changing, changing_many, events, open_hall
from tests.world import Clock, Door

GRADE = changing("gradeAnswer")
RELEASE = changing_many("releaseResults")


async def handed_in(hall: Hall, essay: str = "Because.") -> tuple[Any, str]:
    """A session with an essay, handed in, and the essay's id."""
    session = await hall.start()
    question: str = (await hall.paper(session))[-1]["id"]
    await hall.save(session, (question, essay, 1))
    await hall.submit(session)
    return session, question


async def mark(hall: Hall, session: Any, question: str, points: float, **more: Any) -> Any:
    return await hall.owner.mutate(GRADE, testSessionId=session["id"], questionId=question, points=points, **more)


async def test_an_essay_waits_for_a_person_and_then_there_is_a_result(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session, essay = await handed_in(hall)

    waiting = await hall.look(session)
    marked = await mark(hall, session, essay, 3.5, comment="Well argued.")

    assert (waiting["grading"], waiting["score"], waiting["result"]) == ("PENDING_MANUAL", None, None)
    assert (marked["testSession"]["grading"], marked["testSession"]["score"]) == ("FULLY_GRADED", 3.5)
    assert marked["testSession"]["passed"] is False
    assert (await hall.look(session))["result"]["marks"][essay] == 3.5
    assert (await Review.get()).comment == "Well argued."
    assert await Event.filter(type="RESULT_RECORDED").count() == 1


async def test_another_mark_makes_another_version_and_edits_none(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session, essay = await handed_in(hall)
    await mark(hall, session, essay, 1)
    first = await Result.get()

    await mark(hall, session, essay, 4)
    await mark(hall, session, essay, 4)

    versions = await Result.all().order_by("version")
    assert [(one.version, one.score, one.superseded_at is None) for one in versions] == [
        (1, 1.0, False),
        (2, 4.0, True),
    ]
    assert versions[0].marks == first.marks
    assert (await hall.look(session))["result"]["version"] == 2
    assert await Review.all().count() == 3


async def test_a_mark_counts_though_the_clock_was_set_back_after_the_answer(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door)
    session, essay = await handed_in(hall)
    clock.forward(hours=-1)

    scores = [(await mark(hall, session, essay, points))["testSession"]["score"] for points in (2, 3)]
    clock.forward(hours=-1)
    again = await mark(hall, session, essay, 1)
    await hall.owner.mutate(RELEASE, testSessionIds=[session["id"]])

    assert scores == [2.0, 3.0]
    assert again["testSession"]["score"] == 1.0
    assert (await hall.look(session, hall.sitter))["score"] == 1.0


async def test_more_results_than_one_statement_takes_are_several_statements(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session, essay = await handed_in(hall)
    await mark(hall, session, essay, 2)
    [result] = await Result.all()
    others = [chance.new_id() for _ in range(33_000)]

    unreleased = await Result.unreleased_of([*others, result.session_id])
    await Result.release([*others, result.id], result.created_at)

    assert unreleased == [result]
    assert (await Result.get()).released_at == result.created_at


async def test_candidates_and_viewers_see_what_was_released_and_nothing_else(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    viewer = await hall.owner.colleague(Role.VIEWER)
    session, essay = await handed_in(hall)
    await mark(hall, session, essay, 1)

    unreleased = [await hall.look(session, who) for who in (hall.sitter, viewer)]
    await hall.owner.mutate(RELEASE, testSessionIds=[session["id"]])
    released = [await hall.look(session, who) for who in (hall.sitter, viewer)]
    await mark(hall, session, essay, 4)
    regraded = [await hall.look(session, who) for who in (hall.sitter, viewer)]
    await hall.owner.mutate(RELEASE, taskId=hall.task["id"])
    anew = [await hall.look(session, who) for who in (hall.sitter, viewer)]

    def scores(seen: list[Any]) -> list[Any]:
        return [(one["score"], one["maxScore"], one["result"] and one["result"]["version"]) for one in seen]

    assert scores(unreleased) == [(None, None, None)] * 2
    assert scores(released) == [(1.0, 10.0, 1)] * 2
    assert scores(regraded) == [(1.0, 10.0, 1)] * 2
    assert scores(anew) == [(4.0, 10.0, 2)] * 2
    assert [one["result"]["marks"] for one in anew] == [None, None]


async def test_where_the_task_says_so_a_result_is_out_at_once(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door, resultRelease="AUTOMATIC")

    session, essay = await handed_in(hall)
    await mark(hall, session, essay, 4)

    assert (await hall.look(session, hall.sitter))["score"] == 4.0
    assert await Event.filter(type="RESULTS_RELEASED").count() == 1


async def test_a_reinstated_session_shows_no_old_score_and_an_old_mark_counts_only_for_its_answer(
    app: Starlette, door: Door, clock: Clock
) -> None:
    hall = await open_hall(app, door, resultRelease="AUTOMATIC")
    session, essay = await handed_in(hall)
    await mark(hall, session, essay, 4)
    clock.forward(minutes=1)
    await hall.proctor("reinstateTestSession", session)
    running = await hall.look(session, hall.sitter)
    await hall.proctor("resumeTestSession", session)
    clock.forward(minutes=1)

    await hall.save(session, (essay, "Something else.", 2))
    await hall.submit(session)

    again = await hall.look(session, hall.sitter)
    assert (running["score"], again["score"], again["grading"]) == (None, None, "PENDING_MANUAL")


@pytest.mark.parametrize(("points", "question"), [(-1, None), (4.5, None), (1, "qst_nowhere")])
async def test_marks_that_the_question_does_not_have_are_refused(
    app: Starlette, door: Door, points: float, question: str | None
) -> None:
    hall = await open_hall(app, door)
    session, essay = await handed_in(hall)
    before = await events()

    answer = await mark(hall, session, question or essay, points)

    assert answer["__typename"] == "InvalidInput"
    assert (await events(), await Review.all().count()) == (before, 0)


async def test_nothing_is_marked_or_released_before_its_time(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    essay = (await hall.paper(session))[-1]["id"]
    await hall.save(session, (essay, "Because.", 1))

    running = await mark(hall, session, essay, 1)
    early = await hall.owner.mutate(RELEASE, testSessionIds=[session["id"]])
    await hall.submit(session)
    waiting = await hall.owner.mutate(RELEASE, testSessionIds=[session["id"]])
    of_task = await hall.owner.mutate(RELEASE, taskId=hall.task["id"])

    assert [one["__typename"] for one in (running, early, waiting)] == ["GradingNotPossible"] * 3
    assert of_task == {"__typename": "ReleaseResultsSuccess", "testSessions": []}
    assert await Result.all().count() == 0


async def test_proctors_do_not_grade(app: Starlette, door: Door) -> None:
    hall = await open_hall(app, door)
    session, essay = await handed_in(hall)
    proctor = await hall.owner.colleague(Role.PROCTOR)
    mark_ = {"testSessionId": session["id"], "questionId": essay, "points": 1}

    codes = [
        await proctor.code_of(GRADE, input=mark_),
        await hall.sitter.code_of(GRADE, input=mark_),
        await proctor.code_of(RELEASE, input={"testSessionIds": [session["id"]]}),
    ]

    assert codes == ["FORBIDDEN"] * 3
    assert await Review.all().count() == 0


async def test_a_timed_out_session_is_graded_too(app: Starlette, door: Door, clock: Clock) -> None:
    hall = await open_hall(app, door)
    session = await hall.start()
    boolean = (await hall.paper(session))[2]["id"]
    await hall.save(session, (boolean, True, 1))

    clock.forward(hours=2)
    await clockwork.close_overdue(hall.site)

    graded = await hall.look(session)
    assert (graded["status"], graded["grading"], graded["score"]) == ("TIMED_OUT", "FULLY_GRADED", 1.0)


async def test_many_sessions_with_everything_cost_a_bounded_number_of_statements(
    app: Starlette, door: Door, statements: list[str]
) -> None:
    hall = await open_hall(app, door)
    session, essay = await handed_in(hall)
    await mark(hall, session, essay, 1)
    fields = (
        "status score passed finishUrl timeLedger { seconds } test { title } "
        "assessment { steps { canStart } } result { version }"
    )
    document = "query ($id: ID!) { " + " ".join(f"s{n}: testSession(id: $id) {{ {fields} }}" for n in range(10)) + " }"

    statements.clear()
    await hall.owner.ask(document, id=session["id"])

    assert len(statements) <= 10 + 12, statements
