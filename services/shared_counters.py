"""Budgets counted in Redis, for all processes together: each question is one script, which runs undivided."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

import errors
from services.counters import Budget, Elsewhere

log = logging.getLogger("admit.counters")

_PATIENCE = 1.0  # seconds that Redis may take to answer, and that it is left alone after it did not

_SPEND = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wait = 0
for i, key in ipairs(KEYS) do
  local seen = redis.call('HMGET', key, 'failures', 'held_until')
  if tonumber(seen[1] or 0) >= tonumber(ARGV[3 * i - 1]) then
    wait = math.max(wait, redis.call('PTTL', key), 1)
  end
  wait = math.max(wait, tonumber(seen[2] or 0) - now)
end
if wait > 0 or ARGV[1] == '0' then return wait end
for i, key in ipairs(KEYS) do
  local window, free = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local failures = redis.call('HINCRBY', key, 'failures', 1)
  if failures == 1 then redis.call('PEXPIRE', key, window) end
  if free >= 0 and failures >= free then
    redis.call('HSET', key, 'held_until', string.format('%.0f', now + math.min(1000 * 2 ^ (failures - free), window)))
  end
end
return 0
"""
_REFUND = """
for i, key in ipairs(KEYS) do
  local failures = tonumber(redis.call('HGET', key, 'failures') or 0)
  if ARGV[i] == '1' or failures <= 1 then redis.call('DEL', key) else redis.call('HINCRBY', key, 'failures', -1) end
end
"""
_POUR = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local level = math.max(tonumber(redis.call('GET', KEYS[1]) or now) - now, 0)
local more, depth = tonumber(ARGV[1]), tonumber(ARGV[2])
if level + more > depth then return {level + more - depth, level} end
local last = math.ceil((level + more) / 1000)
redis.call('SET', KEYS[1], string.format('%.0f', now + level + more), 'PX', math.max(last, 1))
return {0, level + more}
"""


class Shared:
    """Counts by the clock of Redis, whatever process asks. Raises Unavailable as long as Redis is away."""

    def __init__(self, url: str, namespace: str, tick: Callable[[], float] = time.monotonic) -> None:
        self._redis: Redis = Redis.from_url(
            url, socket_connect_timeout=_PATIENCE, socket_timeout=_PATIENCE, retry=Retry(NoBackoff(), 1)
        )
        self._namespace = namespace
        self._tick = tick
        self._again_at: float | None = None

    async def spend(self, budgets: Sequence[Budget], *, count: bool = True) -> float:
        """See Counters."""
        given = [(each.most, int(each.window * 1000), -1 if each.free is None else each.free) for each in budgets]
        arguments = [int(count), *(one for three in given for one in three)]
        return float(await self._run(_SPEND, [each.key for each in budgets], arguments)) / 1000

    async def refund(self, budgets: Sequence[Budget]) -> None:
        """See Counters."""
        await self._run(_REFUND, [each.key for each in budgets], [int(each.free is not None) for each in budgets])

    async def pour(self, key: str, seconds: float, depth: float) -> tuple[float, float]:
        """See Counters."""
        wait, level = await self._run(_POUR, [key], [int(seconds * 1e6), int(depth * 1e6)])
        return wait / 1e6, level / 1e6

    def pour_at_once(self, key: str, seconds: float, depth: float) -> tuple[float, float]:
        """See Counters."""
        raise Elsewhere

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()

    async def _run(self, script: str, keys: Sequence[str], arguments: Sequence[int]) -> Any:
        if self._again_at is not None and self._tick() < self._again_at:
            raise errors.Unavailable
        try:
            answer = await self._redis.register_script(script)(
                keys=[f"{self._namespace}:{key}" for key in keys], args=arguments
            )
        except (RedisError, OSError) as failure:
            if self._again_at is None:
                log.warning(
                    "Redis does not count (%s): see docs/limits.md for what that means.", type(failure).__name__
                )
            self._again_at = self._tick() + _PATIENCE
            raise errors.Unavailable from failure
        if self._again_at is not None:
            self._again_at = None
            log.info("Redis counts again.")
        return answer
