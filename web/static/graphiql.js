// Starts GraphiQL against this same address: queries by fetch, subscriptions by graphql-transport-ws, both with the header editor's token.

import { examples } from "./graphiql-examples.js";

const endpoint = new URL("/graphql", location.origin);
const socket = new URL(endpoint);
socket.protocol = location.protocol === "https:" ? "wss:" : "ws:";

// /graphql#token=…&task=tsk_…&ticket=tkt_…: read once, then taken out of the address bar and the history.
const given = new URLSearchParams(location.hash.slice(1));
if (location.hash) history.replaceState(null, "", location.pathname + location.search);
const token = given.get("token");
const headers = token ? JSON.stringify({ Authorization: `Bearer ${token}` }, null, 2) : undefined;

// Editors are kept for this browser tab only, as variables may hold people's names or a password for logIn;
// headers are not kept at all (GraphiQL's history would, whatever shouldPersistHeaders says).
const storage = {
  getItem: (key) => sessionStorage.getItem(key),
  setItem: (key, value) => sessionStorage.setItem(key, key === "graphiql:queries" ? withoutHeaders(value) : value),
  removeItem: (key) => sessionStorage.removeItem(key),
  clear: () => sessionStorage.clear(),
  get length() {
    return sessionStorage.length;
  },
};

function withoutHeaders(history) {
  return JSON.stringify(JSON.parse(history), (key, value) => (key === "headers" ? undefined : value));
}

// Arriving with something in the fragment is a fresh start, with the examples.
if ([...given].length > 0) {
  for (const name of ["tabState", "query", "variables", "headers", "operationName"]) storage.removeItem(`graphiql:${name}`);
}

// One WebSocket for one set of headers: the server reads the credential in connection_init, and only there.
let client = null;
let clientHeaders = null;

function clientFor(typed) {
  const connectionParams = Object.fromEntries(Object.entries(typed ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  const key = JSON.stringify(connectionParams);
  if (client === null || clientHeaders !== key) {
    client?.dispose();
    client = graphqlWs.createClient({ url: socket.href, connectionParams, lazyCloseTimeout: 5_000, retryAttempts: 2 });
    clientHeaders = key;
  }
  return client;
}

function fetcher(operation, options) {
  return GraphiQL.createFetcher({ url: endpoint.href, wsClient: clientFor(options?.headers) })(operation, options);
}

const element = React.createElement(GraphiQL, {
  fetcher,
  storage,
  headers,
  defaultHeaders: headers,
  defaultTabs: examples(given).map((tab) => ({ ...tab, headers: headers ?? null })),
  defaultEditorToolsVisibility: "variables",
  shouldPersistHeaders: false,
  showPersistHeadersSettings: false,
});

ReactDOM.createRoot(document.getElementById("graphiql")).render(element);
