"""A conversation told turn by turn, for people.

Clients send the whole history each time; here each message stands once: at the first exchange that sends it, an answer
at the exchange that gave it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct

from plait.common.blobs import unshelve
from plait.common.bodies import put_answer_together, put_request_together
from plait.common.queries.exchanges import ExchangeSummary
from plait.common.queries.named import statements
from plait.common.queries.paging import Reader

_SQL: Final = statements("transcript")
_RUN: Final = 50
"""Turns whose contents are held at a time."""


class Turn(Struct, frozen=True, kw_only=True):
    """One exchange, and what it added."""

    exchange: ExchangeSummary
    system: Any
    """Its system prompt, a text or blocks; None where an earlier turn had the same."""
    messages: list[Any]
    """Messages of its request that no earlier turn told."""
    body: Any
    """The request's body, if it was no list of messages: a JSON value or a text."""
    answer: Any
    """The JSON value of the answer, as far as it came; None without one."""


class Teller:
    """Tells turns, and remembers what was told."""

    def __init__(self, db: Reader) -> None:
        self._db = db
        self._links: set[bytes] = set()
        self._blobs: set[bytes] = set()

    async def tell(self, exchanges: Sequence[ExchangeSummary]) -> AsyncIterator[Turn]:
        """These exchanges in the order in which they are given, a bounded number of statements for fifty of them."""
        for start in range(0, len(exchanges), _RUN):
            run = exchanges[start : start + _RUN]
            rows = {
                UUID(int=row["id"].int): row for row in await self._fetch("turns", ids=[one.request_id for one in run])
            }
            known = [(one, rows[one.request_id]) for one in run if one.request_id in rows]
            new = await self._new(row for _, row in known)
            for (exchange, row), blobs in zip(known, new.blobs, strict=True):
                yield _turn(exchange, row, blobs, new.contents)

    async def pass_over(self, exchange: ExchangeSummary) -> None:
        """Take all that an exchange sent and was answered as told, without reading it."""
        for row in await self._fetch("turns", ids=[exchange.request_id]):
            heads = [row["chain"]] if row["chain"] else []
            self._added(
                row, {one["hash"]: (one["parent"], one["blob"]) for one in await self._fetch("links", heads=heads)}
            )

    async def _new(self, rows: Iterable[asyncpg.Record]) -> _New:
        """What each of these adds."""
        kept = list(rows)
        heads = [row["chain"] for row in kept if row["chain"]]
        links = {row["hash"]: (row["parent"], row["blob"]) for row in await self._fetch("links", heads=heads)}
        added = [self._added(row, links) for row in kept]
        hashes = [name for one in added for name in one.all]
        contents = await self._fetch("blobs", hashes=hashes)
        return _New(blobs=added, contents={row["hash"]: unshelve(row["encoding"], row["data"]) for row in contents})

    def _added(self, row: asyncpg.Record, links: Mapping[bytes, tuple[bytes | None, bytes]]) -> _Added:
        """The blobs that were not told before; they are from now on."""
        system, content = row["system"], row["content"]
        messages: list[bytes] = []
        link = row["chain"]
        while link is not None and link not in self._links and link in links:
            self._links.add(link)
            link, blob = links[link]
            messages.append(blob)
        messages = messages[::-1]
        if messages and link is not None and messages[0] in self._blobs:
            del messages[0]  # the answer before, which comes back with the next turn
        new_system = system if system and system not in self._blobs else None
        self._blobs |= {blob for blob in (system, content) if blob}
        return _Added(system=new_system, messages=messages, content=content)

    async def _fetch(self, name: str, **values: object) -> list[asyncpg.Record]:
        sql, arguments = _SQL[name].bind(values)
        found: list[asyncpg.Record] = await self._db.fetch(sql, *arguments)
        return found


class _Added(Struct, frozen=True, kw_only=True):
    """Hashes of the blobs that one exchange adds."""

    system: bytes | None
    messages: list[bytes]
    content: bytes | None

    @property
    def all(self) -> list[bytes]:
        return [*self.messages, *(blob for blob in (self.system, self.content) if blob)]


class _New(Struct, frozen=True, kw_only=True):
    """What a run of exchanges adds."""

    blobs: list[_Added]
    contents: dict[bytes, bytes]


def _turn(exchange: ExchangeSummary, row: asyncpg.Record, added: _Added, contents: Mapping[bytes, bytes]) -> Turn:
    whole, answered = row["request_whole"], row["response_remainder"]
    return Turn(
        exchange=exchange,
        system=_value(contents, added.system),
        messages=[_value(contents, blob) for blob in added.messages],
        body=put_request_together(row["request_remainder"], whole, [], None, None) if whole else None,
        answer=None if answered is None else _answer(row, added, contents),
    )


def _answer(row: asyncpg.Record, added: _Added, contents: Mapping[bytes, bytes]) -> Any:
    content = contents.get(added.content) if added.content else None
    return put_answer_together(row["response_remainder"], row["response_whole"], content)


def _value(contents: Mapping[bytes, bytes], name: bytes | None) -> Any:
    return msgspec.json.decode(contents[name]) if name is not None and name in contents else None


async def tell_stretch(db: Reader, exchanges: Sequence[ExchangeSummary], start: int, count: int) -> list[Turn]:
    """So many turns of a way through a conversation, from one on; what was told before them is left out."""
    teller = Teller(db)
    if start > 0:
        await teller.pass_over(exchanges[start - 1])
    return [turn async for turn in teller.tell(exchanges[start : start + count])]
