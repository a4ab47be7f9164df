"""A week of made-up work for the dashboard's browser tests: one conversation with everything in it, and many small ones.

spool     a fix with tool turns, two sub-tasks, a branch, a compaction, an error, a retry, a running turn, side calls
attack    a message full of what must not run in a reader's browser
others    enough to need a second page
"""
# ruff: noqa: E501 - texts as people and tools write them

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from plait.common.ids import new_exchange_id
from tests import seeding

OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-2", "claude-haiku-5-1-20260801"
ATTACKS: Final = (
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "<svg onload='window.hit = 1'><circle r=9></svg>",
    "[press](javascript:window.hit=1) ![far](https://evil.example/pixel.png) [out](/logout)",
    "<iframe src='https://evil.example/'></iframe><style>body{display:none}</style>",
    "{{ 7 * 7 }} {% raw %} ${window.hit = 1} <!-- -->",
    "[data](data:text/html,<script>window.hit=1</script>)",
)
SYSTEM: Final = [{"type": "text", "text": "You are Claude Code, a careful engineer.\n\n# Tone\n\nShort and exact."}]
TOOLS: Final = [
    {"name": name, "description": f"{name} in the workspace.", "input_schema": {"type": "object", "properties": {}}}
    for name in ("Bash", "Read", "Edit", "Grep", "Write", "Task", "TodoWrite")
]

_LINK: Final = ("branch_id", "link_kind", "serves_id", "retry_of", "is_subtask")


@dataclass
class Talk:
    """A conversation in the making: its exchanges follow one another in time."""

    db: asyncpg.Connection
    domain: str
    start: datetime
    title: str
    root: UUID | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    _clock: Iterator[int] = field(default_factory=lambda: itertools.count(0, 41))

    async def say(self, preview: str, parent: UUID | None = None, **facts: Any) -> UUID:
        """One exchange; `body` and `answer` are kept when given, everything else goes to the tables' columns."""
        at = self.start + timedelta(seconds=next(self._clock))
        own = new_exchange_id(at.timestamp())
        self.root = self.root or own
        body, answer = facts.pop("body", None), facts.pop("answer", None)
        link: dict[str, Any] = {column: facts.pop(column) for column in _LINK if column in facts}
        tokens = facts.pop("tokens", (12, 180 + 7 * len(self.rows), 18_000 + 900 * len(self.rows), 640))
        row = {"id": own, "domain": self.domain, "started_at": at, "preview": preview, "model": OPUS, **facts}
        row = {"duration_ms": 2100.0 + 90 * len(self.rows), "message_count": 2 * len(self.rows) + 1, **row}
        running = row.pop("running", False)
        if running:
            row["duration_ms"] = None
        await seeding.add_exchange(self.db, running=running, **row)
        await seeding.add_link(
            self.db, own, self.root, parent_id=parent, **{"link_kind": "root" if parent is None else "continue", **link}
        )
        if not running:
            await seeding.add_usage(self.db, own, tokens, started_at=at, domain=self.domain, model=row["model"])
        await self._keep(own, body, answer)
        self.rows.append({**row, **link})
        return own

    async def _keep(self, own: UUID, body: Any, answer: Any) -> None:
        if body is not None:
            headers = [("host", self.domain), ("user-agent", "claude-cli/2.4.1"), ("x-api-key", "masked:9f2c41aa")]
            await seeding.add_request_body(self.db, own, msgspec.json.encode(body), headers)
        if answer is not None:
            await seeding.add_answer_body(
                self.db, own, msgspec.json.encode(answer), [("content-type", "application/json")]
            )

    async def close(self) -> UUID:
        """Write the row that the list shows."""
        assert self.root
        turns = [r for r in self.rows if r.get("link_kind", "continue") is not None]
        branches = {str(r.get("branch_id", "main")) for r in turns}
        kinds = [("subtask_count", "subtask"), ("compact_count", "compact"), ("user_branch_count", "branch")]
        return await seeding.add_conversation(
            self.db,
            self.root,
            domain=self.domain,
            title=self.title,
            first_time=self.start,
            last_time=self.rows[-1]["started_at"] + timedelta(seconds=3),
            latest_id=turns[-1]["id"],
            request_count=len(self.rows),
            message_count=max(r["message_count"] for r in self.rows),
            session_ids=[f"session-{self.title}"],
            models=sorted({r["model"] for r in self.rows}),
            branch_count=len(branches),
            **{column: sum(b.startswith(prefix) for b in branches) for column, prefix in kinds},
        )


