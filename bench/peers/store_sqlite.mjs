// The rows on SQLite: better-sqlite3 is synchronous, and each mutation is one transaction.
import { randomBytes } from "node:crypto";
import Database from "better-sqlite3";
import { READS, WRITES, codeFrom, uuid7 } from "./statements.mjs";

export async function store(url) {
  const db = new Database(url.replace("sqlite:", ""));
  for (const pragma of [
    "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536", "mmap_size=268435456",
    "temp_store=MEMORY",
  ]) db.pragma(pragma);
  const prepared = (statements) =>
    Object.fromEntries(
      Object.entries(statements).map(([name, sql]) => [name, db.prepare(sql.replace(/\$\d+/g, "?"))]),
    );
  const get = prepared(READS);
  const run = prepared(WRITES);
  const organization = get.organization.get().id;
  const id = () => uuid7(randomBytes(16));
  const code = () => codeFrom(randomBytes(20)) ?? code();
  const now = () => new Date().toISOString().replace("T", " ").replace("Z", "000+00:00");
  const event = (type, subject, task, ticket, session, payload, at) =>
    run.event.run(id(), organization, type, subject, task, ticket, session, JSON.stringify(payload), at);

  const reads = {
    organization: () => get.organization.get(),
    ticket: (code) => get.ticket.get(code),
    task: (key) => get.task.get(key),
    tasks: (key, first) => get.tasks.all(key, first),
    tickets: (key, first) => get.tickets.all(key, first),
    sessions: (key, first) => get.sessions.all(key, first),
  };

  const writes = {
    issue: db.transaction((task, people) => {
      const [at, batch] = [now(), id()];
      run.batch.run(batch, at, organization, task, "0".repeat(64), people.length);
      const tickets = people.map((one) => {
        const person = id();
        const ticket = { id: id(), code: code(), status: "ISSUED", task_id: task };
        run.candidate.run(person, at, organization, one.fullName, one.email ?? null, one.externalId ?? null);
        run.ticket.run(ticket.id, at, organization, task, person, batch, ticket.code);
        return ticket;
      });
      event("TICKETS_ISSUED", `bat_${batch}`, task, null, null, { count: people.length }, at);
      return tickets;
    }),
    enter: db.transaction((slug, code) => {
      const [at, assessment] = [now(), id()];
      const ticket = run.found.get(code, slug);
      run.assessment.run(assessment, at, organization, ticket.task_id, ticket.id);
      run.activate.run(ticket.id);
      event("ASSESSMENT_STATUS_CHANGED", `asm_${assessment}`, ticket.task_id, ticket.id, null, { to: "CREATED" }, at);
      event("TICKET_STATUS_CHANGED", `tkt_${ticket.id}`, ticket.task_id, ticket.id, null, { to: "ACTIVATED" }, at);
      return { id: assessment, status: "CREATED" };
    }),
    start: db.transaction((assessment, step) => {
      const [at, session] = [now(), id()];
      const deadline = new Date(Date.now() + 3_600_000).toISOString().replace("T", " ").replace("Z", "000+00:00");
      const { task_id, ticket_id, test_id } = run.opened.get(assessment, step);
      run.session.run(
        session, at, organization, task_id, ticket_id, assessment, step, test_id, at, at, deadline,
      );
      run.begin.run(assessment);
      event("TEST_SESSION_STATUS_CHANGED", `ses_${session}`, task_id, ticket_id, session, { to: "ACTIVE" }, at);
      event("ASSESSMENT_STATUS_CHANGED", `asm_${assessment}`, task_id, ticket_id, null, { to: "IN_PROGRESS" }, at);
      return { id: session, status: "ACTIVE", deadline_at: deadline };
    }),
  };
  return { reads, writes };
}
