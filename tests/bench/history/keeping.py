"""A history in an embedded Postgres of its own, made once and served as often as it is wanted."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from plait.cli.embedded import postgres
from plait.cli.program import free_port
from plait.common.migrate import migrate
from tests.bench.history.writing import write
from tests.servers import running

_DATABASE = "postgres"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of the database in a folder, a new one without tables if there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    port, password = free_port(), _password(folder)
    program = postgres.prepare(folder / "postgres", port, password, durable=False)
    with running(program, folder / "postgres.log"):
        yield postgres.url(port, password, _DATABASE)


async def fill(url: str, seed: int, exchanges: int, end: datetime, tell: Callable[[int], None]) -> None:
    """Tables, and a history in them."""
    connection = await asyncpg.connect(url)
    await migrate(connection)
    await connection.close()
    await write(url, seed, exchanges, end, tell)


@contextmanager
def history(folder: Path, exchanges: int, tell: Callable[[int], None]) -> Iterator[str]:
    """The address of a history of so many exchanges that ends now, or ended when it was made there before.

    One that was made before is given the migrations that came since.
    """
    with served(folder) as url:
        if asyncio.run(_is_there(url)):
            asyncio.run(_bring_up_to_date(url))
        else:
            asyncio.run(fill(url, 1, exchanges, datetime.now(UTC), tell))
        yield url


async def _is_there(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        if await connection.fetchval("SELECT to_regclass('conversations')") is None:
            return False
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM conversations)"))
    finally:
        await connection.close()


async def _bring_up_to_date(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        if await migrate(connection):
            await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _password(folder: Path) -> str:
    file = folder / "password"
    if not file.exists():
        file.write_text(secrets.token_hex(8))
    return file.read_text()
