"""Everything that fails on purpose.

AdmitError
├── NotPossible        an operator asked the command line for what cannot be done
├── Refused            a rule says no and the client can act on it: a member of the mutation's result union
│   └── …              one class per state of the world; class, GraphQL type and code share the name
└── Rejected           the caller's standing or mistake: a top-level GraphQL error, an HTTP status on a page
    ├── Unauthenticated     UNAUTHENTICATED   401   no credential, or one that no longer counts
    ├── Forbidden           FORBIDDEN         403   a good credential without the permission
    ├── NotFound            NOT_FOUND         404   absent, or somebody else's: nobody can tell which
    ├── BadRequest          BAD_REQUEST       400   an argument that cannot mean anything
    ├── QueryTooComplex     QUERY_TOO_COMPLEX 400   a document that would cost more than one may
    ├── RateLimited         RATE_LIMITED      429   too much, too fast: `retry_after` seconds
    ├── Lagging             LAGGING           408   a subscriber reads too slowly: go on after `cursor`
    └── Unavailable         UNAVAILABLE       503   the database, or what counts guesses, is away: the same again, later

Anything else is our bug: masked as INTERNAL, with an id that is in the log.
A message is one sentence for a person, without personal data, tokens or codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class AdmitError(Exception):
    """What every deliberate failure is."""

    message: ClassVar[str] = "Something was refused."

    def __init__(self, message: str | None = None) -> None:
        self.text = message or self.message
        super().__init__(self.text)


class NotPossible(AdmitError):
    """An operator asked the command line for what cannot be done; the message says why, and what to do instead."""


class Rejected(AdmitError):
    """The caller's standing or mistake."""

    code: ClassVar[str]
    status: ClassVar[int]


class Unauthenticated(Rejected):
    """No credential was given, or it no longer counts."""

    message = "Sign in first: the credential is missing, expired or revoked."
    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(Rejected):
    """The credential is good and lacks the permission."""

    message = "Your role or key does not allow this."
    code = "FORBIDDEN"
    status = 403


class NotFound(Rejected):
    """There is no such thing that this credential may see."""

    message = "There is nothing with this id."
    code = "NOT_FOUND"
    status = 404


class BadRequest(Rejected):
    """An argument cannot mean anything."""

    message = "The request cannot be understood."
    code = "BAD_REQUEST"
    status = 400


