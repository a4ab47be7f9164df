"""Every topic with its settings, and the one function that creates them.

Topics are created with their final partition count: the embedded broker cannot add any later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_EVENT_BYTES: Final = 64 * 1024 * 1024
"""A 32 MB body as JSON in JSON, or as base64 (× 4/3), with room for headers."""

_DAY_MS: Final = 24 * 60 * 60 * 1000


@dataclass(frozen=True)
class Topic:
    """A topic's name, its final partition count, and how long a broker keeps its records."""

    name: str
    partitions: int
    retention_ms: int

    @property
    def config(self) -> dict[str, str]:
        """Topic settings as brokers name them."""
        return {
            "max.message.bytes": str(MAX_EVENT_BYTES),
            "retention.ms": str(self.retention_ms),
            "cleanup.policy": "delete",
        }


REQUESTS: Final = Topic("plait.requests", 8, 7 * _DAY_MS)
CHUNKS: Final = Topic("plait.chunks", 8, _DAY_MS)
RESPONSES: Final = Topic("plait.responses", 8, 7 * _DAY_MS)
CONVERSATIONS: Final = Topic("plait.conversations", 4, 7 * _DAY_MS)
USAGE: Final = Topic("plait.usage", 4, 7 * _DAY_MS)
ANALYSES: Final = Topic("plait.analyses", 4, 7 * _DAY_MS)
DEAD_LETTERS: Final = Topic("plait.dead-letters", 1, 30 * _DAY_MS)

ALL: Final = (REQUESTS, CHUNKS, RESPONSES, CONVERSATIONS, USAGE, ANALYSES, DEAD_LETTERS)

READS: Final[dict[str, tuple[Topic, ...]]] = {
    "plait.linker": (REQUESTS, CHUNKS, RESPONSES),
    "plait.ledger": (REQUESTS, RESPONSES),
    "plait.analyzer": (CONVERSATIONS,),
    "plait.notifier": (RESPONSES, CONVERSATIONS, ANALYSES),
}
"""Which topics each consumer group reads."""
