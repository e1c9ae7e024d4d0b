"""What three thousand tests would otherwise pay for again and again, and none of them is about."""

from __future__ import annotations

import gc
from functools import lru_cache

from httpx._transports import default
from tortoise.apps import Apps

from models import database

DURABLE = dict(database._PRAGMAS)
_derive = Apps._build_initial_querysets
_derived: list[object] = []


def save() -> None:
    """Read certificates once, learn the tables once, wait for no disk, and look for garbage rarely."""
    # To read the system's certificates takes 50 ms; the suite makes a thousand clients, nearly all of plain HTTP.
    default.create_ssl_context = lru_cache(default.create_ssl_context)  # type: ignore[attr-defined]  # it is httpx' own
    setattr(Apps, _derive.__name__, _derived_once)
    # No power is cut under a database of this process; those that tests/process.py starts are as durable as ever.
    database._PRAGMAS["synchronous"] = "OFF"
    gc.set_threshold(50_000)


def keep() -> None:
    """Leave what has been imported and collected out of every later look for garbage."""
    gc.collect()
    gc.freeze()


def _derived_once(apps: Apps) -> None:
    """Filters and columns are the same in each database of a kind; to derive them takes 5 ms when a test connects."""
    kind = [type(apps._connections.get("default")), *(model for app in apps.apps.values() for model in app.values())]
    if kind != _derived:
        _derive(apps)
        _derived[:] = kind
