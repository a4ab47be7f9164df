"""Sums by slots against the rows themselves, after random histories of everybody who writes."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, Final

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from plait.common.consumer import Record
from plait.common.events import SOURCE_IMPORT, RequestData, ResponseData, request_event, response_event
from plait.common.forgetting import Selection
from plait.common.postgres import Database
from plait.ledger.calls import call_key
from plait.ledger.keeping import Keeper
from plait.ledger.processor import Ledger
from plait.ledger.recounting import recount
from plait.linker.forget.deletion import delete
from plait.linker.processor import Linker
from tests.exchange_events import asked, ended, records, said
from tests.integration.test_linker_corpus import forget as wipe
from tests.seeding import add_exchange
from tests.totals import assert_totals_are_right

EXAMPLES: Final = int(os.environ.get("PLAIT_SUMS_EXAMPLES", "2"))
"""Nightly runs try many."""
KEY: Final = "slot, domain, account_id, model, kind, request_type, key_name, tag, agent_type"
COUNTS: Final = ("requests", "ended", "failed", "timed", "duration_ms", "tool_calls")
FIGURES: Final = (
    "reported", "input_tokens", "output_tokens", "thinking_tokens", "cache_read_tokens", "cache_creation_tokens",
    "cache_creation_5m_tokens", "cache_creation_1h_tokens", "web_search_requests", "web_fetch_requests", "cost_usd",
    "subscription_cost_usd", "unpriced",
)  # fmt: skip
SLOTS: Final = f"""
SELECT {KEY}, {", ".join(f"sum({name}) AS {name}" for name in (*COUNTS, *FIGURES))}
FROM usage_slots GROUP BY {KEY} HAVING sum(requests) <> 0 OR sum(reported) <> 0
"""
RAW: Final = f"""
SELECT {KEY}, {", ".join(f"sum({name}) AS {name}" for name in (*COUNTS, *FIGURES))}
FROM (
    SELECT date_bin('15 minutes', started_at, '2000-01-01Z') AS slot, domain, account_id, model, kind, request_type,
        key_name, tag, agent_type, 1 AS requests, (outcome IS NOT NULL)::int AS ended,
        coalesce(outcome IN ('failed', 'interrupted', 'rejected'), false)::int AS failed,
        (duration_ms IS NOT NULL)::int AS timed, coalesce(duration_ms::numeric, 0) AS duration_ms,
        coalesce(tool_call_count, 0) AS tool_calls, {", ".join(f"0 AS {name}" for name in FIGURES)}
    FROM exchanges WHERE method IS NOT NULL
    UNION ALL
    SELECT date_bin('15 minutes', u.started_at, '2000-01-01Z'), u.domain, u.account_id, u.model, e.kind, e.request_type,
        e.key_name, e.tag, e.agent_type, 0, 0, 0, 0, 0, 0, 1, input_tokens, output_tokens, thinking_tokens,
        cache_read_tokens, cache_creation_tokens, cache_creation_5m_tokens, cache_creation_1h_tokens,
        web_search_requests, web_fetch_requests, coalesce(cost_usd, 0),
        CASE WHEN subscription THEN coalesce(cost_usd, 0) ELSE 0 END, (cost_usd IS NULL)::int
    FROM usage u LEFT JOIN exchanges e ON e.id = u.exchange_id AND e.method IS NOT NULL
) AS rows
GROUP BY {KEY}
"""
"""The kind and its like come from the exchanges: what the ledger repeats beside the usage must equal them."""
TOOLS: Final = """
SELECT slot, domain, account_id, tool, sum(calls) AS calls, sum(results) AS results, sum(errors) AS errors,
    sum(waited_ms) AS waited_ms, sum(lines_added) AS lines_added, sum(lines_removed) AS lines_removed
FROM tool_slots GROUP BY 1, 2, 3, 4 HAVING sum(calls) <> 0
"""
RAW_TOOLS: Final = """
SELECT date_bin('15 minutes', called_at, '2000-01-01Z') AS slot, domain, account_id, tool, count(*) AS calls,
    count(returned_at) AS results, count(*) FILTER (WHERE failed) AS errors,
    coalesce(sum(greatest(0, extract(epoch FROM returned_at - called_at) * 1000)::bigint), 0) AS waited_ms,
    coalesce(sum(lines_added) FILTER (WHERE NOT failed), 0) AS lines_added,
    coalesce(sum(lines_removed) FILTER (WHERE NOT failed), 0) AS lines_removed
