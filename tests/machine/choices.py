"""What the rules are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from hypothesis import strategies as st

from tests.machine.things import NUMBER

P = ParamSpec("P")
MINUTE, HOUR, DAY = 60, 3_600, 86_400
FIT = st.sampled_from([True, True, False])  # whether what is done is done where it can be
TWINS = st.sampled_from([1, 1, 2])  # how many send the same at the same moment
STEPS = st.fixed_dictionaries(
    {
        "test": st.integers(0, 2),
        "required": st.booleans(),
        "limit": st.sampled_from([1, 1, 2, 3, None]),
        "seconds": st.sampled_from([None, None, 2 * MINUTE, HOUR]),
    }
)
TASKS = st.fixed_dictionaries(
    {
        "steps": st.lists(STEPS, min_size=1, max_size=3),
        "opens": st.sampled_from([None] * 6 + [10 * MINUTE]),
        "closes": st.sampled_from([None, None, 45 * MINUTE, DAY]),
        "proctored": st.sampled_from([False, False, True]),
        "stops": st.booleans(),
        "automatic": st.booleans(),
    }
)
ISSUES = st.fixed_dictionaries(
    {
        "extra": st.lists(st.sampled_from([0, 0, 25, 100]), min_size=1, max_size=3),
        "begins": st.sampled_from([None] * 6 + [5 * MINUTE]),
        "ends": st.sampled_from([None, None, 30 * MINUTE, 2 * DAY]),
        "allowed": st.sampled_from([1, 1, 2]),
    }
)
ANSWERS = st.lists(
    st.one_of(
        st.tuples(st.just("TRUE_FALSE"), st.sampled_from([True, False, None])),
        st.tuples(st.just("NUMERIC"), st.sampled_from([NUMBER, 3.0, None])),
        st.tuples(st.just("ESSAY"), st.sampled_from(["Because.", None])),
    ),
    min_size=1,
    max_size=3,
)


def one_of_the(name: str) -> st.SearchStrategy[Any]:
    """One of the desk's tickets, links, clients or sessions, the newest first; None if there is none.

    What is drawn depends on nothing that a race may decide: Hypothesis goes the same way more than once.
    """
    return st.tuples(st.runner(), st.integers(0, 7)).map(lambda drawn: drawn[0].desk.pick(name, drawn[1]))


TICKET, LINK, CLIENT, SESSION = (one_of_the(name) for name in ("tickets", "links", "clients", "sessions"))


def where_there_is_one(do: Callable[P, None]) -> Callable[P, None]:
    """Do nothing without a link, client or session to do it to."""

    @wraps(do)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        if None not in (*args, *kwargs.values()):
            do(*args, **kwargs)

    return checked
