"""The scripted Claude: what it notes, and every manner of answering."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from plait.fakes import messages
from plait.fakes.answers import Answer, Piece, error_answer, json_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.client import Received, call
from plait.fakes.http1 import Header, header
from plait.fakes.ledger import Call

KEY: Header = ("x-api-key", "sk-ant-fake")
BODY = b'{"model":"claude-opus-5-5","max_tokens":9,"messages":[{"role":"user","content":"Hello"}]}'
STREAM = stream_answer(messages.events_of(messages.message(messages.text("Grüße aus dem Strom"))))


async def post(claude: ScriptedClaude, body: bytes = BODY, *, leave_after: int | None = None) -> Received:
    headers = [("Host", "a.example.test"), KEY]
    return await call(claude.port, "POST", "/v1/messages?beta=true", headers, body, leave_after=leave_after, within=60)


async def test_a_call_is_noted_as_it_came() -> None:
    async with ScriptedClaude() as claude:
        began = time.monotonic()
        headers = [("Host", "a.example.test"), ("X-Odd", "1"), ("x-odd", "2"), KEY]
        await call(claude.port, "POST", "/v1/messages?beta=true", headers, BODY)
        noted = claude.calls[0]
    assert (noted.method, noted.target, noted.path) == ("POST", "/v1/messages?beta=true", "/v1/messages")
    assert noted.headers[:4] == headers
    assert noted.header("CONTENT-LENGTH") == str(len(BODY))
    assert (noted.body, noted.json["max_tokens"]) == (BODY, 9)
    assert began <= noted.arrived <= noted.writes[0][0] <= (noted.ended or 0)
    assert noted.client_gone is None


async def test_a_chunked_body_is_put_together() -> None:
    async with ScriptedClaude() as claude:
        reader, writer = await asyncio.open_connection("127.0.0.1", claude.port)
        writer.write(
            b"POST /v1/x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 401")
        writer.close()
    assert claude.calls[0].body == b"abcde"


async def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    async with ScriptedClaude() as claude:
        reader, writer = await asyncio.open_connection("127.0.0.1", claude.port)
        writer.write(b"POST /v1/x HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        writer.write(b"ok")
        await reader.readline()
        assert (await reader.readline()).startswith(b"HTTP/1.1 401")
        writer.close()


async def test_a_connection_serves_many_calls_until_its_client_wants_no_more() -> None:
    async with ScriptedClaude() as claude:
        reader, writer = await asyncio.open_connection("127.0.0.1", claude.port)
        plain = b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n"
        last = b"HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        writer.write(plain + plain + last)
        answers = await asyncio.wait_for(reader.read(), 60)
        writer.close()
    assert answers.count(b"HTTP/1.1 200") == len(claude.calls) == 3


async def test_equal_calls_get_their_answers_in_order() -> None:
    async with ScriptedClaude() as claude:
        busy = claude.expect("/v1/messages", BODY, error_answer(529, "Overloaded", headers=(("retry-after", "1"),)))
        good = claude.expect("/v1/messages?other=query", BODY, json_answer({"n": 2}))
        first, second, third = [await post(claude) for _ in range(3)]
    assert (first.status, header(first.headers, "retry-after")) == (529, "1")
    assert json.loads(first.body)["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert second.body == b'{"n":2}'
    assert json.loads(third.body)["content"][0]["text"] == "You said: Hello"
    assert [busy.call.result(), good.call.result()] == claude.calls[:2]


async def test_rules_are_asked_in_order() -> None:
    def teapot(asked: Call) -> Answer | None:
        return json_answer({}, status=418) if b"tea" in asked.body else None

    async with ScriptedClaude() as claude:
        claude.rules += [teapot, lambda _: error_answer(404, "nothing else here")]
        assert (await post(claude, b"tea")).status == 418
        assert (await post(claude, b"coffee")).status == 404


@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_odd_chunks_change_no_byte(size: int) -> None:
    async with ScriptedClaude() as claude:
        claude.expect("/v1/messages", BODY, STREAM.cut_every(size))
        received = await post(claude)
    assert received.whole
    assert received.body == STREAM.body
    assert sum(written for _, written in claude.calls[0].writes) == len(STREAM.body)


async def test_waits_are_kept() -> None:
    slow = stream_answer([b"data: 1\n\n", b"data: 2\n\n"], wait=0.15)
    async with ScriptedClaude() as claude:
        claude.expect("/v1/messages", BODY, slow)
        received = await post(claude)
    (first, _), (second, _) = received.arrivals
    assert second - first > 0.1


async def test_a_gate_holds_the_rest_back() -> None:
    gate = asyncio.Event()
    async with ScriptedClaude() as claude:
        expected = claude.expect("/v1/messages", BODY, STREAM.gated(gate, 1))
        running = asyncio.create_task(post(claude))
        await expected.call
        opened = time.monotonic()
        gate.set()
        received = await running
    assert received.body == STREAM.body
    assert claude.calls[0].writes[1][0] >= opened


@pytest.mark.parametrize("end", ["cut", "reset"])
async def test_a_stream_can_end_early(end: str) -> None:
    answer = STREAM.ending("cut" if end == "cut" else "reset", after=3)
    async with ScriptedClaude() as claude:
        claude.expect("/v1/messages", BODY, answer)
        received = await post(claude)
    assert not received.whole
    assert received.error
    if end == "cut":
        assert received.body == b"".join(piece.data for piece in STREAM.pieces[:3])


async def test_an_error_event_comes_in_mid_stream() -> None:
    events = [
        *messages.events_of(messages.message(messages.text("Hi")))[:3],
        messages.error_event("overloaded_error", "!"),
    ]
    async with ScriptedClaude() as claude:
        claude.expect("/v1/messages", BODY, stream_answer(events))
        received = await post(claude)
    assert received.whole
    assert b'"error":{"type":"overloaded_error","message":"!"}' in received.body


async def test_it_notices_a_client_that_leaves_while_it_is_silent() -> None:
    held = STREAM.ending("hold", after=2)
    async with ScriptedClaude() as claude:
        expected = claude.expect("/v1/messages", BODY, held)
        received = await post(claude, leave_after=len(held.body))
        noted = await expected.call
        await asyncio.wait_for(noted.over.wait(), 60)
    assert noted.client_gone is not None
    assert noted.client_gone >= received.arrivals[-1][0] - 0.01
    assert received.body == held.body


async def test_it_stops_writing_when_the_client_has_left() -> None:
    endless = Answer(pieces=tuple(Piece(b"x", wait=0.02) for _ in range(500)), chunked=True)
    async with ScriptedClaude() as claude:
        claude.expect("/v1/messages", BODY, endless)
        await post(claude, leave_after=2)
        await asyncio.wait_for(claude.calls[0].over.wait(), 60)
    assert claude.calls[0].client_gone is not None
    assert len(claude.calls[0].writes) < 500


async def test_stopping_leaves_no_connection_open() -> None:
    async with ScriptedClaude() as claude:
        claude.expect("/v1/messages", BODY, STREAM.ending("hold", after=1))
        running = asyncio.create_task(post(claude))
        await claude.call(0)
    received = await running
    assert not received.whole
