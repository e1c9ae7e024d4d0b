"""What a request has read is gone when it is answered, and not only when Python's garbage collector comes by."""

from __future__ import annotations

import gc

import pytest

from resolvers.context import Context
from tests.world import Door


@pytest.mark.usefixtures("statements")  # graphql-core, which other tests ask the same, has rings of its own
async def test_nothing_is_kept_of_requests_that_were_answered(live: Door) -> None:
    owner = await live.sign_up()
    await owner.ask("{ viewer { __typename } }")  # from now on it is known
    gc.collect()
    gc.disable()

    try:
        for _ in range(5):
            await owner.ask("{ viewer { __typename } }")
        kept = [one for one in gc.get_objects() if type(one) is Context]
    finally:
        gc.enable()

    assert len(kept) <= 2  # the connection knows its last request, in which the operation had a context of its own
