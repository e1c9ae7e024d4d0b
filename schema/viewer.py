"""Whoever a credential can be."""

from __future__ import annotations

from typing import Annotated

import strawberry

from schema.api_key import ApiKey
from schema.candidate import Candidate
from schema.member import Member

Viewer = Annotated[Member | ApiKey | Candidate, strawberry.union("Viewer", description="Who a credential is.")]
