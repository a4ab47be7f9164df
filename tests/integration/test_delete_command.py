"""`plait delete`: says what would go, asks, and leaves the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from plait.cli import doctor
from plait.cli.commands import deleting
from plait.cli.home import Home
from plait.common.postgres import Database
from plait.linker.forget.forgetting import forget
from plait.linker.processor import Linker
from tests.integration.test_forgetting import turns
from tests.integration.test_linker_corpus import feed
from tests.plait_up import run_plait


@pytest.fixture
async def recorded(postgres_url: str) -> AsyncIterator[str]:
    """Address of a database with five exchanges of two domains."""
    database = Database(postgres_url, name="test", size=2)
    await feed(Linker(database, lambda: None), turns(3) + turns(2, domain="b.test"))
    yield postgres_url
    await database.close()


async def command(url: str, cwd: Path, *arguments: str) -> tuple[int, str]:
    done = await asyncio.to_thread(run_plait, "delete", *arguments, env={"DATABASE_URL": url}, cwd=cwd)
    return done.returncode, done.stdout + done.stderr


async def test_a_domain_is_deleted_and_told(recorded: str, writer: asyncpg.Connection, tmp_path: Path) -> None:
    assert await command(recorded, tmp_path, "--domain", "a.test", "--yes") == (0, "3 exchanges deleted.\n")
    assert await writer.fetchval("SELECT string_agg(DISTINCT domain, ',') FROM exchanges") == "b.test"
    audit = await writer.fetchrow("SELECT selection->>'domain' AS domain, exchanges FROM deletions")
    assert tuple(audit or ()) == ("a.test", 3)
    assert await command(recorded, tmp_path, "--domain", "a.test", "--yes") == (0, "Nothing matches.\n")


async def test_a_deletion_that_was_killed_before_its_last_content_is_ended_by_the_same_command(
    recorded: str, writer: asyncpg.Connection, tmp_path: Path
) -> None:
    async with writer.transaction():
        rows = await writer.fetch("SELECT id FROM exchanges WHERE domain = 'a.test'")
        await forget(writer, {UUID(int=row["id"].int): "a.test" for row in rows})  # type: ignore[arg-type]
    assert await writer.fetchval("SELECT count(*) FROM forsaken")
    assert await command(recorded, tmp_path, "--domain", "a.test", "--yes") == (0, "Nothing matches.\n")
    assert not await writer.fetchval("SELECT count(*) FROM forsaken")


async def test_the_doctor_tells_of_a_deletion_that_was_killed(
    recorded: str, writer: asyncpg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", recorded)
    home = Home(tmp_path)
    assert (await doctor._deletions(home)).good
    await writer.execute(
        "INSERT INTO deletions (asked_by, selection, exchanges, asked_at) VALUES ('ann', '{}', 3, '2026-11-01')"
    )
    found = await doctor._deletions(home)
    assert not found.good
    assert found.says == "not ended: number 1 by ann of 2026-11-01 00:00, 3 exchanges so far"


async def test_nothing_is_deleted_where_nobody_can_be_asked(
    recorded: str, writer: asyncpg.Connection, tmp_path: Path
) -> None:
    status, said = await command(recorded, tmp_path, "--before", "2026-12-01")
    assert status == 2
    assert "5 exchanges would be deleted for good: say --yes" in said
    assert await writer.fetchval("SELECT count(*) FROM exchanges") == 5


async def test_a_condition_must_be_given(tmp_path: Path) -> None:
    status, said = await command("postgresql://127.0.0.1:1/none", tmp_path, "--yes")
    assert (status, said) == (2, "plait: name what to delete: --conversation, --domain, --user or --before\n")


@pytest.mark.parametrize(("answer", "agreed"), [("yes", True), (" YES ", True), ("y", False), ("", False)])
def test_only_yes_is_yes(monkeypatch: pytest.MonkeyPatch, answer: str, agreed: bool) -> None:
    monkeypatch.setattr(deleting.out, "input", lambda *_, **__: answer)
    assert deleting._agreed(5) is agreed
