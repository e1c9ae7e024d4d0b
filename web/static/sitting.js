// The test page: one question at a time, every answer saved as it is given, the server's clock.
// Without this script the same form works with its own buttons.
"use strict";

const sheet = document.getElementById("sheet");
const here = sheet.dataset.here;
const questions = [...sheet.querySelectorAll(".question")];
const links = [...document.querySelectorAll("[data-go]")];
const $ = (id) => document.getElementById(id);

// ---- talking to the server -------------------------------------------------------------------------------------------------

/** POST to a page of this session: `{ok, status, body}`; throws only when there is no connection. */
async function post(path, body, keepalive = false) {
  const answer = await fetch(here + path, {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json", "x-csrf-token": sheet.elements.csrf.value },
    body: JSON.stringify(body ?? {}),
    signal: AbortSignal.timeout(15_000),
    keepalive,
  });
  const text = await answer.text();
  try {
    return { ok: answer.ok, status: answer.status, retryAfter: Number(answer.headers.get("retry-after")), body: JSON.parse(text) };
  } catch {
    throw new Error("not our server"); // a proxy's or a hotel's page: as good as no connection
  }
}

// ---- the clock: the server says how much is left, the page only counts down from there ---------------------------------------

const timer = $("timer");
let endsAt = null; // by performance.now(), which nobody can set
let frozen = null; // what is left while the clock stands still
let running = false;
let shown = Infinity;

function setClock(status, remaining) {
  running = status === "ACTIVE" || status === "INTERRUPTED";
  endsAt = remaining === null ? null : performance.now() + remaining * 1000;
  frozen = remaining;
  showClock();
}

function left() {
  if (endsAt === null) return null;
  return running ? Math.max(0, (endsAt - performance.now()) / 1000) : frozen;
}

function showClock() {
  const seconds = left();
  if (seconds === null || !timer) return;
  const whole = Math.ceil(seconds);
  const pad = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = `${pad(Math.floor(whole / 60) % 60)}:${pad(whole % 60)}`;
  timer.textContent = hours ? `${hours}:${rest}` : rest.replace(/^0/, "");
  timer.classList.toggle("low", whole <= 300 && whole > 60);
  timer.classList.toggle("last", whole <= 60);
  for (const [mark, words] of [[300, "5 minutes left."], [60, "1 minute left."]]) {
    if (running && shown > mark && whole <= mark && whole > mark - 15) announce(words);
  }
  shown = whole;
}

function announce(words) {
  $("announcer").textContent = words;
}

let closing = false;

async function tick() {
  showClock();
  if (running && left() === 0 && !closing) {
    closing = true;
    halt("Time is up", "Your answers are being handed in.");
    await flush();
    await beat();
    setTimeout(() => { closing = false; }, 1_000);
  }
}

setInterval(tick, 500);

// ---- how the session stands --------------------------------------------------------------------------------------------------

function apply(state) {
  sheet.dataset.status = state.status;
  setClock(state.status, state.remainingSeconds);
  if (state.hasEnded) return leave(`${here}/finished`);
  if (state.status === "PAUSED") return halt("Paused", "The clock has stopped. You can go on as soon as your proctor resumes the test; stay on this page.");
  if (!state.hasStarted) return leave(here);
  if (running && state.remainingSeconds === 0) return halt("Time is up", "Your answers are being handed in.");
  resume();
}

function halt(title, text, href, label) {
  $("halt-title").textContent = title;
  $("halt-text").textContent = text;
  const link = $("halt-link");
  link.hidden = !href;
  if (href) Object.assign(link, { href, textContent: label });
  link.parentElement.hidden = !href;
  if (!$("halt").open) {
    $("confirm").close();
    $("halt").showModal();
    $("halt-title").focus();
  }
}

function resume() {
  if ($("halt").open) {
    $("halt").close();
    announce("You can go on.");
  }
}

let leaving = false;

function leave(address) {
  if (leaving) return;
  leaving = true;
  location.assign(address);
}

/** What a refusal means for the page. */
function refused(answer) {
  switch (answer.body.code) {
    case "SessionEnded":
    case "DeadlinePassed":
      forgetAll();
      return leave(`${here}/finished`);
    case "SessionPaused":
    case "ProctorAwaited":
      return beat();
    case "Unauthenticated":
    case "Forbidden":
    case "NotFound":
      return halt("Please come in again", "Your answers are kept on this device. Open your invitation again, then continue this test.", here, "Try again");
    default:
      return halt("That did not work", answer.body.message, here, "Reload the page");
  }
}

async function beat() {
  if (leaving) return;
  try {
    const answer = await post("/heartbeat");
    if (answer.ok) apply(answer.body);
    else if (answer.status < 500 && answer.status !== 429) refused(answer);
    if (answer.ok && queued().length && !sending) flush();
  } catch {
    // no connection: the next one tells
  }
}

setInterval(beat, 20_000);
document.addEventListener("visibilitychange", () => (document.hidden ? flush(true) : beat()));
$("halt").addEventListener("cancel", (event) => event.preventDefault());

