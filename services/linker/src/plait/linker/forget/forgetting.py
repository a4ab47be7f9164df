"""Deletes exchanges, and decides anew for those that were linked to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg

from plait.linker import knowledge, statements
from plait.linker.announce import put_out
from plait.linker.columns import columns
from plait.linker.domain.facts import Facts
from plait.linker.domain.keys import lock
from plait.linker.domain.offers import offers
from plait.linker.forget import statements as forgetting
from plait.linker.forget.months import Month
from plait.linker.indexing.queue import queue
from plait.linker.knowledge import Change
from plait.linker.placing import askers, place_these
from plait.linker.rereading import reread
from plait.linker.shelf import Shelf
from plait.linker.summing import sum_up
from plait.linker.trees import name_again


async def forget(
    connection: asyncpg.pool.PoolConnectionProxy, exchanges: Mapping[UUID, str], months: Sequence[Month] = ()
) -> int:
    """Delete exchanges, given with their domains, from every table; how many were still there.

    Neighbours stand afterwards as if these had never come. What contents the exchanges shared with none is deleted
    later (`sweeping`): until then it is in `forsaken`. The bodies of those `months` stay: they go with their tables.
    """
    await connection.execute(statements.LOCK, sorted({lock(domain) for domain in exchanges.values()}))
    numbers = sorted(exchanges)
    facts = list((await knowledge.facts_of(connection, numbers)).values())
    neighbours = await _neighbours(connection, numbers, facts)
    emptied = await _ids(connection, forgetting.CONVERSATIONS, numbers)
    await _drop_offers(connection, facts)
    await _delete_bodies(connection, [n for n in numbers if not any(month.holds(n) for month in months)])
    deleted = await _delete_rows(connection, numbers)
    changes = await _read_again(connection, sorted(neighbours))
    shelf = Shelf(connection, changes)
    placed = await place_these(connection, shelf, changes)
    woven = await name_again(connection, shelf, placed.links, emptied)
    await knowledge.keep(connection, placed.before, placed.facts)
    await queue(connection, placed.links)
    await put_out(connection, await sum_up(connection, woven))
    return deleted


async def _neighbours(
    connection: asyncpg.pool.PoolConnectionProxy, numbers: Sequence[UUID], facts: Sequence[Facts]
) -> set[UUID]:
    """Who pointed at these exchanges, or asked for a key under which one was found."""
    pointing = await _ids(connection, forgetting.POINTING, numbers)
    return (pointing | await askers(connection, [Change(None, one) for one in facts])) - set(numbers)


async def _read_again(connection: asyncpg.pool.PoolConnectionProxy, numbers: Sequence[UUID]) -> list[Change]:
    """The facts of exchanges, whole: what is kept of them may not tell whom they follow when their parent is gone."""
    kept, whole = await knowledge.facts_of(connection, numbers), await reread(connection, numbers)
    return [Change(facts, whole.get(number, facts)) for number, facts in kept.items()]


async def _drop_offers(connection: asyncpg.pool.PoolConnectionProxy, facts: Sequence[Facts]) -> None:
    if offered := sorted((one_key, *one.stamp) for one in facts for one_key in offers(one)):
        await connection.execute(statements.DROP_OFFERS, *columns(offered))


async def _delete_bodies(connection: asyncpg.pool.PoolConnectionProxy, numbers: Sequence[UUID]) -> None:
    await connection.execute(forgetting.FORSAKE, numbers)
    for statement in forgetting.DELETE_BODIES:
        await connection.execute(statement, numbers)


async def _delete_rows(connection: asyncpg.pool.PoolConnectionProxy, numbers: Sequence[UUID]) -> int:
    """Delete all other rows; how many exchanges there were."""
    deleted = 0
    for statement in forgetting.DELETE_ROWS:
        status = await connection.execute(statement, numbers)
        if statement.startswith("DELETE FROM exchanges "):
            deleted = int(status.rpartition(" ")[2])
    return deleted


async def _ids(connection: asyncpg.pool.PoolConnectionProxy, statement: str, numbers: Sequence[UUID]) -> set[UUID]:
    return {UUID(int=row[0].int) for row in await connection.fetch(statement, numbers)}
