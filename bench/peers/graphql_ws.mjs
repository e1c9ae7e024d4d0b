// graphql-ws on ws, as its documentation writes it: one execution for each subscriber.
import { createServer } from "node:http";
import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";

const schema = buildSchema(`
  type TestSession { id: ID! status: String! attempt: Int! }
  type TestSessionStatusChange { status: String! testSession: TestSession! }
  type Query { ok: Boolean }
  type Subscription { testSessionStatusChanged(taskId: ID): TestSessionStatusChange! }
`);

const listeners = new Set();

async function* changes() {
  const waiting = [];
  let wake;
  const listener = (change) => {
    waiting.push(change);
    wake?.();
  };
  listeners.add(listener);
  try {
    for (;;) {
      while (waiting.length) yield { testSessionStatusChanged: waiting.shift() };
      await new Promise((resolve) => { wake = resolve; });
    }
  } finally {
    listeners.delete(listener);
  }
}

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    if (parts.length) {
      const { query, variables } = JSON.parse(Buffer.concat(parts).toString());
      const status = query.includes("resumeTestSession") ? "ACTIVE" : "PAUSED";
      for (const tell of listeners) tell({ status, testSession: { id: variables.id, status, attempt: 1 } });
    }
    const body = parts.length ? '{"data":{}}' : "ok";
    response.writeHead(200, { "Content-Length": body.length }).end(body);
  });
});
useServer(
  { schema, roots: { subscription: { testSessionStatusChanged: changes } } },
  new WebSocketServer({ server, path: "/graphql", perMessageDeflate: false }),
);
server.listen(Number(process.env.PORT), "127.0.0.1", 2048);