@dataclass(frozen=True)
class Week:
    """Ids of what was written."""

    spool: UUID
    rich: UUID
    """An exchange of `spool` whose messages hold every kind of block."""
    failed: UUID
    attack: UUID
    """An exchange whose messages hold ATTACKS."""


async def seed_week(db: asyncpg.Connection, now: datetime | None = None, others: int = 57) -> Week:
    """Write it all, ending a little before `now`."""
    now = now or datetime.now(UTC)
    for n in range(others):
        await _small(db, n, now - timedelta(minutes=30 + 131 * n))
    attack = await _attack(db, now - timedelta(minutes=40))
    spool, rich, failed = await _spool(db, now - timedelta(minutes=25))
    await seeding.sum_up(db)
    return Week(spool, rich, failed, attack)


_TITLES: Final = (
    "Speed up the search autocomplete",
    "Review the rate limiter change",
    "Add idempotency keys to refunds",
    "Port the settings screen to Compose",
    "Split the billing monolith",
    "Why is the nightly export late?",
    "Upgrade Postgres to 17 and measure",
    "Write the release notes for 4.2",
)
_DOMAINS: Final = ("mobile.acme.dev", "search.acme.dev", "payments.acme.dev", "localhost:3000")


async def _small(db: asyncpg.Connection, n: int, start: datetime) -> None:
    talk = Talk(db, _DOMAINS[n % 4], start, _TITLES[n % len(_TITLES)])
    model = (OPUS, SONNET, HAIKU)[n % 3]
    last = await talk.say(talk.title, model=model)
    for turn in range(1 + n % 6):
        last = await talk.say("Read" if turn % 2 else "Bash", last, model=model, tool_call_count=1)
    if n % 3 == 0:
        await talk.say("Find the callers", last, model=HAIKU, branch_id="subtask_1", link_kind="spawn", kind="subagent")
    await talk.close()


async def _attack(db: asyncpg.Connection, start: datetime) -> UUID:
    talk = Talk(db, "search.acme.dev", start, "<script>window.hit = 1</script> in a title")
    messages = [{"role": "user", "content": text} for text in ATTACKS]
    answer = {
        "role": "assistant",
        "content": [{"type": "text", "text": "\n\n".join(ATTACKS)}],
        "stop_reason": "end_turn",
    }
    own = await talk.say(ATTACKS[0], body={"model": OPUS, "messages": messages}, answer=answer)
    await talk.close()
    return own


async def _spool(db: asyncpg.Connection, start: datetime) -> tuple[UUID, UUID, UUID]:
    talk = Talk(db, "payments.acme.dev", start, "Fix the flaky spool recovery test")
    root = await talk.say(
        "`test_kill_mid_write` fails about one run in twenty on CI. Find out why and fix it.", tool_call_count=2
    )
    await talk.say(
        "Name this session",
        model=HAIKU,
        kind="auxiliary",
        side_kind="title",
        link_kind=None,
        serves_id=root,
        tokens=(410, 9, 0, 0),
    )
    read = await talk.say("Read, Grep", root, tool_call_count=2)
    spawn = await talk.say("Bash", read, tool_call_count=2)
    one = await talk.say(
        "Find every caller of parse_line and say which rely on its order.",
        spawn,
        model=HAIKU,
        branch_id="subtask_1",
        link_kind="spawn",
        kind="subagent",
        tool_call_count=1,
        is_subtask=True,
    )
    two = await talk.say(
        "Run the whole test suite on Postgres 17 and report the failures only.",
        spawn,
        model=SONNET,
        branch_id="subtask_2",
        link_kind="spawn",
        kind="subagent",
        tool_call_count=1,
        is_subtask=True,
    )
    for name in ("Grep", "Read"):
        one = await talk.say(
            name, one, model=HAIKU, branch_id="subtask_1", kind="subagent", tool_call_count=1, is_subtask=True
        )
        two = await talk.say(
            "Bash", two, model=SONNET, branch_id="subtask_2", kind="subagent", tool_call_count=1, is_subtask=True
        )
    error = {
        "status": 529,
        "outcome": "failed",
        "error_type": "overloaded_error",
        "error_message": "Overloaded",
        "tokens": (0, 0, 0, 0),
    }
    failed = await talk.say("Bash", two, model=SONNET, branch_id="subtask_2", kind="subagent", is_subtask=True, **error)
    await talk.say(
        "Bash",
        two,
        model=SONNET,
        branch_id="subtask_2",
        kind="subagent",
        link_kind="retry",
        retry_of=failed,
        is_subtask=True,
    )
    back = await talk.say("Task, Task", spawn)
    rich = await talk.say(
        "Why not use the existing helper for the checksum?",
        back,
        body=rich_body(),
        message_count=7,
        answer=rich_answer(),
        tool_call_count=1,
    )
    edit = await talk.say(
        "Edit",
        rich,
        tool_call_count=1,
        outcome="interrupted",
        error_type="upstream_cut",
        error_message="the stream ended early",
    )
    branch = await talk.say(
        "Rebase on main and run everything again.",
        edit,
        branch_id="branch_20261121081251",
        link_kind="branch",
        tool_call_count=1,
    )
    await talk.say("Bash", branch, branch_id="branch_20261121081251")
    told = await talk.say("What would break if we dropped the retry?", edit, outcome="aborted")
    await talk.say("Summary of the conversation so far", told, kind="compaction", link_kind="compact")
    after = await talk.say(
        "This session is being continued from a previous conversation",
        told,
        branch_id="compact_081931",
        link_kind="after_compaction",
        tool_call_count=1,
    )
    await talk.say("Bash", after, branch_id="compact_081931", running=True, status=None)
    return await talk.close(), rich, failed


