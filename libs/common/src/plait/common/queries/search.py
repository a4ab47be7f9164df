"""Full-text search in what was asked and answered: the index names candidates, the messages themselves decide.

The newest candidates are read, ranked and given page by page, then those before them: a word that is everywhere costs
no more than a rare one. Words that stand there whole come first, then those that only begin as sought.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from msgspec import Struct

from plait.common.queries.exchanges import MAIN_KIND, ExchangeFilter
from plait.common.queries.identity import resolve
from plait.common.queries.named import statements
from plait.common.queries.paging import Reader
from plait.common.search.matching import Found, find
from plait.common.search.pieces import message_of, pieces_of
from plait.common.search.query import Alternatives, Query
from plait.common.search.slots import slot_of
from plait.common.search.words import label

CANDIDATES: Final = 300
"""Messages that are read and ranked together, the newest first."""
LOOKED: Final = 5_000
"""Candidates of the index that are looked at, at a time, to find so many that pass the filters."""
_FEW: Final = 3_000
"""Exchanges of a kind that are looked through for words, rather than all that have the words for the kind."""
_BYTES: Final = 8 * 1024 * 1024
"""Messages that are read together have no more bytes than this, a single larger one aside."""
_MOST_WINDOWS: Final = 4
"""How often the next candidates are read to fill a page; then it stays short, and its cursor leads on."""
_WORDS: Final = ("word_a", "word_b", "word_c", "word_d", "word_e", "word_f")
_REPEATED: Final = 64
"""Characters from which on the same text, twice in a conversation, is one hit. Shorter ones may be said again, but by
another role."""
_REPORT_MARKS: Final = ("agentId:", "<task-notification>")
"""What a result has, or a notification, that brings an agent's report."""
_SQL: Final = statements("search")
_CURSOR: Final = re.compile(r"([wb])\.([0-9]{1,13})\.([0-9]{1,4})", re.ASCII)


class Hit(Struct, frozen=True, kw_only=True, rename="camel"):
    """A message that has what was sought, at the exchange in which it was first said."""

    request_id: UUID
    conversation_id: UUID | None
    message_index: int
    """Its place among the request's messages, from 0; the answer comes after the last of them."""
    role: str
    """Who said it, as in the message: tool results are the user's."""
    snippet: str
    """The place with most of what was sought, in one line, `…` where it is cut."""
    timestamp: datetime
    """When the exchange began."""
    rank: float
    """How well it fits, above 0 and at most 1."""


