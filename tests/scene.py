"""A small recorded history with known figures, for tests of what reads the database.

conversation `told` of a.test      root ── more ── failed        main
                                    │       └─ (calls) task      subtask_1
                                    ├─ other                     branch_20261121120020
                                    └─ title                     a side call
conversation `open` of b.test      running
in no conversation                 counting (a side call of b.test); one answer whose request has not arrived
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from plait.common.events import Piece
from plait.common.ids import conversation_id
from tests import seeding

SESSION: Final = "11111111-2222-4333-8444-555555555555"
SYSTEM: Final = [{"type": "text", "text": "You are Claude Code.", "cache_control": {"type": "ephemeral"}}]
TOOLS: Final = [{"name": "Read", "description": "reads", "input_schema": {"type": "object"}}]
FIRST: Final = {"role": "user", "content": "Tell me a story of 100% wool_and\\linen"}
ANSWER: Final = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5-5",
    "content": [{"type": "text", "text": "Once upon a time — ✨"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "output_tokens": 20},
}
ROOT_BODY: Final[dict[str, Any]] = {
    "model": "claude-opus-5-5",
    "max_tokens": 64,
    "system": SYSTEM,
    "tools": TOOLS,
    "messages": [FIRST],
    "stream": True,
}
MORE_BODY: Final[dict[str, Any]] = {
    **ROOT_BODY,
    "messages": [
        FIRST,
        {"role": "assistant", "content": ANSWER["content"]},
        {"role": "user", "content": [{"type": "text", "text": "More", "cache_control": {"type": "ephemeral"}}]},
    ],
}
REQUEST_HEADERS: Final = [("Host", "a.test"), ("x-api-key", "masked:0123456789abcdef"), ("X-Odd", "naïve")]
RESPONSE_HEADERS: Final = [("content-type", "text/event-stream"), ("set-cookie", "a"), ("set-cookie", "b")]


@dataclass(frozen=True)
class Scene:
    """Ids of what was seeded."""

    root: UUID
    title: UUID
    more: UUID
    task: UUID
    other: UUID
    failed: UUID
    running: UUID
    counting: UUID
    answer_only: UUID

    @property
    def told(self) -> UUID:
        """The conversation that `root` began."""
        return conversation_id(self.root)

    @property
    def open(self) -> UUID:
        """The conversation that `running` began."""
        return conversation_id(self.running)

    @property
    def newest_first(self) -> list[UUID]:
        """All that is shown."""
        shown = [self.root, self.title, self.more, self.task, self.other, self.failed, self.running, self.counting]
        return shown[::-1]


async def play(db: asyncpg.Connection) -> Scene:
    """Seed it."""
    ids = [seeding.exchange_id(at) for at in (0, 1, 10, 12, 20, 30, 40, 50, 60)]
    scene = Scene(*ids)
    await _told(db, scene)
    await _open(db, scene)
    await _bodies(db, scene)
    await db.execute("ANALYZE")
    return scene


async def _told(db: asyncpg.Connection, s: Scene) -> None:
    common: dict[str, Any] = {"session_id": SESSION, "account_id": "acc", "model": "claude-opus-5-5"}
    common["request_type"] = "inference"
    about: dict[str, Any] = {"preview": FIRST["content"], "message_count": 1, "tool_call_count": 2}
    about |= {"tag": "ci", "key_name": "team"}
    await seeding.add_exchange(db, 0, id=s.root, **common, **about)
    side = {"kind": "auxiliary", "side_kind": "title", "request_type": "query_evaluation", "model": "claude-haiku"}
    await seeding.add_exchange(db, 1, id=s.title, **common | side)
    await seeding.add_exchange(db, 10, id=s.more, **common, message_count=3, preview="More")
    await seeding.add_exchange(db, 12, id=s.task, **common, kind="subagent", agent_id="agent-1")
    await seeding.add_exchange(db, 20, id=s.other, **common)
    ending: dict[str, Any] = {
        "status": 529,
        "outcome": "failed",
        "streamed": False,
        "duration_ms": 20.0,
        "first_token_ms": None,
    }
    error: dict[str, Any] = {"error_type": "overloaded_error", "error_message": "Overloaded"}
    await seeding.add_exchange(db, 30, id=s.failed, **common, **ending, **error)
    await _links(db, s)
    await _usage(db, s)
    figures = {"last_time": seeding.moment(30), "latest_id": s.more, "request_count": 6, "message_count": 5}
    branches = {"branch_count": 3, "subtask_count": 1, "user_branch_count": 1}
    names = {"title": "A 100% story", "account_id": "acc", "session_ids": [SESSION], "models": ["claude-opus-5-5"]}
    await seeding.add_conversation(db, s.root, **figures, **branches, **names)


async def _links(db: asyncpg.Connection, s: Scene) -> None:
    await seeding.add_link(db, s.root, s.root, rule="none", detail='{"tried": ["session"]}')
    await seeding.add_link(db, s.title, s.root, link_kind=None, branch_id=None, serves_id=s.root)
    await seeding.add_link(db, s.more, s.root, parent_id=s.root)
    subtask = {"is_subtask": True, "parent_task_id": s.more}
    await seeding.add_link(db, s.task, s.root, parent_id=s.more, link_kind="spawn", branch_id="subtask_1", **subtask)
    branch = "branch_20261121120020"
    await seeding.add_link(db, s.other, s.root, parent_id=s.root, link_kind="branch", branch_id=branch)
    await seeding.add_link(db, s.failed, s.root, parent_id=s.more, link_kind="retry", retry_of=s.more)


async def _usage(db: asyncpg.Connection, s: Scene) -> None:
    await seeding.add_usage(db, s.root, (10, 20, 0, 7), cost_usd=Decimal("0.125"))
    await seeding.add_usage(db, s.title, (3, 1, 0, 0))
    await seeding.add_usage(db, s.more, (11, 20, 100, 8), cost_usd=Decimal("0.25"), subscription=True)
    await seeding.add_usage(db, s.task, (5, 6, 0, 0))
    await seeding.add_usage(db, s.other, (1, 2, 3, 4))


async def _open(db: asyncpg.Connection, s: Scene) -> None:
    there: dict[str, Any] = {"domain": "b.test"}
    await seeding.add_exchange(db, 40, running=True, id=s.running, **there)
    await seeding.add_link(db, s.running, s.running)
    await seeding.add_conversation(db, s.running, **there, first_time=seeding.moment(40), last_time=seeding.moment(40))
    path: dict[str, Any] = {"path": "/v1/messages/count_tokens", "kind": "count_tokens"}
    await seeding.add_exchange(db, 50, id=s.counting, **there, **path, streamed=False, first_token_ms=None)
    await seeding.add_link(db, s.counting, None)
    await seeding.add_exchange(db, 60, id=s.answer_only, method=None, path=None, kind=None)


async def _bodies(db: asyncpg.Connection, s: Scene) -> None:
    await seeding.add_request_body(db, s.root, msgspec.json.encode(ROOT_BODY), REQUEST_HEADERS)
    await seeding.add_answer_body(db, s.root, msgspec.json.encode(ANSWER), RESPONSE_HEADERS)
    await seeding.add_request_body(db, s.more, msgspec.json.encode(MORE_BODY))
    await seeding.add_request_body(db, s.running, msgspec.json.encode(ROOT_BODY))
    await seeding.add_request_body(db, s.counting, b"no {json")
    await seeding.add_answer_body(db, s.counting, b"")
    star = "✨".encode()
    await seeding.add_pieces(db, s.root, 0, [Piece(250.0, b"event: a\n" + star[:1]), Piece(260.26, star[1:] + b"\n")])
    await seeding.add_pieces(db, s.root, 2, [Piece(1400.5, b"\xff end")])
