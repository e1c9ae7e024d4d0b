// PostGraphile 5 over the same tables, with its own names: it shows a ticket's stored status, not the clock's.
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

// PostGraphile asks for Node 22; this is all that it misses in Node 20
Promise.withResolvers ??= () => {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString: process.env.DATABASE_URL, schemas: ["public"] })],
  grafserv: { graphiql: false, watch: false },
});
await instance.getSchema();
const answer = instance.createServ(grafserv).createHandler();
createServer((request, response) =>
  request.url === "/healthz" ? response.writeHead(200, { "Content-Length": 2 }).end("ok") : answer(request, response),
).listen(Number(process.env.PORT), "127.0.0.1");
