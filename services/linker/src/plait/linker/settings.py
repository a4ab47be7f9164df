"""The linker's settings."""

from __future__ import annotations

from plait.common import settings


class Settings(settings.Settings, settings.KafkaSettings, settings.PostgresSettings):
    """What the linker reads from its environment."""
