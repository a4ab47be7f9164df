"""What exchanges know about themselves, kept; and what changed of it with a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import msgspec

from plait.common.errors import DependencyDown
from plait.common.packing import pack, unpack
from plait.linker import statements
from plait.linker.columns import columns
from plait.linker.domain.facts import FACTS_VERSION, AnswerFacts, Facts
from plait.linker.domain.offers import offers
from plait.linker.domain.request import join

_facts = msgspec.msgpack.Decoder(Facts)
_answers = msgspec.msgpack.Decoder(AnswerFacts)
_encode = msgspec.msgpack.Encoder().encode


class OtherFacts(DependencyDown):
    """The database holds facts that another version of the extraction made: wait, and put no record aside."""

    def __init__(self, number: UUID, version: int) -> None:
        super().__init__(
            f"the facts of exchange {number} are of version {version}, this linker reads version {FACTS_VERSION}: "
            "rebuild the database from the recorded events, or run the linker that wrote it"
        )


@dataclass(frozen=True)
class Change:
    """The facts of an exchange before and after a batch."""

    before: Facts | None
    after: Facts


@dataclass(frozen=True)
class _Half:
    """What is known of an exchange: a request without its answer, an answer without its request, or both joined."""

    facts: Facts | None = None
    waiting: AnswerFacts | None = None

    def with_news(self, request: Facts | None, answer: AnswerFacts | None) -> _Half:
        """What is known now; what was known before stays, whatever a repeat says."""
        facts, waiting = self.facts or request, self.waiting or answer
        if facts and waiting:
            return _Half(facts if facts.answer else join(facts, waiting))
        return _Half(facts, waiting)


async def learn(
    connection: asyncpg.pool.PoolConnectionProxy, requests: Mapping[UUID, Facts], answers: Mapping[UUID, AnswerFacts]
) -> list[Change]:
    """Which exchanges, of those whose request is known, have new facts with a batch; their offers are moved.

    Answers without their request are put down to wait. The facts that changed are not put down yet: what is kept of
    them is known once they are placed (`keep`). The domains of the batch must be locked.
    """
    numbers = sorted(requests.keys() | answers.keys())
    known = {number: _Half() for number in numbers} | await _halves(connection, numbers)
    now = {number: known[number].with_news(requests.get(number), answers.get(number)) for number in numbers}
    news = [number for number in numbers if now[number] != known[number]]
    await _put(connection, [(number, None, now[number].waiting) for number in news if not now[number].facts])
    changes = [Change(known[number].facts, facts) for number in news if (facts := now[number].facts)]
    await _move_offers(connection, changes)
    return changes


async def keep(connection: asyncpg.pool.PoolConnectionProxy, facts: Iterable[Facts]) -> None:
    """Put down the facts of exchanges whose request is known."""
    await _put(connection, [(one.id, one, None) for one in sorted(facts, key=lambda one: one.id)])


async def facts_of(connection: asyncpg.pool.PoolConnectionProxy, numbers: Iterable[UUID]) -> dict[UUID, Facts]:
    """The facts of these exchanges, those whose request is known."""
    halves = await _halves(connection, list(numbers))
    return {number: half.facts for number, half in halves.items() if half.facts}


async def _halves(connection: asyncpg.pool.PoolConnectionProxy, numbers: list[UUID]) -> dict[UUID, _Half]:
    rows = await connection.fetch(statements.FACTS, numbers) if numbers else []
    return {row["exchange_id"]: _half(row) for row in rows}


def _half(row: asyncpg.Record) -> _Half:
    if row["version"] != FACTS_VERSION:
        raise OtherFacts(row["exchange_id"], row["version"])
    return _Half(
        _facts.decode(unpack(row["data"])) if row["data"] else None,
        _answers.decode(unpack(row["waiting"])) if row["waiting"] else None,
    )


async def _move_offers(connection: asyncpg.pool.PoolConnectionProxy, changes: Iterable[Change]) -> None:
    gone, come = [], []
    for change in changes:
        had = offers(change.before) if change.before else set()
        has = offers(change.after)
        gone += [(key, *change.after.stamp) for key in had - has]
        come += [(key, *change.after.stamp) for key in has - had]
    if gone:
        await connection.execute(statements.DROP_OFFERS, *columns(gone))
    if come:
        await connection.execute(statements.ADD_OFFERS, *columns(come))


async def _put(
    connection: asyncpg.pool.PoolConnectionProxy, rows: Sequence[tuple[UUID, Facts | None, AnswerFacts | None]]
) -> None:
    if rows:
        packed = [(number, FACTS_VERSION, _packed(facts), _packed(waiting)) for number, facts, waiting in rows]
        await connection.execute(statements.PUT_FACTS, *columns(packed))


def _packed(value: Facts | AnswerFacts | None) -> bytes | None:
    return None if value is None else pack(_encode(value))
