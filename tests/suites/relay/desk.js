// What a staff app asks by Relay: relay-compiler turns it into the artifacts that relay.mjs runs. A page of a connection,
// the next page, one node anew, a mutation that puts a node into the connection, a stream.

import { graphql } from "relay-runtime";

export const query = graphql`
  query deskQuery($taskId: ID!) {
    events(first: 0) {
      head
    }
    task(id: $taskId) {
      slug
      ...desk_tickets
    }
  }
`;

export const tickets = graphql`
  fragment desk_tickets on Task
  @refetchable(queryName: "deskPageQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" }) {
    tickets(first: $count, after: $cursor) @connection(key: "desk_tickets") {
      totalCount
      edges {
        node {
          id
          ...desk_ticket
        }
      }
    }
  }
`;

export const ticket = graphql`
  fragment desk_ticket on Ticket @refetchable(queryName: "deskTicketQuery") {
    status
    candidate {
      fullName
    }
    assessments(first: 1) {
      nodes {
        status
      }
    }
  }
`;

export const issue = graphql`
  mutation deskIssueMutation($input: IssueTicketsInput!, $connections: [ID!]!) {
    issueTickets(input: $input) {
      __typename
      ... on IssueTicketsSuccess {
        tickets @appendNode(connections: $connections, edgeTypeName: "TicketEdge") {
          ...desk_ticket
        }
      }
      ... on InvalidCandidates {
        problems {
          index
          field
        }
      }
      ... on Refusal {
        message
      }
    }
  }
`;

export const changes = graphql`
  subscription deskChangesSubscription($taskId: ID!, $after: Cursor) {
    testSessionStatusChanged(taskId: $taskId, after: $after) {
      cursor
      status
      testSession {
        ticket {
          ...desk_ticket
        }
      }
    }
  }
`;
