"""Rows of exchanges: what lists show, and what gives the bodies back. Request and answer may come in either order."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

import asyncpg

from plait.common.events import ChunkData, Header
from plait.common.packing import pack_pieces
from plait.linker import statements
from plait.linker.batch import Answered, Asked, Batch
from plait.linker.columns import columns
from plait.linker.domain.request import aware
from plait.linker.preview import preview, request_type

_INDEXED: Final = 255
"""Characters of a text that an index holds: Postgres takes at most 2,700 bytes there."""
_MESSAGE: Final = 2000
"""Characters kept of an error's message; the answer itself is kept whole."""

_ACCOUNT: Final = 6
_MODEL: Final = 12
"""Places in the row of a request."""

Row = tuple[Any, ...]


async def add(connection: asyncpg.pool.PoolConnectionProxy, batch: Batch) -> None:
    """Write both halves of the exchanges of a batch, their bodies and chunks."""
    requests, responses = batch.requests.values(), batch.responses.values()
    asked = {number: request_row(one) for number, one in batch.requests.items()}
    answered = {number: response_row(one) for number, one in batch.responses.items()}
    written = await _add_whole(connection, [_whole_row(asked[n], answered[n]) for n in asked.keys() & answered.keys()])
    for statement, rows in ((statements.ADD_REQUESTS, asked), (statements.ADD_RESPONSES, answered)):
        await _told(connection, statement, [row for number, row in rows.items() if number not in written])
    await _kept(connection, statements.ADD_REQUEST_BODIES, [_request_body(one) for one in requests])
    await _kept(connection, statements.ADD_RESPONSE_BODIES, [_answer_body(one) for one in responses])
    await _kept(connection, statements.ADD_CHUNKS, [_chunk(data) for data in batch.chunks.values()])


def request_row(one: Asked) -> Row:
    """The columns of `statements.ADD_REQUESTS`."""
    data, facts = one.data, one.facts
    return (
        data.exchange_id,
        data.domain[:_INDEXED],
        aware(data.started_at),
        data.method,
        data.path,
        data.query,
        _cut(data.account_id),
        _cut(facts.session_id),
        _cut(facts.agent_id),
        facts.kind,
        facts.side_kind,
        request_type(one.parts, facts.kind),
        _cut(_text(one.parts.rest.get("model"))),
        data.tag,
        data.key_name,
        _header(data.headers, "user-agent"),
        data.client_address,
        data.body_size,
        facts.count or None,
        preview(one.parts),
        _cut(_header(data.headers, "x-claude-code-agent-type")),
    )


def response_row(one: Answered) -> Row:
    """The columns of `statements.ADD_RESPONSES`."""
    data = one.data
    return (
        data.exchange_id,
        data.domain[:_INDEXED],
        aware(data.started_at),
        _cut(data.account_id),
        _cut(data.model),
        len(one.facts.calls),
        data.status,
        data.outcome,
        data.streamed,
        data.body_size,
        aware(data.ended_at),
        data.first_byte_ms,
        data.first_token_ms,
        data.duration_ms,
        data.error.type if data.error else None,
        data.error.message[:_MESSAGE] if data.error else None,
    )


def _whole_row(asked: Row, answered: Row) -> Row:
    """The columns of `statements.ADD_WHOLE`: what both tell is told by who knows it (`statements.ADD_REQUESTS`)."""
    account, model = asked[_ACCOUNT] or answered[3], answered[4] or asked[_MODEL]
    head, middle, tail = asked[:_ACCOUNT], asked[_ACCOUNT + 1 : _MODEL], asked[_MODEL + 1 :]
    return (*head, account, *middle, model, *tail, *answered[5:])


async def _add_whole(connection: asyncpg.pool.PoolConnectionProxy, rows: Sequence[Row]) -> set[UUID]:
    """Write exchanges whose halves came together, as far as nothing of them was there; the ids of those."""
    if not rows:
        return set()
    given = columns(sorted(rows, key=itemgetter(0)))
    return {row[0] for row in await connection.fetch(statements.ADD_WHOLE, *given)}


async def _told(connection: asyncpg.pool.PoolConnectionProxy, statement: str, rows: Sequence[Row]) -> None:
    if rows:
        await connection.execute(statement, *columns(sorted(rows, key=itemgetter(0))))


async def _kept(connection: asyncpg.pool.PoolConnectionProxy, statement: str, rows: Sequence[Row]) -> None:
    if rows:
        await connection.execute(statement, sorted(rows, key=itemgetter(0, 1)))


def _request_body(one: Asked) -> Row:
    parts = one.parts
    system, tools = parts.system.hash if parts.system else None, parts.tools.hash if parts.tools else None
    frame, headers = one.frame.hash, one.beside_frame
    return one.data.exchange_id, headers, frame, parts.head, system, tools, parts.beside_frame, parts.whole


def _answer_body(one: Answered) -> Row:
    content = one.parts.content.hash if one.parts.content else None
    frame, headers = one.frame.hash, one.beside_frame
    return one.data.exchange_id, headers, frame, content, one.parts.remainder, one.parts.whole


def _chunk(data: ChunkData) -> Row:
    return data.exchange_id, data.index, len(data.pieces), pack_pieces(data.pieces)


def _header(headers: Sequence[Header], name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name), None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _cut(text: str | None) -> str | None:
    return text[:_INDEXED] if text else None
