"""What is deleted leaves nothing, what is kept is as if the deleted had never come, and writers are not disturbed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.common import forgetting
from plait.common.consumer import Record
from plait.common.errors import DependencyDown
from plait.common.events import SOURCE_IMPORT, ConversationEvent, Event, decode, request_event, response_event
from plait.common.forgetting import Deletion, Selection
from plait.common.ids import conversation_id, new_exchange_id
from plait.common.postgres import Database
from plait.common.queries.exchanges import ExchangeFilter
from plait.common.queries.whole import Damaged, read_all
from plait.ledger.processor import Ledger
from plait.linker.forget import deletion, statements
from plait.linker.forget.deletion import attend, carry_out, delete
from plait.linker.forget.forgetting import forget
from plait.linker.forget.months import Month, take_out, too_old
from plait.linker.forget.retention import enforce, expired, keep_retention
from plait.linker.forget.sweeping import sweep
from plait.linker.processor import Linker
from tests.exchange_events import START, Part, answered, asked, records, said
from tests.integration.test_linker_corpus import feed, tree_in
from tests.integration.test_linker_corpus import forget as wipe
from tests.recorded_events import everything
from tests.unit.linker_domain.deeds import traffics
from tests.unit.linker_domain.traffic import Traffic

KEPT = {"migrations", "deletions", "forgotten", "outbox", "moved_usage"}
"""Tables that may hold rows when nothing is recorded; queues hold ids that others work off."""
CONTENTS = {
    "blobs": "hash",
    "chains": "hash",
    "exchanges": "id",
    "facts": "exchange_id",
    "answer_facts": "exchange_id",
    "link_offers": "key",
}


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url, name="test", size=6)
    yield database
    await database.close()


@pytest.fixture
def linker(database: Database) -> Linker:
    return Linker(database, lambda: None)


async def count(database: Database, selection: Selection) -> int:
    async with database.transaction() as connection:
        return await forgetting.count(connection, selection)


async def rows_left(database: Database) -> dict[str, int]:
    async with database.transaction() as connection:
        await connection.execute("SELECT settle_usage_slots(), settle_tool_slots()")
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = {name for row in tables if not (name := row["tablename"]).endswith("_queue")} - KEPT
        counts = {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in sorted(names)}
    return {name: found for name, found in counts.items() if found}


async def contents_of(database: Database) -> dict[str, Any]:
    """The tree, and what stands in the tables below it."""
    async with database.transaction() as connection:
        found = {
            name: sorted(row[0] for row in await connection.fetch(f"SELECT {key} FROM {name}"))
            for name, key in CONTENTS.items()
        }
    return {**await tree_in(database), **found}


def without(parts: Iterable[Part], gone: set[UUID]) -> list[Part]:
    return [part for part in parts if part.exchange_id not in gone]


async def forget_all(database: Database, exchanges: dict[UUID, str]) -> None:
    async with database.transaction() as connection:
        assert await forget(connection, exchanges) == len(exchanges)
    await sweep(database)


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_is_left_is_as_if_the_rest_had_never_come(database: Database, linker: Linker, seed: int) -> None:
    parts = everything()
    domains = {part.exchange_id: part.domain for part in parts}
    gone = dict(random.Random(seed).sample(sorted(domains.items()), len(domains) // (seed + 1)))
    await feed(linker, without(parts, set(gone)))
    wanted = await contents_of(database)
    await wipe(database)
    await feed(linker, parts)
    await forget_all(database, gone)
    assert await contents_of(database) == wanted


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(traffic=traffics(), seed=st.integers())
async def test_made_up_clients_too(database: Database, traffic: Traffic, seed: int) -> None:
    parts: list[Part] = [part for pair in traffic.events for part in pair]
    domains = {part.exchange_id: part.domain for part in parts}
    gone = {number: domain for number, domain in domains.items() if random.Random(f"{seed}{number}").random() < 0.3}
    linker = Linker(database, lambda: None)
    await wipe(database)
    await feed(linker, without(parts, set(gone)))
    wanted = await contents_of(database)
    await wipe(database)
    await feed(linker, parts)
    await forget_all(database, gone)
    assert await contents_of(database) == wanted


async def test_a_deletion_of_everything_leaves_nothing(database: Database, linker: Linker) -> None:
    await feed(linker, everything())
    await Ledger(database).process([r for r in records(*everything()) if r.event.id.endswith("/response")])
    wanted = await count(database, Selection())
    seen: list[int] = []
    assert await delete(database, Selection(), "ann", seen.append) == wanted == seen[-1]
    assert await rows_left(database) == {}
    async with database.transaction() as connection:
        row = await connection.fetchrow("SELECT * FROM deletions")
    assert row is not None
    assert (row["asked_by"], row["selection"], row["exchanges"]) == ("ann", {}, wanted)
    assert row["finished_at"]


def turns(many: int, *, domain: str = "a.test", session: str = "s", at: float = 0) -> list[Part]:
    history: list[Any] = []
    parts: list[Part] = []
    for turn in range(many):
        history.append(said("user", f"turn {turn}"))
        request = asked(*history, at=at + turn, domain=domain, session=session, system=[{"type": "text", "text": "S"}])
        parts += [request, answered(request, f"answer {turn}")]
        history.append(said("assistant", [{"type": "text", "text": f"answer {turn}"}]))
    return parts


async def test_what_is_shared_with_others_stays(database: Database, linker: Linker, reader: asyncpg.Pool) -> None:
    mine, others = turns(5), turns(3, domain="b.test")
    await feed(linker, others)
    wanted = await contents_of(database)
    await feed(linker, mine)
    assert await delete(database, Selection(domain="a.test"), "ann") == 5
    assert await contents_of(database) == wanted
    assert not [found async for _, found in read_all(reader, ExchangeFilter()) if isinstance(found, Damaged)]


async def test_a_conversation_by_an_old_id(database: Database, linker: Linker) -> None:
    parts = turns(4) + turns(2, session="other", domain="b.test")
    await feed(linker, parts)
    later_turn = conversation_id(parts[4].exchange_id)
    assert await count(database, Selection(conversation=later_turn)) == 4
    assert await delete(database, Selection(conversation=later_turn), "ann") == 4
    assert await count(database, Selection()) == 2


async def told(database: Database) -> list[tuple[UUID, bool, int]]:
    """Of each event of a conversation: which, whether it is deleted, how many exchanges."""
    async with database.transaction() as connection:
        events = [decode(row["event"]) for row in await connection.fetch("SELECT event FROM outbox ORDER BY id")]
    data = [event.data for event in events if isinstance(event, ConversationEvent)]
    return [(one.conversation_id, one.deleted, one.request_count) for one in data]


async def test_consumers_hear_that_a_conversation_is_gone(database: Database, linker: Linker) -> None:
    parts = turns(4)
    await feed(linker, parts)
    whole, rest = conversation_id(parts[0].exchange_id), conversation_id(parts[4].exchange_id)
    before = len(await told(database))
    await delete(database, Selection(before=START + timedelta(seconds=2)), "ann")
    assert sorted((await told(database))[before:]) == sorted([(whole, True, 0), (rest, False, 2)])
    await delete(database, Selection(conversation=rest), "ann")
    assert (await told(database))[before + 2 :] == [(rest, True, 0)]


async def test_a_user_is_a_key_or_an_account(database: Database, linker: Linker) -> None:
    await feed(linker, turns(2))  # with the key `laptop`
    assert await count(database, Selection(user="phone")) == 0
    assert await delete(database, Selection(user="laptop"), "ann") == 2


async def test_the_first_turns_go_and_the_rest_is_a_conversation(database: Database, linker: Linker) -> None:
    parts = turns(6)
    await feed(linker, parts)
    assert await delete(database, Selection(before=START + timedelta(seconds=3)), "ann") == 3
    async with database.transaction() as connection:
        (row,) = await connection.fetch("SELECT * FROM conversations")
    assert (row["root_id"], row["request_count"]) == (parts[6].exchange_id, 3)


async def test_late_events_and_repeats_bring_nothing_back(database: Database, linker: Linker) -> None:
    parts = turns(3)
    await feed(linker, parts[:-1])
    assert await delete(database, Selection(), "ann") == 3
    await feed(linker, parts)
    await Ledger(database).process([r for r in records(*parts) if r.event.id.endswith("/response")])
    await sweep(database)
    assert await rows_left(database) == {}


async def test_an_import_brings_back_what_was_deleted(database: Database, linker: Linker) -> None:
    request = asked(said("user", "hi"))
    await feed(linker, [request, answered(request, "yes")])
    wanted = await contents_of(database)
    await delete(database, Selection(), "ann")
    answer = answered(request, "yes")
    events: list[Event] = [
        request_event(request, source=SOURCE_IMPORT),
        response_event(answer, source=SOURCE_IMPORT),
    ]
    assert not await linker.process([Record("any", 0, n, event) for n, event in enumerate(events)])
    assert await contents_of(database) == wanted


async def audit(database: Database) -> list[tuple[int, bool, bool]]:
    """Of each deletion: how many exchanges, whether it is finished, whether it was stopped."""
    async with database.transaction() as connection:
        rows = await connection.fetch(
            "SELECT exchanges, finished_at IS NOT NULL, stopped_at IS NOT NULL FROM deletions ORDER BY id"
        )
    return [tuple(row) for row in rows]


async def ended(database: Database, number: int) -> Deletion:
    """A deletion when linkers have carried it out."""
    attending = asyncio.create_task(attend(database))
    async with database.transaction() as connection:
        found = await forgetting.carried_out(connection, number, 60)
    attending.cancel()
    async with asyncio.timeout(60):
        await asyncio.wait({attending})
    assert found
    assert found.finished_at
    return found


async def test_a_deletion_that_was_broken_off_is_ended_by_the_next_linker(
    database: Database, linker: Linker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "RUN", 10)
    await feed(linker, turns(15))
    async with database.transaction() as connection:
        number = await forgetting.ask(connection, Selection(domain="a.test"), "ann", begun=True)
        await connection.execute("UPDATE deletions SET worked_at = now() - interval '2 minutes'")  # by who is no more

    def die(_: int) -> None:
        raise DependencyDown

    with pytest.raises(DependencyDown):
        await carry_out(database, number, die)
    assert await audit(database) == [(10, False, False)]
    await feed(linker, turns(2, session="new", at=1000))
    async with database.transaction() as connection:
        assert await forgetting.waiting(connection) == []
        await connection.execute("UPDATE deletions SET worked_at = now() - interval '2 minutes'")
        assert [one.id for one in await forgetting.waiting(connection)] == [number]
    assert (await ended(database, number)).exchanges == 15
    assert await count(database, Selection()) == 2  # what came later is not meant


async def test_who_breaks_a_deletion_off_ends_it(
    database: Database, linker: Linker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "RUN", 10)
    await feed(linker, turns(15))

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await delete(database, Selection(domain="a.test"), "ann", stop)
    assert await count(database, Selection()) == 5
    assert await audit(database) == [(10, False, True)]
    assert await delete(database, Selection(domain="a.test"), "ann") == 5
    assert await rows_left(database) == {}


async def test_linkers_carry_out_what_is_asked_for(database: Database, linker: Linker) -> None:
    parts = turns(4) + turns(2, session="other", domain="b.test")
    await feed(linker, parts)
    async with database.transaction() as connection:
        number = await forgetting.ask(connection, Selection(conversation=conversation_id(parts[0].exchange_id)), "key")
        asked_for = await forgetting.carried_out(connection, number, 0)
    assert asked_for
    assert asked_for.is_open
    done = await ended(database, number)
    assert (done.asked_by, done.exchanges, done.doomed) == ("key", 4, None)
    assert await count(database, Selection()) == 2


async def test_of_a_conversation_all_conditions_hold(database: Database, linker: Linker) -> None:
    parts = turns(4)
    await feed(linker, parts)
    told = conversation_id(parts[0].exchange_id)
    assert await count(database, Selection(conversation=told, domain="b.test")) == 0
    assert await delete(database, Selection(conversation=told, before=START + timedelta(seconds=2)), "ann") == 2
    assert await count(database, Selection()) == 2


async def test_writers_and_deletions_side_by_side_lose_nothing(database: Database, reader: asyncpg.Pool) -> None:
    """Each domain says the same things: what one is losing the others are writing."""
    domains = [f"{n}.test" for n in range(4)]

    async def write(domain: str) -> None:
        linker = Linker(database, lambda: None)
        for start in range(0, 12, 2):
            await feed(linker, turns(12, domain=domain)[start * 2 : start * 2 + 4], size=3)

    async def erase(doomed: Sequence[str]) -> None:
        for _ in range(6):
            for domain in doomed:
                await delete(database, Selection(domain=domain), "ann")

    await asyncio.gather(*(write(domain) for domain in domains), erase(domains[:2]))
    for domain in domains[:2]:
        await delete(database, Selection(domain=domain), "ann")
    found = [one async for _, one in read_all(reader, ExchangeFilter())]
    assert [one for one in found if isinstance(one, Damaged)] == []
    assert len(found) == 24
    wanted = await contents_of(database)
    await wipe(database)
    for domain in domains[2:]:
        await feed(Linker(database, lambda: None), turns(12, domain=domain))
    again = await contents_of(database)
    assert (again["blobs"], again["chains"]) == (wanted["blobs"], wanted["chains"])


def test_what_is_too_old() -> None:
    now = datetime(2026, 3, 31, tzinfo=UTC)
    assert expired(0, {}, now) == []
    assert expired(30, {"b": 0, "a": 7}, now) == [
        Selection(domain="a", before=now - timedelta(days=7)),
        Selection(before=now - timedelta(days=30), other_domains=("a", "b")),
    ]


async def test_retention_deletes_by_age_and_domain(database: Database, linker: Linker) -> None:
    await feed(linker, turns(2) + turns(2, domain="b.test") + turns(2, domain="c.test", at=20 * 86400))
    now = START + timedelta(days=31)
    assert await enforce(database, expired(30, {"b.test": 0}, now)) == 2
    async with database.transaction() as connection:
        assert {row[0] for row in await connection.fetch("SELECT domain FROM exchanges")} == {"b.test", "c.test"}
        assert {row[0] for row in await connection.fetch("SELECT asked_by FROM deletions")} == {"retention"}
    assert await enforce(database, expired(30, {"b.test": 0}, now)) == 0


DAY: Final = 86400
_MONTHS: Final = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '_2026(09|10)$' ORDER BY 1"


async def months_left(database: Database) -> list[str]:
    async with database.transaction() as connection:
        return [row["relname"] for row in await connection.fetch(_MONTHS)]


@pytest.fixture
async def autumn(database: Database) -> None:
    """Partitions of September and October 2026, the two months before START."""
    async with database.transaction() as connection:
        await connection.execute("SELECT ensure_partitions('2026-09-01', '2026-10-31')")


@pytest.mark.usefixtures("autumn")
async def test_whole_months_go_as_tables_while_others_write(
    database: Database, linker: Linker, reader: asyncpg.Pool
) -> None:
    kept = turns(6, session="new")
    await feed(linker, kept)
    wanted = await contents_of(database)
    await wipe(database)
    old = turns(4, at=-30 * DAY) + turns(2, session="x", at=-31 * DAY, domain="b.test")
    await feed(linker, old + kept[:4])
    writing = asyncio.create_task(feed(linker, kept[4:], size=1))
    assert await enforce(database, expired(7, {}, START)) == 6
    await writing
    assert await months_left(database) == []
    assert await contents_of(database) == wanted
    assert not [found async for _, found in read_all(reader, ExchangeFilter()) if isinstance(found, Damaged)]


@pytest.mark.usefixtures("autumn")
async def test_a_month_of_which_somebody_keeps_something_stays(database: Database, linker: Linker) -> None:
    await feed(linker, turns(2, at=-30 * DAY) + turns(2, at=-60 * DAY) + turns(1, at=-30 * DAY, domain="b.test"))
    assert await enforce(database, expired(7, {"b.test": 0}, START)) == 4
    assert await months_left(database) == ["chunks_202610", "exchange_requests_202610", "exchange_responses_202610"]
    assert await count(database, Selection()) == 1


@pytest.mark.usefixtures("autumn")
async def test_tables_that_somebody_reads_are_dropped_the_next_time(database: Database, linker: Linker) -> None:
    await feed(linker, turns(2, at=-30 * DAY))
    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE chunks IN ACCESS SHARE MODE")
        assert await enforce(database, expired(7, {}, START)) == 2
    assert len(await months_left(database)) == 6
    assert await enforce(database, expired(7, {}, START)) == 0
    assert await months_left(database) == []
    assert await rows_left(database) == {}


@pytest.mark.usefixtures("autumn")
async def test_tables_that_are_taken_out_are_dropped_after_a_crash(database: Database, linker: Linker) -> None:
    await feed(linker, turns(3, at=-30 * DAY))
    selections = expired(7, {}, START)
    october = next(month for month in await too_old(database, selections) if month.begin.month == 10)
    await delete(database, selections[0], "retention", months=[october])
    assert await take_out(database, october)
    assert "blobs" in await rows_left(database)
    assert await enforce(database, selections) == 0
    assert await rows_left(database) == {}


def test_a_month_is_a_range_of_ids() -> None:
    december = Month.named("chunks_202612")
    assert december.end == datetime(2027, 1, 1, tzinfo=UTC)
    within = [december.begin, december.end - timedelta(milliseconds=1)]
    assert all(december.holds(new_exchange_id(moment.timestamp())) for moment in within)
    without = [december.begin - timedelta(milliseconds=1), december.end]
    assert not any(december.holds(new_exchange_id(moment.timestamp())) for moment in without)


async def test_one_linker_at_a_time_enforces_retention(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(statements.TRY_RETENTION)
        assert await enforce(database, []) is None
    assert await enforce(database, []) == 0


async def test_the_linker_keeps_retention(database: Database, linker: Linker) -> None:
    await feed(linker, turns(2, at=-40 * 86400) + turns(2, session="new", at=86400 * 365))
    keeping = asyncio.create_task(keep_retention(database, 30, {}))
    async with asyncio.timeout(60):
        while await count(database, Selection()) > 2:
            await asyncio.sleep(0.02)
    keeping.cancel()
    async with asyncio.timeout(60):  # with the database still there, as the linker ends it
        await asyncio.wait({keeping})
    assert keeping.cancelled()
