// A graphql-transport-ws client that loses nothing: after every reconnection each subscription is sent again with the
// variables that its owner gives at that moment, which is where `after: last cursor` goes in.
//
//   const stream = new Stream(url, { authorize: async () => "Bearer …", onState: (state) => {} });
//   const stop = stream.subscribe({ query, variables: () => ({ after: cursor }), next: (data) => {}, error: (errors) => {} });
//
// `authorize` is asked before each connection. States: "connecting" (the first time), "live", "reconnecting", "closed".

const FORBIDDEN = 4403; // the credential is refused, has expired or was revoked
const FINAL = new Set(["BAD_REQUEST", "FORBIDDEN", "NOT_FOUND"]); // asking again would get the same answer

export class Stream {
  #url;
  #options;
  #state = null;
  #socket = null;
  #ready = false; // acknowledged: subscriptions may be sent
  #turn = null; // which attempt to connect counts, for `authorize` takes its time
  #attempt = 0;
  #since = 0;
  #lastId = 0;
  #subscriptions = new Set();
  #running = new Map();
  #silence;
  #retrying;
  #online = () => this.#retry(0);
  #offline = () => this.#lost();

  constructor(url, { authorize, onState = () => {}, silence = 25_000, patience = 10_000, ceiling = 15_000 }) {
    this.#url = url;
    this.#options = { authorize, onState, silence, patience, ceiling };
    addEventListener("online", this.#online);
    addEventListener("offline", this.#offline);
    this.#tell("connecting");
    this.#connect();
  }

  // Begin at once, and again after each reconnection. Returns what ends it.
  subscribe(subscription) {
    this.#subscriptions.add(subscription);
    if (this.#ready) this.#begin(subscription);
    return () => {
      this.#subscriptions.delete(subscription);
      for (const [id, running] of this.#running) {
        if (running === subscription && this.#running.delete(id)) this.#send({ id, type: "complete" });
      }
    };
  }

  // Connect anew with a new credential before the old one ends; nothing is missed and nobody need know.
  renew() {
    if (!this.#ready) return;
    this.#drop();
    this.#connect();
  }

  close() {
    removeEventListener("online", this.#online);
    removeEventListener("offline", this.#offline);
    this.#tell("closed");
    this.#drop();
  }

  async #connect() {
    const turn = (this.#turn = Symbol("turn"));
    const authorization = await this.#options.authorize().catch(() => null);
    if (turn !== this.#turn) return;
    if (!authorization) return this.#lost();
    const socket = (this.#socket = new WebSocket(this.#url, "graphql-transport-ws"));
    const current = (work) => (event) => socket === this.#socket && work(event);
    socket.onopen = current(() => this.#send({ type: "connection_init", payload: { authorization } }));
    socket.onmessage = current((event) => this.#receive(JSON.parse(event.data)));
    socket.onclose = current((event) => this.#lost(event.code));
    this.#expect();
  }

  #receive({ id, type, payload }) {
    if (type === "connection_ack") {
      this.#ready = true;
      this.#since = performance.now();
      this.#tell("live");
      this.#subscriptions.forEach((each) => this.#begin(each));
    }
    this.#expect();
    const subscription = this.#running.get(id);
    if (type === "ping") this.#send({ type: "pong" });
    else if (!subscription) return;
    else if (type === "error" || payload?.errors) this.#failed(id, payload.errors ?? payload);
    else if (type === "next") subscription.next(payload.data);
    else if (type === "complete") this.#lost(); // the server ended what we did not: begin again where we are
  }

  #begin(subscription) {
    const id = String(++this.#lastId);
    this.#running.set(id, subscription);
    this.#send({ id, type: "subscribe", payload: { query: subscription.query, variables: subscription.variables() } });
  }

  #failed(id, errors) {
    if (!errors.some((error) => FINAL.has(error.extensions?.code))) return this.#lost();
    const subscription = this.#running.get(id);
    this.#running.delete(id);
    this.#subscriptions.delete(subscription);
    subscription.error?.(errors);
  }

  // Silence is answered with a ping, and silence after that is a dead connection that nobody told us about.
  #expect() {
    clearTimeout(this.#silence);
    const wait = (work, delay) => (this.#silence = setTimeout(work, delay));
    const giveUp = () => wait(() => this.#lost(), this.#options.patience);
    if (!this.#ready) giveUp();
    else wait(() => (this.#send({ type: "ping" }), giveUp()), this.#options.silence);
  }

  #lost(code) {
    if (this.#state === "closed") return;
    if (this.#ready && performance.now() - this.#since > 5_000) this.#attempt = 0;
    this.#drop();
    if (this.#state === "live") this.#tell("reconnecting");
    const backoff = Math.min(this.#options.ceiling, 500 * 2 ** this.#attempt++);
    this.#retry(code === FORBIDDEN && this.#attempt === 1 ? 0 : backoff * (0.5 + Math.random() / 2));
  }

  #retry(delay) {
    if (this.#state === "closed" || this.#socket) return;
    clearTimeout(this.#retrying);
    this.#retrying = setTimeout(() => this.#connect(), delay);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = this.#turn = null;
    this.#ready = false;
    this.#running.clear();
    clearTimeout(this.#silence);
    clearTimeout(this.#retrying);
    socket?.close();
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #tell(state) {
    this.#state = state;
    this.#options.onState(state);
  }
}
