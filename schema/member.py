"""People on staff."""

from __future__ import annotations

from datetime import datetime

import models
from schema.enums import Role
from schema.node import Node, column, view


@view(models.Member, description="A person on staff.")
class Member(Node):
    """View of models.Member."""

    full_name: str = column("The person's name.")
    email: str = column("The address they log in with.")
    role: Role = column("What they may do.")
    created_at: datetime = column("When they joined.")
