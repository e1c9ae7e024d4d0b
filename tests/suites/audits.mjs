// The server audits of graphql-http, each as a line: its id and name, and what is wrong if anything is.

import { auditServer } from "graphql-http";

for (const { id, name, status, reason } of await auditServer({ url: `${process.env.ADMIT_URL}/graphql` })) {
  console.log(JSON.stringify({ id, name, status, reason }));
}
