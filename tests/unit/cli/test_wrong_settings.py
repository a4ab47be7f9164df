"""Settings that a part would refuse are named, with their values and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from plait.cli import wrong_settings

HOST = "it must begin with http:// or https:// and name a host"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("LOG_LEVEL", "METRICS_PORT", "DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "DASHBOARD_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("name", "value", "shown", "allowed"),
    [
        ("CLAUDE_API_BASE_URL", "foo", "foo", HOST),
        ("CLAUDE_API_BASE_URL", "", "", HOST),
        ("CLAUDE_API_BASE_URL", "ftp://me:hidden@host", "ftp://********@host", HOST),
        ("LOG_LEVEL", "loud", "loud", "it must be debug, info, warning or error"),
        ("CLAUDE_API_TIMEOUT", "0", "0", "it must be greater than 0"),
        ("API_POOL_SIZE", "many", "many", "it must be a valid integer"),
        ("METRICS_PORT", "70000", "70000", "it must be less than or equal to 65535"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    name: str, value: str, shown: str, allowed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert wrong_settings.of_environment(tmp_path) == [f"{name}={shown} cannot be used: {allowed}."]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RETENTION_DAYS_BY_DOMAIN", '{"a.test": 30}'),
        ("ACCOUNT_TOKEN_LIMITS", '{"*": 500000}'),
        ("BUDGETS", '{"*": {"day": 2.5}}'),
    ],
)
def test_tables_are_read_as_json(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert not [sentence for sentence in wrong_settings.of_parts() if name in sentence]
    monkeypatch.setenv(name, value[:-1])
    assert [sentence for sentence in wrong_settings.of_parts() if name in sentence]


def test_a_wrong_line_of_the_file_is_found_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=loud\n")
    assert wrong_settings.of_environment(tmp_path)[0].startswith("LOG_LEVEL=loud cannot be used")


def test_prices_that_the_ledger_could_not_read_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICES_FILE", "")
    assert wrong_settings.of_environment(tmp_path) == []
    monkeypatch.setenv("PRICES_FILE", "prices.toml")
    (found,) = wrong_settings.of_environment(tmp_path)
    assert found.startswith("PRICES_FILE prices.toml cannot be read")
    (tmp_path / "prices.toml").write_text('version = "v"\nprice = []\n')
    assert wrong_settings.of_environment(tmp_path) == []


def test_what_up_chooses_itself_is_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MASKING_KEY", "PORT", "API_URL"):
        monkeypatch.setenv(name, "wrong")
    assert wrong_settings.of_environment(tmp_path) == []


def test_of_a_part_alone_what_is_wrong_is_told_and_not_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong_settings.of_parts() == []
    monkeypatch.setenv("PORT", "notanumber")
    assert wrong_settings.of_parts() == ["PORT=notanumber cannot be used: it must be a valid integer."]


def test_a_secret_is_masked() -> None:
    from plait.gateway.settings import RelaySettings

    [sentence] = wrong_settings.of_class(RelaySettings, {"MASKING_KEY": "hidden"})
    assert sentence.startswith("MASKING_KEY=******** cannot be used: must be at least 32 hex digits")


def test_what_is_required_and_missing_is_named() -> None:
    from plait.gateway.settings import RelaySettings

    assert wrong_settings.of_class(RelaySettings, {}) == ["MASKING_KEY is not set: it is required."]