class RateLimited(Rejected):
    """Too much, too fast."""

    message = "Too many attempts: wait a little and try again."
    code = "RATE_LIMITED"
    status = 429

    def __init__(self, retry_after: int, message: str | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueryTooComplex(Rejected):
    """A document that is larger, deeper or dearer than one may be; the sentence says which limit."""

    message = "This document asks for too much at once."
    code = "QUERY_TOO_COMPLEX"
    status = 400


class Lagging(Rejected):
    """A subscriber reads more slowly than things happen; `cursor` is that of the last event it was told."""

    message = "You read more slowly than things happen: subscribe again, after the cursor."
    code = "LAGGING"
    status = 408

    def __init__(self, cursor: str) -> None:
        super().__init__()
        self.cursor = cursor


class Unavailable(Rejected):
    """Something that Admit needs is away for the moment; nothing is known to have changed, and a retry is right."""

    message = "This cannot be done at the moment: try again in a few seconds."
    code = "UNAVAILABLE"
    status = 503
    retry_after = 2


class Refused(AdmitError):
    """A rule of the business says no; its class says which."""


# ---- accounts ------------------------------------------------------------------------------------


class EmailTaken(Refused):
    """A member with this e-mail address exists already."""

    message = "This e-mail address is already in use: log in instead."


class CredentialsWrong(Refused):
    """The e-mail address and password do not belong together."""

    message = "The e-mail address or the password is wrong."


class PasswordTooWeak(Refused):
    """The password is shorter than the installation allows, or longer than anyone types."""

    message = "Choose a longer password."


class SingleSignOnRequired(Refused):
    """The organization's members sign in at its identity provider alone; `startUrl` is where that begins."""

    message = "Your organization signs in with its own accounts: begin there."

    def __init__(self, start_url: str) -> None:
        super().__init__()
        self.start_url = start_url


class SignInFailed(Refused):
    """The identity provider did not say, in a way that can be trusted, who came."""

    message = "This sign-in could not be completed."


class NotAMember(Refused):
    """The identity provider knows the person, and the organization has no such member."""

    message = "You are not a member of this organization."


class IdentityProviderUnreachable(Refused):
    """The identity provider does not answer, or not as OpenID Connect asks."""

    message = "The identity provider does not answer as it should."


class SignInUnproved(Refused):
    """No owner has come in through the provider as it is configured now, so enforcing it could lock everybody out."""

    message = "Let an owner sign in this way once, then enforce it."


class InvalidInput(Refused):
    """One value breaks a rule that the schema cannot express; `field` is its path."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class ApiKeyEnded(Refused):
    """The API key was revoked, or its time has passed."""

    message = "This API key has ended: make a new one."


class ApiKeyJustRotated(Refused):
    """Somebody else gave the API key another secret at the same moment, and that one counts."""

    message = "Somebody else has just given this API key another secret; nothing was changed."


# ---- tests and tasks -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """What is wrong with one row of a list: its index, the field, and a sentence."""

    index: int
    field: str
    message: str


class InvalidQuestions(Refused):
    """Some questions of a test cannot be asked or scored; `problems` names each."""

    message = "Some questions are not right; nothing was saved."

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__()
        self.problems = tuple(problems)


class InvalidSteps(Refused):
    """Some steps of a task break a rule; `problems` names each."""

    message = "Some steps are not right; nothing was saved."

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__()
        self.problems = tuple(problems)


class TestNotPublished(Refused):
    """A task can only deliver published tests."""

    __test__ = False
    message = "Every step needs a published test."


class InvalidWindow(Refused):
    """An end that is not after its beginning."""

    message = "The end must come after the beginning."


class TaskNotOpen(Refused):
    """The task does not let anybody in at present."""

    message = "This task is not open."


class TaskArchived(Refused):
    """The task has been put away for good."""

    message = "This task is archived."


class RedirectRefused(Refused):
    """The address is not one that candidates may be sent to."""

    message = "Candidates may only be sent to an https address on an allowed host."


# ---- tickets and links ---------------------------------------------------------------------------


class InvalidCandidates(Refused):
    """Some candidates' rows are not right; `problems` names every one and nothing was saved."""

    message = "Some candidates are not right; no ticket was issued."

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__()
        self.problems = tuple(problems)


class TooManyRows(Refused):
    """The list is empty or longer than one call may carry."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Send between 1 and {limit:,} rows in one call.")
        self.limit = limit


class IdempotencyKeyReused(Refused):
    """The same idempotency key came with another body."""

    message = "This idempotency key was used for a different request."


class TicketRevoked(Refused):
    """The ticket was withdrawn for good."""

    message = "This invitation has been withdrawn."


class TicketSuspended(Refused):
    """The ticket is on hold."""

    message = "This invitation is on hold: ask the organization that invited you."


class TicketNotYetValid(Refused):
    """The ticket, or its task, opens later."""

    message = "It is too early: this invitation is not valid yet."


class TicketExpired(Refused):
    """The ticket's time, or its task's, has passed."""

    message = "This invitation has expired."


class TicketConsumed(Refused):
    """Every assessment that the ticket allows has ended."""

    message = "This invitation has been used: its tests are finished."


class CodeUnknown(Refused):
    """No ticket of the task has this code; every wrong code gets this one answer."""

    message = "This code is not right: check it and try again."


class LinkInvalid(Refused):
    """The link was not made here, was changed, or was replaced by a newer one."""

    message = "This link is not valid: ask for a new one."


class LinkExpired(Refused):
    """The link's time has passed."""

    message = "This link has expired: ask for a new one."


class LinkRevoked(Refused):
    """The link was withdrawn."""

    message = "This link has been withdrawn: ask for a new one."


class LinkSpent(Refused):
    """The link has opened as many assessments as it may."""

    message = "This link has been used as often as it may be."


# ---- sitting a test ------------------------------------------------------------------------------


class AttemptsSpent(Refused):
    """No attempt at this test is left."""

    message = "No attempt at this test is left."


class AssessmentEnded(Refused):
    """The assessment is over."""

    message = "This assessment has ended."


class RequiredTestsUnfinished(Refused):
    """A required test has not been taken to its end; where none is required, no test has."""

    message = "Take every required test first."


class AnotherTestRunning(Refused):
    """One test at a time: another one of this assessment is unfinished."""

    message = "Finish the test that is running first."


class ProctorAwaited(Refused):
    """The proctor has not let the candidate begin."""

    message = "Wait for the proctor to let you begin."


class SessionEnded(Refused):
    """The test session is over; answers kept before stay kept."""

    message = "This test has ended; the answers saved before then are kept."


class SessionPaused(Refused):
    """The proctor has stopped the clock."""

    message = "This test is paused: wait for the proctor to resume it."


class DeadlinePassed(Refused):
    """The answer arrived after the deadline and its grace."""

    message = "Time is up: this answer arrived too late; those saved before are kept."


class InvalidAnswers(Refused):
    """Some answers do not fit their questions; `problems` names each and nothing of this call was saved."""

    message = "Some answers do not fit their questions; nothing of this call was saved."

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__()
        self.problems = tuple(problems)


class MoveNotAllowed(Refused):
    """The state table has no such move; `status` is what the thing is now."""

    def __init__(self, status: str, wanted: str) -> None:
        super().__init__(f"It is {status}; it cannot become {wanted}.")
        self.status = status


class GradingNotPossible(Refused):
    """There is nothing to grade or release in this state."""

    message = "This session has not ended, or its results are not ready."
