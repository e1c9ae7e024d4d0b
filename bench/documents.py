"""What every server is asked: the same text, except where a server makes its own names."""

from __future__ import annotations

W1 = (
    "{organization{tasks(first:10){edges{node{name tickets(first:10){edges{node{invitationCode status "
    "testSessions(first:5){edges{node{id status score startedAt}}}}}}}}}}}"
)
W2 = (
    "query($code:String!){ticket(invitationCode:$code){id status task{name} "
    "testSessions{edges{node{id status score}}}}}"
)
ISSUE = (
    "mutation($input:IssueTicketsInput!){issueTickets(input:$input)"
    "{...on IssueTicketsSuccess{tickets{id invitationCode}}}}"
)
ENTER = (
    "mutation($input:EnterTaskInput!){enterTask(input:$input)"
    "{...on EnterTaskSuccess{accessToken assessment{id status}}}}"
)
START = (
    "mutation($input:StartTestInput!){startTest(input:$input)"
    "{...on StartTestSuccess{testSession{id status deadlineAt}}}}"
)
WATCH = "subscription($task:ID!){testSessionStatusChanged(taskId:$task){status testSession{id status attempt}}}"
PAUSE = "mutation($id:ID!){pauseTestSession(input:{testSessionId:$id}){...on PauseTestSessionSuccess{testSession{id}}}}"
RESUME = (
    "mutation($id:ID!){resumeTestSession(input:{testSessionId:$id}){...on ResumeTestSessionSuccess{testSession{id}}}}"
)
EXPORT = "mutation($task:ID!){exportDirectLinks(input:{taskId:$task}){...on ExportSuccess{export{id}}}}"
EXPORTED = "query($id:ID!){node(id:$id){...on Export{status progress rows}}}"

# PostGraphile's own names for the same.
W1_BY_TABLES = (
    "query($own:UUID!){organizationByRowId(rowId:$own){tasksByOrganizationId(first:10){edges{node{name "
    "ticketsByTaskId(first:10){edges{node{code status testSessionsByTicketId(first:5){edges{node{rowId status "
    "startedAt resultsBySessionId(first:1){edges{node{score}}}}}}}}}}}}}}"
)
W2_BY_TABLES = (
    "query($code:String!){ticketByCode(code:$code){rowId status taskByTaskId{name} testSessionsByTicketId(first:50)"
    "{edges{node{rowId status resultsBySessionId(first:1){edges{node{score}}}}}}}}"
)