class Hits(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a search found, the best of the newest first."""

    results: list[Hit]
    next_cursor: str | None
    """`cursor` of the page that follows; null after the last. A page may be short though another follows."""


class Place(Struct, frozen=True):
    """Where a page begins."""

    whole: bool = True
    """Among messages that have all as whole words, or behind these."""
    before: int | None = None
    """The window of candidates begins below this number; None: with the newest."""
    skip: int = 0
    """Hits of the window that were given already."""

    def __str__(self) -> str:
        return f"{'w' if self.whole else 'b'}.{self.before or 0}.{self.skip}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """The place that `str` of it told.

        Raises:
            ValueError: it is none.
        """
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise ValueError("not the nextCursor of a search")
        return cls(match[1] == "w", int(match[2]) or None, int(match[3]))


@dataclass(frozen=True)
class _Window:
    """Candidates that were read together: what of them are hits, the best first, and where it goes on."""

    hits: Sequence[Hit]
    top: int
    after: Place | None


async def search(db: Reader, query: Query, where: ExchangeFilter, limit: int, place: Place | None = None) -> Hits:
    """A page of the messages that have what is sought, in exchanges that pass the filter (its `q` aside)."""
    values = await _values(db, where)
    results: list[Hit] = []
    place = place or Place()
    for _ in range(_MOST_WINDOWS):
        window = await _read_window(db, query, values, place)
        fresh = window.hits[place.skip :]
        taken = fresh[: limit - len(results)]
        results += taken
        if len(taken) < len(fresh):
            place = Place(place.whole, window.top, place.skip + len(taken))
            break
        if window.after is None:
            return Hits(results=results, next_cursor=None)
        place = window.after
        if len(results) == limit:
            break
    return Hits(results=results, next_cursor=str(place))


async def _values(db: Reader, where: ExchangeFilter) -> dict[str, object]:
    wanted = where.conversation_id
    return {
        "domain": where.domain,
        "account": where.account_id,
        "domain_label": None if where.domain is None else [label("domain", where.domain)],
        "session": where.session_id,
        "session_label": None if where.session_id is None else [label("session", where.session_id)],
        "conversation": wanted and (await resolve(db, wanted) or wanted),
        "kind": where.kind,
        "rare_kind": where.kind if await _is_rare(db, where.kind) else None,
        "model": where.model,
        "status": where.status,
        "outcome": where.outcome,
        "running": where.running or None,
        "since": where.since,
        "until": where.until,
    }


async def _is_rare(db: Reader, kind: str | None) -> bool:
    if kind in (None, MAIN_KIND):
        return False
    sql, arguments = _SQL["few"].bind({"kind": kind, "few": _FEW})
    found: bool = await db.fetchval(sql, *arguments)
    return found


async def _read_window(db: Reader, query: Query, values: dict[str, object], place: Place) -> _Window:
    looked = LOOKED if any(values[name] is not None for name in values) else CANDIDATES
    given = {
        **values,
        **_groups(query.exact if place.whole else query.loose),
        "before": place.before,
        "slot": None if place.before is None else slot_of(place.before),
        "looked": looked,
        "most": CANDIDATES,
    }
    sql, arguments = _SQL["candidates"].bind(given)
    rows = await db.fetch(sql, *arguments)
    seen, oldest = rows[0]["seen"], rows[0]["oldest"]
    found = [row for row in rows if row["number"] is not None]
    read = _affordable(found)
    hits = _once(query, await _matches(db, query, read, whole=place.whole))
    top = place.before if place.before is not None else (rows[0]["number"] or 0) + 1
    if len(read) < len(found) or len(found) == CANDIDATES:
        after: Place | None = Place(place.whole, read[-1]["number"])
    elif seen == looked:
        after = Place(place.whole, oldest)
    else:
        after = Place(whole=False) if place.whole else None
    return _Window(sorted(hits, key=_order, reverse=True), top, after)


def _order(hit: Hit) -> tuple[float, datetime, UUID, int]:
    return hit.rank, hit.timestamp, hit.request_id, hit.message_index


def _groups(groups: Sequence[Alternatives]) -> dict[str, object]:
    """As many of the groups as the statement takes, and what is sought decides in the messages anyway."""
    chosen: dict[str, object] = dict.fromkeys(_WORDS)
    chosen.update(zip(_WORDS, map(list, groups), strict=False))
    return chosen


def _affordable(rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    total = 0
    for count, row in enumerate(rows):
        total += row["size"] or 0
        if count and total > _BYTES:
            return list(rows[:count])
    return list(rows)


async def _matches(db: Reader, query: Query, rows: Sequence[asyncpg.Record], *, whole: bool) -> list[tuple[Hit, Found]]:
    sql, arguments = _SQL["blobs"].bind({"hashes": list({row["blob"] for row in rows})})
    shelved = {row["hash"]: (row["encoding"], row["data"]) for row in await db.fetch(sql, *arguments)}
    return await asyncio.to_thread(_find, query, rows, shelved, whole)


def _find(
    query: Query, rows: Sequence[asyncpg.Record], shelved: Mapping[bytes, tuple[int, bytes]], whole: bool
) -> list[tuple[Hit, Found]]:
    found = []
    for row in rows:
        try:
            message = message_of(*shelved[row["blob"]])
        except (KeyError, ValueError):  # deleted meanwhile; or damaged, which `plait doctor --deep` tells of
            continue
        match = find(query, pieces_of(message))
        if match and match.whole is whole:
            found.append((_hit(row, message, match), match))
    return found


def _hit(row: asyncpg.Record, message: dict[str, Any], match: Found) -> Hit:
    return Hit(
        request_id=row["exchange_id"],
        conversation_id=row["conversation_id"],
        message_index=row["message"],
        role=str(message.get("role")),
        snippet=match.snippet,
        timestamp=row["started_at"],
        rank=match.rank,
    )


def _once(query: Query, hits: Sequence[tuple[Hit, Found]]) -> list[Hit]:
    """Without what repeats an earlier hit of the same conversation: a long text, or what the other side had said."""
    kept: list[Hit] = []
    told: defaultdict[UUID | None, dict[str, Hit]] = defaultdict(dict)
    for hit, match in sorted(hits, key=lambda one: (one[0].timestamp, one[0].message_index)):
        before = told[hit.conversation_id]
        earlier = before.get(match.piece)
        repeats = earlier and (len(match.piece) >= _REPEATED or hit.role != earlier.role)
        if hit.conversation_id and (repeats or _reports(query, match.piece, before)):
            continue
        before.setdefault(match.piece, hit)
        kept.append(hit)
    return kept


def _reports(query: Query, piece: str, told: Iterable[str]) -> bool:
    """Whether it has what is sought only in an agent's report that was told before, here wrapped and indented."""
    if not any(mark in piece for mark in _REPORT_MARKS):
        return False
    flat = " ".join(piece.split())
    reports = [report for one in told if (report := " ".join(one.split())) in flat]
    return any(find(query, [flat.replace(report, " ")]) is None for report in reports)
