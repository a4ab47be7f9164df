"""The sums made anew from the rows: should they ever differ (`plait doctor --deep` tells)."""

from __future__ import annotations

from typing import Final

from plait.common.outbox import Connection
from plait.common.queries.named import statements

_SQL: Final = statements("sums")
_STEPS: Final = (
    "hold_settling",
    "drop_usage",
    "drop_totals",
    "drop_calls",
    "drop_tool_totals",
    "drop_conversations",
    "mend_usage",
    "mend_calls",
    "mend_conversations",
    "settle",
)


async def recount(connection: Connection) -> None:
    """Sum up all exchanges, their usage and tool calls, in one transaction.

    Linkers and ledgers may go on meanwhile: their changes lie beside the settled sums, and what a step sees of these it
    sees of the rows too. Readers see the old sums, then the new ones.
    """
    async with connection.transaction():
        for step in _STEPS:
            await connection.execute(_SQL[step].sql)
