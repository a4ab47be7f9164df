"""The page Settings: what is set up, and no secret of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from plait.common.access import key_ring
from plait.common.access.grants import Grant
from plait.dashboard import credential_state, visitor
from plait.dashboard.islands.render import render
from plait.dashboard.islands.words import Clock
from plait.dashboard.settings import Settings
from plait.dashboard.views import settings_page
from plait.dashboard.visitor import Visitor

SECRETS = (
    "sk-ant-secret",
    "access-secret",
    "refresh-secret",
    "client-secret",
    "pass-secret",
    "dash-secret",
    "ad-secret",
)
ALL, SOME = Grant("all", "viewer"), Grant("some", "viewer", frozenset({"api.example.com"}))


LOGIN = {"accessToken": "access-secret", "refreshToken": "refresh-secret", "expiresAt": 1_800_000_000_000}
CLIENTS = [{"name": "anna", "hash": "sha256:0"}, {"name": "build", "hash": "x", "disabled": True}]
FILES: dict[str, dict[str, Any]] = {
    "api": {"type": "api_key", "accountId": "team", "api_key": "sk-ant-secret", "client_api_key": "client-secret"},
    "max": {"type": "oauth", "oauth": LOGIN},
    "own": {"client_api_keys": CLIENTS},
    "odd": {"type": "other"},
    "late": {"type": "oauth", "oauth": {"expiresAt": 1e300}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / f"{name}.example.com.credentials.json").write_text(json.dumps(content))
    (tmp_path / "torn.example.com.credentials.json").write_bytes(b'{"type": "api\xff')
    (tmp_path / "notes.txt").write_text("none of ours")
    return tmp_path


def test_each_domain_has_a_state(folder: Path) -> None:
    found = {domain.name: domain for domain in credential_state.domains_in(folder)}
    assert {name: domain.kind for name, domain in found.items()} == {
        "api.example.com": "api_key",
        "late.example.com": "broken",
        "max.example.com": "oauth",
        "odd.example.com": "broken",
        "own.example.com": "none",
        "torn.example.com": "broken",
    }
    assert found["max.example.com"].login_ends == datetime.fromtimestamp(1_800_000_000, UTC)
    assert [key.name for key in found["own.example.com"].client_keys] == ["anna", "build"]


def test_without_a_folder_there_are_no_domains(tmp_path: Path) -> None:
    assert credential_state.domains_in(tmp_path / "none") == []


def drawn(monkeypatch: pytest.MonkeyPatch, folder: Path, grant: Grant) -> str:
    monkeypatch.setattr(visitor, "visitor", lambda: Visitor(grant))
    monkeypatch.setattr(settings_page, "visitor", lambda: Visitor(grant))
    keys = folder / "keys.json"
    key_ring.add(keys, "viewer", name="for-api", domains=["api.example.com"], expires=None)
    key_ring.add(keys, "admin", name="for-all", domains=[], expires=None)
    settings = Settings(
        credentials_dir=folder,
        keys_file=keys,
        database_url=SecretStr("postgresql://me:pass-secret@db.example:5432/plait"),
        dashboard_api_key=SecretStr("dash-secret"),
        admin_api_key=SecretStr("ad-secret"),
    )
    now = datetime(2026, 11, 21, tzinfo=UTC)
    values = {**settings_page._domains(settings), **settings_page._keys(settings)}
    values["settings"] = settings_page._settings(settings)
    return render("settings.html", clock=Clock(ZoneInfo("UTC"), now), now=now, **values)


def test_who_sees_everything_sees_what_is_set_up(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    html = drawn(monkeypatch, folder, ALL)
    for told in ("max.example.com", "for-api", "for-all", "ADMIN_API_KEY", "postgresql://…@db.example:5432/plait"):
        assert told in html
    assert not any(secret in html for secret in SECRETS)


def test_to_a_key_of_some_domains_the_others_do_not_exist(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    html = drawn(monkeypatch, folder, SOME)
    assert "api.example.com" in html
    assert "for-api" in html
    for hidden in ("max.example.com", "own.example.com", "anna", "for-all", "ADMIN_API_KEY", "DATABASE_URL"):
        assert hidden not in html


def test_a_broken_file_of_keys_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings_page, "visitor", lambda: Visitor(ALL))
    (tmp_path / "keys.json").write_text("{")
    found = settings_page._keys(Settings(keys_file=tmp_path / "keys.json"))
    assert "cannot be used" in found["keys_fault"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(False, "false"), (3001, "3001"), ({"linker": "http://l:1"}, '{"linker": "http://l:1"}'), (Path("/a b"), "/a b")],
)
def test_values_stand_as_the_environment_takes_them(value: Any, text: str) -> None:
    assert settings_page._value("any", value) == text


def test_code_in_a_meaning_is_code() -> None:
    assert settings_page._with_code("<b>, as `plait up` does.") == "&lt;b&gt;, as <code>plait up</code> does."
