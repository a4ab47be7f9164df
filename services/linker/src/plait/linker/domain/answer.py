"""The facts of an answer: alone, as it comes, and as part of its exchange."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from itertools import islice
from typing import Any, Final

import msgspec

from plait.common.events import ResponseData
from plait.common.lenient import Read, read_json
from plait.linker.domain.canonical import (
    Block,
    Message,
    answer_blocks,
    chained,
    clean_text,
    decode,
    encode,
    message_hash,
    snippet,
    text_hash,
    tool_use_id,
)
from plait.linker.domain.facts import Answer, AnswerFacts, Call, Facts, Hash
from plait.linker.domain.offers import AGENT_TOOLS, SEARCH_TOOL, SKILL_TOOL, WORKFLOW_TOOL
from plait.linker.domain.sent import body_of
from plait.linker.domain.summaries import summary_in

_LONGEST_TITLE: Final = 80
_CUT_SNIPPET: Final = 2000
"""Characters kept of an answer that was cut."""
MOST_CALLS: Final = 256
"""Tool calls of an answer that are looked at, the first ones."""


def answer_facts(data: ResponseData, read: Read | None = None) -> AnswerFacts:
    """What an answer knows without its request; `read`: its body, if it was read. Never raises on what was sent."""
    value, _ = read or read_json(body_of(data))
    message = value if isinstance(value, dict) and isinstance(value.get("content"), list) else None
    blocks = answer_blocks(message["content"]) if message else None
    return AnswerFacts(
        id=data.exchange_id,
        outcome=data.outcome,
        ended_at=data.ended_at if data.ended_at.tzinfo else data.ended_at.replace(tzinfo=UTC),
        message_id=_text(message, "id"),
        stop_reason=_text(message, "stop_reason"),
        blocks=None if blocks is None else encode(blocks),
        calls=calls_in(blocks or ()),
    )


def answer_of(facts: Facts, answer: AnswerFacts) -> Answer:
    """An answer as part of its exchange: after a request that ends with an assistant message it goes on in that one."""
    ended = Answer(
        outcome=answer.outcome,
        ended_at=answer.ended_at,
        message_id=answer.message_id,
        stop_reason=answer.stop_reason,
        calls=answer.calls,
    )
    if answer.blocks is None or not facts.chain:
        return ended
    own = _message(_loose(answer.blocks))
    whole = _message(_loose(facts.tail.blocks) + _loose(answer.blocks)) if facts.tail else own
    before = facts.tail.before if facts.tail else facts.chain
    hashed = message_hash("assistant", whole.blocks)
    text = "".join(own.texts)
    by_words = bool(facts.tail) or not answer.calls
    return msgspec.structs.replace(
        ended,
        empty=not own.blocks,
        upto=chained(before, hashed),
        message=hashed if by_words else b"",
        previous=(facts.tail.previous if facts.tail else facts.last) if by_words else b"",
        text=snippet("".join(whole.texts), *(() if answer.outcome == "complete" else (_CUT_SNIPPET,))),
        summary=summary_in(text) if facts.kind == "compaction" else "",
        title=_title(text) if facts.side_kind == "title" else "",
    )


def calls_in(blocks: Iterable[Block]) -> tuple[Call, ...]:
    """The tool calls among an answer's blocks, in their order."""
    return tuple(_call(block) for block in islice(filter(tool_use_id, blocks), MOST_CALLS))


def skill_hash(name: str) -> Hash:
    """What the call of a skill and the agent that runs it share: the skill's name, without that of its plugin."""
    return text_hash(f"skill {name.rpartition(':')[2]}") if name else b""


def _message(loose: list[Block]) -> Message:
    message = Message("assistant", loose)
    message.finish()
    return message


def _loose(blocks: bytes) -> list[Block]:
    found: list[Block] = decode(blocks)
    return found


def _text(message: dict[str, Any] | None, name: str) -> str:
    found = message.get(name) if message else None
    return found if isinstance(found, str) else ""


def _call(block: Block) -> Call:
    """A call with what it wants of others; of an input that did not finish that is unknown."""
    tool, name, given = tool_use_id(block), _text(block, "name"), block.get("input")
    given = given if isinstance(given, dict) else {}
    if name == WORKFLOW_TOOL:
        return Call(tool, name, script=clean_text(_text(given, "script")))
    if name == SKILL_TOOL:
        return Call(tool, name, skill_hash(_text(given, "skill")))
    wanted = _text(given, "prompt") if name in AGENT_TOOLS else _text(given, "query") if name == SEARCH_TOOL else ""
    return Call(tool, name, text_hash(clean_text(wanted)) if wanted else b"")


def _title(text: str) -> str:
    """The title that an answer gives: in JSON, else as text."""
    try:
        value = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, RecursionError):
        value = text
    found = value.get("title") if isinstance(value, dict) else value
    return " ".join(found.split())[:_LONGEST_TITLE].rstrip() if isinstance(found, str) else ""
