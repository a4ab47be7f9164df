"""Clients that leave: in the middle of their request, or of the answer that is then cut or read on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from plait.common import serving
from plait.common.folding import Fold
from plait.fakes.answers import stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.gateway.relay import call as relay_call
from plait.gateway.shipper.outcome import judge
from plait.gateway.spool.records import End, Ending, Head, Piece, Request
from tests.contract.gateway.relaying import Gateway, ended, relaying

EVENTS = [b"data: %d\n\n" % n for n in range(20)]
STANDING = {
    "silent": b"",
    "half a head": b"POST /v1/messages HTTP/1.1\r\nHost: h\r\n",
    "half a body": b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf",
    "half an API call": b"POST /api/analyses HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf",
}


async def test_drained_answers_are_recorded_to_their_end_and_are_still_aborted(
    claude: ScriptedClaude, tmp_path: Path
) -> None:
    claude.rules.append(lambda _: stream_answer(EVENTS, wait=0.01))
    async with relaying(claude.url, tmp_path, on_client_disconnect="drain") as gateway:
        received = await gateway.post(leave_after=30)
        end = await ended(gateway, received.request_id)
        assert (end.ending, end.error_type) == (Ending.DRAINED, "client_gone")
        pieces = [record.data for record in gateway.records(received.request_id) if isinstance(record, Piece)]
        assert b"".join(pieces) == b"".join(EVENTS)
        assert len(received.body) < len(b"".join(EVENTS))
    assert claude.calls[0].client_gone is None or claude.calls[0].answer.end == "complete"


def test_a_drained_answer_is_aborted_even_with_its_message_stop() -> None:
    stream = Fold()
    stream.feed(b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","usage":{}}}\n\n')
    stream.feed(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    outcome, fault = judge(End(1.0, Ending.DRAINED, "client_gone", ""), 200, None, stream, message_due=True)
    assert outcome == "aborted"
    assert fault is not None


@pytest.mark.parametrize(
    "bound", [{"client_drain_timeout": 0.2}, {"claude_idle_timeout": 0.2}], ids=["whole time", "silence"]
)
async def test_draining_has_its_bounds(claude: ScriptedClaude, tmp_path: Path, bound: dict[str, float]) -> None:
    claude.rules.append(lambda _: stream_answer(EVENTS[:2]).ending("hold"))
    async with relaying(claude.url, tmp_path, on_client_disconnect="drain", **bound) as gateway:
        received = await gateway.post(leave_after=9)
        assert (await ended(gateway, received.request_id)).error_type in ("client_gone", "upstream_cut")
        async with asyncio.timeout(60):
            await claude.calls[0].over.wait()


async def test_cancelled_answers_are_cut_while_claude_is_still_silent(claude: ScriptedClaude, tmp_path: Path) -> None:
    claude.rules.append(lambda _: stream_answer(EVENTS).ending("hold"))
    async with relaying(claude.url, tmp_path, on_client_disconnect="cancel") as gateway:
        received = await gateway.post(leave_after=30)
        call = claude.calls[0]
        async with asyncio.timeout(60):
            await call.over.wait()
        assert call.client_gone is not None
        assert (await ended(gateway, received.request_id)).ending is Ending.CLIENT_GONE


async def test_an_unfinished_request_is_recorded_as_far_as_it_came(gateway: Gateway, claude: ScriptedClaude) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n" + b"begun")
    await writer.drain()
    await asyncio.sleep(0.1)  # what was sent has been read: a close behind it is no reset of it
    writer.close()
    async with asyncio.timeout(60):
        while b"client_gone" not in gateway.raw_spool():
            await asyncio.sleep(0.02)
    assert b"begun" in gateway.raw_spool()
    assert claude.calls == [], "no half request goes on"


async def test_a_stop_while_draining_says_that_the_client_had_left(
    claude: ScriptedClaude, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.common.serving.GRACE_SECONDS", 0.2)
    claude.rules.append(lambda _: stream_answer(EVENTS[:3]).ending("hold"))
    async with asyncio.timeout(60), relaying(claude.url, tmp_path, on_client_disconnect="drain") as gateway:
        received = await gateway.post(leave_after=9)
    records = gateway.records(received.request_id)
    assert [type(record) for record in records[:2]] == [Request, Head]
    assert isinstance(records[-1], End)
    assert records[-1].ending in (Ending.CLIENT_GONE, Ending.DRAINED)


async def test_a_request_that_never_becomes_whole_is_closed_without_an_answer_at_the_end_of_a_stop(
    claude: ScriptedClaude, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("plait.common.serving.GRACE_SECONDS", 0.2)
    claude.rules.append(lambda _: stream_answer(EVENTS[:1]))
    async with relaying(claude.url, tmp_path) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf")
        assert (await gateway.post()).status == 200
    async with asyncio.timeout(60):
        assert await reader.read() == b""
    writer.close()
    assert [record.message for record in caplog.records if record.exc_info] == []
    assert len(claude.calls) == 1


@pytest.mark.parametrize("name", STANDING)
async def test_a_client_that_stands_still_is_not_waited_for_for_ever(
    name: str, claude: ScriptedClaude, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_KEEP_ALIVE_SECONDS", 0.5)
    monkeypatch.setattr(relay_call, "_BODY_SECONDS", 0.5)
    monkeypatch.setattr(relay_call, "_DRAIN_SECONDS", 0.5)
    async with relaying(claude.url, tmp_path) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(STANDING[name])
        async with asyncio.timeout(60):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408 ")
    assert not claude.calls


async def test_calls_of_the_api_may_not_be_as_large_as_claudes(gateway: Gateway) -> None:
    received = await gateway.post(b"x" * (1024 * 1024 + 1), target="/api/analyses")
    assert received.status == 413
