"""Requests with long bodies: on their way to Claude as they come, recorded as they came, completed by nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from plait.common import serving
from plait.fakes.http1 import BUFFER_BYTES, body_pieces, read_head
from plait.gateway.spool.records import End, Ending, Head, Piece, Request
from tests.contract.gateway.relaying import MEGA, Gateway, error_of, relaying

SIZE = 3 * MEGA
BODY = bytes(range(256)) * (SIZE // 256)
HALF = BODY[: SIZE // 2]
HEAD = b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % SIZE
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOO_MUCH = b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 7\r\n\r\ntoo bad"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b"9\r\ndata: 1\n\n\r\n"

Play = Callable[["Claude", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Claude:
    """Plays `play` on each connection; `body` is what it has read of bodies, in all."""

    play: Play
    body: bytearray = field(default_factory=bytearray)
    connections: int = 0
    half: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when half a body has been read."""
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the gateway has closed a connection on which a request was under way."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.play(self, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.cut.set()
        writer.close()

    async def read(self, reader: asyncio.StreamReader, size: int) -> None:
        """So many bytes of a body."""
        while size:
            piece = await reader.read(min(size, 64 * 1024))
            if not piece:
                raise ConnectionError("the gateway has left")
            self.body += piece
            size -= len(piece)
            if len(self.body) >= len(HALF):
                self.half.set()


