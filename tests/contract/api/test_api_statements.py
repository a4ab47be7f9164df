"""How many statements a route costs: as many for many rows as for few."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import httpx2
import pytest

from plait.common import postgres
from tests import scene, seeding
from tests.contract.api.conftest import served

GIVEN = {"q": "story", "group_by": "day", "limit": "1"}
"""What parameters are given, where a route takes them."""
MORE = 60


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Whatever is asked of the database."""
    asked: list[str] = []
    prepare = postgres._prepare

    async def listening(connection: asyncpg.Connection) -> None:
        await prepare(connection)
        connection.add_query_logger(lambda query: asked.append(query.query))

    monkeypatch.setattr(postgres, "_prepare", listening)
    yield asked
    assert asked


@pytest.fixture
async def counted(postgres_url: str, statements: list[str]) -> AsyncIterator[httpx2.AsyncClient]:
    """The API, counting."""
    async for client in served(postgres_url):
        yield client


async def test_costs_do_not_grow(
    counted: httpx2.AsyncClient, statements: list[str], whole: scene.Scene, postgres_url: str
) -> None:
    targets = [target async for target in reading(counted, whole)]
    for target in targets:  # a connection asks once for each type that it meets
        await counted.get(target)
    before = [await cost(counted, statements, target) for target in targets]
    await grow(postgres_url, whole)
    after = [await cost(counted, statements, target) for target in targets]
    assert dict(zip(targets, after, strict=True)) == dict(zip(targets, before, strict=True))
    assert len(targets) > 20
    assert max(before) < 20


@pytest.mark.parametrize(("form", "a_run"), [("jsonl", 100), ("md", 50), ("html", 50)])
async def test_files_cost_a_few_statements_a_run(
    counted: httpx2.AsyncClient, statements: list[str], whole: scene.Scene, postgres_url: str, form: str, a_run: int
) -> None:
    target = f"/api/conversations/{whole.told}/export?format={form}"
    before = await cost(counted, statements, target)
    await grow(postgres_url, whole)
    after = await cost(counted, statements, target)
    assert after - before <= 6 * (MORE // a_run + 1), (before, after)


async def reading(client: httpx2.AsyncClient, s: scene.Scene) -> AsyncIterator[str]:
    """A call of every route that reads and ends, but for files."""
    paths: dict[str, Any] = (await client.get("/openapi.json")).json()["paths"]
    for path, operations in paths.items():
        get = operations.get("get", {"responses": {"200": {}}})
        if "application/json" not in get["responses"]["200"].get("content", {}):
            continue
        ids: dict[str, object] = {"id": s.told if "conversations" in path else s.root, "a": s.root, "b": s.more}
        ids |= {"conversationId": s.told, "branchId": "main"}
        names = [parameter["name"] for parameter in get.get("parameters", [])]
        filled = path.format(**{name: str(number) for name, number in ids.items()})
        yield str(httpx2.URL(filled, params={name: GIVEN[name] for name in names if name in GIVEN}))


async def cost(client: httpx2.AsyncClient, statements: list[str], target: str) -> int:
    statements.clear()
    answer = await client.get(target)
    assert answer.status_code == 200, (target, answer.text)
    return len(statements)


async def grow(url: str, s: scene.Scene) -> None:
    connection = await asyncpg.connect(url)
    for at in range(100, 100 + MORE):
        exchange = await seeding.add_exchange(
            connection, at, ended_at=seeding.moment(at), request_size=2, response_size=2
        )
        await seeding.add_link(connection, exchange, s.root, branch_id=f"branch_{at}")
        await seeding.add_usage(connection, exchange, (1, 1, 1, 1))
        await seeding.add_conversation(connection, exchange)
        await seeding.add_request_body(connection, exchange, b'{"messages":[{"role":"user","content":"%d"}]}' % at)
        await seeding.add_answer_body(connection, exchange, b"{}")
        await seeding.add_pieces(connection, s.root, at, [])
    await connection.close()
