"""Heads of requests are bounded wherever a part serves with uvicorn's own connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from plait.cli.program import listening
from plait.common.bounded_head import MOST_BYTES
from plait.common.serving import serve
from tests.ports import free_port

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
FIELD = b"X-A: " + b"a" * 1000 + b"\r\n"


async def counting(scope: Scope, receive: Receive, send: Send) -> None:
    """Says how long the body is."""
    await PlainTextResponse(str(len(await Request(scope, receive).body())))(scope, receive, send)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    port, stop = free_port(), asyncio.Event()
    serving = asyncio.create_task(serve(counting, host="127.0.0.1", port=port, stop=stop))
    while not listening(port):
        await asyncio.sleep(0)
    yield port
    stop.set()
    await serving


async def told(port: int, *parts: bytes) -> bytes:
    """All that is answered until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(60):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("endless", [FIELD * 70, b"X-A: " + b"a" * (MOST_BYTES + 1)])
async def test_a_head_that_does_not_end_is_refused(port: int, endless: bytes) -> None:
    assert (await told(port, HEAD, endless)).startswith(b"HTTP/1.1 431 ")


async def test_bodies_may_be_larger_and_further_requests_follow(port: int) -> None:
    body = b"b" * (8 * MOST_BYTES)
    length = b"Content-Length: %d\r\n" % len(body)
    last = b"Connection: close\r\n\r\n"
    answer = await told(port, HEAD + length + b"\r\n" + body, HEAD + FIELD * 50 + length + last, body)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.count(str(len(body)).encode()) == 2
