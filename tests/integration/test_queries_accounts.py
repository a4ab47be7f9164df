"""Limits and windows on a real database, against the pure model."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import asyncpg
import pytest
from msgspec import structs

from plait.common.consumer import Record
from plait.common.ids import new_exchange_id
from plait.common.postgres import Database
from plait.common.queries.accounts import (
    Account,
    list_limits,
    list_told_windows,
    list_warnings,
    list_windows,
)
from plait.common.windows import FIVE_HOURS, anchored
from plait.ledger.processor import Ledger
from tests.exchange_events import asked, ended, event_of, said
from tests.seeding import START, add_exchange, add_usage, insert, moment

HOUR = 3600


@pytest.fixture
async def reader(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def ledger(postgres_url: str) -> AsyncIterator[Ledger]:
    database = Database(postgres_url, name="ledger", size=1)
    yield Ledger(database)
    await database.close()


async def use(reader: asyncpg.Connection, at: float, **columns: object) -> None:
    number = await add_exchange(reader, at)
    row = {"account_id": "acc", "started_at": moment(at), "cost_usd": Decimal("0.5"), **columns}
    await add_usage(reader, number, (1, 2, 3, 4), **row)


async def told(reader: asyncpg.Connection, end: float, seen: float = 0, **columns: object) -> None:
    row = {"account_id": "acc", "domain": "a.test", "claim": "5h", "ends_at": moment(end), "status": "allowed"}
    await insert(reader, "limit_windows", row | {"first_seen": moment(seen), "last_seen": moment(seen)} | columns)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("account", [Account("acc"), Account(None, "a.test")])
async def test_windows_are_those_of_the_model(reader: asyncpg.Connection, seed: int, account: Account) -> None:
    chance = random.Random(seed)
    uses = sorted(chance.sample(range(60 * HOUR), 40))
    ends = chance.sample(range(60 * HOUR), 3 * seed)
    for at in uses:
        await use(reader, at, account_id=account.account_id)
        await use(reader, at, account_id="other")
    for end in ends:
        await told(reader, end, account_id=account.account_id)
    spans = anchored(map(moment, uses), map(moment, ends))
    found = await list_windows(reader, account, START - timedelta(days=1))

    assert [(one.starts, one.ends, one.told) for one in found] == [(s.starts, s.ends, s.told) for s in spans]
    for one, span in zip(found, spans, strict=True):
        inside = [at for at in uses if span.starts <= moment(at) < span.ends]
        assert one.requests == len(inside)
        assert one.cost_usd == Decimal("0.5") * len(inside)
        assert (one.first_use, one.last_use) == (moment(inside[0]), moment(inside[-1]))
        assert (one.input_tokens, one.output_tokens) == (len(inside), 2 * len(inside))
    some = await list_windows(reader, account, moment(20 * HOUR), until=moment(40 * HOUR))
    assert some == [one for one in found if one.ends > moment(20 * HOUR) and one.starts < moment(40 * HOUR)]


async def test_a_window_fills_at_its_pace(reader: asyncpg.Connection) -> None:
    await use(reader, 0)
    await use(reader, HOUR)
    (window,) = await list_windows(reader, Account("acc"), START)
    assert window.ends == START + FIVE_HOURS
    assert window.full_at(8, moment(HOUR)) == moment(2 * HOUR)
    assert window.full_at(1000, moment(HOUR)) is None


HEADERS = [
    ("Anthropic-RateLimit-Unified-Status", "allowed_warning"),
    ("anthropic-ratelimit-unified-5h-utilization", "0.5"),
    ("anthropic-ratelimit-unified-5h-status", "allowed"),
    ("anthropic-ratelimit-unified-5h-reset", str(int(moment(4 * HOUR).timestamp()))),
    ("anthropic-ratelimit-unified-7d-status", "allowed_warning"),
    ("anthropic-ratelimit-unified-7d-reset", str(int(moment(90 * HOUR).timestamp()))),
    ("anthropic-ratelimit-unified-representative-claim", "seven_day"),
    ("anthropic-ratelimit-requests-remaining", "7"),
]


async def test_headers_are_kept_as_seen_last_in_any_order(reader: asyncpg.Connection, ledger: Ledger) -> None:
    request = asked(said("user", "hi"), at=0)
    first = ended(request)
    later = ended(asked(said("user", "hi"), at=HOUR))
    early = ("anthropic-ratelimit-requests-remaining", "9")
    one = structs.replace(first, headers=[*HEADERS[:-1], early], account_id="acc")
    two = structs.replace(later, headers=HEADERS, account_id="acc")
    elsewhere = structs.replace(one, domain="b.test", exchange_id=new_exchange_id())  # an account has one set of limits
    for batch in ([two, one, elsewhere], [one], [two], [elsewhere]):
        await ledger.process([Record("plait.responses", 0, n, event_of(data)) for n, data in enumerate(batch)])

    limits = {limit.name: limit for limit in await list_limits(reader, Account("acc"))}
    assert len(limits) == len(HEADERS)
    assert limits["anthropic-ratelimit-requests-remaining"].value == "7"
    assert limits["anthropic-ratelimit-requests-remaining"].seen_at == moment(HOUR + 0.1)
    assert await list_limits(reader, Account(None, "a.test")) == []
    five, seven = await list_told_windows(reader, START)
    assert (five.claim, five.utilization, five.first_seen, five.last_seen) == (
        "5h",
        0.5,
        moment(0.1),
        moment(HOUR + 0.1),
    )
    assert five.full_at == moment(3 * HOUR + 0.2)  # it began an hour before START, and is half used up
    assert (seven.claim, seven.utilization, seven.full_at) == ("7d", None, None)
    warned = await list_warnings(reader, START)
    assert [(w.exchange_id, w.status, w.claim) for w in warned] == [
        *sorted((number, "allowed_warning", "seven_day") for number in (first.exchange_id, elsewhere.exchange_id)),
        (later.exchange_id, "allowed_warning", "seven_day"),
    ]
    assert await list_warnings(reader, START, account_id="other") == []
