"""A conversation in which all texts that traffic brings are attacks: bodies, titles, names, headers, errors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from plait.common.events import Piece
from plait.common.ids import new_exchange_id
from tests import seeding
from tests.attack_table import ATTACKS, LONG_LINE

ALL: Final = " ".join(ATTACKS.values())
"""All attacks in one line of text."""
_PICTURE: Final = {"type": "base64", "media_type": "image/svg+xml", "data": "PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+"}


@dataclass(frozen=True)
class Attacked:
    """Ids of what was written."""

    conversation: UUID
    request: UUID
    failed: UUID


async def seed_attacks(db: asyncpg.Connection) -> Attacked:
    """Write it, ending now."""
    start = datetime.now(UTC) - timedelta(minutes=3)
    own, failed = (new_exchange_id((start + timedelta(seconds=s)).timestamp()) for s in (0, 60))
    names = dict.fromkeys(("domain", "account_id", "session_id", "agent_id", "model", "key_name", "tag"), ALL)
    texts: dict[str, Any] = {**names, "preview": ALL[:200], "path": f"/v1/{ALL[:300]}"}
    await seeding.add_exchange(db, id=own, **texts, started_at=start, message_count=2, tool_call_count=1)
    error: dict[str, Any] = {"status": 400, "outcome": "failed", "error_type": ALL, "error_message": ALL}
    await seeding.add_exchange(db, id=failed, **texts, started_at=start + timedelta(seconds=60), **error)
    await seeding.add_link(db, own, own, rule=ALL, detail=msgspec.json.encode({"by": ALL}).decode())
    await seeding.add_link(db, failed, own, parent_id=own, branch_id=ALL, rule="match")
    await seeding.add_usage(db, own, (1, 2, 3, 4), domain=ALL, model=ALL, account_id=ALL, started_at=start)
    headers = [(ALL, ALL), ("x-api-key", "masked:9f2c41aa")]
    for one in (own, failed):
        await seeding.add_request_body(db, one, msgspec.json.encode(body(long=one == failed)), headers)
        await seeding.add_answer_body(db, one, msgspec.json.encode(answer()), headers)
    await seeding.add_pieces(db, own, 0, [Piece(5.0 * n, piece) for n, piece in enumerate(stream())])
    conversation = await seeding.add_conversation(
        db, own, domain=ALL, account_id=ALL, title=ALL, first_time=start, last_time=start + timedelta(seconds=61),
        latest_id=failed, request_count=2, session_ids=[ALL], models=[ALL],
    )  # fmt: skip
    return Attacked(conversation, own, failed)


def body(*, long: bool = False) -> dict[str, Any]:
    """A request with every kind of block, full of attacks; with a line of a million characters, if it may be long."""
    said = [{"role": "user", "content": text} for text in ATTACKS.values()]
    odd = {"role": ALL, "content": [{"type": "text", "text": ALL}]}
    results = {"role": "user", "content": [*results_of(ALL), {"type": "text", "text": LONG_LINE if long else ALL}]}
    calls = {"role": "assistant", "content": blocks(ALL)}
    tool = {"name": ALL, "description": ALL, "input_schema": {ALL: ALL}}
    return {"model": ALL, "system": ALL, "tools": [tool], "messages": [*said, odd, calls, results], ALL: {ALL: [ALL]}}


def blocks(text: str) -> list[dict[str, Any]]:
    """Blocks of all types, with the text wherever one can stand."""
    todos = [{"content": text, "status": text}]
    named = dict.fromkeys(("command", "file_path", "old_string", "content", "prompt", "description", "script"), text)
    edits = [{"old_string": text, "new_string": "x"}]
    arguments = {**named, "new_string": "x", "todos": todos, "edits": edits}
    tools = ("Bash", "Read", "Edit", "MultiEdit", "Write", "Task", "Workflow", "TodoWrite", "WebFetch", text)
    return [
        {"type": "text", "text": text, "citations": [{"url": url, "title": text} for url in (text, "https://x.example/")]},
        {"type": "text", "text": f"<system-reminder>{text}</system-reminder>"},
        {"type": "thinking", "thinking": text},
        {"type": "redacted_thinking", "data": text},
        *({"type": "tool_use", "id": f"{n}{text}", "name": name, "input": arguments} for n, name in enumerate(tools)),
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": text}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [
            {"type": "web_search_result", "title": text, "url": url} for url in (text, "javascript:window.hit=1", "https://x.example/")
        ]},
        {"type": "image", "source": {"type": "url", "url": text}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": text}},
        {"type": "image", "source": {"type": "base64", "media_type": text, "data": "AAAA"}},
        {"type": "image", "source": _PICTURE},
        {"type": "document", "title": text, "source": {"type": "text", "media_type": text, "data": text}},
        {"type": "document", "source": {"type": "url", "url": text}},
        {"type": text, text: text},
    ]  # fmt: skip


def results_of(text: str) -> list[dict[str, Any]]:
    """Results of those calls."""
    found = [{"type": "tool_result", "tool_use_id": f"{n}{text}", "content": text} for n in range(10)]
    numbered = f"     1\t{text}\n     2→{text}\n{text}"
    return [
        *found,
        {"type": "tool_result", "tool_use_id": f"1{text}", "content": numbered},
        {"type": "tool_result", "tool_use_id": text, "content": text, "is_error": True},
        {"type": "tool_result", "tool_use_id": "x", "content": [{"type": "text", "text": text}, {"type": text}]},
        {"type": "tool_result", "tool_use_id": "x", "content": [{"type": "image", "source": _PICTURE}]},
    ]


def answer() -> dict[str, Any]:
    """An answer of the same kind."""
    usage = {"input_tokens": 1, "output_tokens": 2, ALL: ALL}
    return {"role": "assistant", "model": ALL, "stop_reason": ALL, "usage": usage, "content": blocks(ALL)}


def stream() -> list[bytes]:
    """The events of an answer, cut into pieces."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"model": ALL}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ALL}},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "name": ALL}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": ALL}},
        {"type": ALL},
    ]
    return [b"event: x\ndata: " + msgspec.json.encode(event) + b"\n\n" for event in events]
