"""What was linked how, over the whole record: kinds, links, the rules that decided, and what needs a look."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, Literal
from uuid import UUID

import asyncpg
from msgspec import Struct

from plait.linker import statements
from plait.linker.domain.facts import FACTS_VERSION

Need = Literal["other_version", "unlinked", "orphans", "unserved", "unasked", "running"]
NEEDS: Final[Mapping[Need, str]] = {
    "other_version": "with facts of another version: linkers wait for `plait links rebuild`",
    "unlinked": "not linked yet",
    "orphans": "at the beginning of a conversation, with a history of which nothing is recorded",
    "unserved": "beside conversations, serving nothing known",
    "unasked": "answered, whose request never came",
    "running": "begun more than an hour ago and not ended",
}
"""What needs attention, in words."""
_NAMED: Final = 3


class Line(Struct, frozen=True):
    """How many exchanges of one client version have one kind, link and rule."""

    client: str
    """Name and version, as the user agent begins; "" where it was not sent."""
    kind: str
    link_kind: str
    """"" for side requests."""
    rule: str
    exchanges: int


class Attention(Struct, frozen=True):
    """Exchanges that need a look."""

    need: Need
    exchanges: int
    newest: Sequence[UUID]
    """The newest few of them."""


class Report(Struct, frozen=True):
    """What was linked how."""

    lines: Sequence[Line]
    attention: Sequence[Attention]


async def report(connection: asyncpg.pool.PoolConnectionProxy, domain: str | None = None) -> Report:
    """What was linked how, in a domain or in all."""
    lines = [Line(*row) for row in await connection.fetch(statements.LINKED_HOW, domain)]
    counts = await connection.fetchrow(statements.ATTENTION, domain, FACTS_VERSION)
    assert counts is not None  # a row of sums
    attention = [
        Attention(need, counts[need], await _newest(connection, need, domain)) for need in NEEDS if counts[need]
    ]
    return Report(lines, attention)


async def needing(
    connection: asyncpg.pool.PoolConnectionProxy, need: Need, domain: str | None = None
) -> AsyncIterator[UUID]:
    """All exchanges that need this attention, the newest first, however many."""
    async with connection.transaction(readonly=True):
        async for row in connection.cursor(statements.NEEDING[need], domain, FACTS_VERSION):
            yield UUID(int=row["id"].int)


async def _newest(connection: asyncpg.pool.PoolConnectionProxy, need: Need, domain: str | None) -> list[UUID]:
    rows = await connection.fetch(f"{statements.NEEDING[need]} LIMIT {_NAMED}", domain, FACTS_VERSION)
    return [UUID(int=row["id"].int) for row in rows]
