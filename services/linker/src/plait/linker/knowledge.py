"""What exchanges know about themselves, kept with the keys they are found under; and what a batch changes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from plait.common.errors import DependencyDown
from plait.common.packing import PLAIN_MARK, pack, unpack
from plait.linker import statements
from plait.linker.columns import columns
from plait.linker.domain.facts import FACTS_VERSION, Answer, AnswerFacts, Call, Facts
from plait.linker.domain.keys import Place, place_of
from plait.linker.domain.offers import follows, offers
from plait.linker.domain.request import join

_facts = msgspec.msgpack.Decoder(Facts)
_answers = msgspec.msgpack.Decoder(Answer)
_waiting = msgspec.msgpack.Decoder(AnswerFacts)
_encode = msgspec.msgpack.Encoder().encode
_REQUEST_COLUMNS: Final = (Place.ASKED, Place.BEGUN, Place.LINE)
_ANSWER_COLUMNS: Final = (Place.ANSWERED, Place.MESSAGE, Place.TOOL, Place.SAID)


_MOSTLY_HASHES: Final = 600
"""Bytes of facts up to which compression gains nothing."""


class OtherFacts(DependencyDown):
    """The database holds facts that another version of the extraction made: wait, and put no record aside."""

    def __init__(self, number: UUID, version: int) -> None:
        super().__init__(
            f"the facts of exchange {number} are of version {version}, this linker reads version {FACTS_VERSION}: "
            "run `plait links rebuild`, or the linker that wrote them"
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

    def with_news(self, request: Facts | None, answer: AnswerFacts | None, calls: tuple[Call, ...]) -> _Half:
        """What is known now; what was known before stays, whatever a repeat says."""
        facts, waiting = self.facts or request, self.waiting or answer
        if facts and waiting:
            return _Half(facts if facts.answer else join(facts, waiting))
        if facts and not facts.answer and len(calls) > len(facts.so_far):
            return _Half(msgspec.structs.replace(facts, so_far=calls))
        return _Half(facts, waiting)


async def learn(
    connection: asyncpg.pool.PoolConnectionProxy,
    requests: Mapping[UUID, Facts],
    answers: Mapping[UUID, tuple[datetime, AnswerFacts]],
    calls: Mapping[UUID, tuple[Call, ...]],
) -> list[Change]:
    """Which exchanges, of those whose request is known, have new facts with a batch.

    Answers (with the start of their exchange) without their request are put down to wait; `calls` of running answers
    are not, since they are found again (`streams`). The facts that changed are not put down yet: what is kept of them
    is known once they are placed (`keep`). The domains of the batch must be locked.
    """
    numbers = sorted(requests.keys() | answers.keys() | calls.keys())
    known = {number: _Half() for number in numbers} | await _halves(connection, numbers)
    told = {number: answer for number, (_, answer) in answers.items()}
    now = {
        number: half.with_news(requests.get(number), told.get(number), calls.get(number, ()))
        for number, half in known.items()
    }
    news = [number for number in numbers if now[number] != known[number]]
    waiting = [(number, answers[number][0], half.waiting) for number in news if not (half := now[number]).facts]
    await _put(connection, statements.PUT_ANSWER_FACTS, [_waiting_row(*one) for one in waiting])
    return [Change(known[number].facts, facts) for number in news if (facts := now[number].facts)]


async def keep(
    connection: asyncpg.pool.PoolConnectionProxy, before: Mapping[UUID, Facts | None], after: Sequence[Facts]
) -> None:
    """Put down facts and the keys under which they are found; `before` is what of them was kept until now."""
    requests, answers, gone, come = [], [], set(), set()
    for has in sorted(after, key=lambda one: one.id):
        had = before.get(has.id)
        if had == has:
            continue
        offered, others = _placed(has)
        if had is None or _request_half(had) != _request_half(has):
            requests.append(request_row(has, offered))
        if has.answer and (had is None or not had.answer):
            answers.append(_answer_row(has, has.answer, offered))
        known = _placed(had)[1] if had else set()
        gone |= {(key, *has.stamp) for key in known - others}
        come |= {(key, *has.stamp) for key in others - known}
    await _put(connection, statements.PUT_FACTS, requests)
    await _put(connection, statements.PUT_ANSWER_FACTS, answers)
    if gone:
        await connection.execute(statements.DROP_OFFERS, *columns(sorted(gone)))
    await _put(connection, statements.ADD_OFFERS, sorted(come))


async def facts_of(connection: asyncpg.pool.PoolConnectionProxy, numbers: Iterable[UUID]) -> dict[UUID, Facts]:
    """The facts of these exchanges, those whose request is known."""
    halves = await _halves(connection, list(numbers))
    return {number: half.facts for number, half in halves.items() if half.facts}


def read_facts(row: asyncpg.Record) -> Facts:
    """The facts of a row with `exchange_id`, `version`, `started_at`, `data` and `answer`.

    Raises:
        OtherFacts: another version of the extraction made them.
    """
    if row["version"] != FACTS_VERSION:
        raise OtherFacts(row["exchange_id"], row["version"])
    facts = _facts.decode(_head(row["exchange_id"], row["started_at"]) + unpack(row["data"]))
    if row["answer"] is None:
        return facts
    return msgspec.structs.replace(facts, answer=_answers.decode(unpack(row["answer"])))


async def _halves(connection: asyncpg.pool.PoolConnectionProxy, numbers: list[UUID]) -> dict[UUID, _Half]:
    rows = await connection.fetch(statements.FACTS, numbers) if numbers else []
    return {row["exchange_id"]: _half(row) for row in rows}


def _half(row: asyncpg.Record) -> _Half:
    if row["data"] is not None:
        return _Half(read_facts(row))
    if row["version"] != FACTS_VERSION:
        raise OtherFacts(row["exchange_id"], row["version"])
    return _Half(waiting=_waiting.decode(unpack(row["answer"])))


def request_row(facts: Facts, offered: Mapping[Place, int]) -> tuple[Any, ...]:
    """The columns of `statements.PUT_FACTS`."""
    raw = _encode(msgspec.structs.replace(facts, answer=None) if facts.answer else facts)
    data = _packed(raw.removeprefix(_head(facts.id, facts.started_at)))
    keys = (*(offered.get(place) for place in _REQUEST_COLUMNS), follows(facts))
    return (facts.id, facts.started_at, *keys, FACTS_VERSION, data)


def _request_half(facts: Facts) -> tuple[Any, ...]:
    """What `request_row` is made of; the end of an exchange takes keys away from one that failed or was rejected."""
    return facts.candidate, facts.converses, msgspec.structs.replace(facts, answer=None)


def _answer_row(facts: Facts, answer: Answer, offered: Mapping[Place, int]) -> tuple[Any, ...]:
    keys = (offered.get(place) for place in _ANSWER_COLUMNS)
    return (facts.id, facts.started_at, *keys, FACTS_VERSION, _packed(_encode(answer)))


def _waiting_row(number: UUID, started_at: datetime, answer: AnswerFacts | None) -> tuple[Any, ...]:
    return (number, started_at, None, None, None, None, FACTS_VERSION, pack(_encode(answer)))


def _packed(data: bytes) -> bytes:
    """As `pack`, without the attempt to compress what is mostly hashes."""
    return pack(data) if len(data) > _MOSTLY_HASHES else PLAIN_MARK + data


def _placed(facts: Facts) -> tuple[dict[Place, int], set[int]]:
    """What is offered, by column; and what no column is left for. While it runs there is no row of its answer."""
    own = _REQUEST_COLUMNS + _ANSWER_COLUMNS if facts.answer else _REQUEST_COLUMNS
    by_column: dict[Place, int] = {}
    others = set()
    for key in sorted(offers(facts)):
        place = place_of(key)
        if place not in own or place in by_column:
            others.add(key)
        else:
            by_column[place] = key
    return by_column, others


def _head(number: UUID, started_at: datetime) -> bytes:
    """How packed facts begin: with what stands in columns beside them."""
    return _ARRAY + _encode(number) + _encode(started_at)


_FIELDS: Final = len(Facts.__struct_fields__)
_ARRAY: Final = b"\xdc" + _FIELDS.to_bytes(2, "big")
"""MessagePack's mark of a list of so many values (more than 15)."""


async def _put(connection: asyncpg.pool.PoolConnectionProxy, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        await connection.execute(statement, rows)
