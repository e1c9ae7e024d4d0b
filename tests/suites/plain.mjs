// The two reference clients with nothing above them: ADMIT_CLIENT is graphql-ws or graphql-sse. Each asks, changes, and
// listens; the listener is cut off after its first event, and a new client goes on from the cursor that it had.

import assert from "node:assert/strict";
import * as sse from "graphql-sse";
import * as ws from "graphql-ws";
import WebSocket from "ws";
import { Player } from "../../docs/examples/player.mjs";

const { ADMIT_URL, ADMIT_TOKEN, ADMIT_TASK: taskId, ADMIT_SLUG, ADMIT_CODE, ADMIT_CLIENT } = process.env;
const url = `${ADMIT_URL}/graphql`;
const authorization = `Bearer ${ADMIT_TOKEN}`;
const print = (line) => console.log(JSON.stringify(line));

const CLIENTS = {
  "graphql-ws"() {
    let socket;
    const client = ws.createClient({
      url: url.replace(/^http/, "ws"),
      webSocketImpl: WebSocket,
      connectionParams: { authorization },
      retryAttempts: 0,
      on: { opened: (opened) => { socket = opened; } },
    });
    return {
      ask: async (query, variables) => (await client.iterate({ query, variables }).next()).value,
      listen: (query, variables) => client.iterate({ query, variables }),
      cut: () => socket.terminate(),
    };
  },

  // Over server-sent events nothing but a stream is answered: a query and a mutation go the usual way.
  "graphql-sse"() {
    const cutting = new AbortController();
    const client = sse.createClient({
      url,
      headers: { authorization },
      retryAttempts: 0,
      fetchFn: (address, options) =>
        fetch(address, { ...options, signal: AbortSignal.any([options.signal, cutting.signal]) }),
    });
    return {
      async ask(query, variables) {
        await assert.rejects(client.iterate({ query, variables }).next(), ({ response }) => response.status === 406);
        const headers = { "content-type": "application/json", authorization };
        return (await fetch(url, { method: "POST", headers, body: JSON.stringify({ query, variables }) })).json();
      },
      listen: (query, variables) => client.iterate({ query, variables }),
      cut: () => cutting.abort(),
    };
  },
};

const connect = CLIENTS[ADMIT_CLIENT];

async function data(answer) {
  const { data, errors } = await answer;
  assert.equal(errors, undefined);
  return data;
}

const QUERY = "query ($taskId: ID!) { events(first: 0) { head } task(id: $taskId) { tickets { totalCount } } }";
const MUTATION = `
  mutation ($input: IssueTicketsInput!) {
    issueTickets(input: $input) { __typename ... on IssueTicketsSuccess { tickets { invitationCode } } }
  }`;
const SUBSCRIPTION = `
  subscription ($taskId: ID!, $after: Cursor) { testSessionStatusChanged(taskId: $taskId, after: $after) { cursor status } }`;

const first = connect();
const { events, task } = await data(first.ask(QUERY, { taskId }));
print({ tickets: task.tickets.totalCount });

const candidates = [{ fullName: "Grace Hopper", email: "grace@example.org" }];
const { issueTickets } = await data(first.ask(MUTATION, { input: { taskId, candidates } }));
print({ mutation: issueTickets.__typename });

// One who takes the test: what happens is told by the stream.
async function enters(code) {
  const player = new Player(url);
  const { steps: [{ step }] } = await player.enter(ADMIT_SLUG, code);
  await player.start(step.id);
  return player;
}

const told = [];
async function next(stream) {
  const { value } = await stream.next();
  const { cursor, status } = (await data(value)).testSessionStatusChanged;
  told.push(cursor);
  print({ status });
}

const broken = first.listen(SUBSCRIPTION, { taskId, after: events.head });
const player = await enters(ADMIT_CODE);
await next(broken);
first.cut();
await assert.rejects(broken.next());

await player.submit(); // while nobody listens
const second = connect();
const resumed = second.listen(SUBSCRIPTION, { taskId, after: told.at(-1) });
await next(resumed);
await Promise.all([next(resumed), enters(issueTickets.tickets[0].invitationCode)]);

assert.equal(new Set(told).size, 3);
await resumed.return();
second.cut();
process.exit(0); // the players' heartbeats would go on
