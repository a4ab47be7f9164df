"""Streams pass as they come, and end as they ended: whole, cut, or left by their client."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from plait.fakes.answers import End, raw_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import Received
from plait.gateway.spool.records import Ending, Head, Piece, Request
from tests.contract.gateway.relaying import Gateway, relaying

EVENTS = [b"data: %d\n\n" % n for n in range(10)]


async def test_a_piece_is_passed_on_while_the_next_is_still_awaited(gateway: Gateway, claude: ScriptedClaude) -> None:
    gate = asyncio.Event()
    claude.rules.append(lambda _: stream_answer(EVENTS).gated(gate, 1))
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(60):
        before = await reader.readuntil(EVENTS[0])
        gate.set()
        after = await reader.read()
    assert EVENTS[1] not in before
    assert after.endswith(b"0\r\n\r\n")
    writer.close()


async def test_each_piece_arrives_by_itself(gateway: Gateway, claude: ScriptedClaude) -> None:
    claude.rules.append(lambda _: stream_answer(EVENTS, wait=0.02))
    received = await gateway.post()
    assert len(received.arrivals) == len(EVENTS)


@pytest.mark.parametrize("end", ["cut", "reset"])
async def test_a_cut_answer_ends_cut_with_every_byte_that_came(
    gateway: Gateway, claude: ScriptedClaude, end: End
) -> None:
    claude.rules.append(lambda _: stream_answer(EVENTS, wait=0.01).ending(end, after=5))
    received = await gateway.post()
    assert (received.status, received.whole) == (200, False)
    passed = b"".join(EVENTS[:5]) if end == "cut" else received.body
    assert received.body == passed
    recorded = [record.data for record in gateway.records(received.request_id) if isinstance(record, Piece)]
    assert b"".join(recorded) == received.body
    assert gateway.end(received.request_id).ending is Ending.UPSTREAM_CUT


async def test_bytes_that_come_together_with_the_cut_are_passed_on(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The upstream sends head, bytes and the end of the connection in one go."""
    reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with relaying(f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("spool")) as gateway:
        received = await gateway.get("/v1/models")
    assert (received.body, received.whole) == (b"hello", False)
    server.close()
    await server.wait_closed()


async def test_an_answer_of_known_length_that_breaks_off_is_not_ended_either(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with relaying(f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("spool")) as gateway:
        received = await gateway.get("/v1/models")
        assert gateway.end(received.request_id).ending is Ending.UPSTREAM_CUT
    assert (received.body, received.whole) == (b"hello", False)
    server.close()
    await server.wait_closed()


async def test_a_client_that_leaves_mid_stream_is_seen_by_claude_and_recorded(
    gateway: Gateway, claude: ScriptedClaude
) -> None:
    claude.rules.append(lambda _: stream_answer(EVENTS, wait=0.02).ending("hold"))
    received = await gateway.post(leave_after=30)
    call = claude.calls[0]
    async with asyncio.timeout(60):
        await call.over.wait()
    assert call.client_gone is not None
    end = gateway.end(received.request_id)
    assert (end.ending, end.error_type) == (Ending.CLIENT_GONE, "client_gone")


async def test_a_client_that_leaves_before_the_answer_is_seen_by_claude_and_recorded(
    gateway: Gateway, claude: ScriptedClaude
) -> None:
    gate = asyncio.Event()
    claude.rules.append(lambda _: stream_answer(EVENTS).gated(gate, 0))
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
    call = await claude.call(0)
    writer.close()
    async with asyncio.timeout(60):
        await call.over.wait()
    assert call.client_gone is not None
    assert b"client_gone" in gateway.raw_spool()


async def test_the_record_is_whole_before_the_client_has_the_last_byte(
    gateway: Gateway, claude: ScriptedClaude
) -> None:
    """Killed right after its last byte, the gateway must have recorded what it answered."""
    for _ in range(20):
        received = await gateway.post(b'{"n":1}')
        records = gateway.records(received.request_id)
        assert [type(record) for record in records[:2]] == [Request, Head]
        assert b"".join(record.data for record in records if isinstance(record, Piece)) == received.body
        assert gateway.end(received.request_id).ending is Ending.WHOLE


async def test_a_slow_reader_slows_claude_down(gateway: Gateway, claude: ScriptedClaude) -> None:
    """Nobody reads: what Claude can write is bounded by sockets and buffers, not by the gateway's memory."""
    size, pieces = 1 << 20, 64
    claude.rules.append(lambda _: stream_answer([b"Y" * size] * pieces))
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
    writer.write(b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    call = await claude.call(0)
    written = -1
    while written != len(call.writes):
        written = len(call.writes)
        await asyncio.sleep(0.5)  # as long as it takes to say that nothing moves any more
    assert written < pieces // 2
    body = await reader.read()
    assert body.count(b"Y") == size * pieces
    writer.close()


async def test_who_reads_no_answer_gets_no_further_ones(gateway: Gateway, claude: ScriptedClaude) -> None:
    """Each answer is small and ends at once: all of them must not gather in the gateway's memory."""
    size, most = 200_000, 300
    claude.rules.append(lambda _: raw_answer(b"Y" * size, "text/plain"))
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
    with contextlib.suppress(TimeoutError):
        for number in range(most):
            writer.write(b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            await asyncio.wait_for(claude.call(number), 2)  # as long as it takes to say that no more are asked
    asked = len(claude.calls)
    assert asked < most // 2
    body = bytearray()
    while body.count(b"Y") < size * (asked + 1):  # what was sent last is answered when there is room
        body += await reader.read(1 << 20)
    assert len(claude.calls) == asked + 1
    writer.close()


async def test_a_stop_lets_a_running_answer_finish(
    claude: ScriptedClaude, tmp_path_factory: pytest.TempPathFactory
) -> None:
    gate = asyncio.Event()
    claude.rules.append(lambda _: stream_answer(EVENTS).gated(gate, 5))
    async with relaying(claude.url, tmp_path_factory.mktemp("spool")) as gateway:
        running: asyncio.Task[Received] = asyncio.create_task(gateway.post())
        await claude.call(0)
        asyncio.get_running_loop().call_later(0.5, gate.set)
    received = await running
    assert received.whole


async def test_a_stop_cuts_what_outlasts_the_grace_time_and_says_so_in_the_record(
    claude: ScriptedClaude,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("plait.common.serving.GRACE_SECONDS", 0.2)
    claude.rules.append(lambda _: stream_answer(EVENTS).ending("hold"))
    async with relaying(claude.url, tmp_path_factory.mktemp("spool")) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
        await reader.readuntil(EVENTS[-1])
    assert await reader.read() == b"\r\n", "closed without the last chunk"
    assert b"gateway_lost" in gateway.raw_spool()
    writer.close()
    assert not [record for record in caplog.records if record.exc_info]
