"""Settings are environment variables with the names people already use, then a `.env` file, then defaults.

Each service has one class that inherits the groups it needs from here, so a name has one meaning and one description.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PositiveInt, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(BaseSettings):
    """Where every group of settings is read from. A class of several groups is configured as the last of them is."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)


class Settings(Environment):
    """What every part reads."""

    log_level: str = Field("info", description="Least level that is logged: debug, info, warning, error.")
    metrics_host: str = Field("127.0.0.1", description="Address that this part's own /metrics and /health listen on.")
    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port of this part's own /metrics and /health; 0: none. Of `plait up`, the gateway's.",
    )


class KafkaSettings(Environment):
    """Where the broker is."""

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", description="Brokers, host:port, comma-separated.")
    kafka_flavor: str = Field(
        "kafka",
        pattern="^(kafka|embedded)$",
        description="embedded: the in-memory broker of `plait up`, which forgets on restart.",
    )
    kafka_assignment: str = Field(
        "group",
        pattern="^(group|all)$",
        description="group: instances of a consumer share the partitions; all: the only instance takes them all.",
    )
    kafka_replication: int = Field(1, ge=1, description="Copies of each topic that is created.")


class PostgresSettings(Environment):
    """Where the database is."""

    database_url: SecretStr = Field(
        SecretStr("postgresql://plait@127.0.0.1:5432/plait"), description="Postgres, as a postgresql:// address."
    )


class KeySettings(Environment):
    """Whose keys open recorded content, beside DASHBOARD_API_KEY."""

    admin_api_key: SecretStr | None = Field(
        None, description="Key that opens the read API to an administrator, who may delete; without one nobody has it."
    )
    keys_file: Path | None = Field(
        None, description="File of named keys of the read API, made by `plait keys new --role`."
    )


class PriceSettings(Environment):
    """What tokens cost."""

    prices_file: Path | None = Field(
        None, description="TOML file of your own prices, which stand over the published list (docs/costs.md)."
    )

    @field_validator("prices_file", mode="before")
    @classmethod
    def _none_if_empty(cls, value: object) -> object:
        return value or None


class LimitSettings(Environment):
    """What accounts may use, where the provider does not tell."""

    account_token_limits: dict[str, PositiveInt] = Field(
        {},
        description="Output tokens that an account may use in five hours, as JSON, `*` for all others: "
        '{"acc_work": 500000, "*": 200000}. Accounts whose answers carry limit headers do not need it.',
    )

    def token_limit(self, account_id: str | None) -> int | None:
        """Of an account; None: unknown."""
        return self.account_token_limits.get(account_id or "*", self.account_token_limits.get("*"))


class HomeSettings(Environment):
    """Where state lies on disk."""

    plait_home: Path = Field(
        Path("~/.local/share/plait").expanduser(), description="Folder of all state of `plait up`."
    )
