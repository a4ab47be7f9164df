"""What the command itself reads from its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from plait.cli import home
from plait.common.settings import Settings


class UpSettings(Settings):
    """Settings of `plait up`: what is given here is used instead of an embedded part or a generated secret."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    plait_home: Path = Field(home.DEFAULT, description="Folder of all state of `plait up`; --home goes before it.")
    database_url: SecretStr | None = Field(None, description="Postgres to use instead of the embedded one.")
    kafka_bootstrap_servers: str | None = Field(None, description="Broker to use instead of the embedded one.")
    dashboard_api_key: SecretStr | None = Field(
        None, min_length=1, description="Key of the dashboard and the API instead of a generated one."
    )
    credentials_dir: Path | None = Field(None, description="Folder of credentials; default: in the home.")
    keys_file: Path | None = Field(None, description="File of named keys of the read API; default: in the home.")
    dashboard_url: str | None = Field(
        None,
        pattern="^https?://[^/]+",
        description="The dashboard as readers of notices reach it, for links; default: where it listens here.",
    )


class ClientSettings(BaseSettings):
    """What `plait client` reads."""

    model_config = UpSettings.model_config

    gateway_url: str | None = Field(
        None, description="The gateway as clients reach it; default: where `plait up` listens on this machine."
    )


def explain(error: ValidationError) -> str:
    """Which settings are wrong and why, by the names that users set; never their values."""
    wrong = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in wrong)
