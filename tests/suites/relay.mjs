// Relay without React: the artifacts that relay-compiler made of relay/desk.js, in the folder ADMIT_ARTIFACTS, run by
// relay-runtime. The network is what an app has: fetch, and the examples' resuming stream.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import relay from "relay-runtime";
import WebSocket from "ws";
import { Player } from "../../docs/examples/player.mjs";
import { staff } from "../../docs/examples/staff.mjs";
import { overWebSocket } from "../../docs/examples/stream.mjs";

const { ADMIT_URL, ADMIT_TOKEN, ADMIT_TASK: taskId, ADMIT_CODE, ADMIT_ARTIFACTS } = process.env;
const url = `${ADMIT_URL}/graphql`;
const print = (line) => console.log(JSON.stringify(line));
const artifact = (name) => createRequire(import.meta.url)(`${ADMIT_ARTIFACTS}/${name}.graphql.js`);

let missed;
const me = staff(url, ADMIT_TOKEN);
const stream = overWebSocket(url, me, { wait: () => missed, webSocketImpl: WebSocket });

async function ask({ text: query, name: operationName }, variables) {
  const headers = { "content-type": "application/json", accept: "application/graphql-response+json" };
  const body = JSON.stringify({ query, operationName, variables });
  return (await me.fetch(url, { method: "POST", headers, body })).json();
}

const listen = ({ text: query, name: operationName }, variables) =>
  relay.Observable.create((sink) => stream.subscribe({ query, operationName, variables }, sink));

const environment = new relay.Environment({
  network: relay.Network.create(ask, listen),
  store: new relay.Store(new relay.RecordSource()),
});

// What a component sees of the fragment, given what its parent was given.
const read = (name, key) => environment.lookup(relay.getSingularSelector(artifact(name), key)).data;

// ---- a query, and the next page of its connection

const asked = relay.createOperationDescriptor(artifact("deskQuery"), { taskId });
environment.retain(asked);
const { events } = await relay.fetchQuery(environment, artifact("deskQuery"), { taskId }).toPromise();
const seen = () => {
  const { task } = environment.lookup(asked.fragment).data;
  const { totalCount, edges, pageInfo } = read("desk_tickets", task).tickets;
  return { slug: task.slug, totalCount, pageInfo, tickets: edges.map(({ node }) => node) };
};
const names = () => seen().tickets.map((ticket) => read("desk_ticket", ticket).candidate.fullName);
print({ page: names(), of: seen().totalCount });

const { hasNextPage, endCursor: cursor } = seen().pageInfo;
assert.ok(hasNextPage);
await relay.fetchQuery(environment, artifact("deskPageQuery"), { id: taskId, count: 2, cursor }).toPromise();
print({ pages: names() });

// ---- a mutation: Relay puts what it made into the connection

async function issue(...candidates) {
  const connections = [relay.ConnectionHandler.getConnectionID(taskId, "desk_tickets")];
  const variables = { input: { taskId, candidates }, connections };
  const mutation = artifact("deskIssueMutation");
  const { issueTickets } = await new Promise((onCompleted, onError) =>
    relay.commitMutation(environment, { mutation, variables, onCompleted, onError }));
  return issueTickets;
}

const { __typename: refused, problems } = await issue({ fullName: "", email: "nobody" });
print({ refused, problems });
await issue({ fullName: "Grace Hopper", email: "grace@example.org" });
print({ pages: names() });

// ---- a stream, cut off after its first event

const changes = [];
let arrived;
const arrival = () => new Promise((resolve) => { arrived = resolve; });
const running = relay.requestSubscription(environment, {
  subscription: artifact("deskChangesSubscription"),
  variables: { taskId, after: events.head },
  onNext({ testSessionStatusChanged: { status } }) {
    changes.push(status);
    arrived();
  },
  onError(reason) { throw reason; },
});

const player = new Player(url);
const { steps: [{ step }] } = await player.enter(seen().slug, ADMIT_CODE);
await Promise.all([arrival(), player.start(step.id)]);

const second = arrival();
stream.cut();
missed = player.submit();
await second;
print({ changes });
running.dispose();

// ---- one node anew

const [ticket] = seen().tickets;
await relay.fetchQuery(environment, artifact("deskTicketQuery"), { id: ticket.id }).toPromise();
const { status, assessments } = read("desk_ticket", ticket);
print({ status, assessments: assessments.nodes });
