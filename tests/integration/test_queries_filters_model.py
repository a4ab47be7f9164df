"""Filters and pages against a model of ten lines, for any history."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.common.queries.exchanges import ExchangeFilter, ExchangeSummary, list_exchanges
from plait.common.queries.paging import Cursor, Page
from tests import seeding

TEXTS = ["a", "A%", "_b", "\\", "a_b", "ü", "50% off"]
VALUES: dict[str, list[Any]] = {
    "domain": ["a", "b"],
    "session_id": ["s", "S", None],
    "kind": ["inference", "auxiliary"],
    "model": ["m", None],
    "status": [200, 529, None],
    "outcome": ["complete", "failed", None],
    "preview": [*TEXTS, None],
}
SECONDS = st.integers(0, 5)
HISTORY = st.lists(
    st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()} | {"at": SECONDS}),
    max_size=12,
)
FILTERED_BY = ("domain", "session_id", "kind", "model", "status", "outcome")
WHERE = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.sampled_from([v for v in VALUES[name] if v is not None]) for name in FILTERED_BY},
        "running": st.booleans(),
        "since": SECONDS.map(seeding.moment),
        "until": SECONDS.map(seeding.moment),
        "q": st.sampled_from([*TEXTS, "%", "_", "off"]),
    },
)
PAGE = st.builds(Page, st.integers(1, 5), st.integers(0, 8))


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORY, where=WHERE, page=PAGE)
async def test_as_the_model(
    db: asyncpg.Connection, history: list[dict[str, Any]], where: dict[str, Any], page: Page
) -> None:
    transaction = db.transaction()
    await transaction.start()
    try:
        for row in history:
            await seeding.add_exchange(db, **row)
        every = (await list_exchanges(db, ExchangeFilter(), Page(100))).rows
        listed = await list_exchanges(db, ExchangeFilter(**where), page)
        walked = await by_cursor(db, ExchangeFilter(**where), page.limit)
    finally:
        await transaction.rollback()
    assert len(every) == len(history)
    wanted = [row for row in every if matches(row, where)]
    assert listed.rows == wanted[page.offset : page.offset + page.limit]
    assert walked == wanted
    assert listed.pagination.total == len(wanted)
    assert listed.pagination.has_more == (len(wanted) > page.offset + page.limit)


async def by_cursor(db: asyncpg.Connection, where: ExchangeFilter, limit: int) -> list[ExchangeSummary]:
    """The whole list, page by page; before each page something comes into the list in front of it."""
    rows: list[ExchangeSummary] = []
    after: Cursor | None = None
    while True:
        listed = await list_exchanges(db, where, Page(limit, after=after))
        rows += listed.rows
        if listed.pagination.next_cursor is None:
            return rows
        after = Cursor.parse(listed.pagination.next_cursor)
        await seeding.add_exchange(db, at=100 + len(rows), domain="a", model="m")


def matches(row: ExchangeSummary, where: dict[str, Any]) -> bool:
    """The filters, said once more and naively."""
    same = all(getattr(row, name) == where[name] for name in FILTERED_BY if name in where)
    running = not where.get("running") or row.outcome is None
    since = "since" not in where or row.timestamp >= where["since"]
    until = "until" not in where or row.timestamp < where["until"]
    words = where.get("q", "").lower()
    said = any(words in (text or "").lower() for text in (row.preview, row.path, row.model, str(row.request_id)))
    return same and running and since and until and said
