"""Links decided anew for exchanges that are recorded: after a change of the rules, of the extraction, or of the rows.

Facts are read again off the recorded bodies, so nothing that an earlier version kept, or left out, matters.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

import asyncpg

from plait.common.errors import UserError
from plait.common.queries.exchanges import ExchangeFilter, count_all, walk
from plait.linker import knowledge, statements
from plait.linker.announce import put_out
from plait.linker.domain.facts import FACTS_VERSION, Facts
from plait.linker.domain.keys import lock
from plait.linker.indexing.queue import queue
from plait.linker.knowledge import Change
from plait.linker.placing import place_these
from plait.linker.rereading import reread
from plait.linker.shelf import Shelf
from plait.linker.summing import sum_up
from plait.linker.trees import name_again

RUN: Final = 200
"""Exchanges decided in one transaction: for so long the linkers of their domains wait."""
Advance = Callable[[int, int], None]
"""Called with how many exchanges are done, and of how many."""
_Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy"
_Work: TypeAlias = "Callable[[_Connection, Sequence[UUID], Mapping[UUID, Facts]], Awaitable[None]]"
COMPARED: Final = ("conversation_id", "parent_id", "link_kind", "branch_id", "retry_of", "serves_id", "rule")


@dataclass(frozen=True)
class Difference:
    """An exchange whose link is another one than before; what did not change is left out."""

    exchange_id: UUID
    before: Mapping[str, object]
    after: Mapping[str, object]


@dataclass(frozen=True)
class Rebuilt:
    """What came of a rebuild."""

    exchanges: int
    damaged: int
    """Whose record cannot be read: their facts were left as they are."""
    differences: Sequence[Difference]


async def rebuild(
    connection: _Connection,
    where: ExchangeFilter,
    *,
    dry_run: bool = False,
    advance: Advance = lambda _done, _total: None,
) -> Rebuilt:
    """Decide anew for all exchanges that match; `dry_run`: and undo it, in one transaction that linkers wait for.

    Broken off, it is ended by asking for it again.

    Raises:
        UserError: facts are of another version, and not all exchanges are to be rebuilt.
    """
    await connection.execute(statements.REMEMBER_LINKS)
    if not dry_run:
        return await _rebuild(connection, where, advance)
    undone = connection.transaction()
    await undone.start()
    try:
        # Locks that are held until the end are taken in order: linkers that hold some wait for nothing of ours.
        await _lock(connection, await connection.fetch(statements.DOMAINS, where.domain))
        return await _rebuild(connection, where, advance)
    finally:
        await undone.rollback()


async def _rebuild(connection: _Connection, where: ExchangeFilter, advance: Advance) -> Rebuilt:
    other_version = await connection.fetchval(statements.OTHER_VERSIONS, FACTS_VERSION)
    if other_version and where != ExchangeFilter():
        raise UserError("Facts are of another version than this linker's: rebuild all of them, without a filter.")
    passes: list[_Work] = [_write_facts, _decide] if other_version else [_decide]
    total = len(passes) * await count_all(connection, where)
    done = damaged = 0
    for number, work in enumerate(passes):
        if work is _write_facts:
            await connection.execute(statements.FORGET_KEYS)
            await connection.execute(statements.FORGET_WAITING, FACTS_VERSION)
        async for run in _runs(connection, where):
            async with connection.transaction():
                missing = await _one_run(connection, run, work)
            damaged += missing if number == 0 else 0
            done += len(run)
            advance(done, total)
    differences = await _differences(connection)
    await queue(connection, [one.exchange_id for one in differences])
    return Rebuilt(done // len(passes), damaged, differences)


async def _runs(connection: _Connection, where: ExchangeFilter) -> AsyncIterator[list[UUID]]:
    """Ids, oldest first, some at a time."""
    run: list[UUID] = []
    async for number, _ in walk(connection, where):
        run.append(number)
        if len(run) == RUN:
            yield run
            run = []
    if run:
        yield run


async def _one_run(connection: _Connection, run: Sequence[UUID], work: _Work) -> int:
    """Do the work for exchanges whose domains are locked; how many of them cannot be read."""
    domains = await connection.fetch(statements.DOMAINS_OF, run)
    await _lock(connection, domains)
    whole = await reread(connection, run)
    await work(connection, run, whole)
    return len(domains) - len(whole)


async def _lock(connection: _Connection, domains: Sequence[asyncpg.Record]) -> None:
    await connection.execute(statements.LOCK, sorted({lock(row["domain"]) for row in domains}))


async def _write_facts(connection: _Connection, _: Sequence[UUID], whole: Mapping[UUID, Facts]) -> None:
    """The facts of this version, not yet decided by: all must be there before the first is."""
    await knowledge.keep(connection, {}, list(whole.values()))


async def _decide(connection: _Connection, run: Sequence[UUID], whole: Mapping[UUID, Facts]) -> None:
    kept = await knowledge.facts_of(connection, run)
    changes = [Change(kept.get(number), whole.get(number) or kept[number]) for number in sorted({*kept, *whole})]
    shelf = Shelf(connection, changes)
    placed = await place_these(connection, shelf, changes)
    woven = await name_again(connection, shelf, placed.links)
    await knowledge.keep(connection, placed.before, placed.facts)
    await put_out(connection, await sum_up(connection, woven))


async def _differences(connection: _Connection) -> list[Difference]:
    found = []
    for row in await connection.fetch(statements.CHANGED_LINKS):
        changed = [name for name in COMPARED if row[f"had_{name}"] != row[f"has_{name}"]]
        before, after = ({name: row[f"{when}_{name}"] for name in changed} for when in ("had", "has"))
        found.append(Difference(UUID(int=row["exchange_id"].int), before, after))
    return found
