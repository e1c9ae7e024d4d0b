// The live dashboard: choose a task, read its sessions, then follow them. To lose nothing, the log's newest cursor is read
// first, the sessions second, and the stream begins after that cursor: what happened in between comes again.

import { STATUSES, pill, sentence } from "./formats.js";
import { SessionsTable } from "./sessions-table.js";
import { Api } from "./staff-api.js";
import { Stream } from "./stream.js";

const PAGE = 100;
const PAGES = 5; // read at once; earlier ones on demand
const RENEW = 60; // seconds before the token's end at which the stream is connected anew

const SESSION = `
fragment Row on TestSession {
  id status grading attempt startedAt endedAt remainingSeconds score maxScore passed
  progress { answered total } test { title } ticket { group candidate { fullName externalId } }
}`;
const TASKS = `query ($before: String) {
  organization { tasks(last: 50, before: $before) {
    pageInfo { hasPreviousPage startCursor }
    nodes { id name status tickets(first: 0) { totalCount } testSessions(first: 0) { totalCount } }
  } }
}`;
const HEAD = "{ events(first: 0) { head } }";
const TASK = "query ($id: ID!) { task(id: $id) { name status link } }";
const PAGE_OF_SESSIONS = `query ($id: ID!, $before: String) {
  task(id: $id) { testSessions(last: ${PAGE}, before: $before) {
    totalCount pageInfo { hasPreviousPage startCursor } nodes { ...Row }
  } }
}${SESSION}`;
const DETAIL = `query ($id: ID!) {
  testSession(id: $id) {
    grading startedAt deadlineAt timeLedger { seconds cause reason }
    result { score maxScore passed releasedAt marks } sections { questions { id prompt points } }
  }
}`;
const STATUS_CHANGED = `subscription ($taskId: ID!, $after: Cursor) {
  testSessionStatusChanged(taskId: $taskId, after: $after) {
    cursor occurredAt previousStatus status testSession { ...Row }
  }
}${SESSION}`;
const PROGRESSED = `subscription ($taskId: ID!, $after: Cursor) {
  testSessionProgressed(taskId: $taskId, after: $after) { cursor testSession { ...Row } }
}${SESSION}`;
const CONNECTION = { connecting: "Connecting…", live: "Live", reconnecting: "Reconnecting…", closed: "Closed" };

const element = (id) => document.getElementById(id);
const api = new Api(element("dashboard").dataset.csrf);
const table = new SessionsTable(async (id) => (await api.ask(DETAIL, { id })).testSession);
const announcements = [];
let renewal;
let watching = null; // what is shown: its end stops whatever still works for it

const stream = new Stream(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`, {
  async authorize() {
    const { accessToken, expiresIn } = await api.token();
    clearTimeout(renewal);
    renewal = setTimeout(() => stream.renew(), Math.max(expiresIn - RENEW, expiresIn / 2) * 1000);
    return `Bearer ${accessToken}`;
  },
  onState(state) {
    element("connection").dataset.state = state;
    element("connection").textContent = CONNECTION[state];
  },
});

async function show() {
  watching?.abort();
  const { signal } = (watching = new AbortController());
  const id = new URLSearchParams(location.search).get("task");
  element("problem").hidden = true;
  try {
    await Promise.all([id ? watch(id, signal) : null, listTasks(id, signal)]);
  } catch (problem) {
    if (!signal.aborted) complain(problem.message);
  }
}

async function listTasks(chosen, signal) {
  const tasks = [];
  for (let page = { startCursor: null, hasPreviousPage: true }; page.hasPreviousPage && tasks.length < 500; ) {
    const { tasks: found } = (await api.ask(TASKS, { before: page.startCursor })).organization;
    tasks.push(...found.nodes.toReversed());
    page = found.pageInfo;
  }
  if (signal.aborted) return;
  element("task").replaceChildren(...tasks.map(({ id, name }) => new Option(name, id)));
  element("task").value = chosen;
  element("task-list").replaceChildren(...tasks.map(card));
  element("no-tasks").hidden = tasks.length > 0;
  element("tasks").hidden = chosen !== null;
}

function card({ id, name, status, tickets, testSessions }) {
  const made = element("task-card").content.firstElementChild.cloneNode(true);
  made.querySelector("a").href = `?task=${id}`;
  made.querySelector("strong").textContent = name;
  pill(made.querySelector(".pill"), status, sentence(status));
  made.querySelector(".small").textContent = `${tickets.totalCount} tickets · ${testSessions.totalCount} test sessions`;
  return made;
}

async function watch(id, signal) {
  table.clear();
  const cursor = (await api.ask(HEAD)).events.head;
  const { task } = await api.ask(TASK, { id });
  if (signal.aborted) return;
  element("task-name").textContent = document.title = task.name;
  pill(element("task-status"), task.status, sentence(task.status));
  element("task-link").href = element("task-link").textContent = task.link;
  element("watch").hidden = false;
  signal.addEventListener("abort", () => (element("watch").hidden = true));
  const more = await loadPages(id, null, signal);
  if (signal.aborted) return;
  follow(STATUS_CHANGED, "testSessionStatusChanged", id, cursor, signal, (change) => {
    table.changed(change);
    announce(`${change.testSession.ticket.candidate.fullName}: ${STATUSES[change.status]}`);
  });
  follow(PROGRESSED, "testSessionProgressed", id, cursor, signal, ({ testSession }) => table.progressed(testSession));
  element("more").onclick = () => loadEarlier(id, more, signal);
}

// Reads the newest sessions before a cursor; answers the cursor to go on from.
async function loadPages(id, before, signal) {
  for (let page = 0; page < PAGES; page++) {
    const asked = performance.now();
    const { testSessions } = (await api.ask(PAGE_OF_SESSIONS, { id, before })).task;
    if (signal.aborted) return before;
    const { hasPreviousPage, startCursor } = testSessions.pageInfo;
    table.load(testSessions.nodes.toReversed(), asked, hasPreviousPage ? `; ${testSessions.totalCount} in all` : "");
    element("more").hidden = !hasPreviousPage;
    before = startCursor;
    if (!hasPreviousPage) break;
  }
  return before;
}

async function loadEarlier(id, before, signal) {
  element("more").disabled = true;
  const next = await loadPages(id, before, signal).catch((problem) => complain(problem.message) ?? before);
  element("more").disabled = false;
  element("more").onclick = () => loadEarlier(id, next, signal);
}

function follow(query, name, taskId, cursor, signal, take) {
  const stop = stream.subscribe({
    query,
    variables: () => ({ taskId, after: cursor }),
    next(data) {
      take(data[name]);
      cursor = data[name].cursor; // after it was taken: what fails comes again
    },
    error: (errors) => complain(`The live stream was refused: ${errors[0].message} Reload the page.`),
  });
  signal.addEventListener("abort", stop);
}

function complain(message) {
  element("problem").textContent = message;
  element("problem").hidden = false;
}

// A screen reader hears a few changes one by one, and of many how many.
function announce(text) {
  if (announcements.push(text) > 1) return;
  setTimeout(() => {
    const news = announcements.splice(0);
    element("announcer").textContent = news.length > 3 ? `${news.length} changes` : news.join(". ");
  }, 1500);
}

element("task").addEventListener("change", ({ target }) => {
  history.pushState(null, "", `?task=${target.value}`);
  show();
});
addEventListener("popstate", show);
addEventListener("pagehide", () => stream.close());
addEventListener("pageshow", (event) => event.persisted && location.reload());
show();
