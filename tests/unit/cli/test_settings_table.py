"""`plait settings` and docs/settings.md."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from plait.cli import settings_table
from plait.cli.parts import PARTS
from plait.cli.terminal import Console

DOCS = Path(__file__).parents[3] / "docs" / "settings.md"


def test_the_documentation_is_up_to_date() -> None:
    assert DOCS.read_text() == settings_table.markdown(), "run `make schemas`"


def test_every_setting_of_every_part_has_a_meaning() -> None:
    rows = settings_table.rows()
    assert {reader for row in rows for reader in row.parts} == {
        "up",
        "client",
        "login",
        "prices",
        *(p.name for p in PARTS),
    }
    assert [row.name for row in rows if not row.meaning.endswith(".")] == []


def test_every_part_reads_the_file_that_the_table_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=debug\nMASKING_KEY=" + "ab" * 32 + "\nOTHER=1\n")
    monkeypatch.chdir(tmp_path)
    for part in PARTS:
        assert part.settings_class()(DASHBOARD_API_KEY="k").model_dump()["log_level"] == "debug", part.name


def test_value_and_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_API_TIMEOUT", "7")
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    monkeypatch.delenv("MAX_REQUEST_BYTES", raising=False)
    (tmp_path / ".env").write_text("LOG_LEVEL=debug\nCLAUDE_API_TIMEOUT=8\n")
    in_use = {row.name: (value, origin) for row, value, origin in settings_table.in_use(tmp_path)}
    assert in_use["CLAUDE_API_TIMEOUT"] == ("7", "environment")
    assert in_use["LOG_LEVEL"] == ("debug", ".env")
    assert in_use["MAX_REQUEST_BYTES"] == (str(32 * 1024 * 1024), "default")


def test_a_terminal_shows_names_and_values_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "http://claude.example.com/" + "long/" * 20
    monkeypatch.setenv("CLAUDE_API_BASE_URL", address)
    out = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=60)
    settings_table.show(out, tmp_path)
    assert isinstance(out.file, io.StringIO)
    lines = out.file.getvalue().splitlines()
    assert f"CLAUDE_API_BASE_URL = {address}" in lines
    assert "    Origin: environment; default:" in "\n".join(lines)
    assert [
        row.name for row in settings_table.rows() if not any(each.startswith(f"{row.name} = ") for each in lines)
    ] == []


def test_secrets_are_masked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKING_KEY", "ab" * 32)
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hidden@host/db")
    shown = str(settings_table.in_use(tmp_path))
    assert "hidden" not in shown
    assert "abab" not in shown


def test_defaults_are_written_as_the_environment_takes_them() -> None:
    defaults = {row.name: row.default for row in settings_table.rows()}
    assert (defaults["DASHBOARD_READ_ONLY"], defaults["SLACK_ENABLED"]) == ("false", "true")
    assert defaults["ANALYSIS_AUTO_KINDS"] == '["main"]'
