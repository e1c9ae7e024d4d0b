// GraphQL over HTTP with the access token of the cookie's log-in, fetched when needed. Without a log-in: the sign-in page.

const SPARE = 30; // seconds before its end at which a token is no longer begun with

export class Refused extends Error {}

export class Api {
  #csrf;
  #token = null;
  #until = 0;

  constructor(csrf) {
    this.#csrf = csrf;
  }

  // A new access token, and for how many seconds it is good by the server's clock.
  async token() {
    const headers = { accept: "application/json", "x-csrf-token": this.#csrf };
    const answer = await fetch("/dashboard/token", { method: "POST", headers });
    if (answer.status === 401 || answer.status === 403) location.assign("/sign-in");
    if (!answer.ok) throw new Refused("The server did not give an access token.");
    const { accessToken, expiresIn } = await answer.json();
    this.#token = accessToken;
    this.#until = performance.now() + Math.max(expiresIn - SPARE, expiresIn / 2) * 1000;
    return { accessToken, expiresIn };
  }

  // The data of a document. Throws Refused with the first error's sentence.
  async ask(query, variables = {}, again = true) {
    if (performance.now() >= this.#until) await this.token();
    const headers = { authorization: `Bearer ${this.#token}`, "content-type": "application/json", accept: "application/json" };
    const answer = await fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query, variables }) });
    if (answer.status === 401 && again) {
      this.#until = 0;
      return this.ask(query, variables, false);
    }
    const { data, errors } = await answer.json();
    if (errors) throw new Refused(errors[0].message);
    return data;
  }
}
