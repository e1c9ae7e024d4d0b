// The table of test sessions: one row each, sorted, filtered, counted, ticking, and opened to a result view.

import { STATUSES, clock, moment, pill, scoreOf, write } from "./formats.js";
import { showChanges, showResult } from "./session-detail.js";

const CLOCK_RUNS = new Set(["ACTIVE", "INTERRUPTED"]);
const LOW = 300; // seconds left at which the time is shown as running out

const KEYS = {
  candidate: ({ session }) => session.ticket.candidate.fullName,
  group: ({ session }) => session.ticket.group,
  test: ({ session }) => session.test.title,
  status: ({ session }) => Object.keys(STATUSES).indexOf(session.status),
  progress: ({ session }) => session.progress.answered / (session.progress.total || 1),
  left: (row) => (row.session.endedAt === null ? secondsLeft(row) : null),
  started: ({ session }) => session.startedAt,
  ended: ({ session }) => session.endedAt,
  score: ({ session }) => session.score,
};

export class SessionsTable {
  #rows = new Map();
  #table = document.getElementById("sessions");
  #body = document.getElementById("rows");
  #row = document.getElementById("row").content.firstElementChild;
  #detail = document.getElementById("detail").content.firstElementChild;
  #sort = { by: null, down: false };
  #status = null;
  #text = "";
  #more = "";

  // `fetchDetail(id)` reads what an opened row shows.
  constructor(fetchDetail) {
    this.fetchDetail = fetchDetail;
    this.#table.tHead.addEventListener("click", ({ target }) => target.dataset.sort && this.#sortBy(target));
    document.getElementById("text").addEventListener("input", ({ target }) => {
      this.#text = target.value.trim().toLowerCase();
      this.#filter();
    });
    document.getElementById("counts").addEventListener("click", ({ target }) => {
      const chosen = target.closest("button");
      if (!chosen) return;
      this.#status = chosen.dataset.status || null;
      this.#filter();
    });
    setInterval(() => this.#rows.forEach((row) => CLOCK_RUNS.has(row.session.status) && this.#tick(row)), 1000);
  }

  get size() {
    return this.#rows.size;
  }

  clear() {
    this.#rows.clear();
    this.#body.replaceChildren();
    this.#table.dataset.changes = "0";
    this.#more = "";
    this.#filter();
  }

  // Rows of a query that was sent at `asked`: what a stream has brought since then is newer and stays.
  load(sessions, asked, more) {
    this.#more = more;
    for (const session of sessions) {
      const row = this.#rows.get(session.id);
      if (!row) this.#add(session, true);
      else if (row.seen < asked) this.#show(row, session);
    }
    this.#arrange();
  }

  // One change of status from the stream, in order.
  changed({ occurredAt, previousStatus, status, testSession }) {
    const row = this.#rows.get(testSession.id) ?? this.#add(testSession, false);
    row.changes.push({ occurredAt, previousStatus, status });
    this.#show(row, testSession);
    this.#table.dataset.changes = Number(this.#table.dataset.changes) + 1;
    row.element.dataset.changes = row.changes.length;
    this.#mark(row);
    this.#arrange();
    this.#refresh(row);
  }

  // Progress, or time given or taken, from the stream.
  progressed(session) {
    const row = this.#rows.get(session.id);
    if (!row) return this.load([session], 0, this.#more);
    this.#show(row, session);
    if (this.#sort.by === "progress" || this.#sort.by === "left") this.#arrange();
    this.#refresh(row);
  }

  #add(session, atEnd) {
    const element = this.#row.cloneNode(true);
    const part = (name) => element.querySelector(`.${name}`);
    const row = { element, part, session, changes: [], detail: null };
    element.dataset.session = session.id;
    part("open").addEventListener("click", () => this.#toggle(row));
    this.#rows.set(session.id, row);
    this.#body[atEnd ? "append" : "prepend"](element);
    this.#show(row, session);
    return row;
  }

  #show(row, session) {
    const { part, element } = row;
    const { candidate, group } = session.ticket;
    row.session = session;
    row.seen = performance.now();
    row.words = [candidate.fullName, candidate.externalId, group, session.test.title].join(" ").toLowerCase();
    element.dataset.status = session.status;
    write(part("name"), candidate.fullName);
    write(part("also"), candidate.externalId ?? "");
    write(part("group"), group ?? "–");
    write(part("title"), session.test.title);
    write(part("attempt"), session.attempt > 1 ? `attempt ${session.attempt}` : "");
    pill(part("state").firstElementChild, session.status, STATUSES[session.status]);
    const { answered, total } = session.progress;
    const bar = part("progress").querySelector("progress");
    bar.max = total || 1;
    bar.value = answered;
    bar.setAttribute("aria-label", `${answered} of ${total} answered`);
    write(part("answered"), `${answered}/${total}`);
    moment(part("started").firstElementChild, session.startedAt);
    moment(part("ended").firstElementChild, session.endedAt);
    write(part("score"), scoreOf(session));
    part("score").dataset.passed = session.passed ?? "";
    this.#tick(row);
  }

  #tick(row) {
    const left = secondsLeft(row);
    const cell = row.part("left");
    const over = row.session.endedAt !== null;
    write(cell, over || left === null ? "–" : clock(left));
    cell.classList.toggle("low", !over && left !== null && left <= LOW);
    cell.classList.toggle("stopped", row.session.status === "PAUSED");
  }

  #mark(row) {
    this.#body.querySelector("[data-newest]")?.removeAttribute("data-newest");
    row.element.dataset.newest = "";
    row.element.classList.remove("flash");
    void row.element.offsetWidth; // restarts the animation
    row.element.classList.add("flash");
  }

