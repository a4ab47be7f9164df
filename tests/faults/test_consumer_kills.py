"""The ledger is killed at random moments while records flow: in Postgres nothing is lost and nothing is doubled."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from plait.common.events import ResponseData, encode, response_event
from plait.common.ids import new_exchange_id
from plait.common.kafka import admin_client, committed_offsets, is_embedded
from plait.common.settings import KafkaSettings
from plait.common.topics import RESPONSES
from tests.contract.consuming import COMMON_ANSWER, GROUP, make_topics, send, settings_of
from tests.servers import Broker

RECORDS = 4000
KILLS = 6
_LEDGER = "import asyncio; from plait.ledger.main import run; asyncio.run(run(asyncio.Event()))"


def answers(count: int) -> dict[UUID, bytes]:
    """Response events with usage, by exchange."""
    made = {}
    for number in range(count):
        data = ResponseData(
            exchange_id=new_exchange_id(), usage=msgspec.Raw(b'{"input_tokens":%d}' % number), **COMMON_ANSWER
        )
        made[data.exchange_id] = encode(response_event(data))
    return made


async def start_ledger(settings: KafkaSettings, database: str) -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "KAFKA_FLAVOR": settings.kafka_flavor,
        "KAFKA_ASSIGNMENT": "all" if is_embedded(settings) else "group",  # as `plait up` and deployments have it
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LEDGER, env=environment, stdout=asyncio.subprocess.DEVNULL
    )


async def test_random_kills_lose_and_double_nothing(broker: Broker, postgres_url: str) -> None:
    settings, sent, chance = settings_of(broker), answers(RECORDS), random.Random(20261121)
    await make_topics(settings)
    sending = asyncio.create_task(trickle(settings, list(sent.values())))
    reader = await asyncpg.connect(postgres_url)
    ledger = await start_ledger(settings, postgres_url)
    try:
        for _ in range(KILLS):
            seen = await reader.fetchval("SELECT count(*) FROM usage")
            await rows_beyond(reader, min(seen + chance.randrange(1, 300), RECORDS))
            ledger.kill()
            await ledger.wait()
            ledger = await start_ledger(settings, postgres_url)
        await sending
        await rows_beyond(reader, RECORDS)
        await all_committed(settings)
        stored = await reader.fetch("SELECT exchange_id, input_tokens FROM usage")
    finally:
        sending.cancel()
        ledger.kill()
        await ledger.wait()
        await reader.close()
    assert {row["exchange_id"]: row["input_tokens"] for row in stored} == dict(zip(sent, range(RECORDS), strict=True))
    assert len(stored) == RECORDS


async def trickle(settings: KafkaSettings, values: Sequence[bytes]) -> None:
    for start in range(0, len(values), 50):
        await send(settings, values[start : start + 50])
        await asyncio.sleep(0.02)


async def rows_beyond(reader: asyncpg.Connection, wanted: int) -> None:
    async with asyncio.timeout(60):
        while await reader.fetchval("SELECT count(*) FROM usage") < wanted:
            await asyncio.sleep(0.005)


async def all_committed(settings: KafkaSettings) -> None:
    async with asyncio.timeout(60), admin_client(settings) as admin:
        while sum((await committed_offsets(admin, GROUP, [RESPONSES])).values()) < RECORDS:
            await asyncio.sleep(0.05)
