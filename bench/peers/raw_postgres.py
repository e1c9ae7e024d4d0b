"""The limit on PostgreSQL: one statement for each level of a read, one for each write. It authenticates nobody."""

from __future__ import annotations

import os
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import uvicorn
import uvloop
from uuid_utils import uuid7

from bench import documents
from bench.peers import raw
from bench.peers.plain_writes import signed
from bench.peers.raw import Headers
from bench.rows import ORGANIZATION

POOL = 10
STATUS = (
    "CASE WHEN k.status NOT IN ('ISSUED', 'ACTIVATED') THEN k.status WHEN k.valid_until <= now() THEN 'EXPIRED' "
    "WHEN k.valid_from > now() THEN 'SCHEDULED' ELSE k.status END AS status"
)
SCORE = (
    "(SELECT r.score FROM result r WHERE r.session_id = s.id AND r.superseded_at IS NULL "
    "ORDER BY r.version DESC LIMIT 1) AS score"
)
TASKS = "SELECT id, name FROM task WHERE organization_id = $1 ORDER BY id LIMIT 10"
TICKETS = f"""
SELECT k.task_id, k.id, k.code, {STATUS} FROM unnest($1::uuid[]) AS t(id), LATERAL (
 SELECT * FROM ticket WHERE task_id = t.id ORDER BY id LIMIT 10) k ORDER BY k.id
"""
SESSIONS = f"""
SELECT s.ticket_id, s.id, s.status, s.started_at, {SCORE} FROM unnest($1::uuid[]) AS k(id), LATERAL (
 SELECT * FROM test_session WHERE ticket_id = k.id ORDER BY id LIMIT 5) s ORDER BY s.id
"""
TICKET = f"""
SELECT json_build_object('ticket', json_build_object('id', 'tkt_' || k.id, {STATUS.replace("AS status", "")},
 'task', (SELECT json_build_object('name', t.name) FROM task t WHERE t.id = k.task_id),
 'testSessions', json_build_object('edges', (SELECT coalesce(json_agg(json_build_object('node', json_build_object(
  'id', 'ses_' || s.id, 'status', s.status, 'score', s.score))), '[]') FROM (
   SELECT s.id, s.status, {SCORE} FROM test_session s WHERE s.ticket_id = k.id ORDER BY s.id LIMIT 50) s))))
FROM ticket k WHERE k.code = $1 AND k.organization_id = $2
""".replace("|| k.id, CASE", "|| k.id, 'status', CASE")
ISSUE = """
WITH b AS (INSERT INTO ticket_batch (id, created_at, organization_id, task_id, body_hash, count)
  VALUES ($1::uuid, now(), $2, $3, repeat('0', 64), cardinality($4::uuid[]))),
 n AS (SELECT * FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[]) AS n(p, k, code, name, mail)),
 c AS (INSERT INTO candidate (id, created_at, organization_id, full_name, email, attributes)
  SELECT p, now(), $2, name, mail, '{}' FROM n),
 e AS (INSERT INTO event (id, organization_id, type, subject, actor, task_id, payload, created_at)
  VALUES ($1::uuid, $2, 'TICKETS_ISSUED', 'bat_' || $1::uuid, 'bench', $3, '{}', now()))
INSERT INTO ticket (id, created_at, organization_id, task_id, candidate_id, batch_id, status, code, labels,
  extra_time_percent, assessments_allowed)
 SELECT k, now(), $2, $3, p, $1, 'ISSUED', code, '[]', 0, 1 FROM n
"""
EVENTS = (
    "INSERT INTO event (id, organization_id, type, subject, actor, task_id, ticket_id, session_id, payload, created_at)"
)
ENTER = f"""
WITH v AS (SELECT $3::uuid AS assessment, $4::uuid AS own, $5::uuid AS e1, $6::uuid AS e2),
 k AS (UPDATE ticket SET status = 'ACTIVATED' FROM task t WHERE ticket.code = $1 AND t.slug = $2
  AND t.id = ticket.task_id AND t.status = 'OPEN' AND ticket.status = 'ISSUED' RETURNING ticket.id, ticket.task_id),
 a AS (INSERT INTO assessment (id, created_at, organization_id, task_id, ticket_id, status)
  SELECT assessment, now(), own, task_id, id, 'CREATED' FROM k, v)
{EVENTS} SELECT e1, own, 'ASSESSMENT_STATUS_CHANGED', 'asm_' || assessment, 'bench', task_id, id, NULL::uuid,
  '{{"to":"CREATED"}}'::jsonb, now() FROM k, v
 UNION ALL SELECT e2, own, 'TICKET_STATUS_CHANGED', 'tkt_' || id, 'bench', task_id, id, NULL::uuid,
  '{{"to":"ACTIVATED"}}'::jsonb, now() FROM k, v
"""
START = f"""
WITH v AS (SELECT $1::uuid AS assessment, $2::uuid AS step, $3::uuid AS session, $4::uuid AS own,
  $5::timestamptz AS begins, $6::timestamptz AS ends, $7::uuid AS e1, $8::uuid AS e2),
 a AS (UPDATE assessment SET status = 'IN_PROGRESS' FROM step p, v WHERE assessment.id = v.assessment AND p.id = v.step
  AND assessment.status = 'CREATED' RETURNING assessment.task_id, assessment.ticket_id, p.test_id),
 s AS (INSERT INTO test_session (id, created_at, organization_id, task_id, ticket_id, assessment_id, step_id, test_id,
  status, grading, attempt, base_seconds, started_at, last_seen_at, deadline_at, answered, total)
  SELECT session, now(), own, task_id, ticket_id, assessment, step, test_id, 'ACTIVE', 'NOT_READY', 1, 3600, begins,
  begins, ends, 0, 10 FROM a, v)
{EVENTS} SELECT e1, own, 'TEST_SESSION_STATUS_CHANGED', 'ses_' || session, 'bench', task_id, ticket_id, session,
  '{{"to":"ACTIVE"}}'::jsonb, now() FROM a, v
 UNION ALL SELECT e2, own, 'ASSESSMENT_STATUS_CHANGED', 'asm_' || assessment, 'bench', task_id, ticket_id, NULL::uuid,
  '{{"to":"IN_PROGRESS"}}'::jsonb, now() FROM a, v
"""


