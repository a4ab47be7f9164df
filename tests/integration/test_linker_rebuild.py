"""Links decided anew from the record: nothing changes where nothing is wrong, and what is wrong is mended and told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from plait.common.errors import UserError
from plait.common.postgres import Database, open_pool
from plait.common.queries.exchanges import ExchangeFilter
from plait.linker import rebuilding
from plait.linker.domain.facts import FACTS_VERSION
from plait.linker.domain.keys import lock
from plait.linker.knowledge import OtherFacts
from plait.linker.processor import Linker
from plait.linker.rebuilding import rebuild
from plait.linker.statements import LOCK
from tests.exchange_events import records
from tests.integration.test_linker_corpus import feed, tree_in
from tests.recorded_events import everything

KEPT = ("facts", "answer_facts", "link_offers", "link_asks", "links")


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=2)
    await feed(Linker(database, lambda: None), everything())
    yield database
    await database.close()


@pytest.fixture
async def connection(postgres_url: str) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
    pool = await open_pool(postgres_url, name="rebuild", size=1)
    async with pool.acquire() as connection:
        yield connection
    pool.terminate()


async def rows_of(connection: asyncpg.pool.PoolConnectionProxy) -> dict[str, list[tuple[object, ...]]]:
    """What linking keeps, row by row."""
    return {
        name: sorted(tuple(map(repr, row)) for row in await connection.fetch(f"SELECT * FROM {name}")) for name in KEPT
    }


async def test_an_untouched_record_stays_as_it_is(
    database: Database, connection: asyncpg.pool.PoolConnectionProxy
) -> None:
    await connection.execute("TRUNCATE outbox")
    before, tree = await rows_of(connection), await tree_in(database)
    seen: list[tuple[int, int]] = []
    found = await rebuild(connection, ExchangeFilter(), advance=lambda done, total: seen.append((done, total)))
    assert (found.damaged, found.differences) == (0, [])
    assert seen[-1] == (found.exchanges, found.exchanges)
    assert found.exchanges == len({part.exchange_id for part in everything()})
    assert await rows_of(connection) == before
    assert await tree_in(database) == tree
    assert await connection.fetchval("SELECT count(*) FROM outbox") == 0


async def test_links_that_are_wrong_are_mended_and_told(
    database: Database, connection: asyncpg.pool.PoolConnectionProxy
) -> None:
    tree = await tree_in(database)
    wrong = await connection.fetchval(
        "UPDATE links SET link_kind = 'root', parent_id = NULL WHERE exchange_id ="
        " (SELECT exchange_id FROM links WHERE link_kind = 'continue' ORDER BY 1 LIMIT 1) RETURNING exchange_id"
    )
    trial = await rebuild(connection, ExchangeFilter(), dry_run=True)
    assert [one.exchange_id for one in trial.differences] == [wrong]
    assert trial.differences[0].before["link_kind"] == "root"
    assert trial.differences[0].after["link_kind"] == "continue"
    assert await tree_in(database) != tree
    await connection.execute("DISCARD TEMP")
    assert (await rebuild(connection, ExchangeFilter())).differences == trial.differences
    assert await tree_in(database) == tree


async def test_a_trial_and_a_linker_do_not_wait_for_each_other(
    database: Database,
    connection: asyncpg.pool.PoolConnectionProxy,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A linker holds the first lock, and then wants those of the exchanges with which a trial begins."""
    monkeypatch.setattr(rebuilding, "RUN", 10)
    locks = sorted({lock(part.domain) for part in everything()})
    oldest = await connection.fetchval("SELECT domain FROM exchanges ORDER BY started_at, id LIMIT 1")
    assert lock(oldest) != locks[0], "the trial would begin with what the linker holds"
    linker = await asyncpg.connect(postgres_url)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group, linker.transaction():
        await linker.execute(LOCK, locks[:1])
        trial = group.create_task(rebuild(connection, ExchangeFilter(), dry_run=True))
        while not await linker.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
            await asyncio.sleep(0)
        await linker.execute(LOCK, locks[1:])
    assert trial.result().differences == []
    await linker.close()


async def test_facts_of_another_version_are_read_again(
    database: Database, connection: asyncpg.pool.PoolConnectionProxy
) -> None:
    """As after an upgrade: the linker says what to do and waits, a rebuild of everything lets it go on."""
    tree, before = await tree_in(database), await rows_of(connection)
    await connection.execute(
        "UPDATE facts SET version = 0, data = 'older', asked = 1, begun = 2, line = 3, follows = 4"
    )
    await connection.execute("UPDATE answer_facts SET version = 0, data = 'older', answered = 5, tool = 6")
    linker = Linker(database, lambda: None)
    with pytest.raises(OtherFacts, match=f"version 0, this linker reads version {FACTS_VERSION}: run `plait links"):
        await linker.process(records(everything()[0]))
    with pytest.raises(UserError, match="rebuild all of them"):
        await rebuild(connection, ExchangeFilter(domain="a.test"))
    assert (await rebuild(connection, ExchangeFilter())).differences == []
    assert await tree_in(database) == tree
    assert await rows_of(connection) == before
    assert await linker.process(records(everything()[0])) == []


async def test_a_domain_alone(database: Database, connection: asyncpg.pool.PoolConnectionProxy) -> None:
    domain = everything()[0].domain
    mine = {part.exchange_id for part in everything() if part.domain == domain}
    assert (await rebuild(connection, ExchangeFilter(domain=domain))).exchanges == len(mine)
