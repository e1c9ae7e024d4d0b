"""The candidate's list of tests, and the button that starts one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from models import Assessment, Step, Test, TestSession, TestSessionStatus
from models.admission import StepState
from services import assessments, sessions
from web import cookies
from web.pages import page, site_of


@dataclass(frozen=True)
class Line:
    """One test of the list; `state` is start, continue, waiting, done or blocked."""

    step: Step
    test: Test
    session: TestSession | None
    state: str
    reason: str | None
    extra_time_percent: int
    attempts_left: int | None

    @property
    def questions(self) -> int:
        """How many there are."""
        return self.test.question_count

    @property
    def seconds(self) -> int | None:
        """The time it gives this candidate; None without a limit."""
        base = self.step.duration_seconds or self.test.duration_seconds
        return base and base + math.ceil(base * self.extra_time_percent / 100)

    @property
    def start_text(self) -> str:
        """What its button says."""
        if self.session is None or not self.session.has_ended:
            return "Start"
        if self.attempts_left is None:
            return "Try again"
        return f"Try again ({self.attempts_left} attempt{'' if self.attempts_left == 1 else 's'} left)"


async def show(request: Request) -> Response:
    """Every test, and what can be done with it now."""
    actor = await cookies.reader(request)
    overview = await assessments.overview(actor, Assessment.key_of(request.path_params["assessment"]))
    return page(
        "assessment.html",
        assessment=overview.assessment,
        task=overview.task,
        candidate=overview.candidate,
        meeting_url=meeting_of(overview),
        lines=[line_of(overview, state) for state in overview.steps],
        can_complete=overview.can_complete,
        csrf=cookies.csrf(request),
    )


async def start(request: Request) -> Response:
    """Start a test; however often the button is pressed, one session."""
    actor = await cookies.writer(request)
    session = await sessions.start(site_of(request), actor, Step.key_of(request.path_params["step"]))
    return RedirectResponse(f"/assessments/{request.path_params['assessment']}/sessions/{session.gid}", 303)


async def complete(request: Request) -> Response:
    """Say that one is done, though a test or an attempt is left: never a redirect, for the reason at sitting.submit."""
    actor = await cookies.writer(request)
    site, key = site_of(request), Assessment.key_of(request.path_params["assessment"])
    onward = await assessments.finish_url(site, actor, await assessments.complete(site, actor, key))
    return farewell(request, onward, True, heading="Thank you", sentence="You have finished. Your answers are saved.")


def farewell(
    request: Request, onward: str, at_once: bool, *, heading: str, sentence: str, session: TestSession | None = None
) -> Response:
    """The page that ends a test, or all of them, and leads on: at once, or when asked."""
    base = site_of(request).urls.base_url
    elsewhere = "" if onward.startswith(f"{base}/") else f" to {urlsplit(onward).hostname}"
    return page(
        "finished.html",
        heading=heading,
        sentence=sentence,
        session=session,
        submitted=session is None or session.status is TestSessionStatus.SUBMITTED,
        onward=onward,
        onward_text="Back to your tests" if onward.startswith(f"{base}/assessments/") else f"Continue{elsewhere}",
        at_once=at_once,
    )


def meeting_of(overview: assessments.Overview) -> str | None:
    """Where the proctor is met; None where nobody watches."""
    return (overview.ticket.meeting_url or overview.task.meeting_url) if overview.task.is_proctored else None


def line_of(overview: assessments.Overview, state: StepState) -> Line:
    """How one step's state looks in the list."""
    look = _look(overview, state)
    extra = overview.ticket.extra_time_percent
    return Line(state.step, state.test, state.session, look, state.reason, extra, state.attempts_left)


def _look(overview: assessments.Overview, state: StepState) -> str:
    session = state.session
    if session is not None and session.is_unfinished:
        return "continue" if session.has_begun else "waiting"
    if state.can_start and overview.assessment.is_open:
        return "start"
    return "done" if session is not None else "blocked"


routes: list[BaseRoute] = [
    Route("/assessments/{assessment}", show, methods=["GET"]),
    Route("/assessments/{assessment}/steps/{step}/start", start, methods=["POST"]),
    Route("/assessments/{assessment}/complete", complete, methods=["POST"]),
]
