"""The database before anything uses it: is it there, and does it have the tables of this version."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

import asyncpg

from plait.common.errors import UserError
from plait.common.migrate import Migration, migrate
from plait.common.postgres import DOWN


def without_secret(url: str) -> str:
    """An address to show: host, port and database."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"


async def connect(url: str) -> asyncpg.Connection:
    """One connection.

    Raises:
        UserError: it cannot be had; the message says why, and never shows the password.
    """
    if urlsplit(url).scheme not in {"postgresql", "postgres"}:
        raise UserError("DATABASE_URL is not an address of Postgres: it must begin with postgresql://.")
    try:
        return await asyncpg.connect(url, timeout=5)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        raise UserError(f"Postgres at {without_secret(url)} refuses this user or password: see DATABASE_URL.") from None
    except asyncpg.InvalidCatalogNameError:
        raise UserError(f"Postgres has no database {without_secret(url)}: create it, or see DATABASE_URL.") from None
    except (*DOWN, ValueError) as error:
        why = str(error) if isinstance(error, OSError) and str(error) else type(error).__name__
        raise UserError(f"Postgres at {without_secret(url)} cannot be reached ({why}): see DATABASE_URL.") from None


async def create_if_missing(url: str, name: str) -> None:
    """Create the database `name` on the server of `url`."""
    connection = await connect(url)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


async def give_login(url: str, name: str, password: str, roles: Iterable[str]) -> None:
    """Let a user log in who may take on these roles, and nothing else.

    Raises:
        UserError: the server cannot be reached.
    """
    connection = await connect(url)
    try:
        verb = "ALTER" if await connection.fetchval("SELECT to_regrole($1) IS NOT NULL", name) else "CREATE"
        secret = await connection.fetchval("SELECT quote_literal($1)", password)
        await connection.execute(f'{verb} ROLE "{name}" LOGIN NOINHERIT PASSWORD {secret}')
        await connection.execute(f'GRANT {", ".join(roles)} TO "{name}"')
    finally:
        await connection.close()


async def bring_up_to_date(url: str) -> list[Migration]:
    """Apply the migrations that are missing; returns them.

    Raises:
        UserError: the database cannot be reached, or is newer than this version.
    """
    connection = await connect(url)
    try:
        return await migrate(connection)
    finally:
        await connection.close()
