"""Runs a gateway inside a test, and reads what it recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from plait.fakes.client import Received, call
from plait.fakes.http1 import Header
from plait.gateway.main import relay
from plait.gateway.settings import RelaySettings
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import End, Head, Piece, Record, from_frame
from plait.gateway.spool.segments import START
from tests.ports import free_port

HOST: Header = ("Host", "contract.example.test")
MESSAGES = "/v1/messages"
MEGA = 1 << 20


@dataclass(frozen=True)
class Gateway:
    """A running gateway: its port and its spool's folder."""

    port: int
    spool: Path

    async def post(
        self, body: bytes = b"{}", *, target: str = MESSAGES, headers: list[Header] | None = None, **more: Any
    ) -> Received:
        """A POST with a Host and these headers."""
        return await call(self.port, "POST", target, [HOST, *(headers or [])], body, **more)

    async def get(self, target: str, *, method: str = "GET", headers: list[Header] | None = None) -> Received:
        """A request without a body."""
        return await call(self.port, method, target, [HOST, *(headers or [])])

    def records(self, request_id: str | None) -> list[Record]:
        """What the spool holds of an exchange just now; an answer that came with its end as if it had come before."""
        assert request_id is not None
        reader = SpoolReader(self.spool, START, settled=True)
        frames = list(iter(reader.next, None))
        reader.close()
        return [
            record
            for frame in frames
            if frame.exchange == UUID(request_id).bytes
            for record in _told(from_frame(frame))
        ]

    def end(self, request_id: str | None) -> End:
        """How an exchange ended."""
        last = self.records(request_id)[-1]
        assert isinstance(last, End)
        return last

    def raw_spool(self) -> bytes:
        """Every byte in the spool."""
        return b"".join(path.read_bytes() for path in sorted(self.spool.glob("*.segment")))


def _told(record: Record) -> list[Record]:
    if not isinstance(record, End) or record.answer is None or record.at_ms is None:
        return [record]
    answer = record.answer
    piece = [Piece(record.at_ms, answer.data)] if answer.data else []
    return [Head(record.at_ms, answer.status, answer.headers), *piece, record]


@asynccontextmanager
async def relaying(claude_url: str, spool: Path, **settings: Any) -> AsyncIterator[Gateway]:
    """A gateway in front of `claude_url` for the length of the block."""
    port, stop = free_port(), asyncio.Event()
    given = {
        "port": port,
        "spool_dir": spool,
        "credentials_dir": spool / "no-credentials",
        "masking_key": "ab" * 32,
        "claude_api_base_url": claude_url,
        "spool_segment_bytes": MEGA,
        **settings,
    }
    running = asyncio.create_task(relay(RelaySettings(_env_file=None, **given), stop))
    await _listening(port, running)
    try:
        yield Gateway(port, spool)
    finally:
        stop.set()
        await running


async def _listening(port: int, running: asyncio.Task[None]) -> None:
    while not running.done():
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
    running.result()


async def ended(gateway: Gateway, request_id: str | None) -> End:
    """The end of an exchange, as soon as it is recorded."""
    async with asyncio.timeout(60):
        while not isinstance(last := gateway.records(request_id)[-1], End):
            await asyncio.sleep(0.02)
    return last


async def raw_call(port: int, raw: bytes) -> tuple[bytes, bytes]:
    """Head and body of what comes back for these bytes until the gateway closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    async with asyncio.timeout(60):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head, body


def error_of(body: bytes) -> tuple[str, str]:
    """Type and message of a refusal, which must be in Anthropic's shape."""
    value = json.loads(body)
    assert value.keys() == {"type", "error", "request_id"}
    assert value["type"] == "error"
    assert UUID(value["request_id"]).version == 7
    return value["error"]["type"], value["error"]["message"]