  #sortBy(button) {
    const { sort } = button.dataset;
    this.#sort = { by: sort, down: this.#sort.by === sort ? !this.#sort.down : false };
    this.#table.tHead.querySelectorAll("[aria-sort]").forEach((cell) => cell.removeAttribute("aria-sort"));
    button.parentElement.setAttribute("aria-sort", this.#sort.down ? "descending" : "ascending");
    this.#arrange();
  }

  #arrange() {
    if (this.#sort.by) {
      const key = KEYS[this.#sort.by];
      const sign = this.#sort.down ? -1 : 1;
      let place = null;
      for (const row of [...this.#rows.values()].sort((a, b) => compare(key(a), key(b), sign))) {
        const next = place ? place.nextElementSibling : this.#body.firstElementChild;
        if (next !== row.element) this.#body.insertBefore(row.element, next);
        if (row.detail) row.element.after(row.detail);
        place = row.detail ?? row.element;
      }
    }
    this.#filter();
  }

  #filter() {
    const counts = {};
    let shown = 0;
    for (const row of this.#rows.values()) {
      counts[row.session.status] = (counts[row.session.status] ?? 0) + 1;
      const fits = (!this.#status || row.session.status === this.#status) && row.words.includes(this.#text);
      row.element.hidden = !fits;
      if (row.detail) row.detail.hidden = !fits;
      shown += fits;
    }
    this.#count(counts);
    write(document.getElementById("shown"), `${shown} of ${this.#rows.size} sessions${this.#more}`);
    const empty = document.getElementById("empty");
    empty.hidden = shown > 0;
    write(empty, this.#rows.size ? "No session fits." : "Nobody has started yet. Sessions appear here by themselves.");
    this.#table.hidden = shown === 0;
  }

  #count(counts) {
    const holder = document.getElementById("counts");
    if (!holder.children.length) {
      for (const [status, label] of [["", "All"], ...Object.entries(STATUSES)]) {
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.status = status;
        button.append(document.createElement("b"), ` ${label}`);
        holder.append(button);
      }
    }
    for (const button of holder.children) {
      const { status } = button.dataset;
      const count = status ? (counts[status] ?? 0) : this.#rows.size;
      write(button.firstElementChild, String(count));
      button.setAttribute("aria-pressed", String((this.#status ?? "") === status));
      button.hidden = Boolean(status) && count === 0 && this.#status !== status;
    }
  }

  async #toggle(row) {
    const open = !row.detail;
    row.part("open").setAttribute("aria-expanded", String(open));
    if (!open) {
      row.detail.remove();
      row.detail = null;
      return;
    }
    row.detail = this.#detail.cloneNode(true);
    row.element.after(row.detail);
    await this.#refresh(row);
  }

  async #refresh(row) {
    if (!row.detail) return;
    showChanges(row.detail, row.changes);
    const turn = (row.turn = Symbol("turn"));
    const detail = await this.fetchDetail(row.session.id).catch(() => null);
    if (detail && row.turn === turn && row.detail) showResult(row.detail, detail);
  }
}

// Counted down from what the server said was left: the browser's own clock may be wrong, so only its pace is used.
function secondsLeft({ session, seen }) {
  if (session.remainingSeconds === null) return null;
  const passed = CLOCK_RUNS.has(session.status) ? Math.floor((performance.now() - seen) / 1000) : 0;
  return Math.max(0, session.remainingSeconds - passed);
}

// nothing comes last, in either direction
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  return sign * (typeof a === "string" ? a.localeCompare(b) : a - b);
}
