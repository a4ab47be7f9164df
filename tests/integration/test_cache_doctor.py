"""The cache doctor on a real database: every cause by its name, and the same findings in whatever order news comes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from plait.common.events import ChunkData, ResponseData
from plait.common.postgres import Database
from plait.common.pricing.book import PriceBook
from plait.ledger.cache.task import Doctor, examine_some
from plait.ledger.processor import Ledger
from plait.linker.forget.forgetting import forget
from plait.linker.processor import Linker
from tests.cache_provider import PER_PART, Json, Provider
from tests.cache_talk import Change, Talk
from tests.exchange_events import Part, records, said
from tests.integration.test_linker_corpus import forget as wipe
from tests.recorded_events import everything

Finding = tuple[Any, ...]


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=2)
    yield database
    await database.close()


async def feed(database: Database, parts: Sequence[Part], size: int = 50) -> None:
    linker, ledger = Linker(database, lambda: None), Ledger(database)
    for start in range(0, len(parts), size):
        batch = records(*parts[start : start + size])
        assert not await linker.process(batch)
        assert not await ledger.process([one for one in batch if one.topic != "plait.chunks"])


async def examine(database: Database, at_once: int = 500) -> None:
    while await examine_some(database, PriceBook(), at_once):
        pass


async def findings(database: Database) -> dict[UUID, dict[str, Any]]:
    async with database.transaction() as connection:
        rows = await connection.fetch("SELECT * FROM cache_findings")
    return {UUID(int=row["exchange_id"].int): dict(row) for row in rows}


def model(body: Json) -> None:
    body["model"] = "claude-sonnet-4-5"


def tools(body: Json) -> None:
    body["tools"] = [*body["tools"], {"name": "Write", "input_schema": {"type": "object"}}]


def system(body: Json) -> None:
    body["system"] = [*body["system"], {"type": "text", "text": "Be brief."}]


def edited(body: Json) -> None:
    body["messages"][2] = said("user", "something else")


def dropped(body: Json) -> None:
    del body["messages"][2:4]


def inserted(body: Json) -> None:
    body["messages"][2:2] = [said("user", "by the way"), said("assistant", [{"type": "text", "text": "yes"}])]


def settings(body: Json) -> None:
    body["tool_choice"] = {"type": "any"}


CHANGES: list[tuple[str, Change]] = [
    ("model", model),
    ("tools", tools),
    ("system", system),
    ("settings", settings),
]


async def test_who_changes_nothing_misses_nothing(database: Database) -> None:
    provider = Provider()
    talks = [Talk(name, provider, "acc", ttl) for name, ttl in (("calm", None), ("patient", "1h"))]
    for talk in talks:
        for _ in range(12):
            talk.turn(after=250 if talk.ttl is None else 3000)
    await feed(database, [part for talk in talks for part in talk.events])
    await examine(database)
    found = await findings(database)
    assert len(found) == 24
    assert {(row["cause"], row["missed_tokens"]) for row in found.values()} == {("first_use", 0), (None, 0)}
    assert [row["cause"] for row in found.values()].count("first_use") == 1


async def test_every_change_has_its_name(database: Database) -> None:
    wanted: dict[UUID, Finding] = {}
    parts: list[Part] = []
    for cause, change in CHANGES:
        talk = Talk(cause, Provider(), cause)
        quiet = [talk.turn() for _ in range(4)]
        wanted[talk.turn(change=change)] = (cause, None, None)
        quiet += [talk.turn() for _ in range(2)]
        wanted |= dict.fromkeys(quiet[1:], (None, None, None))
        parts += talk.events
    for change in (edited, dropped, inserted):
        talk = Talk(change.__name__, Provider(), change.__name__)
        for _ in range(4):
            talk.turn()
        wanted[talk.turn(change=change)] = ("message", 2, change.__name__)
        wanted[talk.turn()] = (None, None, None)
        parts += talk.events
    await feed(database, parts)
    await examine(database)
    found = await findings(database)
    assert {number: _named(found[number]) for number in wanted} == wanted


def _named(row: dict[str, Any]) -> Finding:
    return row["cause"], row["message_index"], row["change"]


async def test_lifetimes_and_breakpoints(database: Database) -> None:
    short, long, bare = (
        Talk("short", Provider(), "s"),
        Talk("long", Provider(), "l", "1h"),
        Talk("bare", Provider(), "b"),
    )
    for talk in (short, long, bare):
        talk.turn()
        talk.turn()
    late, later = short.turn(after=301), long.turn(after=3601)
    unmarked = bare.turn(marked=False)
    await feed(database, [*short.events, *long.events, *bare.events])
    await examine(database)
    found = await findings(database)
    assert [found[number]["cause"] for number in (late, later, unmarked)] == [
        "lifetime_over", "lifetime_over", "breakpoint_moved",
    ]  # fmt: skip
    assert (found[late]["idle_s"], found[later]["idle_s"]) == (301, 3601)
    assert found[late]["reusable_tokens"] == found[late]["read_tokens"] == 0
    assert found[unmarked]["reusable_tokens"] == found[unmarked]["expected_tokens"]


async def test_a_miss_costs_what_was_paid_less_what_reading_costs(database: Database) -> None:
    talk = Talk("dear", Provider(), "acc")
    talk.turn()
    talk.turn()
    late = talk.turn(after=301)
    await feed(database, talk.events)
    await examine(database)
    row = (await findings(database))[late]
    missed = 5 * PER_PART  # tools, system prompt, a prompt, its answer, the next prompt
    assert (row["missed_tokens"], row["expected_tokens"]) == (missed, missed)
    assert row["cost_usd"] == missed * (Decimal("6.25") - Decimal("0.5")) / 1_000_000


def disturbed() -> list[Part]:
    """Talks on one account with something of everything, some at the same time."""
    provider, parts = Provider(), list[Part]()
    for number, (_, change) in enumerate([*CHANGES, ("edited", edited)]):
        talk = Talk(f"talk {number}", provider, "shared", "1h" if number == 2 else None)
        for _ in range(3):
            talk.turn(after=20 + number)
        talk.turn(change=change)
        talk.turn(after=400)
        parts += talk.events
    return parts


async def told(database: Database, parts: Sequence[Part], chance: random.Random) -> dict[UUID, dict[str, Any]]:
    """What is found when news comes bit by bit."""
    await wipe(database)
    for start in range(0, len(parts), 90):
        await feed(database, parts[start : start + 90])
        await examine(database, at_once=chance.choice((7, 60, 500)))
    return await findings(database)


async def test_the_order_of_news_does_not_matter(database: Database) -> None:
    parts, chance = disturbed(), random.Random(1)
    wanted = await told(database, parts, chance)
    assert {row["cause"] for row in wanted.values()} >= {None, "first_use", "lifetime_over", "model", "message"}
    for shuffled in (parts[::-1], *(chance.sample(parts, len(parts)) for _ in range(3))):
        assert await told(database, shuffled, chance) == wanted


async def test_nor_that_of_recorded_traffic(database: Database) -> None:
    parts, chance = [_using(part) for part in everything() if not isinstance(part, ChunkData)], random.Random(2)
    wanted = await told(database, parts, chance)
    assert {row["cause"] for row in wanted.values()} == {None, "first_use", "compaction"}
    assert await told(database, chance.sample(parts, len(parts)), chance) == wanted


async def test_what_is_deleted_leaves_no_trace(database: Database) -> None:
    parts = disturbed()
    gone = {part.exchange_id: part.domain for part in parts[2::9]}
    await feed(database, _without(parts, gone))
    await examine(database)
    wanted = await findings(database)
    await wipe(database)
    await feed(database, parts)
    await examine(database)
    assert await findings(database) != wanted
    async with database.transaction() as connection:
        await forget(connection, gone)
    await examine(database)
    assert await findings(database) == wanted


async def test_working_again_changes_nothing(database: Database) -> None:
    parts = disturbed()
    await feed(database, parts)
    await examine(database)
    once = await findings(database)
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO cache_queue (exchange_id) SELECT exchange_id FROM cache_findings")
    await feed(database, parts)
    await examine(database)
    assert await findings(database) == once


async def test_several_doctors_that_are_cut_off_do_the_work_of_one(database: Database, postgres_url: str) -> None:
    parts = disturbed()
    await feed(database, parts)
    await examine(database)
    wanted = await findings(database)
    await wipe(database)
    others = [Database(postgres_url, name=f"doctor {number}", size=1) for number in range(2)]
    doctors = [Doctor(other, PriceBook()) for other in others]
    tasks = [asyncio.create_task(doctor.run()) for doctor in doctors]
    for start in range(0, len(parts), 10):
        await feed(database, parts[start : start + 10])
        for doctor in doctors:
            doctor.wake()
        tasks.pop(0).cancel()
        tasks.append(asyncio.create_task(doctors[start // 10 % 2].run()))
    async with asyncio.timeout(60):
        while await findings(database) != wanted or await waiting(database):
            await asyncio.sleep(0.02)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for other in others:
        await other.close()


async def waiting(database: Database) -> bool:
    async with database.transaction() as connection:
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM cache_queue)"))


def _using(part: Part) -> Part:
    """An answer with the usage that its message tells."""
    if not isinstance(part, ResponseData) or not isinstance(part.body, msgspec.Raw):
        return part
    body = msgspec.json.decode(part.body)
    usage = body.get("usage") if isinstance(body, dict) else None
    return msgspec.structs.replace(part, usage=msgspec.Raw(msgspec.json.encode(usage))) if usage else part


def _without(parts: Iterable[Part], gone: dict[UUID, str]) -> list[Part]:
    return [part for part in parts if part.exchange_id not in gone]
