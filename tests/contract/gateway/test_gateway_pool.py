"""Connections to Claude: kept for the next call, and never the reason why a call runs twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from plait.fakes.http1 import BrokenMessage, body_pieces, read_head
from tests.contract.gateway.relaying import relaying

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Claude:
    """Answers each request; `lets_go` is asked with a call's number on its connection: close instead of answering?"""

    lets_go: Callable[[int], bool]
    calls: list[int] = field(default_factory=list)
    """For each connection, how many calls came on it."""
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls.append(0)
        mine = len(self.calls) - 1
        try:
            while True:
                head = await read_head(reader)
                async for _ in body_pieces(reader, head, until_close=False):
                    pass
                self.calls[mine] += 1
                if self.lets_go(self.calls[mine]):
                    break
                writer.write(OK)
        except BrokenMessage:
            pass  # the gateway closed it
        writer.close()


@asynccontextmanager
async def claude(lets_go: Callable[[int], bool] = lambda _: False) -> AsyncIterator[Claude]:
    running = Claude(lets_go)
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    async with server:
        yield running


async def test_calls_in_turn_share_a_connection_and_calls_at_once_do_not(tmp_path: Path) -> None:
    async with claude() as upstream, relaying(f"http://127.0.0.1:{upstream.port}", tmp_path) as gateway:
        for _ in range(5):
            assert (await gateway.post()).body == b"ok"
        assert upstream.calls == [5]
        answers = await asyncio.gather(*(gateway.post() for _ in range(8)))
        assert [answer.status for answer in answers] == [200] * 8
        assert sum(upstream.calls) == 13


async def test_a_kept_connection_that_closes_just_then_costs_a_reading_call_nothing(tmp_path: Path) -> None:
    async with claude(lambda number: number > 1) as upstream:
        async with relaying(f"http://127.0.0.1:{upstream.port}", tmp_path) as gateway:
            for _ in range(3):
                assert (await gateway.get("/v1/models")).status == 200
        assert upstream.calls == [2, 2, 1]


async def test_a_call_that_may_have_been_heard_is_not_repeated(tmp_path: Path) -> None:
    async with claude(lambda number: number > 1) as upstream:
        async with relaying(f"http://127.0.0.1:{upstream.port}", tmp_path) as gateway:
            assert (await gateway.post()).status == 200
            assert (await gateway.post()).status == 502
        assert upstream.calls == [2]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_on_a_fresh_connection_nothing_is_repeated(tmp_path: Path, method: str) -> None:
    async with claude(lambda _: True) as upstream:
        async with relaying(f"http://127.0.0.1:{upstream.port}", tmp_path) as gateway:
            assert (await gateway.get("/v1/models", method=method)).status == 502
        assert upstream.calls == [1]
