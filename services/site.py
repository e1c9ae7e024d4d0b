"""What one installation hands its services: keys, addresses, hashing, limits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from models import Actor
from services.bucket import Bucket
from services.guesses import Guesses
from services.keys import Keys
from services.oauth_tokens import OAuthTokens
from services.outbound import Outbound
from services.passwords import Passwords
from services.pulse import Pulse
from services.shared_counters import Shared
from services.urls import Urls


@dataclass(frozen=True)
class Limits:
    """The settings that services obey; durations are in seconds. Names as in settings.py."""

    access_token_seconds: int = 900
    refresh_token_seconds: int = 30 * 86_400
    candidate_token_seconds: int = 86_400
    oauth_token_seconds: int = 900
    sign_in_seconds: int = 600
    tickets_per_call: int = 10_000
    rows_per_call: int = 1_000
    body_bytes: int = 100_000
    list_body_bytes: int = 4_000_000
    answer_grace_seconds: int = 5
    session_lost_seconds: int = 60
    poll_seconds: float = 1.0
    export_workers: int = 1
    export_stale_seconds: int = 60
    recheck_seconds: float = 5.0
    stream_queue: int = 500

    @property
    def answer_grace(self) -> timedelta:
        """How long after its deadline a session still takes answers."""
        return timedelta(seconds=self.answer_grace_seconds)

    @property
    def silence(self) -> timedelta:
        """How long nothing is heard of a candidate before they are lost."""
        return timedelta(seconds=self.session_lost_seconds)


@dataclass(frozen=True)
class Site:
    """One installation's collaborators."""

    keys: Keys
    urls: Urls
    passwords: Passwords
    limits: Limits
    guesses: Guesses
    bucket: Bucket
    shared: Shared | None  # the Redis that both count in, to be closed at the end
    pulse: Pulse
    outbound: Outbound
    oauth: OAuthTokens
    export_dir: Path
    candidates: dict[str, Actor] = field(default_factory=dict)  # who came lately, by their tokens
    exports_queued: asyncio.Event = field(default_factory=asyncio.Event)  # wakes this process's workers
