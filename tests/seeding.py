"""Rows for tests of what reads the database, written through the same parts as the real writers use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from plait.common.blobs import Blob, shelve
from plait.common.bodies import AnswerParts, RequestParts, take_apart_answer, take_apart_request
from plait.common.events import Header, Piece
from plait.common.ids import conversation_id, new_exchange_id
from plait.common.packing import pack_headers, pack_pieces

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
"""When the first seeded exchange began."""

ON = {"domain": "a.test", "method": "POST", "path": "/v1/messages", "query": "", "kind": "inference"}
"""What an exchange is unless a test says otherwise."""

ENDED = {"status": 200, "outcome": "complete", "streamed": True, "duration_ms": 1500.0, "first_token_ms": 250.0}


def moment(seconds: float) -> datetime:
    """So many seconds after the first exchange."""
    return START + timedelta(seconds=seconds)


def exchange_id(seconds: float) -> UUID:
    """An id for an exchange that began then."""
    return new_exchange_id(moment(seconds).timestamp())


async def add_exchange(db: asyncpg.Connection, at: float = 0, *, running: bool = False, **columns: Any) -> UUID:
    """A row of `exchanges` that began `at` seconds after START; it ended `complete` unless it is running."""
    row = {"id": exchange_id(at), **ON, "started_at": moment(at), **({} if running else ENDED), **columns}
    await insert(db, "exchanges", row)
    return UUID(str(row["id"]))


async def add_link(db: asyncpg.Connection, exchange: UUID, root: UUID | None, **columns: Any) -> None:
    """A row of `links`: into the conversation that `root` began, None for a side call that serves nothing known."""
    row = {
        "exchange_id": exchange,
        "own_id": conversation_id(exchange),
        "conversation_id": root and conversation_id(root),
        "link_kind": "root" if root == exchange else "continue" if root else None,
        "branch_id": "main" if root else None,
        "rule": "test",
        "detail": "{}",
        **columns,
    }
    await insert(db, "links", row)


async def add_usage(db: asyncpg.Connection, exchange: UUID, tokens: Sequence[int], **columns: Any) -> None:
    """A row of `usage`; tokens are input, output, cache read, cache creation."""
    into, out, read, created = tokens
    row = {
        "exchange_id": exchange,
        "domain": ON["domain"],
        "started_at": START,
        "input_tokens": into,
        "output_tokens": out,
        "cache_read_tokens": read,
        "cache_creation_tokens": created,
        "cache_creation_5m_tokens": created,
        "cache_creation_1h_tokens": 0,
        "web_search_requests": 0,
        "web_fetch_requests": 0,
        "estimated": False,
        "raw": msgspec.json.encode({"input_tokens": into, "output_tokens": out}).decode(),
        **columns,
    }
    await insert(db, "usage", row)


async def add_conversation(db: asyncpg.Connection, root: UUID, **columns: Any) -> UUID:
    """A row of `conversations`: that which `root` began."""
    row = {
        "id": conversation_id(root),
        "root_id": root,
        "domain": ON["domain"],
        "first_time": START,
        "last_time": START,
        "latest_id": root,
        "request_count": 1,
        "message_count": 1,
        "session_ids": [],
        "models": [],
        "branch_count": 1,
        "subtask_count": 0,
        "compact_count": 0,
        "user_branch_count": 0,
        **columns,
    }
    await insert(db, "conversations", row)
    return UUID(str(row["id"]))


async def sum_up(db: asyncpg.Connection) -> None:
    """What the ledger does with conversations that are due: lists can be sorted by their sums now."""
    await db.execute("DELETE FROM conversation_sums")
    await db.execute("INSERT INTO conversation_sums SELECT * FROM conversations_summed")
    await db.execute("DELETE FROM conversation_queue")


async def add_analysis(db: asyncpg.Connection, conversation: UUID, **columns: Any) -> UUID:
    """A row of `analyses`: one of the branch `main` that waits, unless a test says otherwise."""
    row = {
        "id": exchange_id(0),
        "conversation_id": conversation,
        "branch_id": "main",
        "domain": ON["domain"],
        "by_rule": False,
        "asked_by": "key viewer",
        **columns,
    }
    await insert(db, "analyses", row)
    return UUID(str(row["id"]))


async def add_request_body(db: asyncpg.Connection, exchange: UUID, body: bytes, headers: Sequence[Header] = ()) -> None:
    """What gives the request back, taken apart as the linker does it."""
    parts: RequestParts = take_apart_request(body)
    await add_blobs(db, parts.blobs)
    for link in parts.links:
        await insert(db, "chains", {"hash": link.hash, "parent": link.parent, "blob": link.blob, "depth": link.depth})
    row = {
        "id": exchange,
        "headers": pack_headers(headers),
        "chain": parts.head,
        "system": parts.system and parts.system.hash,
        "tools": parts.tools and parts.tools.hash,
        "remainder": parts.remainder,
        "whole": parts.whole,
    }
    await insert(db, "exchange_requests", row)


async def add_answer_body(db: asyncpg.Connection, exchange: UUID, body: bytes, headers: Sequence[Header] = ()) -> None:
    """What gives the answer back, taken apart as the linker does it."""
    parts: AnswerParts = take_apart_answer(body)
    await add_blobs(db, [parts.content] if parts.content else [])
    row = {
        "id": exchange,
        "headers": pack_headers(headers),
        "content": parts.content and parts.content.hash,
        "remainder": parts.remainder,
        "whole": parts.whole,
    }
    await insert(db, "exchange_responses", row)


async def add_pieces(db: asyncpg.Connection, exchange: UUID, first_index: int, pieces: Sequence[Piece]) -> None:
    """The pieces of one chunk event."""
    row = {
        "exchange_id": exchange,
        "first_index": first_index,
        "piece_count": len(pieces),
        "data": pack_pieces(pieces),
    }
    await insert(db, "chunks", row)


async def add_blobs(db: asyncpg.Connection, blobs: Sequence[Blob]) -> None:
    for blob in blobs:
        encoding, data = shelve(blob.data)
        await insert(db, "blobs", {"hash": blob.hash, "size": len(blob.data), "encoding": encoding, "data": data})


async def insert(db: asyncpg.Connection, table: str, row: dict[str, Any]) -> None:
    """One row; one that is there already stays."""
    names, places = ", ".join(row), ", ".join(f"${n}" for n in range(1, len(row) + 1))
    await db.execute(f"INSERT INTO {table} ({names}) VALUES ({places}) ON CONFLICT DO NOTHING", *row.values())