async def answering(claude: Claude, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read whole requests, and answer each."""
    while await reader.readuntil(b"\r\n\r\n"):
        await claude.read(reader, SIZE)
        writer.write(OK)


async def stopping(claude: Claude, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Read half a body, and nothing more as long as the connection lasts."""
    await reader.readuntil(b"\r\n\r\n")
    await claude.read(reader, len(HALF))
    await claude.cut.wait()


@asynccontextmanager
async def between(play: Play, spool: Path, **settings: Any) -> AsyncIterator[tuple[Claude, Gateway]]:
    claude = Claude(play)
    server = await asyncio.start_server(claude.serve, "127.0.0.1", 0, limit=BUFFER_BYTES)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        async with asyncio.timeout(60), relaying(url, spool, **settings) as gateway:
            yield claude, gateway
    finally:
        claude.cut.set()
        server.close()


async def client(gateway: Gateway, *pieces: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=BUFFER_BYTES)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    return reader, writer


async def answer(reader: asyncio.StreamReader) -> tuple[int, str | None, bytes, str | None]:
    """Status, exchange id, body and `Connection` of the next answer."""
    head = await read_head(reader)
    body = b"".join([piece async for piece in body_pieces(reader, head, until_close=True)])
    return int(head.start.split()[1]), head.header("x-request-id"), body, head.header("connection")


async def recorded(gateway: Gateway, word: bytes) -> None:
    """Returns when the spool holds this word."""
    while word not in gateway.raw_spool():
        await asyncio.sleep(0.02)


def only_on_the_lane(byte_lane: str) -> None:
    if byte_lane == "off":
        pytest.skip("the complete relay awaits a whole body: it may have to repeat it")


@pytest.mark.parametrize("size", [1, 700, 70_000, 1_000_000, SIZE], ids=str)
async def test_it_arrives_and_is_recorded_byte_for_byte_however_it_is_cut(tmp_path: Path, size: int) -> None:
    tail = SIZE - 2000 if size == 1 else 0
    pieces = [BODY[:tail]] * bool(tail) + [BODY[at : at + size] for at in range(tail, SIZE, size)]
    async with between(answering, tmp_path) as (claude, gateway):
        for _ in range(2):
            reader, writer = await client(gateway, HEAD, *pieces)
            status, request_id, body, connection = await answer(reader)
            writer.close()
            assert (status, body, connection) == (200, b"ok", None)
            request, head, *_, end = gateway.records(request_id)
            assert isinstance(request, Request)
            assert request.body == BODY
            assert isinstance(head, Head)
            assert isinstance(end, End)
            assert end.ending is Ending.WHOLE
        assert claude.body == BODY * 2
        assert claude.connections == 1, "kept for the next"


async def test_it_is_on_its_way_before_it_is_whole(tmp_path: Path, byte_lane: str) -> None:
    only_on_the_lane(byte_lane)
    async with between(answering, tmp_path) as (claude, gateway):
        reader, writer = await client(gateway, HEAD, HALF)
        await claude.half.wait()
        writer.write(BODY[len(HALF) :])
        assert (await answer(reader))[0] == 200
        writer.close()


async def test_what_is_behind_it_is_the_next_request(tmp_path: Path) -> None:
    async with between(answering, tmp_path) as (claude, gateway):
        reader, writer = await client(gateway, HEAD, BODY + HEAD + BODY[:100_000], BODY[100_000:])
        assert [(await answer(reader))[0] for _ in range(2)] == [200, 200]
        assert claude.body == BODY * 2
        writer.close()


async def test_one_whose_client_leaves_is_never_completed(tmp_path: Path) -> None:
    async with between(answering, tmp_path) as (claude, gateway):
        _, writer = await client(gateway, HEAD, HALF)
        await asyncio.sleep(0.1)  # what was sent has been read: a close behind it is no reset of it
        writer.close()
        await recorded(gateway, b"client_gone")
        assert HALF in gateway.raw_spool()
        assert len(claude.body) <= len(HALF)
        if claude.connections:
            await claude.cut.wait()


@pytest.mark.parametrize("early", [TOO_MUCH, TOO_MUCH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")])
async def test_an_answer_that_comes_before_it_is_whole_passes_at_once(
    tmp_path: Path, byte_lane: str, early: bytes
) -> None:
    only_on_the_lane(byte_lane)

    async def refusing(claude: Claude, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await claude.read(reader, len(HALF))
        writer.write(early)
        await reader.readexactly(SIZE)  # more than comes

    async with between(refusing, tmp_path) as (claude, gateway):
        reader, writer = await client(gateway, HEAD, HALF)
        status, request_id, body, connection = await answer(reader)
        assert (status, body, connection) == (413, b"too bad", "close")
        await claude.cut.wait()
        request, head, *_, end = gateway.records(request_id)
        assert isinstance(request, Request)
        assert HALF.startswith(request.body)
        assert isinstance(head, Head)
        assert isinstance(end, End)
        assert (head.status, end.ending) == (413, Ending.WHOLE)
        writer.write(BODY[len(HALF) :] + HEAD)
        assert await reader.read() == b"", "the rest is read away, then the connection ends"
        writer.close()


async def test_an_answer_may_go_on_while_the_request_does(tmp_path: Path, byte_lane: str) -> None:
    only_on_the_lane(byte_lane)

    async def both(claude: Claude, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await claude.read(reader, len(HALF))
        writer.write(STREAM + EVENT)
        await claude.read(reader, SIZE - len(HALF))
        writer.write(EVENT + b"0\r\n\r\n")

    async with between(both, tmp_path) as (claude, gateway):
        reader, writer = await client(gateway, HEAD, HALF)
        head = await read_head(reader)
        assert await reader.readexactly(len(EVENT)) == EVENT
        writer.write(BODY[len(HALF) :])
        assert await reader.readexactly(len(EVENT) + 5) == EVENT + b"0\r\n\r\n"
        assert claude.body == BODY
        writer.close()
        records = gateway.records(head.header("x-request-id"))
        assert b"".join(record.data for record in records if isinstance(record, Piece)) == b"data: 1\n\n" * 2
        assert isinstance(records[0], Request)


async def test_a_claude_that_takes_nothing_more_holds_its_client_up(tmp_path: Path, byte_lane: str) -> None:
    only_on_the_lane(byte_lane)
    size = 30 * MEGA
    async with between(stopping, tmp_path) as (claude, gateway):
        _, writer = await client(gateway, HEAD.replace(b"%d" % SIZE, b"%d" % size))
        writer.write(bytes(size))
        await claude.half.wait()
        before = 0
        while before != (before := writer.transport.get_write_buffer_size()):
            await asyncio.sleep(0.5)  # as long as it takes to say so
        assert before > MEGA
        claude.cut.set()  # it closes: then there is an answer, and the rest is read away
        await writer.drain()
        writer.close()


async def test_a_claude_that_takes_nothing_more_has_its_time(tmp_path: Path, byte_lane: str) -> None:
    only_on_the_lane(byte_lane)
    size = 30 * MEGA
    async with between(stopping, tmp_path, claude_api_timeout=0.5) as (_, gateway):
        reader, writer = await client(gateway, HEAD.replace(b"%d" % SIZE, b"%d" % size))
        writer.write(bytes(size))
        status, request_id, body, connection = await answer(reader)
        assert (status, connection) == (504, "close")
        assert error_of(body)[0] == "timeout_error"
        assert gateway.end(request_id).ending is Ending.NO_ANSWER
        writer.close()


async def test_a_client_that_makes_claude_wait_has_its_own_time(
    tmp_path: Path, byte_lane: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_on_the_lane(byte_lane)
    monkeypatch.setattr(serving, "_KEEP_ALIVE_SECONDS", 1.5)
    async with between(answering, tmp_path, claude_api_timeout=0.2) as (claude, gateway):
        reader, writer = await client(gateway, HEAD, HALF)
        assert await reader.read() == b"", "closed without an answer"
        await recorded(gateway, b"client_gone")
        await claude.cut.wait()
        writer.close()


async def test_a_claude_that_leaves_before_it_is_whole_is_a_502(tmp_path: Path, byte_lane: str) -> None:
    only_on_the_lane(byte_lane)

    async def leaving(claude: Claude, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await claude.read(reader, len(HALF))

    async with between(leaving, tmp_path) as (_, gateway):
        reader, writer = await client(gateway, HEAD, HALF)
        status, request_id, body, connection = await answer(reader)
        assert (status, connection) == (502, "close")
        assert error_of(body)[0] == "api_error"
        request, *_ = gateway.records(request_id)
        assert isinstance(request, Request)
        assert request.body == HALF
        writer.close()


async def test_one_that_a_stop_finds_half_sent_is_recorded_so(
    tmp_path: Path, byte_lane: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_on_the_lane(byte_lane)
    monkeypatch.setattr("plait.common.serving.GRACE_SECONDS", 0.2)
    async with between(answering, tmp_path) as (claude, gateway):
        _, writer = await client(gateway, HEAD, HALF)
        await claude.half.wait()
    assert b"gateway_lost" in gateway.raw_spool()
    assert HALF in gateway.raw_spool()
    writer.close()
