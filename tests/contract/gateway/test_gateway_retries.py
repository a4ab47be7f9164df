"""UPSTREAM_RETRIES: refused calls are tried again before the first byte, and every attempt is a record of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from plait.fakes.answers import Answer, error_answer, json_answer, stream_answer
from plait.fakes.claude import ScriptedClaude
from plait.fakes.ledger import Call
from plait.gateway.shipper.exchange import begin
from plait.gateway.spool.reader import SpoolReader
from plait.gateway.spool.records import End, Ending, Head, Piece, Request, from_frame
from plait.gateway.spool.segments import START
from plait.linker.domain.facts import Facts
from plait.linker.domain.request import request_facts, with_answer
from tests.contract.gateway.relaying import Gateway, relaying
from tests.unit.linker_domain.weaving import names_of, parent_of

NOW = (("retry-after", "0"),)
HI = [{"type": "text", "text": "Hi"}]


@pytest.fixture(autouse=True)
def byte_lane() -> None:
    """Retries turn it off: there is one way through only."""


def in_turn(claude: ScriptedClaude, *answers: Answer) -> None:
    """Answer calls so, one after the other."""
    left = list(answers)
    claude.rules.append(lambda _: left.pop(0) if left else None)


def attempts(gateway: Gateway) -> list[tuple[bytes, Request, int | None]]:
    """Exchange id, request and status of everything in the spool, in its order."""
    reader = SpoolReader(gateway.spool, START, settled=True)
    found: dict[bytes, tuple[Request, int | None]] = {}
    for frame in iter(reader.next, None):
        record = from_frame(frame)
        if isinstance(record, Request):
            found[frame.exchange] = (record, None)
        elif isinstance(record, Head):
            found[frame.exchange] = (found[frame.exchange][0], record.status)
    reader.close()
    return [(exchange, *of) for exchange, of in found.items()]


def fact(exchange_id: UUID, gateway: Gateway) -> Facts:
    """What the linker knows of an exchange, by way of the shipper's events."""
    request, *answer = gateway.records(str(exchange_id))
    assert isinstance(request, Request)
    exchange, begun = begin(exchange_id, request)
    for record in answer:
        if isinstance(record, Head):
            exchange.head(record)
        elif isinstance(record, Piece):
            exchange.piece(record)
        elif isinstance(record, End):
            return with_answer(request_facts(begun.data), exchange.end(record).data)
    raise AssertionError("it has no end")


async def test_the_linker_takes_attempts_for_retries_of_each_other(claude: ScriptedClaude, tmp_path: Path) -> None:
    """Without a session, and from an SDK that counts: what it sends, 0, says that nothing was tried before."""
    body = b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"Hello"}]}'
    refusal = error_answer(529, "Overloaded", headers=NOW)
    in_turn(claude, refusal, refusal, json_answer({"type": "message", "role": "assistant", "content": HI}))
    async with relaying(claude.url, tmp_path, upstream_retries=2) as gateway:
        await gateway.post(body, headers=[("x-stainless-retry-count", "0")])
    facts = [fact(UUID(bytes=exchange), gateway) for exchange, _, _ in attempts(gateway)]
    assert [parent_of(*facts[: n + 1])[0] for n in range(3)] == ["none", "retry", "retry"]
    assert len({name.conversation_id for name in names_of(*facts).values()}) == 1
    assert [one.answer.outcome for one in facts if one.answer] == ["failed", "failed", "complete"]


@pytest.mark.parametrize("status", [429, 500, 503, 529])
async def test_refusals_are_tried_again_and_each_attempt_is_recorded(
    claude: ScriptedClaude, tmp_path: Path, status: int
) -> None:
    refusal = error_answer(status, "Overloaded", headers=NOW)
    in_turn(claude, refusal, refusal, stream_answer([b"data: 1\n\n"]))
    async with relaying(claude.url, tmp_path, upstream_retries=2) as gateway:
        received = await gateway.post(b'{"n":1}')
        assert (received.status, received.body) == (200, b"data: 1\n\n")
        made = attempts(gateway)
        assert [status for _, _, status in made] == [status, status, 200]
        assert {request.body for _, request, _ in made} == {b'{"n":1}'}
        assert gateway.end(received.request_id).ending is Ending.WHOLE
        assert received.request_id is not None
        assert made[-1][0].hex() == received.request_id.replace("-", ""), "the last attempt answered"
        numbers = [dict(request.headers).get(b"x-plait-attempt") for _, request, _ in made]
        assert numbers == [None, b"2", b"3"]
        starts = [request.started_at for _, request, _ in made]
        assert starts == sorted(set(starts))
    assert [call.body for call in claude.calls] == [b'{"n":1}'] * 3
    assert all(call.header("x-plait-attempt") is None for call in claude.calls)


async def test_the_last_refusal_is_the_clients(claude: ScriptedClaude, tmp_path: Path) -> None:
    claude.rules.append(lambda _: error_answer(529, "Overloaded", headers=NOW))
    async with relaying(claude.url, tmp_path, upstream_retries=3) as gateway:
        received = await gateway.post()
    assert received.status == 529
    assert received.body == claude.rules[0](claude.calls[0]).body  # type: ignore[union-attr]
    assert len(claude.calls) == 4


@pytest.mark.parametrize(
    "answer",
    [
        error_answer(400, "prompt is too long"),
        error_answer(529, "Overloaded", headers=(("x-should-retry", "false"),)),
        error_answer(429, "Wait", headers=(("retry-after", "3600"),)),
        json_answer({}),
    ],
    ids=["400", "told not to", "too long to wait", "200"],
)
async def test_what_no_retry_would_mend_is_asked_once(claude: ScriptedClaude, tmp_path: Path, answer: Answer) -> None:
    claude.rules.append(lambda _: answer)
    async with relaying(claude.url, tmp_path, upstream_retries=5) as gateway:
        assert (await gateway.post()).body == answer.body
    assert len(claude.calls) == 1


async def test_an_answer_that_has_begun_is_never_asked_for_again(claude: ScriptedClaude, tmp_path: Path) -> None:
    claude.rules.append(lambda _: stream_answer([b"data: 1\n\n"] * 5).ending("reset", after=2))
    async with relaying(claude.url, tmp_path, upstream_retries=5) as gateway:
        assert not (await gateway.post()).whole
    assert len(claude.calls) == 1


async def test_a_client_that_leaves_between_attempts_ends_them(claude: ScriptedClaude, tmp_path: Path) -> None:
    claude.rules.append(lambda _: error_answer(529, "Overloaded", headers=(("retry-after", "20"),)))
    async with relaying(claude.url, tmp_path, upstream_retries=1, on_client_disconnect="drain") as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"POST /v1/messages HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
        first: Call = await claude.call(0)
        await first.over.wait()
        writer.close()
        del reader
    # The block above ends when the gateway has stopped: nothing waited for the second attempt.
    assert len(claude.calls) == 1
    assert len(attempts(gateway)) == 1