// ---- answers: first into this device's memory, then to the server, and forgotten here only when it has them -------------------

const prefix = `admit:${sheet.dataset.session}:`;
const fallback = new Map(); // where a browser keeps nothing for us
let sequence = Number(sheet.dataset.sequence);

const memory = {
  set(id, entry) {
    fallback.set(id, entry);
    try { localStorage.setItem(prefix + id, JSON.stringify(entry)); } catch { /* full or forbidden */ }
  },
  drop(id) {
    fallback.delete(id);
    try { localStorage.removeItem(prefix + id); } catch { /* forbidden */ }
  },
  load() {
    try {
      for (const key of Object.keys(localStorage).filter((key) => key.startsWith(prefix))) {
        fallback.set(key.slice(prefix.length), JSON.parse(localStorage.getItem(key)));
      }
    } catch { /* forbidden, or not ours */ }
  },
};

const queued = () => [...fallback].map(([questionId, { value, sequence }]) => ({ questionId, value, sequence }));

function forgetAll() {
  for (const id of [...fallback.keys()]) memory.drop(id);
}

const fieldsOf = (question) => [...question.querySelectorAll("input, textarea")];

/** What stands in the question's fields: `undefined` is not an answer that could be sent. */
function read(question) {
  const fields = fieldsOf(question);
  switch (question.dataset.kind) {
    case "SINGLE_CHOICE": return fields.find((field) => field.checked)?.value ?? null;
    case "MULTIPLE_CHOICE": return fields.filter((field) => field.checked).map((field) => field.value);
    case "TRUE_FALSE": {
      const chosen = fields.find((field) => field.checked);
      return chosen ? chosen.value === "true" : null;
    }
    case "NUMERIC": {
      const text = fields[0].value.trim().replace(/\s/g, "").replace(",", ".");
      if (text === "") return null;
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;
    }
    default: return fields[0].value.trim() === "" ? null : fields[0].value;
  }
}

function write(question, value) {
  for (const field of fieldsOf(question)) {
    if (field.type === "radio" || field.type === "checkbox") field.checked = [value].flat().map(String).includes(field.value);
    else field.value = value ?? "";
  }
}

const isBlank = (value) => value === null || value === "" || (Array.isArray(value) && value.length === 0);
const isAnswered = (question) => { const value = read(question); return value !== undefined && !isBlank(value); };

function complain(question, words) {
  question.querySelector(".problem").textContent = words;
  for (const field of fieldsOf(question)) field.toggleAttribute("aria-invalid", false);
  if (words) for (const field of fieldsOf(question)) field.setAttribute("aria-invalid", "true");
}

let soon = null;

function changed(question, wait) {
  const value = read(question);
  mark(question);
  if (value === undefined) {
    complain(question, "This is not a number, so it is not saved.");
    memory.drop(question.dataset.id);
    return show();
  }
  complain(question, "");
  sequence += 1;
  memory.set(question.dataset.id, { value, sequence });
  show();
  clearTimeout(soon);
  soon = setTimeout(flush, wait);
}

let sending = null;
let failures = 0;
let again = null;

/** Send what is queued; resolves when the attempt is over. */
function flush(last = false) {
  clearTimeout(soon);
  clearTimeout(again);
  sending ??= send(last === true).finally(() => { sending = null; show(); });
  return sending;
}

async function send(last) {
  while (queued().length && !leaving) {
    const batch = queued().slice(0, 200);
    show();
    let answer;
    try {
      answer = await post("/answers", { answers: batch }, last && new Blob([JSON.stringify(batch)]).size < 60_000);
    } catch {
      return retry();
    }
    if (answer.ok) accept(batch, answer.body);
    else if (answer.body.code === "InvalidAnswers") reject(batch, answer.body.problems);
    else if (answer.status === 429 || answer.status >= 500) return retry(answer.retryAfter);
    else return refused(answer);
  }
}

function accept(batch, state) {
  failures = 0;
  for (const { questionId, sequence: sent } of batch) {
    if (fallback.get(questionId)?.sequence === sent) memory.drop(questionId);
  }
  apply(state);
}

/** Those that cannot be kept are named; the rest go again. */
function reject(batch, problems) {
  for (const { index, message } of problems) {
    const { questionId, sequence: sent } = batch[index] ?? {};
    const question = questions.find((one) => one.dataset.id === questionId);
    if (fallback.get(questionId)?.sequence === sent) memory.drop(questionId);
    if (question) complain(question, message);
  }
  if (!problems.length) forgetAll(); // never the same refusal for ever
}

function retry(after) {
  failures += 1;
  again = setTimeout(flush, Math.min(30_000, Math.max((after || 0) * 1000, 1000 * 2 ** Math.min(failures - 1, 5))));
  show();
}

window.addEventListener("online", () => { flush(); beat(); });
window.addEventListener("pageshow", (event) => { if (event.persisted) { leaving = false; beat(); } });
window.addEventListener("pagehide", () => flush(true));

