"""The ledger's consumer: accounts for batches of exchanges' events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from plait.common.consumer import Record, Rejected
from plait.common.events import CostData, UsageData, UsageEvent, usage_event
from plait.common.outbox import Connection, Outbox
from plait.common.postgres import Database
from plait.common.pricing.book import PriceBook
from plait.common.pricing.cost import Cost
from plait.common.topics import USAGE
from plait.ledger import statements
from plait.ledger.batch import Batch, read
from plait.ledger.rows import Row, Used

OUTBOX: Final = Outbox("usage_outbox", USAGE)


class Ledger:
    """Stores what answers say of usage, limits and tools, and what requests say of the tools' results."""

    def __init__(
        self,
        database: Database,
        book: PriceBook | None = None,
        committed: Callable[[Sequence[UUID]], None] = lambda _: None,
    ) -> None:
        """Without a book the published list tells the prices.

        `committed` is called after each batch with the exchanges that the linker has not stored yet.
        """
        self._database = database
        self._book = book or PriceBook()
        self._committed = committed

    async def process(self, batch: Sequence[Record]) -> Sequence[Rejected]:
        """Store a batch of events; see `plait.common.consumer.Processor`.

        Every ledger writes the tables in this order, and each by sorted rows: none waits for another that waits for it.
        So calls and their results, which share a table, have a transaction each.
        """
        found, rejected = read(batch, self._book)
        if found.results:
            async with self._database.transaction() as connection:
                await _run(connection, statements.ADD_RESULTS, found.results)
        async with self._database.transaction() as connection:
            unplaced = await _add_usage(connection, found)
            await _run(connection, statements.ADD_CALLS, found.calls)
            await _run(connection, statements.SEE_LIMITS, found.limit_rows())
            await _run(connection, statements.SEE_WINDOWS, found.window_rows())
            await _run(connection, statements.ADD_WARNINGS, found.warnings)
        self._committed(unplaced)
        return rejected


async def _add_usage(connection: Connection, batch: Batch) -> list[UUID]:
    """Store usage, put out the events of what is new; returns which of it the linker has yet to place."""
    if not batch.used:
        return []
    rows = await connection.fetch(statements.ADD, *_columns([one.row() for one in batch.used.values()]))
    await OUTBOX.put(connection, [event_of(batch.used[row["exchange_id"]]) for row in rows])
    return [UUID(int=row["exchange_id"].int) for row in rows if not row["placed"]]


async def _run(connection: Connection, statement: str, rows: Sequence[Row]) -> None:
    if rows:
        await connection.execute(statement, *_columns(rows))


def _columns(rows: Sequence[Row]) -> list[list[object]]:
    return list(map(list, zip(*rows, strict=True)))


def event_of(one: Used) -> UsageEvent:
    """The event of an exchange's usage."""
    answer, usage = one.answer, one.usage
    data = UsageData(
        exchange_id=answer.exchange_id,
        domain=answer.domain,
        thread=answer.thread,
        started_at=answer.started_at,
        account_id=answer.account_id,
        model=answer.model,
        input_tokens=usage.tokens.input,
        output_tokens=usage.tokens.output,
        thinking_tokens=usage.thinking_tokens,
        cache_read_input_tokens=usage.tokens.cache_read,
        cache_creation5m_input_tokens=usage.tokens.cache_creation_5m,
        cache_creation1h_input_tokens=usage.tokens.cache_creation_1h,
        web_search_requests=usage.web_search_requests,
        web_fetch_requests=usage.web_fetch_requests,
        service_tier=usage.service_tier,
        speed=usage.speed,
        estimated=answer.outcome != "complete",
        subscription=one.subscription,
        cost=_cost_data(one.cost) if one.cost else None,
    )
    return usage_event(data, answer.ended_at)


def _cost_data(cost: Cost) -> CostData:
    return CostData(
        total=cost.total,
        input=cost.input,
        output=cost.output,
        cache_creation5m=cost.cache_5m,
        cache_creation1h=cost.cache_1h,
        cache_read=cost.cache_read,
        tools=cost.tools,
        price_version=cost.version,
    )
