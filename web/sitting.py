"""The test page and everything its form and its script send: answers, signs of life, the submission."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from models import Actor, Assessment, TestSession, TestSessionStatus, clock
from services import answers, assessments, sessions
from web import answer_forms, cookies, desk
from web.assessment import farewell, meeting_of
from web.pages import page, site_of, wants_json

S = TestSessionStatus
HERE = "/assessments/{assessment}/sessions/{session}"

ENDINGS = {
    S.SUBMITTED: ("Thank you", "Your test is submitted and your answers are saved."),
    S.TIMED_OUT: ("Time is up", "The test has ended, and every answer saved until then is kept."),
    S.TERMINATED: ("This test was ended", "Your proctor ended it. Every answer saved until then is kept."),
    S.CANCELLED: ("This test was cancelled", "It does not count. Ask the organization that invited you."),
}


async def show(request: Request) -> Response:
    """The test page; the waiting room before it, the finished page after it."""
    actor = await cookies.reader(request)
    session = await sessions.current(site_of(request), actor, _key(request))
    return JSONResponse(state_of(session)) if wants_json(request) else await _screen(request, actor, session)


async def save(request: Request) -> Response:
    """Save answers; acknowledged when they are in the database."""
    actor = await cookies.writer(request)
    saved = await answers.save(site_of(request), actor, _key(request), await _drafts(request, actor))
    return await _acknowledged(request, saved)


async def heartbeat(request: Request) -> Response:
    """The candidate is still there; the answer is how the session stands."""
    actor = await cookies.writer(request)
    return JSONResponse(state_of(await sessions.seen(site_of(request), actor, _key(request))))


async def review(request: Request) -> Response:
    """Asks, where there is no script to ask, whether to submit."""
    actor = await cookies.reader(request)
    found = await desk.of(actor, await sessions.current(site_of(request), actor, _key(request)))
    return page("review.html", desk=found, here=_here(request), csrf=cookies.csrf(request))


async def submit(request: Request) -> Response:
    """Hand the test in.

    Never a redirect: the partner's host is not in the policy's form-action, which Chromium applies to redirects, too.
    """
    actor = await cookies.writer(request)
    session = await sessions.submit(site_of(request), actor, _key(request))
    onward = await sessions.finish_url(site_of(request), actor, session)
    return JSONResponse({"finishUrl": onward}) if wants_json(request) else _finished(request, session, onward, True)


async def finished(request: Request) -> Response:
    """How the session ended, and the way on."""
    actor = await cookies.reader(request)
    session = await sessions.current(site_of(request), actor, _key(request))
    if not session.has_ended:
        return RedirectResponse(_here(request), 303)
    return _finished(request, session, await sessions.finish_url(site_of(request), actor, session), False)


def state_of(session: TestSession) -> dict[str, Any]:
    """How a session stands, by the server's clock."""
    now = clock.now()
    left = session.remaining(now)
    return {
        "status": session.status.value,
        "hasEnded": session.has_ended,
        "hasStarted": session.has_begun,
        "remainingSeconds": None if left is None else left.total_seconds(),
        "deadlineAt": session.deadline_at.isoformat() if session.deadline_at else None,
        "serverNow": now.isoformat(),
    }


async def _drafts(request: Request, actor: Actor) -> list[answers.Draft]:
    if wants_json(request):
        return await answer_forms.from_script(request)
    session = await sessions.current(site_of(request), actor, _key(request))
    return await answer_forms.from_form(request, await desk.of(actor, session))


async def _acknowledged(request: Request, saved: answers.Saved) -> Response:
    if wants_json(request):
        return JSONResponse({"savedAt": saved.saved_at.isoformat(), **state_of(saved.session)})
    then = "/review" if (await cookies.fields(request)).get("then") == "review" else ""
    return RedirectResponse(_here(request) + then, 303)


async def _screen(request: Request, actor: Actor, session: TestSession) -> Response:
    if session.has_ended:
        return RedirectResponse(f"{_here(request)}/finished", 303)
    if not session.has_begun:
        return await _waiting_room(request, actor, session)
    return page(
        "sitting.html",
        desk=await desk.of(actor, session),
        state=state_of(session),
        here=_here(request),
        csrf=cookies.csrf(request),
        paused=session.status is S.PAUSED,
    )


async def _waiting_room(request: Request, actor: Actor, session: TestSession) -> Response:
    overview = await assessments.overview(actor, Assessment.key_of(request.path_params["assessment"]))
    return page(
        "waiting.html",
        title=next(state.test.title for state in overview.steps if state.step.id == session.step_id),
        ready=session.status is S.READY,
        step=next(state.step.gid for state in overview.steps if state.step.id == session.step_id),
        assessment=request.path_params["assessment"],
        meeting_url=meeting_of(overview),
        here=_here(request),
        standing=session.status.value,
        csrf=cookies.csrf(request),
    )


def _finished(request: Request, session: TestSession, onward: str, at_once: bool) -> Response:
    heading, sentence = ENDINGS[session.status]
    return farewell(request, onward, at_once, heading=heading, sentence=sentence, session=session)


def _key(request: Request) -> UUID:
    return TestSession.key_of(request.path_params["session"])


def _here(request: Request) -> str:
    return HERE.format(**request.path_params)


routes: list[BaseRoute] = [
    Route(HERE, show, methods=["GET"]),
    Route(f"{HERE}/answers", save, methods=["POST"]),
    Route(f"{HERE}/heartbeat", heartbeat, methods=["POST"]),
    Route(f"{HERE}/review", review, methods=["GET"]),
    Route(f"{HERE}/submit", submit, methods=["POST"]),
    Route(f"{HERE}/finished", finished, methods=["GET"]),
]
