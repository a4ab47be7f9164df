"""The linker's settings."""

from __future__ import annotations

from pydantic import Field, NonNegativeInt

from plait.common import settings


class Settings(settings.Settings, settings.KafkaSettings, settings.PostgresSettings):
    """What the linker reads from its environment."""

    retention_days: int = Field(0, ge=0, description="Days that exchanges are kept; 0: for ever.")
    retention_days_by_domain: dict[str, NonNegativeInt] = Field(
        {}, description='Days for single domains instead, as JSON: {"work.example": 30, "lab.example": 0}.'
    )
