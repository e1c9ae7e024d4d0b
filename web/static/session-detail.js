// What an opened row shows: the result as it stands, marks, the time ledger, and the changes seen since the page was opened.

import { GRADING, STATUSES, clock, number, sentence, shortMoment } from "./formats.js";

export function showChanges(element, changes) {
  list(element.querySelector(".changes"), changes, changeLine, "No change since this page was opened.");
}

export function showResult(element, { result, sections, timeLedger, startedAt, deadlineAt, grading }) {
  facts(element.querySelector(".result"), [
    ["Score", result ? `${number.format(result.score)} of ${number.format(result.maxScore)}` : "–"],
    ["Passed", result?.passed == null ? "–" : result.passed ? "Yes" : "No"],
    ["Grading", GRADING[grading]],
    ["Released", result?.releasedAt ? shortMoment(new Date(result.releasedAt)) : "Not yet"],
  ]);
  list(element.querySelector(".marks"), result?.marks && sections ? marksOf(result.marks, sections) : [], markLine, "No marks to see.");
  list(element.querySelector(".ledger"), withBase(timeLedger, startedAt, deadlineAt), ledgerLine, "No time limit.");
}

// The sections are null for those who do not grade.
function marksOf(marks, sections) {
  const questions = sections.flatMap((section) => section.questions);
  return questions.map(({ id, prompt, points }) => ({ prompt, points: marks[id] ?? null, maxPoints: points }));
}

// The ledger sums to the deadline exactly, so what it does not hold is the test's own time.
function withBase(ledger, startedAt, deadlineAt) {
  if (deadlineAt === null) return ledger;
  const given = ledger.reduce((sum, { seconds }) => sum + seconds, 0);
  const base = Math.round((new Date(deadlineAt) - new Date(startedAt)) / 1000) - given;
  return [{ seconds: base, cause: "TEST", reason: null }, ...ledger];
}

function list(element, items, line, none) {
  const lines = items.length ? items.map(line) : [Object.assign(document.createElement("li"), { className: "soft", textContent: none })];
  element.replaceChildren(...lines);
}

function line(text, aside) {
  const made = document.createElement("li");
  const right = document.createElement("span");
  right.textContent = aside;
  made.append(`${text} `, right);
  return made;
}

function changeLine({ occurredAt, previousStatus, status }) {
  const from = previousStatus ? `${STATUSES[previousStatus]} → ` : "";
  return line(from + STATUSES[status], shortMoment(new Date(occurredAt)));
}

function ledgerLine({ seconds, cause, reason }) {
  const words = sentence(cause);
  return line(reason ? `${words}: ${reason}` : words, `${seconds < 0 ? "−" : "+"}${clock(Math.abs(seconds))}`);
}

function markLine({ prompt, points, maxPoints }) {
  return line(prompt, points === null ? "to mark" : `${number.format(points)}/${number.format(maxPoints)}`);
}

function facts(element, pairs) {
  element.replaceChildren(
    ...pairs.flatMap(([name, value]) => [
      Object.assign(document.createElement("dt"), { textContent: name }),
      Object.assign(document.createElement("dd"), { textContent: value }),
    ]),
  );
}
