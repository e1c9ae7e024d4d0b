// Staff's side with urql. ADMIT_URL, ADMIT_TOKEN and ADMIT_TASK say where, who and what; ADMIT_STREAM=sse takes the live
// stream as server-sent events. A candidate with the invitation code ADMIT_CODE makes something happen.

import { Client, cacheExchange, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import assert from "node:assert/strict";
import WebSocket from "ws";
import { Player } from "./player.mjs";
import { staff } from "./staff.mjs";
import { overSse, overWebSocket } from "./stream.mjs";

const { ADMIT_URL, ADMIT_TOKEN, ADMIT_REFRESH_TOKEN, ADMIT_TASK: taskId, ADMIT_CODE, ADMIT_STREAM } = process.env;
const url = `${ADMIT_URL}/graphql`;
const print = (line) => console.log(JSON.stringify(line));

// For trying out: reconnect only when something was missed.
let missed;
const wait = () => missed;

const me = staff(url, ADMIT_TOKEN, ADMIT_REFRESH_TOKEN);
const stream = ADMIT_STREAM === "sse"
  ? overSse(url, me, { wait })
  : overWebSocket(url, me, { wait, webSocketImpl: WebSocket }); // a browser has its own

const client = new Client({
  url,
  fetch: me.fetch,
  preferGetMethod: false, // what is asked stays out of addresses and the logs that keep them
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (sink) => ({ unsubscribe: stream.subscribe(request, sink) }),
      }),
    }),
  ],
});

// The data of an answer that must be one.
async function get(answer) {
  const { data, error } = await answer;
  if (error) throw error; // error.graphQLErrors[0].extensions.code
  return data;
}

// ---- a query: everything nested, each list a connection

const HEAD = gql`
  query Head {
    events(first: 0) { head }
  }
`;

const TICKETS = gql`
  query Tickets($taskId: ID!, $after: String) {
    task(id: $taskId) {
      id
      slug
      tickets(first: 2, after: $after) {
        totalCount
        nodes { id status candidate { id fullName } testSessions(first: 5) { nodes { id status } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`;

// First the log's end, then the lists, at last the stream from there on: what happens meanwhile is not missed.
const { events } = await get(client.query(HEAD, {}, { requestPolicy: "network-only" }));

const list = [];
let slug;
for (let after = null, more = true; more; ) {
  const { task } = await get(client.query(TICKETS, { taskId, after }));
  ({ slug } = task);
  list.push(...task.tickets.nodes);
  ({ endCursor: after, hasNextPage: more } = task.tickets.pageInfo);
}
print({ tickets: list.map(({ candidate }) => candidate.fullName) });

// ---- a mutation and its refusals

const ISSUE = gql`
  mutation Issue($input: IssueTicketsInput!) {
    issueTickets(input: $input) {
      ... on IssueTicketsSuccess { tickets { id invitationCode } }
      ... on InvalidCandidates { problems { index field message } }
      ... on Refusal { __typename message }
    }
  }
`;

async function issue(...candidates) {
  const { issueTickets: result } = await get(client.mutation(ISSUE, { input: { taskId, candidates } }));
  switch (result.__typename) {
    case "IssueTicketsSuccess":
      return print({ issued: result.tickets.length });
    case "InvalidCandidates":
      return print({ refused: result.__typename, problems: result.problems.map(({ index, field }) => ({ index, field })) });
    default: // a refusal that this program does not know: its sentence can be shown all the same
      return print({ refused: result.__typename, message: result.message });
  }
}

await issue({ fullName: "Grace Hopper", email: "grace@example.org" }, { fullName: "", email: "nobody" });
await issue();
await issue({ fullName: "Grace Hopper", email: "grace@example.org" });

// ---- the live stream, resumed

const CHANGES = gql`
  subscription Changes($taskId: ID!, $after: Cursor) {
    testSessionStatusChanged(taskId: $taskId, after: $after) {
      cursor
      previousStatus
      status
      testSession { id status progress { answered total } ticket { id candidate { id fullName } } }
    }
  }
`;

const changes = [];
let arrived;
const arrival = () => new Promise((resolve) => { arrived = resolve; });

const running = client.subscription(CHANGES, { taskId, after: events.head }).subscribe(({ data, error }) => {
  if (error) throw error;
  const { previousStatus, status, testSession } = data.testSessionStatusChanged;
  print({ change: `${previousStatus} → ${status}`, who: testSession.ticket.candidate.fullName });
  changes.push(status);
  arrived();
});

const player = new Player(url);
const { steps: [{ step }] } = await player.enter(slug, ADMIT_CODE);

await Promise.all([arrival(), player.start(step.id)]);

const second = arrival();
stream.cut();
missed = player.submit();
await second;

assert.deepEqual(changes, ["ACTIVE", "SUBMITTED"]); // the first was not told again, the second not missed
running.unsubscribe();
