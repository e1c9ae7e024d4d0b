// The same rows on PostgreSQL by pg: a pool of ten, each mutation one transaction.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { PAGES, READS, WRITES, codeFrom, uuid7 } from "./statements.mjs";

export async function store(url) {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  const ask = async (on, name, statements, values) =>
    (await on.query({ name: `${name} ${statements[name].slice(0, 6)}`, text: statements[name], values })).rows; // prepared
  const organization = (await ask(pool, "organization", READS, []))[0].id;
  const id = () => uuid7(randomBytes(16));
  const code = () => codeFrom(randomBytes(20)) ?? code();

  const transaction = (work) => async (...given) => {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const made = await work((name, ...values) => ask(client, name, WRITES, values), ...given);
      await client.query("COMMIT");
      return made;
    } catch (failure) {
      await client.query("ROLLBACK");
      throw failure;
    } finally {
      client.release();
    }
  };
  const event = (run, type, subject, task, ticket, session, payload, at) =>
    run("event", id(), organization, type, subject, task, ticket, session, payload, at);

  const first = async (name, ...values) => (await ask(pool, name, READS, values))[0];
  const all = (name, ...values) => ask(pool, name, READS, values);
  const reads = {
    organization: () => first("organization"),
    ticket: (code) => first("ticket", code),
    task: (key) => first("task", key),
    tasks: (key, count) => all("tasks", key, count),
    tickets: (key, count) => all("tickets", key, count),
    sessions: (key, count) => all("sessions", key, count),
  };

  // what Mercurius's loaders ask for: one statement for the pages of many parents
  const pages = async (name, by, keys, count) => {
    const found = new Map(keys.map((key) => [key, []]));
    for (const row of await ask(pool, name, PAGES, [keys, count])) found.get(row[by]).push(row);
    return keys.map((key) => found.get(key));
  };
  const loads = {
    tickets: (keys, count) => pages("tickets", "task_id", keys, count),
    sessions: (keys, count) => pages("sessions", "ticket_id", keys, count),
  };

  const writes = {
    issue: transaction(async (run, task, people) => {
      const [at, batch, tickets] = [new Date(), id(), []];
      await run("batch", batch, at, organization, task, "0".repeat(64), people.length);
      for (const one of people) {
        const person = id();
        const ticket = { id: id(), code: code(), status: "ISSUED", task_id: task };
        await run("candidate", person, at, organization, one.fullName, one.email, one.externalId);
        await run("ticket", ticket.id, at, organization, task, person, batch, ticket.code);
        tickets.push(ticket);
      }
      await event(run, "TICKETS_ISSUED", `bat_${batch}`, task, null, null, { count: people.length }, at);
      return tickets;
    }),
    enter: transaction(async (run, slug, code) => {
      const [at, assessment] = [new Date(), id()];
      const [ticket] = await run("found", code, slug);
      await run("assessment", assessment, at, organization, ticket.task_id, ticket.id);
      await run("activate", ticket.id);
      const about = [ticket.task_id, ticket.id, null];
      await event(run, "ASSESSMENT_STATUS_CHANGED", `asm_${assessment}`, ...about, { to: "CREATED" }, at);
      await event(run, "TICKET_STATUS_CHANGED", `tkt_${ticket.id}`, ...about, { to: "ACTIVATED" }, at);
      return { id: assessment, status: "CREATED" };
    }),
    start: transaction(async (run, assessment, step) => {
      const [at, session] = [new Date(), id()];
      const deadline = new Date(at.getTime() + 3_600_000);
      const [{ task_id, ticket_id, test_id }] = await run("opened", assessment, step);
      await run(
        "session", session, at, organization, task_id, ticket_id, assessment, step, test_id, at, at, deadline,
      );
      await run("begin", assessment);
      await event(
        run, "TEST_SESSION_STATUS_CHANGED", `ses_${session}`, task_id, ticket_id, session, { to: "ACTIVE" }, at,
      );
      await event(
        run, "ASSESSMENT_STATUS_CHANGED", `asm_${assessment}`, task_id, ticket_id, null, { to: "IN_PROGRESS" }, at,
      );
      return { id: session, status: "ACTIVE", deadline_at: deadline };
    }),
  };
  return { reads, loads, writes };
}
