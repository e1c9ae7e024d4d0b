"""Whatever is done, in whatever order: the rules of docs/states.md hold.

The short form is the same every time. The long one, `make machine`, is new every time: MACHINE_RUNS says how many.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from time import monotonic
from typing import Any, cast

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

import settings as configuration
from tests.machine.machine import Machine
from tests.machine.meeting import COUNTS, DONE, REACHED
from tests.machine.stage import staged
from tests.machine.tables import STATUSES, UNREACHABLE
from tests.world import Clock

LONG = int(os.environ.get("MACHINE_RUNS", "0"))


def test_everything_holds_whatever_is_done(settings: configuration.Settings, clock: Clock) -> None:
    for counter in (COUNTS, DONE, REACHED):
        counter.clear()
    began = monotonic()

    with staged(settings, clock) as stage:
        run_state_machine_as_test(cast(type[Machine], lambda: Machine(stage)), settings=_form())

    acknowledged = sum(count for (_, outcome), count in COUNTS.items() if outcome.endswith("Success"))
    assert acknowledged > 15 * _form().max_examples
    if LONG:
        sys.stdout.write(_statistics(monotonic() - began))
        assert set(REACHED) == STATUSES - UNREACHABLE


def _form() -> settings:
    long: dict[str, Any] = {
        "max_examples": LONG,
        "stateful_step_count": 50,
        "derandomize": False,
        "phases": (Phase.generate, Phase.shrink),
    }
    short: dict[str, Any] = {
        "max_examples": 15,
        "stateful_step_count": 36,
        "derandomize": True,
        "phases": (Phase.generate,),  # what it finds is made small by the long form
    }
    return settings(
        **(long if LONG else short),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def _statistics(seconds: float) -> str:
    """How often each request ran and what came of it."""
    names = sorted({name for name, _ in COUNTS})
    lines = [f"{DONE['runs']} runs, {DONE['steps']} steps, {sum(COUNTS.values())} requests in {seconds:.0f} s"]
    for name in names:
        outcomes = Counter({outcome: count for (asked, outcome), count in COUNTS.items() if asked == name})
        lines.append(f"  {name}: " + ", ".join(f"{outcome} {count}" for outcome, count in outcomes.most_common()))
    return "\n".join([*lines, "  seen: " + ", ".join(f"{state} {count}" for state, count in REACHED.most_common())])
