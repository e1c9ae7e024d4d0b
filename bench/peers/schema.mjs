// The part of Admit's schema that the workloads ask for.
export const schema = `
  interface Refusal { message: String! }
  type TaskNotOpen implements Refusal { message: String! }
  type Organization { id: ID! tasks(first: Int): TaskConnection! }
  type TaskConnection { edges: [TaskEdge!]! }
  type TaskEdge { node: Task! }
  type Task { id: ID! name: String! tickets(first: Int): TicketConnection! }
  type TicketConnection { edges: [TicketEdge!]! }
  type TicketEdge { node: Ticket! }
  enum TicketStatus { ISSUED ACTIVATED CONSUMED SUSPENDED REVOKED SCHEDULED EXPIRED }
  type Ticket {
    id: ID! invitationCode: String! status: TicketStatus! task: Task!
    testSessions(first: Int): TestSessionConnection!
  }
  type TestSessionConnection { edges: [TestSessionEdge!]! }
  type TestSessionEdge { node: TestSession! }
  enum TestSessionStatus {
    AWAITING_PROCTOR READY ACTIVE PAUSED INTERRUPTED SUBMITTED TIMED_OUT TERMINATED CANCELLED
  }
  type TestSession {
    id: ID! status: TestSessionStatus! attempt: Int! score: Float startedAt: String deadlineAt: String
  }
  enum AssessmentStatus { CREATED IN_PROGRESS COMPLETED LAPSED CANCELLED }
  type Assessment { id: ID! status: AssessmentStatus! }
  input CandidateInput { fullName: String! email: String externalId: String }
  input IssueTicketsInput { taskId: ID! candidates: [CandidateInput!]! }
  type IssueTicketsSuccess { tickets: [Ticket!]! }
  union IssueTicketsResult = IssueTicketsSuccess | TaskNotOpen
  input EnterTaskInput { taskSlug: String! invitationCode: String! }
  type EnterTaskSuccess { assessment: Assessment! accessToken: String! }
  union EnterTaskResult = EnterTaskSuccess | TaskNotOpen
  input StartTestInput { stepId: ID! }
  type StartTestSuccess { testSession: TestSession! }
  union StartTestResult = StartTestSuccess | TaskNotOpen
  type Query { organization: Organization ticket(invitationCode: String): Ticket }
  type Mutation {
    issueTickets(input: IssueTicketsInput!): IssueTicketsResult!
    enterTask(input: EnterTaskInput!): EnterTaskResult!
    startTest(input: StartTestInput!): StartTestResult!
  }
`;
