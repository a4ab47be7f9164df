"""The ledger as a part: from the broker's topics to sums, tool calls and an event for each exchange's usage."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from msgspec import structs

from plait.common.errors import UserError
from plait.common.events import RequestData, ResponseData, UsageEvent, decode, encode
from plait.common.kafka import new_consumer
from plait.common.settings import KafkaSettings
from plait.common.topics import REQUESTS, RESPONSES, USAGE
from plait.ledger.main import run
from tests.contract.consuming import producing
from tests.exchange_events import answered, asked, event_of, said

OWN = """
version = "contract"
[[price]]
model = "house-*"
input = 2
output = 4
"""


async def ship(kafka: KafkaSettings, parts: Sequence[RequestData | ResponseData]) -> None:
    async with producing(kafka) as producer:
        for part in parts:
            topic, event = REQUESTS if isinstance(part, RequestData) else RESPONSES, event_of(part)
            await producer.send_and_wait(topic.name, encode(event), event.partitionkey.encode())


async def until(reader: asyncpg.Pool, condition: str) -> None:
    async with asyncio.timeout(60):
        while not await reader.fetchval(f"SELECT {condition}"):
            await asyncio.sleep(0.01)


async def told(kafka: KafkaSettings, count: int) -> list[UsageEvent]:
    """So many usage events."""
    consumer = new_consumer(kafka, "test", [USAGE])
    await consumer.start()
    found: list[UsageEvent] = []
    try:
        async with asyncio.timeout(60):
            while len(found) < count:
                for batch in (await consumer.getmany(timeout_ms=100)).values():
                    found += [_usage(record.value) for record in batch]
    finally:
        await consumer.stop()
    return found


def _usage(value: bytes | None) -> UsageEvent:
    event = decode(value or b"")
    assert isinstance(event, UsageEvent)
    return event


def exchange(at: float, model: str, **usage: Any) -> tuple[RequestData, ResponseData]:
    request = asked(said("user", "hi"), at=at)
    call = {"type": "tool_use", "id": f"toolu_{at}", "name": "Read", "input": {}}
    answer = structs.replace(answered(request, [call]), model=model, usage=msgspec.Raw(msgspec.json.encode(usage)))
    return request, answer


async def test_each_exchange_is_accounted_for_and_told_once(
    kafka: KafkaSettings, reader: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text(OWN, encoding="utf-8")
    monkeypatch.setenv("PRICES_FILE", str(prices))
    first = exchange(0, "claude-opus-5-5", input_tokens=1000, output_tokens=500)
    second = exchange(5, "house-7b", input_tokens=1000, output_tokens=1000)
    third = exchange(9, "nobody's", input_tokens=1)
    result = {"type": "tool_result", "tool_use_id": "toolu_5", "content": "ok"}
    follow = asked(said("assistant", "on it"), said("user", [result]), at=20)
    stop = asyncio.Event()
    task = asyncio.create_task(run(stop))
    await ship(kafka, [*first, *second, *third, follow, *first, first[1]])
    events = await told(kafka, 3)
    await until(reader, "sum(calls) = 3 FROM tool_slots_settled")
    await until(reader, "sum(results) = 1 FROM tool_slots_settled")
    await until(reader, "count(*) = 0 FROM usage_outbox")
    stop.set()
    await task

    assert {(e.id, e.data.cost and e.data.cost.total) for e in events} == {
        (f"{first[0].exchange_id}/usage", Decimal("0.014")),
        (f"{second[0].exchange_id}/usage", Decimal("0.006")),
        (f"{third[0].exchange_id}/usage", None),
    }
    (house,) = [e.data for e in events if e.data.model == "house-7b"]
    assert house.cost
    assert (house.cost.price_version, house.input_tokens, house.estimated) == ("contract", 1000, False)
    sums = await reader.fetchrow("SELECT sum(reported) AS r, sum(cost_usd) AS c, sum(unpriced) AS u FROM usage_slots")
    assert sums
    assert tuple(sums) == (3, Decimal("0.020"), 1)


async def test_a_file_of_prices_that_cannot_be_used_stops_the_ledger(
    kafka: KafkaSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRICES_FILE", str(tmp_path / "none.toml"))
    with pytest.raises(UserError, match="PRICES_FILE"):
        await run(asyncio.Event())
