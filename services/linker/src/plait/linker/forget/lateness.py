"""Events of exchanges that were deleted: late ones and repeats are passed over, imports bring an exchange back."""

from __future__ import annotations

import asyncpg

from plait.linker.batch import Batch
from plait.linker.columns import columns
from plait.linker.forget import statements


async def pass_over(connection: asyncpg.pool.PoolConnectionProxy, batch: Batch) -> Batch:
    """The batch without what was deleted; contents of that which are written already are to be looked at.

    The domains of the batch must be locked: until then somebody may delete.
    """
    if batch.imported:
        await connection.execute(statements.REMEMBER, sorted(batch.imported))
    rows = await connection.fetch(statements.FORGOTTEN, sorted(batch.exchanges))
    gone = {row["exchange_id"] for row in rows}
    if not gone:
        return batch
    if forsaken := _contents(batch, gone):
        await connection.execute(statements.FORSAKE_THESE, *columns(forsaken))
    return Batch(
        requests={number: one for number, one in batch.requests.items() if number not in gone},
        responses={number: one for number, one in batch.responses.items() if number not in gone},
        chunks={place: data for place, data in batch.chunks.items() if place[0] not in gone},
    )


def _contents(batch: Batch, gone: set[object]) -> list[tuple[bytes, bool]]:
    """Hashes, and whether each is a link's."""
    asked = [one for number, one in batch.requests.items() if number in gone]
    answered = [one for number, one in batch.responses.items() if number in gone]
    links = {(one.parts.head, True) for one in asked if one.parts.head}
    blobs = [blob for one in asked for blob in (one.parts.system, one.parts.tools, one.frame)]
    blobs += [blob for one in answered for blob in (one.parts.content, one.frame)]
    return sorted(links | {(blob.hash, False) for blob in blobs if blob})
