"""Admit without its SQL plans: what the compiled tier does alone."""

from __future__ import annotations

import sys

from commands import main
from planner.tiers import Asked, Planner
from server import create_app, make_site


async def _never(_planner: Planner, _asked: Asked) -> None:
    """Leave every read to the next tier."""


def _not_at_once(_planner: Planner, _asked: Asked) -> None:
    """The same."""


if __name__ == "__main__":
    Planner.by_sql = _never  # type: ignore[method-assign, assignment]  # no setting: nobody else has a reason
    Planner.at_once = _not_at_once  # type: ignore[method-assign, assignment]
    raise SystemExit(main(sys.argv[1:], create_app, make_site))
