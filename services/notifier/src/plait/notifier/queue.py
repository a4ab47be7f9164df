"""Puts notices in the queue: each matter once for each way out, whatever comes again."""

from __future__ import annotations

from collections.abc import Sequence

from plait.common.outbox import Connection
from plait.notifier import statements
from plait.notifier.matters import Matter
from plait.notifier.routes import Routes


async def queue(connection: Connection, matters: Sequence[Matter], routes: Routes) -> int:
    """Queue what has not been told, for where its domain's notices go; how many notices that makes.

    Written with the caller's transaction.
    """
    ways = [(lane, matter) for matter in matters for lane in routes.of(matter.domain)]
    if not ways:
        return 0
    keys = [(lane, key) for lane, one in ways for key in (one.key, *one.same, *one.lesser)]
    claimed = await connection.fetch(statements.CLAIM, *_columns(keys))
    new = {(row["lane"], row["key"]) for row in claimed}
    new -= {(lane, key) for lane, one in ways for key in one.lesser}
    rows = []
    for lane, one in ways:
        names = {(lane, key) for key in (one.key, *one.same)}
        if names <= new:
            rows.append((lane, one.key, one.domain, one.kind, one.subject, one.at))
        new -= names
    if rows:
        await connection.execute(statements.QUEUE, *_columns(rows))
    return len(rows)


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return list(map(list, zip(*rows, strict=True)))
