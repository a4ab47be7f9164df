"""Answers of 5,000 events, many at once and one of them read slowly: whole, recorded whole, and memory stays flat."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import psutil

from plait.common.postgres import open_pool
from plait.common.queries.records import list_chunks
from plait.fakes import messages
from plait.fakes.answers import stream_answer
from plait.fakes.claude import ScriptedClaude
from tests.faults.pipeline import Pipeline, pipeline
from tests.servers import Broker

MEGA = 1 << 20
EVENTS = 5_000
STEP = 240
STREAM = messages.events_of(messages.message(messages.text("wörd 🤖 " * (EVENTS * STEP // 7))), step=STEP)
MOST_GROWTH = 6 * MEGA
"""Of the gateway, while twice as much passes through it."""
AT_ONCE = 8


async def read_slowly(plait: Pipeline) -> bytes:
    """The answer's bytes, taken a few at a time, so that Claude has to wait for its reader."""
    reader, writer = await asyncio.open_connection("127.0.0.1", plait.gateway.port, limit=4096)
    writer.write(b"POST /t/n0/v1/messages HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
    answered = b""
    while piece := await reader.read(4096):
        answered += piece
        await asyncio.sleep(0)
    writer.close()
    return answered


async def test_long_streams_are_passed_and_recorded_whole_in_flat_memory(
    broker: Broker, postgres_url: str, tmp_path: Path
) -> None:
    assert len(STREAM) >= EVENTS
    assert AT_ONCE * len(b"".join(STREAM)) > 2 * MOST_GROWTH
    async with (
        ScriptedClaude() as claude,
        pipeline(claude.url, tmp_path, broker, postgres_url) as plait,
    ):
        claude.rules.append(lambda _: stream_answer(STREAM))
        first = await plait.ask(1)  # and everything is warm
        await plait.until_recorded([1])
        gateway = psutil.Process(plait.gateway.pid)
        before = gateway.memory_info().rss
        slow = asyncio.create_task(read_slowly(plait))
        received = await plait.ask_all(range(2, 2 + AT_ONCE))
        assert {one.body for one in (first, *received)} == {b"".join(STREAM)}
        assert (await slow).endswith(b"0\r\n\r\n")
        await plait.until_recorded(range(2 + AT_ONCE))
        assert gateway.memory_info().rss - before < MOST_GROWTH
        assert await recorded(postgres_url, UUID(first.request_id)) == b"".join(STREAM)


async def recorded(address: str, exchange_id: UUID) -> bytes:
    """The pieces of an answer as the record gives them back."""
    pool = await open_pool(address, name="test", read_only=True)
    try:
        return "".join(chunk.data for chunk in await list_chunks(pool, exchange_id) or []).encode()
    finally:
        await pool.close()
