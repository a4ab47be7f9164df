"""A turn: what a person said, what was done about it, and the answer, as the record has them.

A client calls once for each step of a turn: the answer calls tools, the next request brings their results. The turn has
ended when an answer calls none. Its first exchange is the one that brought the person's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from plait.common.blobs import unshelve
from plait.common.bodies import put_answer_together, rest_of_request
from plait.common.frames import settings_of
from plait.common.outbox import Connection
from plait.common.reminders import without_reminders
from plait.common.typed import is_typed
from plait.notifier import statements

_RUN: Final = 64
"""Messages that are read at a time, from the end."""
_MOST_MESSAGES: Final = 4096
_MOST_STEPS: Final = 1000
_ALL: Final = 2**31 - 1
_MOST_THREADS: Final = 100
"""Requests of an SDK's thread, each with its new messages alone, that are looked through for the person's text."""
_GOES_ON: Final = ("tool_use", "pause_turn")
_LOADERS: Final = frozenset({"Skill", "SlashCommand", "ToolSearch"})
_CALLS: Final = ("tool_use", "server_tool_use", "mcp_tool_use")

Message = dict[str, Any]


class Used(Struct, frozen=True):
    """What all steps of a turn used."""

    input_tokens: int
    """Read from the cache or written to it included."""
    output_tokens: int
    cost_usd: Decimal | None
    """None: not every price is known."""
    subscription: bool
    """Nobody is billed for it."""
    complete: bool
    """The ledger has the last step."""


class Turn(Struct, frozen=True, kw_only=True):
    """A turn that has ended."""

    first_id: UUID
    """The exchange that brought the person's text."""
    last_id: UUID
    conversation_id: UUID | None
    branch_id: str | None
    domain: str
    ended_at: datetime
    model: str | None
    key_name: str | None
    user: str
    answer: str
    calls: tuple[tuple[str, Any], ...]
    """Tools and their inputs, in order."""
    used: Used


class _Said(Struct):
    """What was said since the person's text."""

    user: str
    messages: list[Message]
    before: int
    """Messages in front of the text, in the request that it was found in."""
    holder: UUID | None = None
    """That request."""


async def read_turn(connection: Connection, last_id: UUID) -> Turn | None:
    """The turn that an exchange ended; None: it ended none, no person's text is in it, or it is gone."""
    row = await connection.fetchrow(statements.CONTENTS, last_id)
    answer = _answer(row) if row else {}
    if row is None or answer.get("stop_reason") in _GOES_ON:
        return None
    said = await _said(connection, last_id, row)
    if said is None:
        return None
    messages = [*said.messages, answer]
    steps = await connection.fetch(statements.STEPS, last_id, said.holder, said.before, _MOST_STEPS)
    return Turn(
        first_id=UUID(int=steps[-1]["exchange_id"].int),
        last_id=last_id,
        conversation_id=row["conversation_id"],
        branch_id=row["branch_id"],
        domain=row["domain"],
        ended_at=row["ended_at"],
        model=row["model"],
        key_name=row["key_name"],
        user=said.user,
        answer=_last_text(messages),
        calls=tuple(_calls(messages)),
        used=_used(steps),
    )


async def _said(connection: Connection, last_id: UUID, row: asyncpg.Record) -> _Said | None:
    """Looks for the last text of a person, also in front of what was not sent again with it."""
    later: list[Message] = []
    for _ in range(_MOST_THREADS):
        found = await _in_request(connection, row)
        if found is None:
            return None
        found.messages += later
        if found.user:
            found.holder = last_id
            if _continues(row):
                found.before = _ALL  # no request of a thread repeats another's messages
            return found
        earlier = await _earlier(connection, last_id, row)
        before = await connection.fetchrow(statements.CONTENTS, earlier) if earlier else None
        if earlier is None or before is None:
            return None
        last_id, row, later = earlier, before, [_answer(before), *found.messages]
    return None


