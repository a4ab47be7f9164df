"""One exchange whole, and the pieces of its answer, on a real Postgres."""

from __future__ import annotations

from uuid import UUID, uuid4

import asyncpg
import msgspec

from plait.common.events import Piece
from plait.common.queries.records import Chunk, Evidence, Exchange, get_exchange, list_chunks
from tests import scene, seeding


async def test_bodies_headers_and_usage_come_back(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    found = await whole(reader, s.root)
    assert found.request_body == scene.ROOT_BODY
    assert found.response_body == scene.ANSWER
    assert found.request_headers == scene.REQUEST_HEADERS
    assert found.response_headers == scene.RESPONSE_HEADERS
    assert found.usage_data == {"input_tokens": 10, "output_tokens": 20}
    assert found.evidence == Evidence("none", {"tried": ["session"]})
    assert (found.total_tokens, found.conversation_id) == (37, s.told)


async def test_messages_shared_with_other_requests_come_back_in_order(
    writer: asyncpg.Connection, reader: asyncpg.Pool
) -> None:
    s = await scene.play(writer)
    assert (await whole(reader, s.more)).request_body == scene.MORE_BODY


async def test_a_long_chain(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    roles = ("user", "assistant")
    body = {"model": "m", "messages": [{"role": roles[n % 2], "content": f"turn {n}"} for n in range(401)]}
    exchange = await seeding.add_exchange(writer)
    await seeding.add_request_body(writer, exchange, msgspec.json.encode(body))
    assert (await whole(reader, exchange)).request_body == body


async def test_a_running_exchange_has_no_answer(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    found = await whole(reader, s.running)
    assert (found.request_body, found.response_body, found.response_headers) == (scene.ROOT_BODY, None, [])
    assert (found.usage_data, found.outcome) == (None, None)


async def test_a_body_that_is_no_json_comes_back_as_text(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    found = await whole(reader, s.counting)
    assert (found.request_body, found.response_body) == ("no {json", None)


async def test_not_linked_yet(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    found = await whole(reader, await seeding.add_exchange(writer))
    assert (found.evidence, found.request_body, found.request_headers) == (None, None, [])


async def test_unknown(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    for stranger in (uuid4(), s.answer_only):
        assert await get_exchange(reader, stranger) is None
        assert await list_chunks(reader, stranger) is None


async def test_pieces_make_up_the_stream(writer: asyncpg.Connection, reader: asyncpg.Pool) -> None:
    s = await scene.play(writer)
    assert await list_chunks(reader, s.root) == [
        Chunk(0, 250.0, "event: a\n"),
        Chunk(1, 260.26, "✨\n"),
        Chunk(2, 1400.5, "� end"),
    ]
    assert await list_chunks(reader, s.running) == []


async def test_a_character_that_the_stream_ends_in_is_not_lost(
    writer: asyncpg.Connection, reader: asyncpg.Pool
) -> None:
    exchange = await seeding.add_exchange(writer)
    await seeding.add_pieces(writer, exchange, 0, [Piece(1.0, b"a"), Piece(2.0, "é".encode()[:1])])
    assert await list_chunks(reader, exchange) == [Chunk(0, 1.0, "a"), Chunk(1, 2.0, "�")]


async def whole(reader: asyncpg.Pool, exchange: UUID) -> Exchange:
    found = await get_exchange(reader, exchange)
    assert found is not None
    return found
