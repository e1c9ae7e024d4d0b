"""The addresses of this installation, all made from BASE_URL and none from a request."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import errors
from models import AccessLink, Assessment, Export, Organization, Task, TestSession, Ticket, clock
from services import redirects
from services.keys import Keys

DOWNLOAD = "download"


class Urls:
    """Makes links; `download_for` is how long a download address is good."""

    def __init__(self, base_url: str, keys: Keys, download_for: timedelta) -> None:
        self.base_url = base_url
        self._keys = keys
        self._download_for = download_for

    def task_link(self, slug: str) -> str:
        """The constant, public Task link."""
        return f"{self.base_url}/t/{slug}"

    def access_link(self, slug: str, code: str) -> str:
        """The Task link plus a ticket's invitation code."""
        return f"{self.base_url}/t/{slug}/{code}"

    def shared_link(self, link: AccessLink) -> str:
        """The encrypted link to a ticket."""
        return self.sealed_link(link.id, link.version, link.expires_at)

    def sealed_link(self, key: UUID, version: int, expires_at: datetime | None) -> str:
        """The same from the columns of the link's row."""
        return f"{self.base_url}/a/{self._keys.seal_link(key, version, expires_at)}"

    def assessment(self, assessment: Assessment) -> str:
        """The candidate's list of tests."""
        return f"{self.base_url}/assessments/{assessment.gid}"

    def sign_in(self, organization: Organization) -> str:
        """Where the organization's members begin to sign in at its identity provider."""
        return f"{self.base_url}/sign-in/{organization.gid}"

    def sign_in_callback(self, organization: Organization) -> str:
        """Where the identity provider sends them back to."""
        return f"{self.base_url}/sign-in/{organization.gid}/callback"

    def download(self, export: Export) -> str:
        """The signed, expiring address of a finished spreadsheet."""
        until = int((clock.now() + self._download_for).timestamp())
        tag = self._keys.stamp(DOWNLOAD, f"{export.gid}.{until}")
        return f"{self.base_url}/exports/{export.gid}.xlsx?until={until}&signature={tag}"

    def may_download(self, gid: str, until: str, signature: str) -> bool:
        """Whether a download address was made here and is still good."""
        return (
            self._keys.check(DOWNLOAD, f"{gid}.{until}", signature)
            and until.isdigit()
            and clock.now().timestamp() < int(until)
        )

    def finish(
        self, organization: Organization, task: Task, ticket: Ticket, assessment: Assessment, session: TestSession
    ) -> str:
        """Where the candidate goes when the session has ended.

        While the assessment has more to do, back to its list. Then to the ticket's redirect, or the task's, or the
        organization's, checked again now; without one, or if it is not allowed any more, to the thanking Welcome page.
        """
        if assessment.is_open:
            return self.assessment(assessment)
        return redirects.signed_target(
            self._target(organization, task, ticket),
            organization.redirect_secret,
            ticket=ticket.gid,
            session=session.gid,
            status=session.status.value,
            ended_at=session.ended_at or _never(),
        )

    def _target(self, organization: Organization, task: Task, ticket: Ticket) -> str:
        for url in (ticket.finish_redirect_url, task.finish_redirect_url, organization.finish_redirect_url):
            if url:
                try:
                    return redirects.check_target(url, organization.allowed_redirect_hosts)
                except errors.RedirectRefused:
                    break
        return self.task_link(task.slug)


def _never() -> datetime:
    raise ValueError("a session has a finish address once it has ended")
