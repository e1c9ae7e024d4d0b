// The live stream over a WebSocket or as server-sent events, taken up after every interruption where it broke off.

import * as sse from "graphql-sse";
import * as ws from "graphql-ws";

// Both clients connect again by themselves and send the request as it is then. With the last cursor in `after`, the server
// goes on from there: nothing is missed and nothing told twice. The document has `$after: Cursor` and selects `cursor`.
function resuming(client) {
  return (request, sink) => {
    const sent = { ...request, variables: { ...request.variables } };
    const next = (result) => {
      const [change] = Object.values(result.data ?? {});
      if (change?.cursor) sent.variables.after = change.cursor;
      sink.next(result);
    };
    return client.subscribe(sent, { ...sink, next });
  };
}

// Half a second, one, two, … half a minute, each a little less by chance, so that not everybody comes back at once.
function backOff(retries) {
  const seconds = Math.min(30, 0.5 * 2 ** retries) * (1 - Math.random() / 2);
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

export function overWebSocket(url, staff, { wait = backOff, ...options } = {}) {
  let socket;
  let refused = false;
  const client = ws.createClient({
    url: url.replace(/^http/, "ws"),
    retryAttempts: Infinity,
    retryWait: wait,
    keepAlive: 20_000,
    connectionParams: async () => {
      if (refused) await staff.refresh();
      return { authorization: staff.authorization() };
    },
    on: {
      opened: (opened) => { socket = opened; },
      closed: ({ code }) => { refused = code === 4403; }, // the access token has expired, perhaps in mid-stream
    },
    ...options,
  });
  return { subscribe: resuming(client), cut: () => socket.terminate() };
}

export function overSse(url, staff, { wait = backOff } = {}) {
  let cutting;
  let refused = false;
  const client = sse.createClient({
    url,
    retryAttempts: Infinity,
    retry: wait,
    headers: async () => {
      if (refused) await staff.refresh();
      return { authorization: staff.authorization() };
    },
    fetchFn: async (address, options) => {
      cutting = new AbortController();
      const answer = await fetch(address, { ...options, signal: AbortSignal.any([options.signal, cutting.signal]) });
      refused = answer.status === 401;
      return answer;
    },
  });
  const subscribe = (request, sink) => {
    const next = (result) => {
      refused = result.errors?.some((error) => error.extensions.code === "UNAUTHENTICATED") ?? false;
      if (refused) throw new sse.NetworkError("The access token has expired."); // which makes it connect again
      sink.next(result);
    };
    return resuming(client)(request, { ...sink, next });
  };
  return { subscribe, cut: () => cutting.abort() };
}
