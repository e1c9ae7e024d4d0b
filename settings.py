"""Every setting, read once from the environment; `.env.example` lists the same names with the same defaults."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_network
from typing import Any, Self
from urllib.parse import urlsplit

_SECRET_MINIMUM = 32  # characters: a guessable secret could be found offline from a single token


class SettingsWrong(Exception):
    """A setting that Admit cannot start with; the message says which and why."""


@dataclass(frozen=True)
class Settings:
    """One installation. Each field is read from the variable of its name in capitals; durations are in seconds."""

    environment: str = "development"  # or production, where a SECRET_KEY is demanded and strangers read no schema
    host: str = "127.0.0.1"
    port: int = 8000
    base_url: str = ""  # the address that people see; http://HOST:PORT unless given; with https cookies are Secure
    database_url: str = "sqlite:var/admit.sqlite3"
    database_pool: int = 10
    database_timeout_seconds: float = 5.0  # for a statement or a connection of PostgreSQL, which then counts as away
    events_url: str = ""  # redis://… wakes other processes; without it the log is polled
    limits_url: str = ""  # redis://… where budgets are counted; EVENTS_URL's unless given, memory without either
    redis_namespace: str = "admit"  # what every key and channel in Redis begins with
    secret_key: str = ""
    secret_key_previous: str = ""
    allowed_origins: str = ""  # of single-page apps, separated by commas
    allowed_hosts: str = ""  # besides BASE_URL's, separated by commas
    trusted_proxies: str = ""  # whose X-Forwarded-For is believed; separated by commas
    metrics_token: str = ""  # for /metrics, which strangers do not see
    export_dir: str = "var/exports"

    access_token_seconds: int = 900
    refresh_token_seconds: int = 30 * 86_400
    candidate_token_seconds: int = 86_400
    download_seconds: int = 3_600
    oauth_token_seconds: int = 900
    sign_in_seconds: int = 600  # between leaving for an identity provider and coming back
    outbound_hosts: str = ""  # inside the network, that organizations may name all the same; separated by commas
    outbound_seconds: float = 10.0
    outbound_bytes: int = 1_000_000
    password_minimum: int = 10
    argon2_memory_kib: int = 19_456

    tickets_per_call: int = 10_000
    rows_per_call: int = 1_000  # every other mutation that takes a list
    body_bytes: int = 100_000
    list_body_bytes: int = 4_000_000
    body_seconds: float = 30.0  # for each BODY_BYTES of a body to arrive
    header_bytes: int = 32_768
    header_seconds: float = 10.0
    stalled_seconds: float = 30.0  # in which a client that reads nothing is given up
    connections: int = 10_000  # at once, beyond which requests are answered 503; 0 for any number
    query_bytes: int = 20_000
    query_tokens: int = 2_000
    query_depth: int = 12
    query_fields: int = 400
    query_aliases: int = 30
    query_directives: int = 50
    query_directives_in_place: int = 5
    query_fragments: int = 50
    query_cost: int = 5_000
    plans: int = 1_000  # queries whose plan is kept
    plan_characters: int = 20_000_000  # of SQL in all plans
    cost_capacity: int = 20_000  # of cost that a credential may spend at once; 0 for any amount
    cost_per_second: int = 1_000
    websocket_init_seconds: float = 10.0
    websocket_operations: int = 100
    websocket_message_bytes: int = 262_144
    websocket_burst: int = 500  # messages of one socket at once
    websocket_messages: int = 100  # that follow a burst, in a second

    guesses_per_address: int = 20  # wrong codes in a window, then RATE_LIMITED
    guesses_per_task: int = 200
    guesses_in_all: int = 2_000
    guess_window_seconds: int = 600
    log_ins_per_address: int = 20
    log_ins_per_email: int = 10
    log_ins_undelayed: int = 3  # failures for one e-mail address after which each makes it wait: 1 s, 2 s, 4 s, …

    answer_grace_seconds: int = 5
    session_lost_seconds: int = 60  # silence after which an active session is INTERRUPTED
    sweep_seconds: float = 1.0  # how often the server looks for overdue sessions
    poll_seconds: float = 1.0  # how often the event log is read without a wake-up
    export_workers: int = 1  # spreadsheets made at once by this process; 0 leaves them to others
    export_stale_seconds: int = 60  # silence after which an export's worker is taken for dead
    recheck_seconds: float = 5.0  # how often a stream's credential is checked again
    stream_queue: int = 500  # events that wait for one subscriber, before it is told that it lags
    shutdown_seconds: int = 10

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The settings of this process. Raises SettingsWrong for what cannot be used."""
        names = [field.name for field in fields(cls)]
        given = {name: environment[name.upper()] for name in names if name.upper() in environment}
        try:
            settings = cls(**{name: _typed(cls, name, value) for name, value in given.items()})
        except ValueError as wrong:
            raise SettingsWrong(str(wrong)) from None
        return settings.completed()

    def completed(self) -> Self:
        """The same with what is derived filled in. Raises SettingsWrong for a production start without a secret."""
        if self.environment not in ("development", "production"):
            raise SettingsWrong("ENVIRONMENT is either development or production.")
        for name, secret in (("SECRET_KEY", self.secret_key), ("SECRET_KEY_PREVIOUS", self.secret_key_previous)):
            missing = name == "SECRET_KEY" and not secret
            if self.is_production and (missing or 0 < len(secret) < _SECRET_MINIMUM):
                raise SettingsWrong(f"Set {name} to at least 32 random characters: everything is signed with it.")
        _check_addresses(self)
        derived = {
            "base_url": (self.base_url or f"http://{self.host}:{self.port}").rstrip("/"),
            "secret_key": self.secret_key or secrets.token_urlsafe(48),
        }
        return type(self)(**{field.name: derived.get(field.name, getattr(self, field.name)) for field in fields(self)})

    @property
    def is_production(self) -> bool:
        """Whether strangers can reach it."""
        return self.environment == "production"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secret that makes and those that verify."""
        return tuple(secret for secret in (self.secret_key, self.secret_key_previous) if secret)

    @property
    def hosts_inside(self) -> tuple[str, ...]:
        """The hosts inside the network that may be asked, one by one."""
        return _listed(self.outbound_hosts)

    @property
    def origins(self) -> tuple[str, ...]:
        """The allowed origins, one by one."""
        return _listed(self.allowed_origins)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The host names that requests may come with; to developers also those of their own machine."""
        base = urlsplit(self.base_url).netloc.rpartition("@")[2].lower()
        own = base.rpartition(":")[0] if base.rpartition(":")[2].isdigit() else base
        here = () if self.is_production else ("localhost", "127.0.0.1", "[::1]")
        return (own, *here, *(host.lower() for host in _listed(self.allowed_hosts)))

    @property
    def proxies(self) -> tuple[str, ...]:
        """The addresses and networks of trusted proxies, one by one."""
        return _listed(self.trusted_proxies)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(",") if one.strip())