async def _earlier(connection: Connection, number: UUID, row: asyncpg.Record) -> UUID | None:
    """The exchange that holds what a request without any text of a person left out.

    A part of an SDK's thread has new messages alone, and a compaction in the middle of a turn leaves a summary.
    """
    if _continues(row):
        parent: UUID | None = row["parent_id"]
        return parent
    found: UUID | None = await connection.fetchval(statements.BEFORE_COMPACTION, number, _MOST_STEPS)
    return found


async def _in_request(connection: Connection, row: asyncpg.Record) -> _Said | None:
    """The last text of a person among a request's messages, and what stands behind it; None: it has no messages."""
    behind: list[Message] = []
    link = row["chain"]
    while link is not None and len(behind) < _MOST_MESSAGES:
        run = await connection.fetch(statements.MESSAGES, link, _RUN)
        messages = [_value(one) for one in run]
        for one, message, previous in zip(run, messages, [*messages[1:], {}], strict=True):
            if user := typed_text(message, previous):
                return _Said(user, behind[::-1], one["depth"] - 1)
            behind.append(message)
        link = run[-1]["parent"] if run else None
    return None if row["chain"] is None else _Said("", behind[::-1], 0)


def typed_text(message: Message, previous: Message) -> str:
    """What a person typed in a message; empty: it is a tool's result, an answer, or what the client put in.

    `previous`: the message before. Clients put the texts of skills and of loaded tools beside the results of the calls
    that asked for them.
    """
    results = {str(block.get("tool_use_id")) for block in _blocks(message, "tool_result")}
    asked_by = {str(block.get("name")) for block in _blocks(previous, "tool_use") if str(block.get("id")) in results}
    if message.get("role") != "user" or asked_by & _LOADERS:
        return ""
    texts = (without_reminders(text).strip() for text in _texts(message))
    return "\n\n".join(text for text in texts if text and is_typed(text))


def _texts(message: Message) -> list[str]:
    content = message.get("content")
    if isinstance(content, str):
        return [content]
    return [block["text"] for block in _blocks(message, "text") if isinstance(block.get("text"), str)]


def _blocks(message: Message, *types: str) -> list[dict[str, Any]]:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return [block for block in blocks if isinstance(block, dict) and block.get("type") in types]


def _last_text(messages: Iterable[Message]) -> str:
    """What Claude said last in a turn."""
    said = ("\n\n".join(_texts(one)).strip() for one in messages if one.get("role") == "assistant")
    return next((text for text in reversed(list(said)) if text), "")


def _calls(messages: Iterable[Message]) -> list[tuple[str, Any]]:
    """Each call once: a compaction repeats what it keeps."""
    found = (block for one in messages if one.get("role") == "assistant" for block in _blocks(one, *_CALLS))
    each = {str(block.get("id") or number): block for number, block in enumerate(found)}
    return [(block["name"], block.get("input")) for block in each.values() if isinstance(block.get("name"), str)]


def _continues(row: asyncpg.Record) -> bool:
    """Whether a request is a part of an SDK's thread."""
    if row["request_whole"]:
        return False
    frame = settings_of(unshelve(row["frame_encoding"], row["frame"])) if row["frame"] else None
    return isinstance(rest_of_request(row["request_remainder"], frame).get("thread"), dict)


def _answer(row: asyncpg.Record) -> Message:
    content = unshelve(row["encoding"], row["data"]) if row["data"] is not None else None
    value = put_answer_together(row["response_remainder"], row["response_whole"], content)
    return {"role": "assistant", **value} if isinstance(value, dict) else {}


def _value(row: asyncpg.Record) -> Message:
    value = msgspec.json.decode(unshelve(row["encoding"], row["data"]))
    return value if isinstance(value, dict) else {}


def _used(steps: Sequence[asyncpg.Record]) -> Used:
    known = [step for step in steps if step["reported"]]
    costs = [step["cost_usd"] for step in known]
    return Used(
        input_tokens=sum(step["input_tokens"] for step in known),
        output_tokens=sum(step["output_tokens"] for step in known),
        cost_usd=None if None in costs or not costs else sum(costs, Decimal()),
        subscription=bool(known) and all(step["subscription"] for step in known),
        complete=bool(steps) and steps[0]["reported"],
    )
