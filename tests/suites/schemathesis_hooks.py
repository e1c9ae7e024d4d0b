"""What Schemathesis must know of Admit: how its scalars look, and which answer is never one."""

from __future__ import annotations

import json
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes

TEXT = st.text(max_size=50)

schemathesis.graphql.scalar("Cursor", st.one_of(st.integers(0, 10**20).map(str), TEXT).map(nodes.String))
schemathesis.graphql.scalar("URL", st.one_of(st.just("https://www.example.edu/"), TEXT).map(nodes.String))
schemathesis.graphql.scalar("JSON", st.one_of(st.booleans().map(nodes.Boolean), TEXT.map(nodes.String)))


@schemathesis.check
def no_fault_of_ours(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> bool | None:
    """No 5xx and no INTERNAL; Schemathesis' own check would take a NOT_FOUND for the server's failure, too."""
    codes = [error["extensions"]["code"] for error in json.loads(response.content).get("errors", ())]
    assert response.status_code < 500, f"{response.status_code} {codes}"
    assert "INTERNAL" not in codes, response.content.decode()
    return None
