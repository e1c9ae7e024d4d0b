"""While a part of a spreadsheet is written, the next one is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from services import exporting


async def test_the_next_chunk_is_read_while_one_is_written_and_no_more() -> None:
    read: list[int] = []

    async def chunks() -> AsyncIterator[int]:
        for number in range(4):
            read.append(number)
            yield number

    seen = []
    async for chunk in exporting._one_ahead(chunks()):
        await asyncio.sleep(0)
        seen.append((chunk, len(read)))

    assert seen == [(0, 2), (1, 3), (2, 4), (3, 4)]


async def test_who_stops_writing_leaves_nobody_reading() -> None:
    stopped = asyncio.Event()

    async def chunks() -> AsyncIterator[int]:
        yield 0
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with aclosing(exporting._one_ahead(chunks())) as coming:
        async for _ in coming:
            await asyncio.sleep(0)
            break

    assert stopped.is_set()
