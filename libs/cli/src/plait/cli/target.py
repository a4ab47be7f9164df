"""What the tools talk to: the servers that the environment names, else those of the `plait up` on the home."""

from __future__ import annotations

import getpass
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
from pydantic import Field, SecretStr

from plait.cli import database
from plait.cli.embedded import postgres
from plait.cli.home import Home
from plait.cli.program import LOOPBACK
from plait.cli.settings import UpSettings
from plait.common.errors import UserError
from plait.common.postgres import open_pool
from plait.common.settings import KafkaSettings, Settings

_STATEMENT_MS: Final = 600_000
"""Statements of tools look at everything, and nobody else waits for them."""


class BrokerSettings(Settings, KafkaSettings):
    """How a tool reaches the broker."""


class MaskingSettings(Settings):
    """How a tool masks secrets."""

    masking_key: SecretStr | None = Field(None, description="Key, in hex, of the marks that replace secrets.")


def home(given: Path | None) -> Home:
    """The home that --home, PLAIT_HOME or the default names."""
    return Home((given or UpSettings().plait_home).expanduser().resolve())


def user() -> str:
    """Who gives the command, for what is written down of it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return f"user {os.getuid()}"


def credentials(home: Home) -> Path:
    """The folder of credential files: CREDENTIALS_DIR, else the home's."""
    return (UpSettings().credentials_dir or home.credentials).expanduser()


def keys(home: Home) -> Path:
    """The file of named keys of the read API: KEYS_FILE, else the home's."""
    return (UpSettings().keys_file or home.keys).expanduser()


def database_url(home: Home) -> str:
    """Address of the database.

    Raises:
        UserError: neither the environment nor the home knows one.
    """
    if given := UpSettings().database_url:
        return given.get_secret_value()
    addresses = home.addresses()
    if addresses is None or addresses.postgres is None or not home.is_locked():
        raise UserError(f"Which database? Set DATABASE_URL, or start `plait up` (none is running on {home.path}).")
    return postgres.url(addresses.postgres, home.secrets().postgres_password)


def broker(home: Home) -> BrokerSettings:
    """Settings of the broker.

    Raises:
        UserError: neither the environment nor the home knows one.
    """
    if UpSettings().kafka_bootstrap_servers:
        return BrokerSettings()
    addresses = home.addresses()
    if addresses is None or addresses.broker is None or not home.is_locked():
        raise UserError(
            f"Which broker? Set KAFKA_BOOTSTRAP_SERVERS, or start `plait up` (none is running on {home.path})."
        )
    return BrokerSettings(
        kafka_bootstrap_servers=f"{LOOPBACK}:{addresses.broker}", kafka_flavor=addresses.flavor, kafka_replication=1
    )


@asynccontextmanager
async def reading(home: Home) -> AsyncIterator[asyncpg.Pool]:
    """A pool of connections to the database that cannot write.

    Raises:
        UserError: neither the environment nor the home knows one, or it cannot be reached.
    """
    url = database_url(home)
    await (await database.connect(url)).close()
    pool = await open_pool(url, name="tool", size=2, read_only=True, statement_timeout_ms=_STATEMENT_MS)
    try:
        yield pool
    finally:
        await pool.close()


def masking_key(home: Home) -> bytes:
    """The key of the marks in the home's records; a passing one where neither the environment nor the home has any.

    Raises:
        UserError: the given one is no hex number.
    """
    given = MaskingSettings().masking_key
    if given is None and not (home.path / "secrets.json").exists():
        return secrets.token_bytes(32)
    try:
        return bytes.fromhex(given.get_secret_value() if given else home.secrets().masking_key)
    except ValueError:
        raise UserError("MASKING_KEY cannot be used: it must be hex digits.") from None
