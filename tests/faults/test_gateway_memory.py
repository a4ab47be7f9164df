"""The gateway's memory: flat under large answers, readers that stand still, and large requests with long answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from plait.fakes.http1 import BUFFER_BYTES, READ_BYTES, body_pieces, read_head
from tests.faults.gateway_process import Process, process

MEGA = 1 << 20
ANSWER_MEGA = 100
PIECE = b"x" * MEGA
REQUEST = b"POST /v1/messages HTTP/1.1\r\nHost: faults.example.test\r\nContent-Length: %d\r\n\r\n"


@asynccontextmanager
async def large_answers(then: asyncio.Event | None = None) -> AsyncIterator[tuple[str, list[int]]]:
    """A Claude that answers with 100 MB, the rest of it after `then`; its address, and how many MB it could write."""
    written: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        async for _ in body_pieces(reader, head, until_close=False):
            pass
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (ANSWER_MEGA * MEGA))
        for number in range(ANSWER_MEGA):
            if number == 1 and then is not None:
                await then.wait()
            writer.write(PIECE)
            await writer.drain()
            written.append(number)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=BUFFER_BYTES)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", written


def resident(gateway: Process) -> float:
    """MB of memory that the process has now."""
    return float(psutil.Process(gateway.pid).memory_info().rss) / MEGA


@pytest.fixture(params=["on", "off"])
def settings(request: pytest.FixtureRequest) -> dict[str, str]:
    return {"BYTE_LANE": str(request.param), "LOG_LEVEL": "warning"}


async def test_memory_is_flat(tmp_path: Path, settings: dict[str, str]) -> None:
    gate = asyncio.Event()
    async with large_answers(gate) as (url, written), process(url, tmp_path, settings) as gateway:
        before = resident(gateway)
        clients = [await large_request(gateway) for _ in range(12)]
        assert resident(gateway) - before < 40, "12 requests of 5 MB are let go of when their answers begin"
        for client in clients:
            client.close()
        gate.set()
        before = resident(gateway)
        assert await most_while_reading(gateway) - before < 40, "an answer of 100 MB leaves no trace"
        written.clear()
        await stand_still(gateway, written)
        assert len(written) < ANSWER_MEGA // 2, "Claude is held up"
        assert resident(gateway) - before < 40, "a reader that stands still costs nothing"


async def large_request(gateway: Process) -> asyncio.StreamWriter:
    """Sends 5 MB; the answer has begun, and is not over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
    writer.write(REQUEST % (5 * MEGA))
    for _ in range(5):
        writer.write(PIECE)
        await writer.drain()
    await reader.readuntil(b"\r\n\r\n")
    return writer


async def most_while_reading(gateway: Process) -> float:
    """The most memory that was seen while a client read a large answer."""
    most, size = 0.0, 0
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(REQUEST % 0)
    await reader.readuntil(b"\r\n\r\n")
    while size < ANSWER_MEGA * MEGA:
        size += len(await reader.read(READ_BYTES))
        most = max(most, resident(gateway)) if size % (4 * MEGA) < READ_BYTES else most
    writer.close()
    return most


async def stand_still(gateway: Process, written: list[int]) -> None:
    """Ask and read nothing, until nothing moves any more."""
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
    writer.write(REQUEST % 0)
    seen = -1
    while seen != len(written) or not written:
        seen = len(written)
        await asyncio.sleep(0.5)  # as long as it takes to say so
