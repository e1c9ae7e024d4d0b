"""The GraphQL documents that the machine sends, one for each mutation, and what their answers mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_SESSION, _SESSIONS, _TICKETS, _TASK = "testSession { id }", "testSessions { id }", "tickets { id }", "task { id }"

# Mutation → its input type, its success type, and what of it is looked at.
_MUTATIONS: Mapping[str, tuple[str, str, str]] = {
    "createTask": ("CreateTaskInput", "CreateTaskSuccess", "task { id slug steps { id } }"),
    "openTask": ("TaskIdInput", "OpenTaskSuccess", _TASK),
    "closeTask": ("TaskIdInput", "CloseTaskSuccess", _TASK),
    "issueTickets": ("IssueTicketsInput", "IssueTicketsSuccess", "replayed tickets { id invitationCode }"),
    "suspendTickets": ("TicketIdsInput", "SuspendTicketsSuccess", _TICKETS),
    "restoreTickets": ("TicketIdsInput", "RestoreTicketsSuccess", _TICKETS),
    "revokeTickets": ("RevokeTicketsInput", "RevokeTicketsSuccess", _TICKETS),
    "createAccessLinks": ("CreateAccessLinksInput", "CreateAccessLinksSuccess", "accessLinks { id url }"),
    "revokeAccessLink": ("RevokeAccessLinkInput", "RevokeAccessLinkSuccess", "accessLink { id }"),
    "enterTask": ("EnterTaskInput", "EnterTaskSuccess", "accessToken assessment { id }"),
    "redeemAccessLink": ("RedeemAccessLinkInput", "EnterTaskSuccess", "accessToken assessment { id }"),
    "completeAssessment": ("CompleteAssessmentInput", "CompleteAssessmentSuccess", "assessment { id }"),
    "startTest": ("StartTestInput", "StartTestSuccess", _SESSION),
    "saveAnswers": ("SaveAnswersInput", "SaveAnswersSuccess", _SESSION),
    "submitTestSession": ("TestSessionIdInput", "SubmitTestSessionSuccess", _SESSION),
    "sendHeartbeat": ("TestSessionIdInput", "SendHeartbeatSuccess", _SESSION),
    "admitTestSession": ("TestSessionIdInput", "AdmitTestSessionSuccess", _SESSION),
    "pauseTestSession": ("PauseTestSessionInput", "PauseTestSessionSuccess", _SESSION),
    "resumeTestSession": ("TestSessionIdInput", "ResumeTestSessionSuccess", _SESSION),
    "terminateTestSession": ("TerminateTestSessionInput", "TerminateTestSessionSuccess", _SESSION),
    "reinstateTestSession": ("ReinstateTestSessionInput", "ReinstateTestSessionSuccess", _SESSION),
    "gradeAnswer": ("GradeAnswerInput", "GradeAnswerSuccess", _SESSION),
    "adjustTime": ("AdjustTimeInput", "AdjustTimeSuccess", _SESSIONS),
    "releaseResults": ("ReleaseResultsInput", "ReleaseResultsSuccess", _SESSIONS),
}


def _document(name: str, input_type: str, success: str, selection: str) -> str:
    chosen = f"__typename ... on {success} {{ {selection} }} ... on Refusal {{ message }}"
    return f"mutation ($input: {input_type}!) {{ {name}(input: $input) {{ {chosen} }} }}"


MUTATIONS = {name: _document(name, *parts) for name, parts in _MUTATIONS.items()}
SUCCESSES = {name: success for name, (_, success, _) in _MUTATIONS.items()}

LOOK = """
query ($id: ID!) {
  testSession(id: $id) {
    status deadlineAt remainingSeconds serverNow allowedActions score result { version releasedAt }
    timeLedger { seconds cause }
  }
}
"""

PRY = """
query ($ids: [ID!]!, $session: ID!, $ticket: ID!, $task: ID!) {
  nodes(ids: $ids) { id }
  testSession(id: $session) { id }
  ticket(id: $ticket) { id }
  task(id: $task) { id }
}
"""

KNOWN = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"

READ_ON = """
query ($after: Cursor, $first: Int) {
  events(after: $after, first: $first) { nodes { id } pageInfo { hasNextPage endCursor } }
}
"""

LISTS = """
{ organization {
  tasks(first: 100) { nodes { id } }
  tickets(first: 100) { nodes { id } }
  testSessions(first: 100) { nodes { id } }
} }
"""


@dataclass(frozen=True)
class Seen:
    """An answer: a type's name or an error's code, and the things that it shows."""

    outcome: str
    rows: tuple[Mapping[str, Any], ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict)


def seen(answer: Mapping[str, Any]) -> Seen:
    """What an answer to one of the mutations says."""
    if "errors" in answer:
        return Seen(answer["errors"][0]["extensions"]["code"])
    (body,) = answer["data"].values()
    shown = next((value for value in body.values() if isinstance(value, dict | list)), [])
    return Seen(body["__typename"], tuple(shown if isinstance(shown, list) else [shown]), body)
