"""The analyzer's consumer: notes when conversations are due by rule. It waits for no model, and holds nothing up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from plait.analyzer.rule import FORGIVEN, Rule
from plait.common.consumer import Record, Rejected
from plait.common.events import ConversationData, ConversationEvent
from plait.common.ids import time_of
from plait.common.postgres import Database

# A later exchange puts it off; an event that comes late, or again, does not put it forward. What was noted of
# conversations that are no more is found to be nothing when it is due.
_NOTE: Final = """
INSERT INTO analyses_due AS d (conversation_id, domain, due_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[])
ON CONFLICT (conversation_id) DO UPDATE SET due_at = greatest(d.due_at, excluded.due_at)
"""


class Watcher:
    """Notes for each conversation that changed when it is due."""

    def __init__(self, database: Database, rule: Rule | None) -> None:
        """Without a rule events are read, so that nothing seems to lag, and passed over."""
        self._database = database
        self._rule = rule

    async def process(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        """Note a batch; see `plait.common.consumer.Processor`."""
        rule = self._rule
        if rule is None:
            return ()
        changed = [record.event.data for record in batch if isinstance(record.event, ConversationEvent)]
        due = {one.conversation_id: (one.domain, at) for one in changed if (at := _due(rule, one, datetime.now(UTC)))}
        if due:
            await self._write(due)
        return ()

    async def _write(self, due: dict[UUID, tuple[str, datetime]]) -> None:
        numbers = sorted(due)  # in one order, so that analyzers do not wait for each other
        async with self._database.transaction() as connection:
            await connection.execute(_NOTE, numbers, [due[one][0] for one in numbers], [due[one][1] for one in numbers])


def _due(rule: Rule, conversation: ConversationData, now: datetime) -> datetime | None:
    """When; None: never, since it is old."""
    latest = time_of(conversation.latest_exchange_id)
    if conversation.deleted or latest is None:
        return None
    due = rule.due(latest)
    return due if due > now - FORGIVEN else None
