// A candidate sits every test of a task: ADMIT_URL, ADMIT_SLUG and ADMIT_CODE say where and who.

import assert from "node:assert/strict";
import { Player, Refused } from "./player.mjs";

const { ADMIT_URL, ADMIT_SLUG, ADMIT_CODE } = process.env;
const print = (line) => console.log(JSON.stringify(line));

// What each kind of question takes as its answer; null takes an answer back.
const ANSWERS = {
  SINGLE_CHOICE: ({ options }) => options[0].id,
  MULTIPLE_CHOICE: ({ options }) => [options[0].id, options[2].id],
  TRUE_FALSE: () => true,
  NUMERIC: () => 3.14,
  SHORT_TEXT: () => "Paris",
  ESSAY: () => "Because it follows from the definition.",
};

const player = new Player(`${ADMIT_URL}/graphql`);

await assert.rejects(player.enter(ADMIT_SLUG, "WRNG-CODE2-HERE"), (refused) => {
  print({ refused: refused.name, message: refused.message });
  return refused instanceof Refused;
});

let assessment = await player.enter(ADMIT_SLUG, ADMIT_CODE);
let finishUrl;
for (let next; (next = assessment.steps.find((one) => one.canStart && !one.testSession?.endedAt)); ) {
  const { id, sections, remainingSeconds } = await player.start(next.step.id);
  print({ started: id, test: next.step.test.title, remainingSeconds });
  for (const question of sections.flatMap((section) => section.questions)) {
    await player.save(question.id, ANSWERS[question.kind](question));
  }
  ({ finishUrl, assessment } = await player.submit());
}
if (assessment.canComplete) ({ finishUrl, assessment } = await player.complete()); // another attempt was left
print({ assessment: assessment.status, finishUrl });
