// A member's credential, kept good. An access token lasts 15 minutes; the refresh token is good once and gives the next
// pair. An API key has no refresh token and is sent as it is.

const REFRESH = `
  mutation ($input: RefreshAccessTokenInput!) {
    refreshAccessToken(input: $input) {
      __typename
      ... on RefreshAccessTokenSuccess { accessToken refreshToken }
      ... on Refusal { message }
    }
  }`;

export function staff(url, accessToken, refreshToken) {
  let refreshing;

  async function exchange() {
    if (!refreshToken) throw new Error("Sign in again.");
    const body = JSON.stringify({ query: REFRESH, variables: { input: { refreshToken } } });
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
    const { data, errors } = await answer.json();
    if (errors) throw new Error(errors[0].message); // UNAUTHENTICATED: the log-in has ended
    ({ accessToken, refreshToken } = data.refreshAccessToken);
  }

  const authorization = () => `Bearer ${accessToken}`;

  // Everybody who is refused meanwhile waits for the same exchange: a refresh token that comes twice ends the log-in.
  const refresh = () => (refreshing ??= exchange().finally(() => { refreshing = undefined; }));

  // Like fetch, with the credential; a refused one is refreshed, and the request sent once more.
  async function authorizedFetch(address, options = {}) {
    const send = () => {
      const headers = new Headers(options.headers);
      headers.set("authorization", authorization());
      return fetch(address, { ...options, headers });
    };
    const answer = await send();
    if (answer.status !== 401) return answer;
    await refresh();
    return send();
  }

  return { authorization, refresh, fetch: authorizedFetch };
}