class Answers:
    """What is answered to each document, by a pool of connections."""

    pool: Any

    async def w1(self, _given: dict[str, Any], _headers: Headers) -> bytes:
        """Three levels."""
        async with self.pool.acquire() as connection:
            tasks = await connection.fetch(TASKS, ORGANIZATION)
            tickets = await connection.fetch(TICKETS, [task["id"] for task in tasks])
            sessions = await connection.fetch(SESSIONS, [ticket["id"] for ticket in tickets])
        of_ticket, of_task = defaultdict(list), defaultdict(list)
        for ticket, key, status, started, score in sessions:
            shown = {"id": f"ses_{key}", "status": status, "score": score, "startedAt": started}
            of_ticket[ticket].append({"node": shown})
        for task, key, code, status in tickets:
            held = {"edges": of_ticket[key]}
            node = {"invitationCode": raw.shown(code), "status": status, "testSessions": held}
            of_task[task].append({"node": node})
        edges = [{"node": {"name": task["name"], "tickets": {"edges": of_task[task["id"]]}}} for task in tasks]
        return orjson.dumps({"organization": {"tasks": {"edges": edges}}})

    async def w2(self, given: dict[str, Any], _headers: Headers) -> bytes:
        """One ticket."""
        text = await self.pool.fetchval(TICKET, raw.stored(given["code"]), ORGANIZATION)
        return str(text).encode()

    async def issue(self, given: dict[str, Any], _headers: Headers) -> bytes:
        """Tickets, by unnest."""
        people, task = given["input"]["candidates"], given["input"]["taskId"][4:]
        codes, keys = raw.codes(len(people)), [str(uuid7()) for _ in people]
        persons = [str(uuid7()) for _ in people]
        names, mails = [one["fullName"] for one in people], [one.get("email") for one in people]
        await self.pool.execute(ISSUE, str(uuid7()), ORGANIZATION, task, persons, keys, codes, names, mails)
        pairs = zip(keys, codes, strict=True)
        shown = [{"id": f"tkt_{key}", "invitationCode": raw.shown(code)} for key, code in pairs]
        return orjson.dumps({"issueTickets": {"tickets": shown}})

    async def enter(self, given: dict[str, Any], _headers: Headers) -> bytes:
        """An assessment."""
        key, asked = str(uuid7()), given["input"]
        code, events = raw.stored(asked["invitationCode"]), (str(uuid7()), str(uuid7()))
        _must_write(await self.pool.execute(ENTER, code, asked["taskSlug"], key, ORGANIZATION, *events))
        shown = {"id": f"asm_{key}", "status": "CREATED"}
        return orjson.dumps({"enterTask": {"accessToken": signed(key), "assessment": shown}})

    async def start(self, given: dict[str, Any], headers: Headers) -> bytes:
        """A session."""
        token, key, now = raw.bearer(headers), str(uuid7()), datetime.now(UTC)
        assessment, ends = token.partition(".")[0], now + timedelta(hours=1)
        if signed(assessment) != token:
            raise PermissionError("not our token")
        step, events = given["input"]["stepId"][4:], (str(uuid7()), str(uuid7()))
        _must_write(await self.pool.execute(START, assessment, step, key, ORGANIZATION, now, ends, *events))
        shown = {"id": f"ses_{key}", "status": "ACTIVE", "deadlineAt": ends}
        return orjson.dumps({"startTest": {"testSession": shown}})


def _must_write(status: str) -> None:
    if status != "INSERT 0 2":
        raise LookupError(status)


async def main() -> None:
    """Serve."""
    answers = Answers()
    answers.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=POOL, max_size=POOL)
    served = {
        documents.W1: answers.w1,
        documents.W2: answers.w2,
        documents.ISSUE: answers.issue,
        documents.ENTER: answers.enter,
        documents.START: answers.start,
    }
    await uvicorn.Server(raw.configured(served)).serve()


if __name__ == "__main__":
    uvloop.run(main())
