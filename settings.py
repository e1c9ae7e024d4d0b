"""Every setting, read once from the environment; `.env.example` lists the same names with the same defaults."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

_SECRET_MINIMUM = 32  # characters: a guessable secret could be found offline from a single token


class SettingsWrong(Exception):
    """A setting that Admit cannot start with; the message says which and why."""


@dataclass(frozen=True)
class Settings:
    """One installation. Each field is read from the variable of its name in capitals; durations are in seconds."""

    environment: str = "development"  # or production, where a SECRET_KEY is demanded and cookies are Secure
    host: str = "127.0.0.1"
    port: int = 8000
    base_url: str = ""  # the address that people see; http://HOST:PORT unless given
    database_url: str = "sqlite:var/admit.sqlite3"
    database_pool: int = 10
    events_url: str = ""  # redis://… wakes other processes; without it the log is polled
    secret_key: str = ""
    secret_key_previous: str = ""
    allowed_origins: str = ""  # of single-page apps, separated by commas
    export_dir: str = "var/exports"

    access_token_seconds: int = 900
    refresh_token_seconds: int = 30 * 86_400
    candidate_token_seconds: int = 86_400
    download_seconds: int = 3_600
    password_minimum: int = 10
    argon2_memory_kib: int = 19_456

    tickets_per_call: int = 10_000
    rows_per_call: int = 1_000  # every other mutation that takes a list
    body_bytes: int = 100_000
    list_body_bytes: int = 4_000_000
    query_tokens: int = 2_000
    websocket_init_seconds: float = 10.0
    websocket_operations: int = 100
    websocket_message_bytes: int = 262_144

    guesses_per_address: int = 20  # wrong codes in a window, then RATE_LIMITED
    guesses_per_task: int = 200
    guess_window_seconds: int = 600
    log_ins_per_address: int = 20
    log_ins_per_email: int = 10

    answer_grace_seconds: int = 5
    session_lost_seconds: int = 60  # silence after which an active session is INTERRUPTED
    sweep_seconds: float = 1.0  # how often the server looks for overdue sessions
    poll_seconds: float = 1.0  # how often the event log is read without a wake-up
    export_workers: int = 1  # spreadsheets made at once by this process; 0 leaves them to others
    export_stale_seconds: int = 60  # silence after which an export's worker is taken for dead
    recheck_seconds: float = 5.0  # how often a stream's credential is checked again
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
    def origins(self) -> tuple[str, ...]:
        """The allowed origins, one by one."""
        return tuple(origin.strip() for origin in self.allowed_origins.split(",") if origin.strip())


def _typed(cls: type[Settings], name: str, value: str) -> Any:
    kind = type(getattr(cls, name))
    try:
        typed = kind(value)
    except ValueError:
        raise ValueError(f"{name.upper()} is not a number: {value!r}.") from None
    if kind is not str and not 0 <= typed < float("inf"):
        raise ValueError(f"{name.upper()} must be 0 or more: {value!r}.")
    return typed
