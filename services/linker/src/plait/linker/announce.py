"""Conversation events: put out with the links that they tell of, published after the commit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from plait.common.events import SOURCE_LINKER, ConversationData, ConversationEvent, partition_key
from plait.common.outbox import Connection, Outbox, Publisher
from plait.common.postgres import Database
from plait.common.settings import KafkaSettings
from plait.common.topics import CONVERSATIONS

OUTBOX: Final = Outbox("outbox", CONVERSATIONS)


def event_of(data: ConversationData, at: datetime | None = None) -> ConversationEvent:
    """The event of a conversation's new state."""
    return ConversationEvent(
        id=f"{data.conversation_id}/{data.revision}",
        source=SOURCE_LINKER,
        subject=str(data.conversation_id),
        time=at or datetime.now(UTC),
        partitionkey=partition_key(data.domain, str(data.conversation_id)),
        data=data,
    )


async def put_out(connection: Connection, changed: Iterable[ConversationData]) -> None:
    """Write the events of changed conversations beside the change itself."""
    await OUTBOX.put(connection, [event_of(data) for data in changed])


class Announcer(Publisher):
    """Publishes conversation events."""

    def __init__(self, database: Database, settings: KafkaSettings) -> None:
        super().__init__(OUTBOX, database, settings)