FROM tool_calls WHERE exchange_id IS NOT NULL GROUP BY 1, 2, 3, 4
"""


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=6)
    yield database
    await database.close()


def history(seed: int) -> list[RequestData | ResponseData]:
    """Sessions with tool calls, sub-agents that are known late, failures and several models; requests and answers."""
    chance = random.Random(seed)
    parts: list[RequestData | ResponseData] = []
    for session in range(6):
        messages: list[Any] = [said("user", f"session {session}")]
        for turn in range(5):
            agent = chance.choice([[], [], [("x-claude-code-agent-type", "Explore")]])
            at = session * 700 + turn * 60
            request = asked(
                *messages, at=at, session=f"s{session}", domain=chance.choice("ab") + ".test", headers=agent
            )
            request = structs.replace(
                request, tag=chance.choice([None, "blue"]), account_id=chance.choice([None, "acc"])
            )
            prompt = f"look at {session} {turn}"
            call = {"type": "tool_use", "id": f"toolu_{session}_{turn}", "name": chance.choice(["Agent", "Edit"]),
                "input": {"prompt": prompt, "old_string": "a\nb", "new_string": "a\nc\nd"}}  # fmt: skip
            parts += [request, _answer(request, chance, [call])]
            if call["name"] == "Agent":
                child = asked(said("user", prompt), at=at + 5, session=f"s{session}", domain=request.domain)
                parts += [child, _answer(child, chance, [{"type": "text", "text": "seen"}])]
            result = {
                "type": "tool_result",
                "tool_use_id": call["id"],
                "is_error": chance.random() < 0.3,
                "content": "x",
            }
            messages += [said("assistant", [call]), said("user", [result])]
    return parts


def _answer(request: RequestData, chance: random.Random, content: list[dict[str, Any]]) -> ResponseData:
    body = msgspec.json.encode(
        {"id": f"m{request.exchange_id}", "role": "assistant", "content": content, "stop_reason": "tool_use"}
    )
    outcome: Any = chance.choice(["complete"] * 4 + ["interrupted", "failed"])
    usage = {
        "input_tokens": chance.randrange(99),
        "output_tokens": 7,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 5,
        "server_tool_use": {"web_search_requests": chance.choice([0, 2])},
    }
    return structs.replace(
        ended(request, outcome=outcome, lasted=chance.choice([1.0, 2.345]), body=body),
        usage=msgspec.Raw(msgspec.json.encode(usage)) if outcome != "failed" else msgspec.UNSET,
        model=chance.choice(["claude-opus-5-5", "claude-haiku-4-5-20251001", "gpt-4"]),
        account_id=request.account_id,
        headers=chance.choice([[], [("anthropic-ratelimit-unified-status", "allowed")]]),
    )


async def sums(database: Database, statement: str) -> list[dict[str, Any]]:
    async with database.transaction() as connection:
        rows = [dict(row) for row in await connection.fetch(statement)]
    return sorted(rows, key=repr)


async def agree(database: Database) -> None:
    assert await sums(database, SLOTS) == await sums(database, RAW)
    assert await sums(database, TOOLS) == await sums(database, RAW_TOOLS)
    async with database.transaction() as connection:
        await assert_totals_are_right(connection)


def imported(part: RequestData | ResponseData) -> Record:
    wrap: Any = request_event if isinstance(part, RequestData) else response_event
    return Record("plait.any", 0, 0, wrap(part, source=SOURCE_IMPORT))


async def recounting(database: Database) -> None:
    """Sums are settled, and made anew, while others write."""
    keeper = Keeper(database)
    for _ in range(5):
        await keeper.tend()
        async with database.transaction() as connection:
            await recount(connection)


@pytest.mark.parametrize("seed", range(2))
async def test_sums_equal_the_rows_whatever_the_order(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    ledgers, linkers = [Ledger(database) for _ in range(2)], [Linker(database, lambda: None) for _ in range(2)]
    writers: list[Ledger | Linker] = [*ledgers, *linkers]
    keeper = Keeper(database)
    told = history(seed)

    async def work(writer: Ledger | Linker, parts: Sequence[RequestData | ResponseData]) -> None:
        for start in range(0, len(parts), 9):
            await writer.process(records(*parts[start : start + 9]))

    def shuffled() -> list[RequestData | ResponseData]:
        return chance.sample(told + told[::3], len(told) + len(told[::3]))

    await asyncio.gather(*(work(writer, shuffled()) for writer in writers), recounting(database))
    await keeper.tend()
    await agree(database)
    once = await sums(database, SLOTS)
    await asyncio.gather(*(work(writer, shuffled()) for writer in writers))
    await keeper.tend()
    assert await sums(database, SLOTS) == once

    await delete(database, Selection(before=told[0].started_at + timedelta(seconds=chance.randrange(3000))), "ann")
    await agree(database)
    await keeper.tend()
    await delete(database, Selection(domain="a.test"), "ann")
    await agree(database)
    again = [imported(part) for part in chance.sample(told, 20)]
    await linkers[0].process(again)
    await ledgers[0].process(again)
    await keeper.tend()
    await agree(database)
    await delete(database, Selection(), "ann")
    await keeper.tend()
    assert await sums(database, SLOTS) == []
    assert await sums(database, TOOLS) == []


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32), chance=st.randoms(use_true_random=False), size=st.integers(1, 30))
async def test_any_order_repeats_and_splits_give_the_same_sums(
    database: Database, seed: int, chance: random.Random, size: int
) -> None:
    told = history(seed)[:30]
    ledgers, linker, keeper = [Ledger(database) for _ in range(3)], Linker(database, lambda: None), Keeper(database)
    await wipe(database)
    writers: list[Ledger | Linker] = [linker, *ledgers]
    for writer in writers[:2]:
        await writer.process(records(*told))
    await keeper.tend()
    wanted = await sums(database, SLOTS), await sums(database, TOOLS)

    await wipe(database)
    dealt: list[tuple[Ledger | Linker, RequestData | ResponseData]] = [(linker, part) for part in told]
    dealt += [(chance.choice(ledgers), part) for part in told + chance.sample(told, len(told) // 3)]
    chance.shuffle(dealt)
    for start in range(0, len(dealt), size):
        for writer in writers:
            if parts := [part for whose, part in dealt[start : start + size] if whose is writer]:
                await writer.process(records(*parts))
    await keeper.tend()
    assert (await sums(database, SLOTS), await sums(database, TOOLS)) == wanted
    await agree(database)


async def test_one_history_in_any_order_gives_the_same_sums(database: Database) -> None:
    ledger, linker, keeper = Ledger(database), Linker(database, lambda: None), Keeper(database)
    found = []
    for order in ("linker first", "ledger first", "answers first"):
        told = history(7)
        requests, answers = told[::2], told[1::2]
        steps: dict[str, list[tuple[Ledger | Linker, list[RequestData | ResponseData]]]] = {
            "linker first": [(linker, told), (ledger, told)],
            "ledger first": [(ledger, told[::-1]), (linker, told)],
            "answers first": [(linker, answers), (ledger, answers), (ledger, requests), (linker, requests)],
        }
        for writer, parts in steps[order]:
            await writer.process(records(*parts))
        await keeper.tend()
        await agree(database)
        found.append((await sums(database, SLOTS), await sums(database, TOOLS)))
        await delete(database, Selection(), "ann")
    assert found[0] == found[1] == found[2]
    assert {row["kind"] for row in found[0][0]} == {"inference", "subagent"}
    assert sum(row["unpriced"] for row in found[0][0]) > 0
    assert sum(row["subscription_cost_usd"] for row in found[0][0]) > 0
    assert sum(row["lines_added"] for row in found[0][1]) > 0


async def test_usage_that_is_stored_in_the_same_moment_as_its_exchange_is_placed(
    database: Database, postgres_url: str
) -> None:
    """Neither transaction sees what the other has not committed."""
    now = 0.0
    keeper = Keeper(database, lambda: now)
    await keeper.tend()
    request = asked(said("user", "hi"))
    ledger = Ledger(database, committed=keeper.look_again)
    other = await asyncpg.connect(postgres_url)
    transaction = other.transaction()
    await transaction.start()
    await add_exchange(other, id=request.exchange_id, kind="subagent")
    await ledger.process(records(_answer(request, random.Random(0), [])))
    await transaction.commit()
    await other.close()
    now = 2.0
    await keeper.tend()
    async with database.transaction() as connection:
        assert await connection.fetchval("SELECT kind FROM usage") == "subagent"
    await agree(database)


async def test_a_kind_that_changes_while_the_usage_is_stored_is_found_out(
    database: Database, postgres_url: str
) -> None:
    request = asked(said("user", "hi"))
    other = await asyncpg.connect(postgres_url)
    await add_exchange(other, id=request.exchange_id, kind="inference")
    transaction = other.transaction()
    await transaction.start()
    await other.execute("UPDATE exchanges SET kind = 'subagent'")
    await Ledger(database).process(records(_answer(request, random.Random(0), [])))
    await transaction.commit()
    await other.close()
    await Keeper(database).tend()
    async with database.transaction() as connection:
        assert await connection.fetchval("SELECT kind FROM usage") == "subagent"
    await agree(database)


async def test_calls_and_results_of_two_ledgers_do_not_wait_for_each_other(
    database: Database, postgres_url: str
) -> None:
    """Each brings a call whose result the other brings; one is held up by a third call in between."""
    request = asked(said("user", "hi"))

    def key(call: str) -> str:
        return str(call_key(request, call))

    held = next(name for name in (f"held{n}" for n in range(99)) if key(name) < key("b"))
    batches = [records(_answer(asked(said("user", call)), random.Random(0), [_call(call)]), _results(*results))
               for call, results in (("a", (held, "b")), ("b", ("a",)))]  # fmt: skip
    other = await asyncpg.connect(postgres_url)

    async def waiting() -> int:
        told = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        async with database.transaction() as connection:
            return int(await connection.fetchval(told))

    transaction = other.transaction()
    await transaction.start()
    await other.execute("INSERT INTO tool_calls (key, domain) VALUES ($1, 'a.test')", key(held))
    first = asyncio.create_task(Ledger(database).process(batches[0]))
    async with asyncio.timeout(60):
        while not await waiting():
            await asyncio.sleep(0.02)
    second = asyncio.create_task(Ledger(database).process(batches[1]))
    while not second.done() and await waiting() < len(batches):
        await asyncio.sleep(0.02)
    await transaction.rollback()
    assert not any(await asyncio.gather(first, second)), "nothing is rejected"
    await other.close()
    await agree(database)


def _call(name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": "Bash", "input": {}}


def _results(*calls: str) -> RequestData:
    return asked(said("user", [{"type": "tool_result", "tool_use_id": call, "content": "x"} for call in calls]), at=9)
