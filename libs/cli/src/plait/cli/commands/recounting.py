"""`plait recount` as the terminal sees it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from plait.cli import database, target
from plait.cli.terminal import Console

out = Console()
_STATEMENT_MS: Final = 3_600_000


def recount(
    *, home: Annotated[Path | None, Parameter(help="Whose `plait up` is meant when DATABASE_URL is not set.")] = None
) -> None:
    """Make all sums of usage and tool calls anew from the record: where `plait doctor --deep` finds that they differ.

    Everything else may go on meanwhile.
    """
    url = target.database_url(target.home(home))
    asyncio.run(_recount(url))
    out.print("All sums are those of the record.", highlight=False)


async def _recount(url: str) -> None:
    from plait.common.postgres import open_pool
    from plait.ledger import recounting

    await (await database.connect(url)).close()
    pool = await open_pool(url, name="recount", size=1, statement_timeout_ms=_STATEMENT_MS)
    try:
        async with pool.acquire() as connection:
            await recounting.recount(connection)
    finally:
        await pool.close()
