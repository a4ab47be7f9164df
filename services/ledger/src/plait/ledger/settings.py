"""What the ledger reads from its environment."""

from __future__ import annotations

from plait.common import settings as groups


class Settings(groups.Settings, groups.KafkaSettings, groups.PostgresSettings, groups.PriceSettings):
    """Settings of the ledger."""