function show() {
  const saved = $("saved");
  const say = (state, words) => {
    if (saved.dataset.state === state && saved.textContent === words) return;
    saved.dataset.state = state;
    saved.textContent = words;
  };
  if (queued().length === 0) {
    if (questions.some((question) => question.querySelector("[aria-invalid]"))) say("failed", "Not saved: see the question");
    else if (questions.some(isAnswered) || saved.dataset.state !== "saved") say("saved", "Saved");
  } else if (failures > 0) say("failed", "Not saved – retrying");
  else say("saving", "Saving…");
}

// ---- finding one's way: one question at a time ---------------------------------------------------------------------------------

let at = 0;

function go(index, focus = true) {
  at = Math.min(Math.max(index, 0), questions.length - 1);
  questions.forEach((question, one) => question.classList.toggle("current", one === at));
  links.forEach((link, one) => (one === at ? link.setAttribute("aria-current", "step") : link.removeAttribute("aria-current")));
  const strip = document.querySelector(".groups"); // scrolls sideways on a phone
  strip.scrollLeft = links[at].offsetLeft - strip.clientWidth / 2;
  $("previous").disabled = at === 0;
  $("next").hidden = at === questions.length - 1;
  $("finish").classList.toggle("primary", at === questions.length - 1);
  history.replaceState(null, "", `#${questions[at].id}`);
  if (focus) questions[at].focus({ preventScroll: true });
  window.scrollTo({ top: 0, behavior: "instant" });
}

function mark(question) {
  const answered = isAnswered(question);
  const link = links[Number(question.dataset.number) - 1];
  link.classList.toggle("answered", answered);
  link.querySelector(".sr").textContent = answered ? ", answered" : "";
  $("count").textContent = `${questions.filter(isAnswered).length} of ${questions.length} answered`;
  question.querySelector(".clear").hidden = !answered || !/CHOICE|TRUE_FALSE/.test(question.dataset.kind);
}

sheet.addEventListener("input", (event) => {
  const question = event.target.closest(".question");
  if (question) changed(question, /radio|checkbox/.test(event.target.type) ? 0 : 500);
});
sheet.addEventListener("focusout", () => { if (queued().length) flush(); });
sheet.addEventListener("click", (event) => {
  const question = event.target.closest(".clear")?.closest(".question");
  if (!question) return;
  write(question, question.dataset.kind === "MULTIPLE_CHOICE" ? [] : null);
  changed(question, 0);
  fieldsOf(question)[0].focus();
});
sheet.addEventListener("submit", (event) => { event.preventDefault(); at < questions.length - 1 ? go(at + 1) : confirmation(); });
$("previous").addEventListener("click", () => go(at - 1));
$("next").addEventListener("click", () => go(at + 1));
links.forEach((link, index) => link.addEventListener("click", () => go(index)));

// ---- submitting -----------------------------------------------------------------------------------------------------------------

function confirmation() {
  const blanks = questions.filter((question) => !isAnswered(question));
  $("confirm-all").hidden = blanks.length > 0;
  $("confirm-some").hidden = $("blanks").hidden = blanks.length === 0;
  $("blank-count").textContent = `${blanks.length} of ${questions.length} questions ${blanks.length === 1 ? "has" : "have"} no answer.`;
  $("blanks").replaceChildren(...blanks.map((question) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `Question ${question.dataset.number}`;
    button.addEventListener("click", () => { $("confirm").close(); go(Number(question.dataset.number) - 1); });
    item.append(button);
    return item;
  }));
  object("");
  $("confirm").showModal();
}

function object(words) {
  $("confirm-problem").hidden = !words;
  $("confirm-problem").textContent = words;
}

async function submit() {
  $("submit").disabled = true;
  object("");
  try {
    await flush();
    if (leaving) return;
    if (queued().length) return object("Your last answers could not be saved: there is no connection. They are kept on this device; try again in a moment.");
    const answer = await post("/submit");
    if (answer.ok) leave(answer.body.finishUrl);
    else if (answer.status === 429 || answer.status >= 500) object("The server is busy. Try again in a moment.");
    else refused(answer);
  } catch {
    object("There is no connection. Your answers are saved; try again in a moment.");
  } finally {
    $("submit").disabled = false;
  }
}

$("finish").addEventListener("click", confirmation);
$("stay").addEventListener("click", () => $("confirm").close());
$("submit").addEventListener("click", submit);

// ---- beginning --------------------------------------------------------------------------------------------------------------------

document.documentElement.classList.add("js");
memory.load();
for (const question of questions) {
  const kept = fallback.get(question.dataset.id);
  if (kept && kept.sequence > Number(question.dataset.sequence)) write(question, kept.value);
  else if (kept) memory.drop(question.dataset.id);
  if (kept) sequence = Math.max(sequence, kept.sequence);
  mark(question);
}
const wanted = questions.findIndex((question) => `#${question.id}` === location.hash);
go(wanted >= 0 ? wanted : 0, false);
setClock(sheet.dataset.status, sheet.dataset.remaining === "" ? null : Number(sheet.dataset.remaining));
show();
flush();
beat();
