// The documents GraphiQL opens with: one tab each for what people come for first.

const issueTickets = `# Lets people in: one ticket for each candidate, all or none of them.
mutation IssueTickets($input: IssueTicketsInput!) {
  issueTickets(input: $input) {
    ... on IssueTicketsSuccess {
      replayed
      tickets {
        id
        status
        invitationCode
        accessLink
        candidate { fullName email }
      }
    }
    ... on InvalidCandidates {
      problems { index field message }
    }
    ... on Refusal { __typename message }
  }
}
`;

const createAccessLinks = `# Makes links that open the door without a code, until they expire, are used up or revoked.
mutation CreateAccessLinks($input: CreateAccessLinksInput!) {
  createAccessLinks(input: $input) {
    ... on CreateAccessLinksSuccess {
      accessLinks {
        id
        url
        status
        expiresAt
        maxUses
        useCount
        ticket { id candidate { fullName } }
      }
    }
    ... on Refusal { __typename message }
  }
}
`;

const configureFinishRedirect = `# Says where candidates go when they have finished, for the whole organization.
# For one task or ticket, give its taskId or ticketId instead of allowedHosts.
mutation ConfigureFinishRedirect($input: ConfigureFinishRedirectInput!) {
  configureFinishRedirect(input: $input) {
    ... on ConfigureFinishRedirectSuccess {
      settings { finishRedirectUrl allowedRedirectHosts }
      task { id finishRedirectUrl }
    }
    ... on Refusal { __typename message }
  }
}
`;

const organization = `# Everything in one request: tasks, their tickets, and each ticket's test sessions.
query Organization {
  organization {
    name
    tasks(first: 5) {
      totalCount
      nodes {
        id
        name
        status
        link
        tickets(first: 10) {
          totalCount
          nodes {
            id
            status
            invitationCode
            candidate { fullName }
            testSessions(first: 5) {
              nodes {
                id
                status
                progress { answered total }
                remainingSeconds
                score
                maxScore
              }
            }
          }
        }
      }
    }
  }
}
`;

const testSessionStatusChanged = `# Watches a task live: run it, then open an access link and start the test.
# To resume after an interruption, pass the last cursor you saw as "after".
subscription TestSessionStatusChanged($taskId: ID, $after: Cursor) {
  testSessionStatusChanged(taskId: $taskId, after: $after) {
    cursor
    occurredAt
    previousStatus
    status
    testSession {
      id
      progress { answered total }
      remainingSeconds
      ticket { candidate { fullName } }
    }
  }
}
`;

function tab(query, variables) {
  return { query, variables: variables ? JSON.stringify(variables, null, 2) : null };
}

// `given` holds what the address's fragment named: task and ticket, ids to fill the variables with.
export function examples(given) {
  const taskId = given.get("task") ?? "tsk_…";
  const ticketId = given.get("ticket") ?? "tkt_…";
  const inAWeek = new Date(Date.now() + 7 * 24 * 60 * 60 * 1000).toISOString();
  const candidates = [
    { fullName: "Ada Lovelace", email: "ada@example.com", externalId: "A-1815" },
    { fullName: "Alan Turing", email: "alan@example.com", extraTimePercent: 25 },
  ];
  return [
    tab(issueTickets, { input: { taskId, candidates, group: "Autumn", labels: ["graphiql"] } }),
    tab(createAccessLinks, { input: { ticketIds: [ticketId], expiresAt: inAWeek, maxUses: 3 } }),
    tab(configureFinishRedirect, { input: { url: "https://example.com/finished", allowedHosts: ["example.com"] } }),
    tab(organization, null),
    tab(testSessionStatusChanged, { taskId: given.get("task"), after: null }),
  ];
}