def _check_addresses(settings: Settings) -> None:
    """Raise SettingsWrong for what is compared with visitors' headers and would never be, or always be, the same."""
    for origin in settings.origins:
        if not re.fullmatch(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?", origin):
            raise SettingsWrong(f"ALLOWED_ORIGINS lists origins such as https://app.example, not {origin!r}.")
    for host in _listed(settings.allowed_hosts):
        if not re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", host):
            raise SettingsWrong(f"ALLOWED_HOSTS lists names such as admit.example, without port, not {host!r}.")
    for proxy in settings.proxies:
        try:
            ip_network(proxy)
        except ValueError:
            raise SettingsWrong(f"TRUSTED_PROXIES lists addresses and networks, not {proxy!r}.") from None
    if settings.base_url:
        base = urlsplit(settings.base_url)
        if base.scheme not in ("http", "https") or not base.hostname or base.path.strip("/") or base.query:
            raise SettingsWrong(f"BASE_URL is an address such as https://admit.example, not {settings.base_url!r}.")


def _typed(cls: type[Settings], name: str, value: str) -> Any:
    kind = type(getattr(cls, name))
    try:
        typed = kind(value)
    except ValueError:
        raise ValueError(f"{name.upper()} is not a number: {value!r}.") from None
    if kind is not str and not 0 <= typed < float("inf"):
        raise ValueError(f"{name.upper()} must be 0 or more: {value!r}.")
    return typed
