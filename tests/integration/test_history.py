"""The made-up history that reads are timed on is one that the real parts could have written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import asyncpg
import pytest

from plait.cli import deep
from plait.cli.home import Home
from plait.common.postgres import Database
from plait.linker.indexing.rebuilding import rebuild
from tests.bench.history import COMMON, DAYS, RARE
from tests.bench.history.told import Told
from tests.bench.history.writing import told, write

END = datetime(2026, 11, 21, 12, tzinfo=UTC)
EXCHANGES = 1_500


def unseen(*_: object) -> None:
    """Nobody looks at the progress."""


async def test_nothing_is_wrong_with_it(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    before = await indexes(postgres_url)
    await write(postgres_url, 3, EXCHANGES, END, unseen)
    assert before <= await indexes(postgres_url)
    assert {one.check: one.says for one in await deep.examine(Home(tmp_path), unseen) if not one.good} == {}
    assert await differences(postgres_url) == []
    assert await indexed(postgres_url) == await indexed_anew(postgres_url)


async def indexed(url: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    found = await connection.fetch("SELECT * FROM search_texts ORDER BY number")
    await connection.close()
    return list(found)


async def indexed_anew(url: str) -> list[asyncpg.Record]:
    """What the linker's own indexing makes of it: rows that are right stay as they are."""
    database = Database(url, name="test", size=1)
    await rebuild(database, END - timedelta(days=DAYS + 1), emptied=False)
    await database.close()
    return await indexed(url)


_DIFFERENCES = """
WITH rolled AS (
    SELECT domain, sum(requests) AS requests, sum(failed) AS failed, sum(reported) AS reported,
        sum(output_tokens) AS output, sum(cost_usd) AS cost
    FROM usage_slots GROUP BY domain
), counted AS (
    SELECT e.domain, count(*) AS requests,
        count(*) FILTER (WHERE e.outcome IN ('failed', 'interrupted', 'rejected')) AS failed,
        count(u.*) AS reported, coalesce(sum(u.output_tokens), 0) AS output, coalesce(sum(u.cost_usd), 0) AS cost
    FROM exchanges e LEFT JOIN usage u ON u.exchange_id = e.id GROUP BY e.domain
)
SELECT * FROM rolled FULL JOIN counted USING (domain, requests, failed, reported, output, cost)
WHERE rolled IS NULL OR counted IS NULL
"""


async def differences(url: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT sum(calls) FROM tool_slots") > EXCHANGES / 4
    found = await connection.fetch(_DIFFERENCES)
    await connection.close()
    return found


async def indexes(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    found = await connection.fetch("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'")
    await connection.close()
    return {row["indexdef"] for row in found}


def test_it_is_the_same_again_and_in_order() -> None:
    once = [one for one, _ in told(5, EXCHANGES, END)]
    assert len(once) == EXCHANGES
    assert [one.id for one in once] == [one.id for one, _ in told(5, EXCHANGES, END)]
    assert [one.at for one in once] == sorted(one.at for one in once)
    assert once[-1].at < END


@cache
def large() -> list[Told]:
    """One that is large enough for a long conversation."""
    return [one for one, _ in told(1, 10_000, END)]


def test_it_has_something_of_everything() -> None:
    history = large()
    assert {one.asked.kind for one in history} == {"inference", "subagent", "compaction", "auxiliary", "count_tokens"}
    assert {one.linked.link_kind for one in history} == {
        None, "root", "continue", "branch", "spawn", "retry", "interrupted", "compact", "after_compaction",
    }  # fmt: skip
    assert {one.answered.outcome for one in history if one.answered} >= {"complete", "failed", "aborted", "interrupted"}
    assert len({one.person.domain for one in history}) > 20
    assert {result.is_error for one in history for result in one.asked.results} == {True, False}
    said = b"".join(blob.data for one in history for blob in one.asked.blobs)
    assert 0 < said.count(RARE.encode()) < said.count(COMMON.encode()) / 100


def test_one_conversation_is_long() -> None:
    sizes: dict[object, int] = {}
    for one in large():
        sizes[one.linked.conversation_id] = sizes.get(one.linked.conversation_id, 0) + 1
    assert max(sizes.values()) == 2_000
    assert len(sizes) > 200


def test_of_an_exchange_that_runs_nothing_is_known_of_its_end() -> None:
    running = [one for one in large() if one.answered is None]
    assert all(one.at > END - timedelta(hours=1) for one in running)
