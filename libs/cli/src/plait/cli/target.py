"""What the tools talk to: the servers that the environment names, else those of the `plait up` on the home."""

from __future__ import annotations

from pathlib import Path

from plait.cli.embedded import postgres
from plait.cli.home import Home
from plait.cli.program import LOOPBACK
from plait.cli.settings import UpSettings
from plait.common.errors import UserError
from plait.common.settings import KafkaSettings, Settings


class BrokerSettings(Settings, KafkaSettings):
    """How a tool reaches the broker."""


def home(given: Path | None) -> Home:
    """The home that --home, PLAIT_HOME or the default names."""
    return Home((given or UpSettings().plait_home).expanduser().resolve())


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