def rich_body() -> dict[str, Any]:
    """A request with every kind of block."""
    edit = {
        "file_path": "src/spool/writer.py",
        "old_string": "def append(self, record):\n    head = pack(record)\n    return head",
        "new_string": "def append(self, record):\n    head = pack(len(record), record)\n    check(head)\n    return head",
    }
    reminder = "<system-reminder>\nThe task tools have not been used recently.\n</system-reminder>"
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPj/HwADAgH/p9pZ4QAAAABJRU5ErkJggg=="
    return {
        "model": OPUS,
        "max_tokens": 32_000,
        "stream": True,
        "system": SYSTEM,
        "tools": TOOLS,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": reminder},
                    {
                        "type": "text",
                        "text": "`test_spool.py::test_kill_mid_write` fails about one run in twenty on CI.\n\nFind out **why** and fix it; no sleeps. See [the run](https://ci.example/run/4711).",
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "thinking",
                        "thinking": "The failure needs a kill between the header and the body.",
                        "signature": "x",
                    },
                    {
                        "type": "tool_use",
                        "id": "toolu_1",
                        "name": "Read",
                        "input": {"file_path": "/home/dev/plait/src/spool/writer.py"},
                    },
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "content": '40 def append(self, record: bytes) -> int:\n41     """Append one record."""\n42     return self._write(record)',
                    }
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "text",
                        "text": "Found it: the checksum is computed **before** the length is patched.\n\n| step | when |\n|---|---|\n| header | first |\n| body | after |\n\n```python\ndef append(self, record: bytes) -> int:\n    return self._write(len(record), record)  # 2 parts\n```",
                    },
                    {
                        "type": "tool_use",
                        "id": "toolu_2",
                        "name": "Bash",
                        "input": {
                            "command": "pytest -q tests/spool -x --count 50",
                            "description": "Run the spool tests fifty times",
                        },
                    },
                    {"type": "tool_use", "id": "toolu_3", "name": "Edit", "input": edit},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_2",
                        "is_error": True,
                        "content": [{"type": "text", "text": "E   AssertionError: torn tail\n1 failed, 49 passed"}],
                    },
                    {"type": "tool_result", "tool_use_id": "toolu_3", "content": "The file has been updated."},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "tool_use",
                        "id": "toolu_4",
                        "name": "TodoWrite",
                        "input": {
                            "todos": [
                                {"content": "Patch the length first", "status": "completed"},
                                {"content": "Run fifty times", "status": "in_progress"},
                                {"content": "Write the note", "status": "pending"},
                            ]
                        },
                    }
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_4", "content": "ok"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": pixel}},
                    {"type": "image", "source": {"type": "url", "url": "https://far.example/shot.png"}},
                    {"type": "text", "text": "Why not use the existing helper for the checksum?"},
                ],
            },
        ],
    }


def rich_answer() -> dict[str, Any]:
    """Its answer."""
    text = "Because `crc_of` reads the whole segment again: O(n²) over a day.\n\n1. Patch the length first.\n2. Hash once.\n\n> Measured: 41 ms → 0.2 ms."
    return {
        "id": "msg_9",
        "type": "message",
        "role": "assistant",
        "model": OPUS,
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 12, "output_tokens": 257},
        "content": [
            {"type": "text", "text": text},
            {
                "type": "tool_use",
                "id": "toolu_5",
                "name": "Task",
                "input": {
                    "description": "Check the callers",
                    "prompt": "Find every caller of `crc_of`.",
                    "subagent_type": "Explore",
                },
            },
        ],
    }
