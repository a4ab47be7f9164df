"""Findings of a batch of turns, and of those whose findings hang on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from plait.common.pricing.book import PriceBook
from plait.ledger.cache import statements
from plait.ledger.cache.evidence import common_beginnings, gather, renewed
from plait.ledger.cache.judging import Before, Evidence, Finding, judge, missed
from plait.ledger.cache.pricing import cost_of_miss
from plait.ledger.cache.shelf import FARTHEST, Connection, Shelf
from plait.ledger.cache.turn import Turn

_Row = tuple[Any, ...]


async def examine(connection: Connection, numbers: Iterable[UUID], book: PriceBook) -> int:
    """Make the findings of these exchanges, and of whom they concern, what they now are; how many turns that were."""
    asked = sorted(set(numbers))
    shelf = Shelf(connection)
    await shelf.fetch(asked)
    places = list(await connection.fetch(statements.PLACES, asked))
    used = shelf.used(asked)
    if gone := sorted({UUID(int=row["exchange_id"].int) for row in places} - {turn.id for turn in used}):
        await connection.execute(statements.DROP, gone)
    if used:
        await connection.execute(statements.PUT_FACTS, *_columns([_facts(turn) for turn in used]))
        places += await connection.fetch(statements.PLACES, [turn.id for turn in used])
    concerned = {turn.id for turn in used} | await _concerned(connection, shelf, asked, places)
    await shelf.fetch(concerned)
    turns = shelf.used(sorted(concerned))
    if turns:
        await connection.execute(statements.PUT_FINDINGS, *_columns(await _judge(connection, shelf, turns, book)))
    return len(turns)


async def _concerned(
    connection: Connection, shelf: Shelf, asked: Sequence[UUID], places: Sequence[asyncpg.Record]
) -> set[UUID]:
    """Whose findings may change with these."""
    rows = list(await connection.fetch(statements.FOLLOWERS, asked, FARTHEST))
    if places:
        known = {(row["scope"], row["readable_at"], row["source"]) for row in places}
        rows += await connection.fetch(statements.FINDERS, *_columns(sorted(known)))
    hanging = [(turn.id, above, turn.started_at) for turn in shelf.used(asked) for above in turn.before]
    if hanging:
        rows += await connection.fetch(statements.BESIDE, *_columns(hanging))
    return {UUID(int=row["exchange_id"].int) for row in rows}


async def _judge(connection: Connection, shelf: Shelf, turns: Sequence[Turn], book: PriceBook) -> list[_Row]:
    """Rows of `statements.PUT_FINDINGS`."""
    before = await _befores(connection, shelf, turns)
    suspects = {turn.id: (turn, before[turn.id]) for turn in turns if missed(turn, before.get(turn.id))}
    evidence: Mapping[UUID, Evidence] = {}
    if suspects:
        suspects = await renewed(connection, suspects)
        before |= {number: seen for number, (_, seen) in suspects.items()}
        evidence = await gather(connection, shelf, suspects)
    findings = {turn.id: judge(turn, before.get(turn.id), evidence.get(turn.id, Evidence())) for turn in turns}
    costs = await _costs(connection, {n: found.missed for n, found in findings.items() if found.missed}, book)
    return [
        (*_finding(number, found, costs.get(number)), number not in before or before[number].turn is None)
        for number, found in findings.items()
    ]


async def _befores(connection: Connection, shelf: Shelf, turns: Sequence[Turn]) -> dict[UUID, Before]:
    """The turn whose cache each could have read."""
    lines = await shelf.fetch_lines(turns)
    mine = {turn.id: turn for turn in turns}
    near = {n: one for n, one in lines.items() if one.whose == mine[n].whose and one.readable_at <= mine[n].started_at}
    doubtful = [(mine[n], one) for n, one in near.items() if not mine[n].follows and one.scope == mine[n].scope]
    shared = await common_beginnings(connection, doubtful)
    followed = {n: one for n, one in near.items() if mine[n].follows or (n in shared and shared[n][0].messages != 0)}
    openings = [turn for turn in turns if turn.id not in followed]
    return {**{n: _behind(mine[n], one) for n, one in followed.items()}, **await _alike(connection, openings)}


def _behind(turn: Turn, followed: Turn) -> Before:
    left = followed.figures.left if followed.figures else 0
    prompt = turn.figures.prompt if turn.figures else 0
    lifetime = followed.figures.lifetime_s if followed.figures else None
    return Before(
        turn=followed,
        id=followed.id,
        expected=min(left, prompt),
        used_at=followed.started_at,
        lifetime_s=lifetime,
    )


async def _alike(connection: Connection, openings: Sequence[Turn]) -> dict[UUID, Before]:
    """Turns that follow nobody read what others with the same tools and system prompt left."""
    if not openings:
        return {}
    asked = [(turn.id, turn.scope, turn.started_at) for turn in openings]
    rows = {UUID(int=row["id"].int): row for row in await connection.fetch(statements.ALIKE, *_columns(asked))}
    return {
        turn.id: Before(
            turn=None,
            id=UUID(int=row["last_id"].int),
            expected=min(row["read_tokens"] or 0, turn.figures.prompt if turn.figures else 0),
            used_at=row["started_at"],
            lifetime_s=row["lifetime_s"],
        )
        for turn in openings
        if (row := rows.get(turn.id))
    }


async def _costs(connection: Connection, misses: Mapping[UUID, int], book: PriceBook) -> dict[UUID, Decimal | None]:
    rows = await connection.fetch(statements.CHARGED, list(misses)) if misses else []
    charged = {UUID(int=row["exchange_id"].int): row for row in rows}
    return {
        number: cost_of_miss(book, row["raw"], row["model"], row["started_at"], misses[number])
        for number, row in charged.items()
    }


def _facts(turn: Turn) -> _Row:
    assert turn.figures
    figures = turn.figures
    return (
        turn.id, turn.domain, turn.account_id, turn.model, turn.client, turn.session_id, turn.conversation_id,
        turn.started_at, turn.scope, turn.is_source, turn.readable_at, figures.prompt, figures.read,
        figures.left, figures.lifetime_s,
    )  # fmt: skip


def _finding(number: UUID, found: Finding, cost: Decimal | None) -> _Row:
    return (
        number, found.reference_id, found.expected, found.reusable, found.missed, found.cause, found.message_index,
        found.change, found.idle_s, None if cost is None else str(cost),
    )  # fmt: skip


def _columns(rows: Sequence[_Row]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
