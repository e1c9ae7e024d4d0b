"""Settings: one list in code, example and documentation; what cannot be used is refused in a sentence."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from settings import Settings, SettingsWrong

ROOT = Path(__file__).parent.parent
SECRET = "0123456789" * 4
DEFAULTS = {field.name.upper(): str(field.default) for field in fields(Settings)}


def example() -> list[tuple[str, str, str]]:
    """Each setting of `.env.example`: its comment, name and default."""
    return re.findall(r"^# (.+)\n([A-Z0-9_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_the_example_lists_every_setting_with_its_default() -> None:
    listed = {name: default for _comment, name, default in example()}

    assert listed == DEFAULTS
    assert list(listed) == list(DEFAULTS)
    assert (ROOT / ".env.example").read_text().count("=") == len(DEFAULTS)


def test_the_documentation_says_the_same_as_the_example() -> None:
    table = re.findall(r"^\| `([A-Z0-9_]+)` \| (.*) \| (.+) \|$", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)

    assert [(meaning, name, default.strip("`")) for name, default, meaning in table] == example()


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.from_environment({})

    assert settings.base_url == "http://127.0.0.1:8000"
    assert len(settings.secret_key) >= 32
    assert {name: str(getattr(settings, name.lower())) for name in DEFAULTS} == {
        **DEFAULTS,
        "BASE_URL": settings.base_url,
        "SECRET_KEY": settings.secret_key,
    }


def test_the_example_itself_can_be_used() -> None:
    given = {name: default for _comment, name, default in example()}

    used = Settings.from_environment({**given, "SECRET_KEY": SECRET})

    assert used == Settings.from_environment({"SECRET_KEY": SECRET})


def test_what_is_given_is_taken() -> None:
    settings = Settings.from_environment(
        {
            "PORT": "9000",
            "POLL_SECONDS": "0.5",
            "BASE_URL": "https://admit.example/",
            "ALLOWED_ORIGINS": "https://a, https://b",
        }
    )

    assert (settings.port, settings.poll_seconds, settings.base_url) == (9000, 0.5, "https://admit.example")
    assert settings.origins == ("https://a", "https://b")


def test_each_development_start_has_its_own_secret() -> None:
    assert Settings.from_environment({}).secret_key != Settings.from_environment({}).secret_key


def test_a_new_secret_is_used_beside_the_one_before() -> None:
    settings = Settings.from_environment({"SECRET_KEY": SECRET, "SECRET_KEY_PREVIOUS": SECRET[::-1]})

    assert settings.secrets == (SECRET, SECRET[::-1])


def test_refuses_a_production_start_without_a_secret() -> None:
    with pytest.raises(SettingsWrong) as refused:
        Settings.from_environment({"ENVIRONMENT": "production"})

    assert str(refused.value) == "Set SECRET_KEY to at least 32 random characters: everything is signed with it."


def test_a_developer_may_use_any_secret() -> None:
    assert Settings.from_environment({"SECRET_KEY": "short"}).secrets == ("short",)


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_PREVIOUS"])
def test_refuses_a_secret_that_could_be_guessed(name: str) -> None:
    given = {"ENVIRONMENT": "production", "SECRET_KEY": SECRET, name: "short"}

    with pytest.raises(SettingsWrong) as refused:
        Settings.from_environment(given)

    assert str(refused.value) == f"Set {name} to at least 32 random characters: everything is signed with it."


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "eighty"), ("POLL_SECONDS", "soon"), ("PORT", ""), ("ROWS_PER_CALL", "1.5")]
)
def test_refuses_what_is_not_a_number(name: str, value: str) -> None:
    with pytest.raises(SettingsWrong) as refused:
        Settings.from_environment({name: value})

    assert str(refused.value) == f"{name} is not a number: {value!r}."


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
def test_refuses_a_number_that_is_no_amount(value: str) -> None:
    with pytest.raises(SettingsWrong) as refused:
        Settings.from_environment({"POLL_SECONDS": value})

    assert str(refused.value) == f"POLL_SECONDS must be 0 or more: {value!r}."


def test_refuses_an_unknown_environment() -> None:
    with pytest.raises(SettingsWrong) as refused:
        Settings.from_environment({"ENVIRONMENT": "staging"})

    assert str(refused.value) == "ENVIRONMENT is either development or production."


@pytest.mark.parametrize(
    "origin",
    [
        *("*", "null", "app.example", "https://app.example/", "https://app.example/x", "https://", "https://App.example"),
        *("ftp://app.example", "https://*.app.example", "https://u@app.example", "https://a.example https://b.example"),
    ],
)  # fmt: skip
def test_refuses_an_origin_that_no_browser_would_send(origin: str) -> None:
    with pytest.raises(SettingsWrong) as refused:
        Settings.from_environment({"ALLOWED_ORIGINS": f"https://good.example,{origin}"})

    assert str(refused.value) == f"ALLOWED_ORIGINS lists origins such as https://app.example, not {origin!r}."


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS lists names such as admit.example, without port, not '*'."),
        ("ALLOWED_HOSTS", "a:80", "ALLOWED_HOSTS lists names such as admit.example, without port, not 'a:80'."),
        ("TRUSTED_PROXIES", "*", "TRUSTED_PROXIES lists addresses and networks, not '*'."),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "TRUSTED_PROXIES lists addresses and networks, not '10.0.0.1/8'."),
        ("TRUSTED_PROXIES", "proxy", "TRUSTED_PROXIES lists addresses and networks, not 'proxy'."),
        ("BASE_URL", "admit.example", "BASE_URL is an address such as https://admit.example, not 'admit.example'."),
        ("BASE_URL", "https://a/b", "BASE_URL is an address such as https://admit.example, not 'https://a/b'."),
    ],
)  # fmt: skip
def test_refuses_an_address_that_cannot_be_meant(name: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsWrong) as refused:
        Settings.from_environment({name: value})

    assert str(refused.value) == sentence


def test_the_hosts_are_that_of_the_address_and_those_that_are_named() -> None:
    given = {"BASE_URL": "https://Admit.example:8443", "ALLOWED_HOSTS": "second.example, [2001:DB8::1]"}

    production = Settings.from_environment({**given, "ENVIRONMENT": "production", "SECRET_KEY": SECRET})
    development = Settings.from_environment(given)

    assert production.hosts == ("admit.example", "second.example", "[2001:db8::1]")
    assert set(development.hosts) == {*production.hosts, "localhost", "127.0.0.1", "[::1]"}


def test_the_proxies_are_addresses_and_networks() -> None:
    settings = Settings.from_environment({"TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8,2001:db8::/32"})

    assert settings.proxies == ("127.0.0.1", "10.0.0.0/8", "2001:db8::/32")
    assert Settings.from_environment({}).proxies == ()
