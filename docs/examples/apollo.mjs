// Staff's side with Apollo Client. ADMIT_URL, ADMIT_TOKEN and ADMIT_TASK say where, who and what; ADMIT_REFRESH_TOKEN may
// come with a member's token. A candidate with the invitation code ADMIT_CODE makes something happen.

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";
import assert from "node:assert/strict";
import WebSocket from "ws";
import { Player } from "./player.mjs";
import { staff } from "./staff.mjs";
import { overWebSocket } from "./stream.mjs";

const { ADMIT_URL, ADMIT_TOKEN, ADMIT_REFRESH_TOKEN, ADMIT_TASK: taskId, ADMIT_CODE } = process.env;
const url = `${ADMIT_URL}/graphql`;
const print = (line) => console.log(JSON.stringify(line));

// For trying out: reconnect only when something was missed.
let missed;
const wait = () => missed;

const me = staff(url, ADMIT_TOKEN, ADMIT_REFRESH_TOKEN);
const stream = overWebSocket(url, me, { wait, webSocketImpl: WebSocket }); // a browser has its own

// Which types an interface or a union can be: without it Apollo does not know that `... on Refusal` fits. An app asks
// once, when it is built.
async function possibleTypes() {
  const query = "{ __schema { types { name possibleTypes { name } } } }";
  const headers = { "content-type": "application/json" };
  const { data } = await (await me.fetch(url, { method: "POST", headers, body: JSON.stringify({ query }) })).json();
  const abstract = data.__schema.types.filter((type) => type.possibleTypes);
  return Object.fromEntries(abstract.map((type) => [type.name, type.possibleTypes.map(({ name }) => name)]));
}

const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(stream),
    new HttpLink({ uri: url, fetch: me.fetch }),
  ),
  cache: new InMemoryCache({
    possibleTypes: await possibleTypes(),
    typePolicies: {
      Organization: { fields: { tasks: relayStylePagination(["filter"]) } },
      Task: { fields: { tickets: relayStylePagination(["filter"]) } },
    },
  }),
});

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
        edges { cursor node { id status candidate { id fullName } testSessions(first: 5) { nodes { id status } } } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
  }
`;

// First the log's end, then the lists, at last the stream from there on: what happens meanwhile is not missed.
const { data: { events } } = await client.query({ query: HEAD, fetchPolicy: "no-cache" });

const tickets = client.watchQuery({ query: TICKETS, variables: { taskId } }); // useQuery in a component
const shown = await new Promise((resolve) => tickets.subscribe(({ data, loading }) => loading || resolve(data)));
const { hasNextPage, endCursor } = shown.task.tickets.pageInfo;
if (hasNextPage) await tickets.fetchMore({ variables: { after: endCursor } }); // the cache puts the pages together

const { slug, tickets: list } = client.readQuery({ query: TICKETS, variables: { taskId } }).task;
assert.equal(list.edges.length, Math.min(4, list.totalCount));
print({ tickets: list.edges.map(({ node }) => node.candidate.fullName), of: list.totalCount });

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
  const { data } = await client.mutate({ mutation: ISSUE, variables: { input: { taskId, candidates } } });
  const result = data.issueTickets;
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

const running = client.subscribe({ query: CHANGES, variables: { taskId, after: events.head } }).subscribe({
  next({ data, error }) {
    if (error) throw error;
    const { previousStatus, status, testSession } = data.testSessionStatusChanged;
    print({ change: `${previousStatus} → ${status}`, who: testSession.ticket.candidate.fullName });
    changes.push(status);
    arrived();
  },
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
client.stop();
