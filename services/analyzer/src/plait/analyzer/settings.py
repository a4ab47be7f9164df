"""What the analyzer reads from its environment."""

from __future__ import annotations

from plait.common import settings as groups


class Settings(groups.Settings, groups.KafkaSettings):
    """Settings of the analyzer."""
