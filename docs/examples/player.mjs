// The candidate's side, for an app with its own test player: plain fetch, no library, the same in a browser.

const OVERVIEW = `
  fragment Overview on Assessment {
    id status canComplete
    steps { canStart reason attemptsLeft step { id test { title } } testSession { id endedAt } }
  }`;

const ENTER = `
  mutation ($input: EnterTaskInput!) {
    enterTask(input: $input) {
      __typename
      ... on EnterTaskSuccess { accessToken assessment { ...Overview } }
      ... on Refusal { message }
    }
  }${OVERVIEW}`;

const START = `
  mutation ($input: StartTestInput!) {
    startTest(input: $input) {
      __typename
      ... on StartTestSuccess {
        testSession {
          id status startedAt serverNow remainingSeconds
          sections { title questions { id kind prompt points options { id text } answer } }
        }
      }
      ... on Refusal { message }
    }
  }`;

const SAVE = `
  mutation ($input: SaveAnswersInput!) {
    saveAnswers(input: $input) {
      __typename
      ... on SaveAnswersSuccess { savedAt testSession { status serverNow remainingSeconds } }
      ... on Refusal { message }
      ... on InvalidAnswers { problems { index field message } }
    }
  }`;

const HEARTBEAT = `
  mutation ($input: TestSessionIdInput!) {
    sendHeartbeat(input: $input) {
      __typename
      ... on SendHeartbeatSuccess { testSession { status serverNow remainingSeconds } }
      ... on Refusal { message }
    }
  }`;

const SUBMIT = `
  mutation ($input: TestSessionIdInput!) {
    submitTestSession(input: $input) {
      __typename
      ... on SubmitTestSessionSuccess { finishUrl testSession { status assessment { ...Overview } } }
      ... on Refusal { message }
    }
  }${OVERVIEW}`;

const COMPLETE = `
  mutation ($input: CompleteAssessmentInput!) {
    completeAssessment(input: $input) {
      __typename
      ... on CompleteAssessmentSuccess { finishUrl assessment { ...Overview } }
      ... on Refusal { message }
    }
  }${OVERVIEW}`;

// A rule said no: `name` is the refusal's type, `message` a sentence that can be shown.
export class Refused extends Error {
  constructor({ __typename, ...rest }) {
    super(rest.message);
    Object.assign(this, rest, { name: __typename });
  }
}

export class Player {
  #url;
  #token;
  #assessment;
  #session;
  #sequence = 0;
  #beating;
  #clock; // what the server's clock said, and what ours, which nobody can set, said then

  constructor(url) {
    this.#url = url;
  }

  // Come in; again changes nothing. The assessment's steps say what can be started.
  async enter(taskSlug, invitationCode) {
    const { accessToken, assessment } = await this.#mutate(ENTER, { taskSlug, invitationCode });
    this.#token = accessToken;
    this.#assessment = assessment;
    return assessment;
  }

  // Begin the step, or go on with it after a reload: the same session, with the answers it has.
  async start(stepId) {
    const { testSession } = await this.#mutate(START, { stepId });
    this.#session = testSession;
    this.#setClock(testSession);
    clearInterval(this.#beating);
    this.#beating = setInterval(() => this.beat().catch(() => {}), 20_000);
    return testSession;
  }

  // Save one answer as soon as it is given. Once this returns, nothing loses it.
  async save(questionId, value) {
    const answers = [{ questionId, value, sequence: this.#next() }];
    const saved = await this.#mutate(SAVE, { testSessionId: this.#session.id, answers });
    this.#setClock(saved.testSession);
    return saved;
  }

  // Say that the candidate is there. Here one learns that a proctor paused the session, or gave it more time.
  async beat() {
    const { testSession } = await this.#mutate(HEARTBEAT, { testSessionId: this.#session.id });
    this.#setClock(testSession);
    return testSession;
  }

  // Hand in; again changes nothing. When nothing is left to take, the assessment is COMPLETED by this.
  async submit() {
    const { finishUrl, testSession } = await this.#mutate(SUBMIT, { testSessionId: this.#session.id });
    clearInterval(this.#beating);
    return { finishUrl, assessment: testSession.assessment };
  }

  // Be done, though an optional test or another attempt is left.
  complete() {
    return this.#mutate(COMPLETE, { assessmentId: this.#assessment.id });
  }

  // The seconds left, to show; the server closes the session by its own clock.
  get remainingSeconds() {
    const { remaining, at, runs } = this.#clock;
    if (remaining === null) return null; // no time limit
    return Math.max(0, remaining - (runs ? (performance.now() - at) / 1000 : 0));
  }

  #setClock({ status, serverNow, remainingSeconds }) {
    const runs = status === "ACTIVE" || status === "INTERRUPTED";
    this.#clock = { now: Date.parse(serverNow), remaining: remainingSeconds, runs, at: performance.now() };
  }

  // The highest sequence of a question wins, whatever arrives last. Counted in tenths of a second since the start, by the
  // server's clock, it still rises after a reload and on another device.
  #next() {
    const now = this.#clock.now + performance.now() - this.#clock.at;
    const tenths = Math.floor((now - Date.parse(this.#session.startedAt)) / 100);
    return (this.#sequence = Math.max(this.#sequence + 1, tenths));
  }

  async #mutate(query, input) {
    const headers = { "content-type": "application/json" };
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    const body = JSON.stringify({ query, variables: { input } });
    const answer = await fetch(this.#url, { method: "POST", headers, body });
    const { data, errors } = await answer.json();
    if (errors) throw Object.assign(new Error(errors[0].message), errors[0].extensions); // code: UNAUTHENTICATED, …
    const [result] = Object.values(data);
    if (!result.__typename.endsWith("Success")) throw new Refused(result);
    return result;
  }
}
