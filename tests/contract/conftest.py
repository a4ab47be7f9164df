"""What contract tests of the consumers' loop begin with."""

from __future__ import annotations

import pytest

from plait.common.settings import KafkaSettings
from tests.contract.consuming import make_topics, settings_of
from tests.servers import Broker


@pytest.fixture
async def settings(broker: Broker) -> KafkaSettings:
    """Those of a broker that has the topics."""
    settings = settings_of(broker)
    await make_topics(settings)
    return settings
