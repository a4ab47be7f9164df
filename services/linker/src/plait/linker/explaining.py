"""Why an exchange is linked as it is, decided once more with a witness; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import unified_diff
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from plait.common.errors import UserError
from plait.common.queries.whole import Damaged, Recorded, read_these
from plait.linker import knowledge, statements
from plait.linker.domain.canonical import Message, canonical_messages
from plait.linker.domain.facts import Facts
from plait.linker.domain.link import Link
from plait.linker.domain.lookup import NotLoaded
from plait.linker.domain.parent import place
from plait.linker.domain.reasons import Seen, Watching, common_messages, judged, refusal_unseen
from plait.linker.domain.sent import json_value
from plait.linker.knowledge import Change
from plait.linker.rereading import facts_of_records
from plait.linker.shelf import Shelf

_SHOWN: Final = 160
"""Characters of a message that are shown."""
_SYSTEM_LINES: Final = 8
"""Lines of the difference between system prompts that are shown."""


class Explanation(Struct, frozen=True, kw_only=True):
    """Why one exchange is linked as it is."""

    facts: Facts
    link: Link
    """As the rules decide now."""
    stored: Mapping[str, Any] | None
    """The row of `links`; None: there is none."""
    seen: Sequence[Seen]


class Comparison(Struct, frozen=True, kw_only=True):
    """What two exchanges have in common."""

    other: Facts
    linked: bool
    """Whether the first follows the second."""
    refused: str | None
    """Why not, else None."""
    equal: int
    """Canonical messages that both begin with; the second one's answer counts as its last."""
    mine: str
    """The first message that differs, "" where one has no more."""
    others: str
    system: Sequence[str]
    """Lines of the difference between the system prompts, as `diff -u` shows it; none if they are equal."""


async def explain(connection: asyncpg.pool.PoolConnectionProxy, number: UUID) -> Explanation:
    """Why an exchange is linked as it is.

    Raises:
        UserError: there is no such exchange, or its record cannot be read.
    """
    facts = (await facts_of_records(connection, [await _recorded(connection, number)]))[number]
    kept = await knowledge.facts_of(connection, [number])
    shelf = Shelf(connection, [Change(kept.get(number), facts)])
    watching = Watching(shelf, facts)
    while True:
        try:
            link = place(facts, watching).link
            break
        except NotLoaded as lack:
            await shelf.fetch(lack.asks)
    row = await connection.fetchrow(statements.LINK, number)
    return Explanation(
        facts=facts, link=link, stored=None if row is None else dict(row), seen=judged(facts, link, watching)
    )


async def compare(connection: asyncpg.pool.PoolConnectionProxy, of: Explanation, number: UUID) -> Comparison:
    """What an exchange and another one, perhaps its parent, have in common.

    Raises:
        UserError: there is no such exchange, or its record cannot be read.
    """
    recorded, other_recorded = await _recorded(connection, of.facts.id), await _recorded(connection, number)
    other = (await facts_of_records(connection, [other_recorded]))[number]
    linked = number in (of.link.retry_of, of.link.parent_id, of.link.serves_id)
    refused = next((seen.refused for seen in of.seen if seen.exchange.id == number), refusal_unseen(of.facts, other))
    mine, theirs = _messages(recorded), [*_messages(other_recorded), *_answer(other_recorded)]
    equal = common_messages(mine, theirs)
    return Comparison(
        other=other,
        linked=linked,
        refused=None if linked else refused,
        equal=equal,
        mine=_shown(mine, equal),
        others=_shown(theirs, equal),
        system=_difference(_system(other_recorded), _system(recorded)),
    )


async def _recorded(connection: asyncpg.pool.PoolConnectionProxy, number: UUID) -> Recorded:
    found = (await read_these(connection, [number])).get(number)
    if found is None:
        raise UserError(f"There is no exchange {number}.")
    if isinstance(found, Damaged):
        raise UserError(f"The record of exchange {number} is damaged: {found}.")
    return found


def _body(recorded: Recorded) -> dict[str, Any]:
    value = json_value(recorded.asked.body)
    return value if isinstance(value, dict) else {}


def _messages(recorded: Recorded) -> list[Message]:
    return canonical_messages(_body(recorded).get("messages"))


def _answer(recorded: Recorded) -> list[Message]:
    value = json_value(recorded.answered.body) if recorded.answered else None
    return canonical_messages([value]) if isinstance(value, dict) and value.get("role") == "assistant" else []


def _system(recorded: Recorded) -> list[str]:
    system = _body(recorded).get("system")
    blocks = [system] if isinstance(system, str) else system if isinstance(system, list) else []
    texts = [block.get("text", "") if isinstance(block, dict) else block for block in blocks]
    return [line for text in texts if isinstance(text, str) for line in text.splitlines()]


def _difference(before: list[str], after: list[str]) -> list[str]:
    changed = [line for line in unified_diff(before, after, n=0, lineterm="") if line[:1] in "+-"]
    return [line[:_SHOWN] for line in changed[2 : 2 + _SYSTEM_LINES]]


def _shown(messages: Sequence[Message], position: int) -> str:
    if position >= len(messages):
        return ""
    one = messages[position]
    text = " ".join([*one.texts, *(msgspec.json.encode(b).decode() for b in one.blocks if b["type"] != "text")])
    return f"{one.role}: {' '.join(text.split())}"[:_SHOWN]
