"""How each refusal looks on a page: its HTTP status, a heading, and what to do now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import errors


class Look(NamedTuple):
    """A refusal's status, heading and advice; its sentence is the exception's own."""

    status: int
    title: str
    advice: str = ""


ASK = "The organization that invited you can help: write to the person your invitation came from."
AGAIN = "Open your invitation again, from the e-mail or page where you found it. Entering again costs nothing."

LOOKS: Mapping[type[errors.AdmitError], Look] = {
    errors.CodeUnknown: Look(403, "Check your code", "Letters and digits only: dashes, spaces and case do not matter."),
    errors.LinkInvalid: Look(404, "This link is not valid", ASK),
    errors.LinkExpired: Look(410, "This link has expired", ASK),
    errors.LinkRevoked: Look(410, "This link has been withdrawn", ASK),
    errors.LinkSpent: Look(410, "This link has been used", ASK),
    errors.TaskNotOpen: Look(403, "Not open at the moment", ASK),
    errors.TaskArchived: Look(410, "This is over", ASK),
    errors.TicketRevoked: Look(410, "This invitation has been withdrawn", ASK),
    errors.TicketSuspended: Look(403, "This invitation is on hold", ASK),
    errors.TicketNotYetValid: Look(403, "It is too early", "Keep your invitation and come back later: it stays good."),
    errors.TicketExpired: Look(410, "This invitation has expired", ASK),
    errors.TicketConsumed: Look(410, "You have finished", "There is nothing more to do here. Thank you."),
    errors.AttemptsSpent: Look(409, "No attempt is left", ASK),
    errors.AssessmentEnded: Look(410, "This has ended", "Your answers are kept."),
    errors.AnotherTestRunning: Look(409, "One test at a time", "Go back and continue the one that is running."),
    errors.RequiredTestsUnfinished: Look(409, "Something is left to do", "Go back and take the tests that are left."),
    errors.ProctorAwaited: Look(409, "Please wait for your proctor"),
    errors.SessionEnded: Look(409, "This test has ended", "Every answer that was shown as saved is kept."),
    errors.SessionPaused: Look(409, "This test is paused", "The clock has stopped. Wait for the proctor."),
    errors.DeadlinePassed: Look(409, "Time is up", "Every answer that was shown as saved is kept."),
    errors.InvalidAnswers: Look(422, "An answer does not fit its question", "Go back, correct it and save again."),
    errors.SignInFailed: Look(403, "Signing in did not work", "Begin again, or ask your administrator."),
    errors.NotAMember: Look(403, "You cannot come in yet", "Ask an administrator of your organization to add you."),
    errors.EmailTaken: Look(409, "You are known elsewhere", "Sign in with another e-mail address."),
    errors.IdentityProviderUnreachable: Look(502, "Signing in is not possible now", "Try again in a moment."),
    errors.Unauthenticated: Look(401, "Please come in again", AGAIN),
    errors.Forbidden: Look(403, "This is not for you"),
    errors.NotFound: Look(404, "There is nothing here", "Check the address, or open your invitation again."),
    errors.BadRequest: Look(400, "That did not work", "Go back, reload the page and try once more."),
    errors.RateLimited: Look(429, "Too many attempts"),
    errors.Unavailable: Look(503, "One moment, please", "Nothing that was shown as saved is lost. Try again."),
}
OTHERWISE = Look(409, "That is not possible now")


def look_of(refused: errors.AdmitError) -> Look:
    """How this refusal looks."""
    return LOOKS.get(type(refused), OTHERWISE)
