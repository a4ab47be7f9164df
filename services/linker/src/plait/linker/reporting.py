"""What was linked how, over the whole record: kinds, links, the rules that decided, and what needs a look."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
from msgspec import Struct

from plait.linker import statements
from plait.linker.domain.facts import FACTS_VERSION


class Line(Struct, frozen=True):
    """How many exchanges of one client version have one kind, link and rule."""

    client: str
    """Name and version, as the user agent begins; "" where it was not sent."""
    kind: str
    link_kind: str
    """"" for side requests."""
    rule: str
    exchanges: int


class Report(Struct, frozen=True):
    """What was linked how."""

    lines: Sequence[Line]
    orphans: int
    """Requests with a history of which nothing is recorded: they begin a conversation, but should not."""
    unserved: int
    """Side requests that serve nothing known."""
    unlinked: int
    """Requests that no linker has linked yet."""
    unasked: int
    """Answers whose request never came."""
    running: int
    """Exchanges that began more than an hour ago and have not ended."""
    other_version: int
    """Whose facts are of another version of the extraction: linkers wait for a rebuild."""


async def report(connection: asyncpg.pool.PoolConnectionProxy, domain: str | None = None) -> Report:
    """What was linked how, in a domain or in all."""
    lines = [Line(*row) for row in await connection.fetch(statements.LINKED_HOW, domain)]
    attention = await connection.fetchrow(statements.ATTENTION, domain, FACTS_VERSION)
    assert attention is not None  # a row of sums
    return Report(lines, **dict(attention))
