"""Sums over conversations, beside the ledger: made anew where something changed (0013_conversation_sums.sql)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final
from uuid import UUID

from msgspec import Struct

from plait.common.postgres import Database
from plait.common.queue_worker import QueueWorker

AT_ONCE: Final = 5000
"""Entries of the queue in one transaction ..."""
_EXCHANGES: Final = 20_000
"""... and exchanges that are summed up in it, as far as they are not all of one conversation."""
_BREAK: Final = 3
"""After work a break as many times as long: the queue's readers miss nothing, and the ledger shares our processor."""
_LONG: Final = 250
"""A conversation of so many exchanges is not summed up with each that comes."""
_REST_S: Final = 0.002
"""How long it is left alone afterwards, for each of them: some 500 times as long as summing them up took."""

# Plans are kept: made while tables were small they must still do when these are large. So rows are found by indexes.
# Whoever deletes conversations deletes their sums in whatever order: we do not wait for him, who may wait for us.
_TRY_TURN: Final = """
SELECT
    pg_try_advisory_xact_lock(22637163773715001), set_config('enable_seqscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
    set_config('lock_timeout', '100ms', true)
"""
# An exchange that has no conversation yet names none: whoever links it does. Conversations of $2 are left alone, and so
# are those that make too many exchanges ($3) at once.
_TAKE: Final = """
WITH named AS MATERIALIZED (
    SELECT d.ctid AS place, coalesce(d.conversation_id, l.conversation_id) AS id
    FROM conversation_queue AS d LEFT JOIN links AS l ON l.exchange_id = d.exchange_id
    WHERE coalesce(d.conversation_id, l.conversation_id) = ANY($2::uuid[]) IS NOT true
    LIMIT $1
), counted AS (
    SELECT c.id, sum(c.request_count) OVER (ORDER BY c.id) - c.request_count AS before
    FROM conversations AS c WHERE c.id IN (SELECT id FROM named)
), taken AS MATERIALIZED (
    SELECT place, id FROM named
    WHERE NOT EXISTS (SELECT FROM counted WHERE counted.id = named.id AND counted.before >= $3)
), gone AS (
    DELETE FROM conversation_queue WHERE ctid = ANY(ARRAY(SELECT place FROM taken))
)
SELECT id FROM taken
"""
# Of long ones ($2) it answers how long they are.
_SUM_UP: Final = """
WITH summed AS MATERIALIZED (
    SELECT * FROM conversations_summed WHERE id = ANY($1::uuid[])
), put AS (
    INSERT INTO conversation_sums AS s SELECT * FROM summed
    ON CONFLICT (id) DO UPDATE SET
        domain = excluded.domain, account_id = excluded.account_id, title = excluded.title,
        first_time = excluded.first_time, last_time = excluded.last_time, request_count = excluded.request_count,
        session_ids = excluded.session_ids, models = excluded.models, branch_count = excluded.branch_count,
        subtask_count = excluded.subtask_count, compact_count = excluded.compact_count,
        user_branch_count = excluded.user_branch_count, total_tokens = excluded.total_tokens,
        cost_usd = excluded.cost_usd, unpriced_count = excluded.unpriced_count, failed_count = excluded.failed_count,
        context_tokens = excluded.context_tokens
    WHERE s IS DISTINCT FROM excluded
)
SELECT id, request_count FROM summed WHERE request_count >= $2
"""
# Deleted since they were taken.
_DROP_GONE: Final = """
DELETE FROM conversation_sums AS s
WHERE s.id = ANY($1::uuid[]) AND NOT EXISTS (SELECT FROM conversations AS c WHERE c.id = s.id)
"""


class Summed(Struct, frozen=True):
    """What was worked on."""

    entries: int = 0
    """Of the queue; 0 also while another process is at it."""
    long: Mapping[UUID, int] = {}
    """Long conversations among them, and their exchanges."""


class Summing(QueueWorker):
    """Takes conversations out of the queue and sums them up.

    Nobody wakes it, and long conversations rest between two times: what running ones cost does not grow with their
    number of exchanges. Who reads meanwhile sums up what is due himself.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__("conversation sums")
        self._database = database
        self._clock = clock
        self._resting: dict[UUID, float] = {}

    async def work(self) -> int:
        """Sum up some, and have a break; how many entries of the queue it was."""
        began = self._clock()
        self._resting = {number: until for number, until in self._resting.items() if until > began}
        done = await sum_up_some(self._database, self._resting)
        ended = self._clock()
        self._resting |= {number: ended + length * _REST_S for number, length in done.long.items()}
        if done.entries:
            await asyncio.sleep(_BREAK * (ended - began))
        return done.entries


async def sum_up_some(database: Database, resting: Collection[UUID] = ()) -> Summed:
    """Work on entries of the queue, but for those of `resting` conversations.

    One at a time does, of all ledgers. What is taken out is summed up by a later snapshot of the same transaction: each
    change that was named is seen, and what comes after it is named again.

    Raises:
        DependencyDown: the database went away, or somebody deletes some of them just now; the entries are in the queue
            as before.
    """
    async with database.transaction() as connection:
        if not await connection.fetchval(_TRY_TURN):
            return Summed()
        taken = [row["id"] for row in await connection.fetch(_TAKE, AT_ONCE, list(resting), _EXCHANGES)]
        numbers = sorted({UUID(int=number.int) for number in taken if number})
        rows = await connection.fetch(_SUM_UP, numbers, _LONG) if numbers else []
        if numbers:
            await connection.execute(_DROP_GONE, numbers)
        return Summed(len(taken), {UUID(int=row["id"].int): row["request_count"] for row in rows})
