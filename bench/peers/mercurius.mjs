// Mercurius with JIT on better-sqlite3, as its documentation writes it: resolvers that run prepared statements.
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import Fastify from "fastify";
import mercurius from "mercurius";
import { schema } from "./schema.mjs";

const url = process.env.DATABASE_URL;
const { store } = await import(url.startsWith("sqlite:") ? "./store_sqlite.mjs" : "./store_postgres.mjs");
const { reads, loads, writes } = await store(url);
const SECRET = randomBytes(32);
const sign = (assessment) => `${assessment}.${createHmac("sha256", SECRET).update(assessment).digest("hex")}`;

const connection = (nodes) => ({ edges: nodes.map((node) => ({ node })) });
// as Admit writes a moment
const iso = (moment) =>
  moment && (moment.toISOString?.().replace("Z", "+00:00").replace(".000", "") ?? moment.replace(" ", "T"));
const then = (value, make) => (typeof value?.then === "function" ? value.then(make) : make(value));
const shown = (code) => `${code.slice(0, 4)}-${code.slice(4, 9)}-${code.slice(9)}`;

function status(ticket) {
  if (ticket.status !== "ISSUED" && ticket.status !== "ACTIVATED") return ticket.status;
  const now = Date.now();
  if (ticket.valid_until && Date.parse(ticket.valid_until) <= now) return "EXPIRED";
  if (ticket.valid_from && Date.parse(ticket.valid_from) > now) return "SCHEDULED";
  return ticket.status;
}

function bearer(context) {
  const token = (context.reply.request.headers.authorization ?? "").slice(7);
  const assessment = token.split(".")[0];
  if (!timingSafeEqual(Buffer.from(sign(assessment)), Buffer.from(token))) throw new Error("not our token");
  return assessment;
}

const resolvers = {
  Query: {
    organization: () => reads.organization(),
    ticket: (_, { invitationCode }) => reads.ticket(invitationCode.replaceAll("-", "").toUpperCase()),
  },
  Organization: { tasks: (organization, { first }) => then(reads.tasks(organization.id, first), connection) },
  Task: { tickets: (task, { first }) => then(reads.tickets(task.id, first), connection) },
  Ticket: {
    id: (ticket) => `tkt_${ticket.id}`,
    invitationCode: (ticket) => shown(ticket.code),
    status,
    task: (ticket) => reads.task(ticket.task_id),
    testSessions: (ticket, { first }) => then(reads.sessions(ticket.id, first ?? 50), connection),
  },
  TestSession: {
    id: (session) => `ses_${session.id}`,
    startedAt: (session) => iso(session.started_at),
    deadlineAt: (session) => iso(session.deadline_at),
  },
  Assessment: { id: (assessment) => `asm_${assessment.id}` },
  IssueTicketsResult: { resolveType: () => "IssueTicketsSuccess" },
  EnterTaskResult: { resolveType: () => "EnterTaskSuccess" },
  StartTestResult: { resolveType: () => "StartTestSuccess" },
  Mutation: {
    issueTickets: (_, { input }) =>
      then(writes.issue(input.taskId.slice(4), input.candidates), (tickets) => ({ tickets })),
    enterTask: (_, { input }) =>
      then(writes.enter(input.taskSlug, input.invitationCode.replaceAll("-", "").toUpperCase()), (assessment) => ({
        assessment,
        accessToken: sign(assessment.id),
      })),
    startTest: (_, { input }, context) =>
      then(writes.start(bearer(context), input.stepId.slice(4)), (testSession) => ({ testSession })),
  },
};

const loader = (load, standard) => async (queries) => {
  const { first } = queries[0].params;
  return (await load(queries.map(({ obj }) => obj.id), first ?? standard)).map(connection);
};
const loaders = loads && {
  Task: { tickets: loader(loads.tickets, 50) },
  Ticket: { testSessions: loader(loads.sessions, 50) },
};
if (loaders) {
  delete resolvers.Task;
  delete resolvers.Ticket.testSessions;
}

const app = Fastify({ bodyLimit: 10_000_000 });
app.register(mercurius, { schema, resolvers, loaders: loaders ?? {}, jit: 1, graphiql: false });
app.get("/healthz", async () => "ok");
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
