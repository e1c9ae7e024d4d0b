"""The limit on SQLite: one hand-written statement for each read, group commit for writes. It authenticates nobody."""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import orjson
import uvicorn
from uuid_utils import uuid7

from bench import documents
from bench.peers import raw
from bench.peers.group_commit import Writer, connected
from bench.peers.raw import Headers
from bench.rows import ORGANIZATION

PATH = os.environ["DATABASE_URL"].removeprefix("sqlite:")

STATUS = (
    "CASE WHEN k.status NOT IN ('ISSUED', 'ACTIVATED') THEN k.status WHEN k.valid_until <= :now THEN 'EXPIRED' "
    "WHEN k.valid_from > :now THEN 'SCHEDULED' ELSE k.status END"
)
SCORE = (
    "(SELECT r.score FROM result r WHERE r.session_id = s.id AND r.superseded_at IS NULL "
    "ORDER BY r.version DESC LIMIT 1)"
)
W1 = f"""
SELECT json_object('organization', json_object('tasks', json_object('edges', (
 SELECT json_group_array(json_object('node', json_object('name', t.name, 'tickets', json_object('edges', (
  SELECT json_group_array(json_object('node', json_object(
   'invitationCode', substr(k.code, 1, 4) || '-' || substr(k.code, 5, 5) || '-' || substr(k.code, 10),
   'status', {STATUS}, 'testSessions', json_object('edges', (
    SELECT json_group_array(json_object('node', json_object(
     'id', 'ses_' || s.id, 'status', s.status, 'score', {SCORE}, 'startedAt', replace(s.started_at, ' ', 'T'))))
    FROM (SELECT id, status, started_at FROM test_session WHERE ticket_id = k.id ORDER BY id LIMIT 5) s)))))
  FROM (SELECT id, code, status, valid_from, valid_until FROM ticket WHERE task_id = t.id ORDER BY id LIMIT 10) k)))))
 FROM (SELECT id, name FROM task WHERE organization_id = :organization ORDER BY id LIMIT 10) t))))
"""
W2 = f"""
SELECT json_object('ticket', json_object('id', 'tkt_' || k.id, 'status', {STATUS},
 'task', (SELECT json_object('name', t.name) FROM task t WHERE t.id = k.task_id),
 'testSessions', json_object('edges', (
  SELECT json_group_array(json_object('node', json_object('id', 'ses_' || s.id, 'status', s.status, 'score', {SCORE})))
  FROM (SELECT id, status FROM test_session WHERE ticket_id = k.id ORDER BY id LIMIT 50) s))))
FROM ticket k WHERE k.code = :code AND k.organization_id = :organization
"""
CANDIDATE = (
    "INSERT INTO candidate (id, created_at, organization_id, full_name, email, external_id, attributes) "
    "VALUES (?, ?, ?, ?, ?, ?, '{}')"
)
BATCH = (
    "INSERT INTO ticket_batch (id, created_at, organization_id, task_id, body_hash, count) VALUES (?, ?, ?, ?, ?, ?)"
)
TICKET = (
    "INSERT INTO ticket (id, created_at, organization_id, task_id, candidate_id, batch_id, status, code, labels, "
    "extra_time_percent, assessments_allowed) VALUES (?, ?, ?, ?, ?, ?, 'ISSUED', ?, '[]', 0, 1)"
)
EVENT = (
    "INSERT INTO event (id, organization_id, type, subject, actor, task_id, ticket_id, session_id, payload, "
    "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
FOUND = (
    "SELECT k.id, k.task_id FROM ticket k JOIN task t ON t.id = k.task_id "
    "WHERE k.code = ? AND t.slug = ? AND t.status = 'OPEN' AND k.status = 'ISSUED'"
)
ASSESSMENT = (
    "INSERT INTO assessment (id, created_at, organization_id, task_id, ticket_id, status) "
    "VALUES (?, ?, ?, ?, ?, 'CREATED')"
)
OPENED = "SELECT a.task_id, a.ticket_id, p.test_id FROM assessment a, step p WHERE a.id = ? AND p.id = ?"
SESSION = (
    "INSERT INTO test_session (id, created_at, organization_id, task_id, ticket_id, assessment_id, step_id, test_id, "
    "status, grading, attempt, base_seconds, started_at, last_seen_at, deadline_at, answered, total) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'ACTIVE', 'NOT_READY', 1, 3600, ?, ?, ?, 0, 10)"
)
SECRET = b"whatever signs the candidates' tokens"


def read(connection: sqlite3.Connection, statement: str, **values: str) -> bytes:
    """The JSON that the statement makes."""
    [(text,)] = connection.execute(statement, {"now": raw.now(), "organization": ORGANIZATION, **values})
    return str(text).encode()


def issue(given: dict[str, Any], connection: sqlite3.Connection) -> bytes:
    """Write the tickets, by executemany."""
    moment, batch, task = raw.now(), str(uuid7()), given["taskId"].removeprefix("tsk_")
    people = given["candidates"]
    keys = [(str(uuid7()), str(uuid7())) for _ in people]
    codes = raw.codes(len(people))
    connection.execute(BATCH, (batch, moment, ORGANIZATION, task, "0" * 64, len(people)))
    connection.executemany(
        CANDIDATE,
        [
            (person, moment, ORGANIZATION, one["fullName"], one.get("email"), one.get("externalId"))
            for (person, _), one in zip(keys, people, strict=True)
        ],
    )
    connection.executemany(
        TICKET,
        [
            (ticket, moment, ORGANIZATION, task, person, batch, code)
            for (person, ticket), code in zip(keys, codes, strict=True)
        ],
    )
    event(connection, moment, "TICKETS_ISSUED", f"bat_{batch}", task, count=len(people))
    tickets = [
        {"id": f"tkt_{key}", "invitationCode": raw.shown(code)} for (_, key), code in zip(keys, codes, strict=True)
    ]
    return orjson.dumps({"issueTickets": {"tickets": tickets}})


def enter(given: dict[str, Any], connection: sqlite3.Connection) -> bytes:
    """Open an assessment by an invitation code."""
    moment, assessment = raw.now(), str(uuid7())
    [(ticket, task)] = connection.execute(FOUND, (raw.stored(given["invitationCode"]), given["taskSlug"]))
    connection.execute(ASSESSMENT, (assessment, moment, ORGANIZATION, task, ticket))
    connection.execute("UPDATE ticket SET status = 'ACTIVATED' WHERE id = ? AND status = 'ISSUED'", (ticket,))
    event(connection, moment, "ASSESSMENT_STATUS_CHANGED", f"asm_{assessment}", task, ticket, to="CREATED")
    event(connection, moment, "TICKET_STATUS_CHANGED", f"tkt_{ticket}", task, ticket, to="ACTIVATED")
    shown = {"id": f"asm_{assessment}", "status": "CREATED"}
    return orjson.dumps({"enterTask": {"accessToken": signed(assessment), "assessment": shown}})


def start(given: dict[str, Any], token: str, connection: sqlite3.Connection) -> bytes:
    """Begin the test of the token's assessment."""
    assessment, session, began = token.partition(".")[0], str(uuid7()), datetime.now(UTC)
    if not hmac.compare_digest(signed(assessment), token):
        raise ValueError("not our token")
    moment, deadline = began.isoformat(" "), (began + timedelta(hours=1)).isoformat(" ")
    step = given["stepId"].removeprefix("stp_")
    [(task, ticket, test)] = connection.execute(OPENED, (assessment, step))
    ours = (ORGANIZATION, task, ticket, assessment, step, test)
    connection.execute(SESSION, (session, moment, *ours, moment, moment, deadline))
    connection.execute(
        "UPDATE assessment SET status = 'IN_PROGRESS' WHERE id = ? AND status = 'CREATED'", (assessment,)
    )
    event(connection, moment, "TEST_SESSION_STATUS_CHANGED", f"ses_{session}", task, ticket, session, to="ACTIVE")
    event(connection, moment, "ASSESSMENT_STATUS_CHANGED", f"asm_{assessment}", task, ticket, to="IN_PROGRESS")
    shown = {"id": f"ses_{session}", "status": "ACTIVE", "deadlineAt": deadline.replace(" ", "T")}
    return orjson.dumps({"startTest": {"testSession": shown}})


def event(  # noqa: PLR0913, PLR0917  as many as the log has columns
    connection: sqlite3.Connection,
    moment: str,
    kind: str,
    subject: str,
    task: str,
    ticket: str | None = None,
    session: str | None = None,
    **payload: Any,
) -> None:
    """Record what happened."""
    filed = (task, ticket, session, orjson.dumps(payload).decode(), moment)
    connection.execute(EVENT, (str(uuid7()), ORGANIZATION, kind, subject, "bench", *filed))


def signed(assessment: str) -> str:
    """A token for the assessment."""
    return f"{assessment}.{hmac.new(SECRET, assessment.encode(), hashlib.sha256).hexdigest()}"


def main() -> None:
    """Serve."""
    reader, writer = connected(PATH), Writer(PATH)
    writer.start()

    async def w1(_given: dict[str, Any], _headers: Headers) -> bytes:
        return read(reader, W1)

    async def w2(given: dict[str, Any], _headers: Headers) -> bytes:
        return read(reader, W2, code=raw.stored(given["code"]))

    async def issuing(given: dict[str, Any], _headers: Headers) -> bytes:
        return await writer.do(partial(issue, given["input"]))

    async def entering(given: dict[str, Any], _headers: Headers) -> bytes:
        return await writer.do(partial(enter, given["input"]))

    async def starting(given: dict[str, Any], headers: Headers) -> bytes:
        return await writer.do(partial(start, given["input"], raw.bearer(headers)))

    served = {
        documents.W1: w1,
        documents.W2: w2,
        documents.ISSUE: issuing,
        documents.ENTER: entering,
        documents.START: starting,
    }
    uvicorn.Server(raw.configured(served)).run()


if __name__ == "__main__":
    main()
