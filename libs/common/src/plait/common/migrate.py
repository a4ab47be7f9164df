"""Numbered SQL files, applied once each, in order, under an advisory lock, each in its own transaction."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

import asyncpg

from plait.common.errors import UserError

_LOCK = 0x506C616974  # "Plait"


@dataclass(frozen=True)
class Migration:
    """One file: `0001_record.sql` has number 1 and name `record`."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Tells an applied file that was edited afterwards."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All migrations that this version ships, in order."""
    folder = resources.files("plait.common") / "migrations"
    found = [f for f in folder.iterdir() if f.name.endswith(".sql")]
    parts = [(f.name.removesuffix(".sql").split("_", 1), f.read_text(encoding="utf-8")) for f in found]
    return sorted((Migration(int(head), name, sql) for (head, name), sql in parts), key=lambda m: m.number)


async def migrate(connection: asyncpg.Connection) -> list[Migration]:
    """Apply what is missing; returns what was applied.

    Safe to call from many processes at once: one works, the others wait and find nothing to do.

    Raises:
        UserError: the database is newer than this version, an applied file was changed, or the roles that services take
            on are missing and cannot be created.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (number integer PRIMARY KEY, name text NOT NULL,"
            " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = {
            r["number"]: r["checksum"] for r in await connection.fetch("SELECT number, checksum FROM migrations")
        }
        ours = migrations()
        _refuse_foreign(applied, ours)
        missing = [m for m in ours if m.number not in applied]
        for migration in missing:
            await _apply(connection, migration)
        await _open_to_services(connection)
        return missing
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO migrations (number, name, checksum) VALUES ($1, $2, $3)",
            migration.number,
            migration.name,
            migration.checksum,
        )


async def _open_to_services(connection: asyncpg.Connection) -> None:
    """Roles and grants (roles.sql)."""
    opening = (resources.files("plait.common") / "roles.sql").read_text(encoding="utf-8")
    try:
        async with connection.transaction():
            await connection.execute(opening)
    except asyncpg.InsufficientPrivilegeError as error:
        raise UserError(
            f"The tables are there, but not opened to Plait's services: {error}. Let an administrator of Postgres"
            " create the roles plait_reader, plait_limited and plait_asker and grant them to this user (docs/keys.md),"
            " then run `plait migrate` again."
        ) from error


def _refuse_foreign(applied: dict[int, str], ours: list[Migration]) -> None:
    known = {m.number: m for m in ours}
    if newer := sorted(set(applied) - set(known)):
        raise UserError(
            f"The database has migration {newer[-1]}, which this version of Plait does not know: upgrade Plait."
        )
    for number, checksum in applied.items():
        if known[number].checksum != checksum:
            raise UserError(
                f"Migration {number} ({known[number].name}) was applied with other contents than this version has."
            )
