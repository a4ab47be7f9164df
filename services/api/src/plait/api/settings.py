"""What the read API reads from its environment."""

from __future__ import annotations

from pydantic import Field, SecretStr

from plait.common.settings import KafkaSettings, KeySettings, LimitSettings, PostgresSettings, Settings


class ApiSettings(Settings, PostgresSettings, KafkaSettings, KeySettings, LimitSettings):
    """Settings of the read API."""

    host: str = Field("127.0.0.1", description="Address that the part listens on.")
    port: int = Field(3002, ge=0, le=65535, description="Port that the part listens on.")
    dashboard_api_key: SecretStr | None = Field(
        None, description="Key that opens the read API and the dashboard; without one both refuse everything."
    )
    api_pool_size: int = Field(8, ge=1, le=100, description="Most connections of the read API to Postgres.")
    api_statement_timeout_ms: int = Field(
        10_000, ge=100, description="Milliseconds after which a statement of the read API is given up."
    )
    api_calls_per_minute: int = Field(
        0, ge=0, description="Calls of the read API that each key may make in a minute; 0: as many as it likes."
    )
    api_live_listeners: int = Field(
        1000, ge=1, description="Most that listen to live events, or watch an answer, at a time."
    )
