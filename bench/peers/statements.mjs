// What a ticket and a session need of their rows; the score that counts comes with its session.
const TICKET = "ticket.id, code, status, valid_from, valid_until, task_id";
const SESSION =
  "s.id, s.status, s.attempt, s.started_at, s.deadline_at, (SELECT r.score FROM result r " +
  "WHERE r.session_id = s.id AND r.superseded_at IS NULL ORDER BY r.version DESC LIMIT 1) AS score";

// The statements of the Node servers, with numbered parameters for PostgreSQL; better-sqlite3 gets "?" for each.
export const READS = {
  organization: "SELECT id, name FROM organization LIMIT 1",
  ticket: `SELECT ${TICKET} FROM ticket WHERE code = $1`,
  task: "SELECT id, name FROM task WHERE id = $1",
  tasks: "SELECT id, name FROM task WHERE organization_id = $1 ORDER BY id LIMIT $2",
  tickets: `SELECT ${TICKET} FROM ticket WHERE task_id = $1 ORDER BY id LIMIT $2`,
  sessions: `SELECT ${SESSION} FROM test_session s WHERE s.ticket_id = $1 ORDER BY s.id LIMIT $2`,
};

// for PostgreSQL, where every statement is a journey
export const PAGES = {
  tickets:
    `SELECT k.* FROM unnest($1::uuid[]) AS t(id), LATERAL (SELECT ${TICKET} FROM ticket ` +
    "WHERE task_id = t.id ORDER BY ticket.id LIMIT $2) k ORDER BY k.id",
  sessions:
    `SELECT p.* FROM unnest($1::uuid[]) AS k(id), LATERAL (SELECT s.ticket_id, ${SESSION} FROM test_session s ` +
    "WHERE s.ticket_id = k.id ORDER BY s.id LIMIT $2) p ORDER BY p.id",
};

export const WRITES = {
  batch:
    "INSERT INTO ticket_batch (id, created_at, organization_id, task_id, body_hash, count) " +
    "VALUES ($1, $2, $3, $4, $5, $6)",
  candidate:
    "INSERT INTO candidate (id, created_at, organization_id, full_name, email, external_id, attributes) " +
    "VALUES ($1, $2, $3, $4, $5, $6, '{}')",
  ticket:
    "INSERT INTO ticket (id, created_at, organization_id, task_id, candidate_id, batch_id, status, code, labels, " +
    "extra_time_percent, assessments_allowed) VALUES ($1, $2, $3, $4, $5, $6, 'ISSUED', $7, '[]', 0, 1)",
  event:
    "INSERT INTO event (id, organization_id, type, subject, actor, task_id, ticket_id, session_id, payload, " +
    "created_at) VALUES ($1, $2, $3, $4, 'bench', $5, $6, $7, $8, $9)",
  found:
    "SELECT k.id, k.task_id FROM ticket k JOIN task t ON t.id = k.task_id " +
    "WHERE k.code = $1 AND t.slug = $2 AND t.status = 'OPEN' AND k.status = 'ISSUED'",
  activate: "UPDATE ticket SET status = 'ACTIVATED' WHERE id = $1 AND status = 'ISSUED'",
  assessment:
    "INSERT INTO assessment (id, created_at, organization_id, task_id, ticket_id, status) " +
    "VALUES ($1, $2, $3, $4, $5, 'CREATED')",
  opened: "SELECT a.task_id, a.ticket_id, p.test_id FROM assessment a, step p WHERE a.id = $1 AND p.id = $2",
  session:
    "INSERT INTO test_session (id, created_at, organization_id, task_id, ticket_id, assessment_id, step_id, test_id, " +
    "status, grading, attempt, base_seconds, started_at, last_seen_at, deadline_at, answered, total) " +
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'ACTIVE', 'NOT_READY', 1, 3600, $9, $10, $11, 0, 10)",
  begin: "UPDATE assessment SET status = 'IN_PROGRESS' WHERE id = $1 AND status = 'CREATED'",
};

const ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789";

export function codeFrom(bytes) {
  let code = "";
  for (const byte of bytes) {
    if (byte < 248) code += ALPHABET[byte % 31];
    if (code.length === 13) return code;
  }
  return null;
}

export function uuid7(bytes) {
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
