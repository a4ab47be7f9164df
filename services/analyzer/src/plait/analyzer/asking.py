"""Asks for the analyses that are due by rule, within what a day may cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Literal
from uuid import UUID

import asyncpg
import structlog
from msgspec import Struct

from plait.analyzer.providers.provider import TAG
from plait.analyzer.settings import BranchKind, RuleSettings
from plait.common.analyses import queue, queue_again
from plait.common.errors import DependencyDown
from plait.common.outbox import Connection
from plait.common.postgres import Database
from plait.common.queries.analyses import BranchPlace

LOOK_EVERY_S: Final = 5.0
_AT_ONCE: Final = 20
_BY: Final = "rule"

# One analyzer asks at a time: what a day may cost is looked at, then spent.
_ALONE: Final = "SELECT pg_try_advisory_xact_lock(22637163773712252)"
_SPENT: Final = """
SELECT count(*)::integer AS asked, coalesce(sum(cost_usd) FILTER (WHERE completed_at >= day.begun), 0)::float8 AS cost
FROM analyses, (SELECT date_trunc('day', now(), 'UTC') AS begun) AS day
WHERE by_rule AND asked_at >= day.begun
"""
_TAKE: Final = """
DELETE FROM analyses_due WHERE conversation_id IN (
    SELECT conversation_id FROM analyses_due WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
RETURNING conversation_id
"""
# What waits for a budget that never comes.
_TIDY: Final = "DELETE FROM analyses_due WHERE due_at < now() - interval '7 days'"
# $1: conversations, $2: the tag of our own calls. Branches with what was analysed of them, if anything.
_BRANCHES: Final = """
SELECT l.conversation_id, l.branch_id, min(e.domain) AS domain, count(*)::integer AS requests, a.status,
    a.asked_at < max(e.started_at) AS is_stale
FROM links l
JOIN exchanges e ON e.id = l.exchange_id
LEFT JOIN analyses a ON a.conversation_id = l.conversation_id AND a.branch_id = l.branch_id
WHERE l.conversation_id = ANY($1) AND l.link_kind IS NOT NULL AND l.branch_id IS NOT NULL
GROUP BY l.conversation_id, l.branch_id, a.status, a.asked_at
HAVING NOT coalesce(bool_or(e.tag = $2), false)
ORDER BY max(e.started_at), l.conversation_id, l.branch_id
"""
_KINDS: Final[dict[str, BranchKind]] = {"subtask": "subtask", "compact": "compact", "branch": "user"}


class Candidate(Struct, frozen=True, kw_only=True):
    """A branch of a conversation that is due."""

    conversation_id: UUID
    branch_id: str
    domain: str
    requests: int
    """Exchanges in the tree."""
    status: Literal["pending", "processing", "completed", "failed"] | None
    """Of its analysis; None: it has none."""
    is_stale: bool | None
    """It has gone on since its analysis was asked for."""

    @property
    def kind(self) -> BranchKind:
        """What sort of branch it is, by how its name begins (linking.md, "Names")."""
        return _KINDS.get(self.branch_id.partition("_")[0], "main")

    @property
    def is_new(self) -> bool:
        """Whether there is something to analyse: one that waits already has all of it, one that failed has failed."""
        return self.status is None or (self.status in ("completed", "failed") and bool(self.is_stale))


class RuleAsker:
    """Asks, until cancelled."""

    def __init__(self, database: Database, settings: RuleSettings, told: Callable[[], None]) -> None:
        """`told` is called after each transaction that put out events."""
        self._database = database
        self._settings = settings
        self._told = told

    async def run(self) -> None:
        """Ask for what is due, every few seconds."""
        while True:
            try:
                if not await self.ask_some():
                    await asyncio.sleep(LOOK_EVERY_S)
            except DependencyDown:
                await asyncio.sleep(LOOK_EVERY_S)

    async def ask_some(self) -> int:
        """Ask for the next few that are due; how many conversations were looked at.

        Raises:
            DependencyDown: the database is away.
        """
        async with self._database.transaction() as connection:
            if not await connection.fetchval(_ALONE):
                return 0
            await connection.execute(_TIDY)
            left = await self._left(connection)
            due = await connection.fetch(_TAKE, min(left, _AT_ONCE)) if left > 0 else []
            rows = await connection.fetch(_BRANCHES, [row["conversation_id"] for row in due], TAG)
            wanted = [one for one in map(_candidate, rows) if one.is_new and self._lets_through(one)]
            for one in wanted:
                await _ask(connection, one)
        if wanted:
            structlog.get_logger().info("analyses asked for by rule", count=len(wanted))
            self._told()
        return len(due)

    async def _left(self, connection: Connection) -> int:
        spent = await connection.fetchrow(_SPENT)
        assert spent is not None  # a row of sums
        if spent["cost"] >= self._settings.analysis_auto_budget_usd:
            return 0
        return int(self._settings.analysis_auto_per_day - spent["asked"])

    def _lets_through(self, one: Candidate) -> bool:
        least, most = self._settings.analysis_auto_min_requests, self._settings.analysis_auto_max_requests
        return one.kind in self._settings.analysis_auto_kinds and least <= one.requests <= most


async def _ask(connection: Connection, one: Candidate) -> None:
    where = BranchPlace(conversation_id=one.conversation_id, branch_id=one.branch_id, domain=one.domain)
    if one.status is None:
        await queue(connection, where, _BY, by_rule=True)
    else:
        await queue_again(connection, where, _BY, by_rule=True, keep_prompt=True)


def _candidate(row: asyncpg.Record) -> Candidate:
    return Candidate(**dict(row))
