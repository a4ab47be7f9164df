"""What the dashboard reads from its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from plait.common.errors import UserError
from plait.common.settings import KeySettings, LimitSettings, PostgresSettings
from plait.common.settings import Settings as CommonSettings


class Settings(CommonSettings, PostgresSettings, KeySettings, LimitSettings):
    """The dashboard's settings."""

    host: str = Field("127.0.0.1", description="Address that the dashboard listens on.")
    port: int = Field(3001, ge=0, le=65535, description="Port that the dashboard listens on.")
    dashboard_api_key: SecretStr = Field(
        SecretStr(""), description="Key that people log in with; the dashboard does not start without one."
    )

    dashboard_statement_timeout_ms: int = Field(
        20_000, ge=100, description="Milliseconds after which a statement of the dashboard is given up."
    )
    dashboard_read_only: bool = Field(
        False, description="Whether the dashboard lets nobody delete or ask for analyses, whatever their key."
    )
    api_url: str = Field(
        "http://127.0.0.1:3002", pattern="^https?://[^/?#]+", description="The read API that /api/* is relayed to."
    )
    metrics_urls: dict[str, str] = Field(
        {},
        description="Where parts tell their health and metrics, as JSON, for the page System: "
        '{"linker": "http://linker:9100"}. `plait up` sets it.',
    )
    credentials_dir: Path | None = Field(
        None, description="Folder of credential files whose state the page Settings shows; without one it shows none."
    )
    gateway_url: str = Field(
        "http://127.0.0.1:3000", description="The gateway as clients reach it; a dashboard without data tells it."
    )

    def require_key(self) -> str:
        """The dashboard's key.

        Raises:
            UserError: none is set; the dashboard is never open to anyone who comes by.
        """
        key = self.dashboard_api_key.get_secret_value()
        if not key:
            raise UserError("DASHBOARD_API_KEY is not set: the dashboard shows recorded content only behind a key.")
        return key
