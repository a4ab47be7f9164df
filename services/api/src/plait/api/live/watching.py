"""One answer for one who watches it: what is stored of it, joined with what comes."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from plait.api.encoding import encode
from plait.api.live.answer import Answer, stored, whole
from plait.api.live.listener import farewell
from plait.api.live.memory import Memory
from plait.api.live.news import ExchangeNews, frame
from plait.api.live.tails import Tail
from plait.common.queries.exchanges import ExchangeSummary, get_summary
from plait.common.queries.paging import Reader
from plait.common.queries.records import get_exchange, list_pieces

_HEARTBEAT_S: Final = 10.0
_MISSING_S: Final = 0.2
"""How soon the record is looked at again for what is missing."""
_GRACE_S: Final = 1.0
"""Pieces may come after the end of their answer: they come another way."""
_PATIENCE_S: Final = 5.0
"""How long what is missing is waited for."""
_SETTLED: Final = timedelta(seconds=10)
"""So long after its end nothing is missing in the record any more."""
_HEARTBEAT: Final = b": still running\n\n"


class AnswerEnd(Struct, frozen=True, kw_only=True, rename="camel"):
    """How an answer ended. What is not known is null."""

    request_id: UUID
    outcome: str | None
    status: int | None
    duration_ms: float | None
    first_token_ms: float | None
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int
    total_tokens: int


class Watch:
    """Follows one answer to its end."""

    def __init__(
        self, exchange_id: UUID, tail: Tail, memory: Memory | None, pool: Callable[[], Awaitable[Reader]], after: int
    ) -> None:
        """`pool`: what the watcher's key shows; `after`: the number of the last piece that the watcher has."""
        self._id = exchange_id
        self._tail = tail
        self._memory = memory
        self._pool = pool
        self._after = after
        self._answer = Answer(after)
        self._recorded: ExchangeSummary | None = None
        """The exchange once the record has its end."""
        self._missing_since = time.monotonic()

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """All that is to be sent."""
        for told in await self._stored():
            yield told
        while not self._tail.over and not self._is_done():
            came = await self._tail.next(self._pause())
            for told in [one for pieces in came for one in self._answer.take(pieces)] or await self._quiet(bool(came)):
                yield told
        if self._tail.over:
            yield farewell(self._tail.over)
            return
        for told in [*self._answer.skip(), *await self._body(), frame("end", self._end())]:
            yield told

    async def _stored(self) -> list[bytes]:
        """What the record has beyond what was told. Its end is looked for first: what is there then is all."""
        pool = await self._pool()
        summary = await get_summary(pool, self._id)
        self._recorded = summary if summary and summary.outcome is not None else None
        pieces = stored(await list_pieces(pool, self._id) or [])
        return [told for each in pieces for told in self._answer.take(each)]

    async def _quiet(self, came: bool) -> list[bytes]:
        """Nothing could be told: look whether the record has what is missing."""
        if came and not self._answer.is_waiting:
            return []
        told = await self._stored()
        now = time.monotonic()
        if told or not (self._answer.is_waiting or self._has_ended()):
            self._missing_since = now
        elif now - self._missing_since > _PATIENCE_S:
            told = list(self._answer.skip())
        return told or [_HEARTBEAT]

    def _pause(self) -> float:
        if self._answer.is_waiting or self._has_ended():
            return _MISSING_S
        return _HEARTBEAT_S

    def _has_ended(self) -> bool:
        return self._tail.ended is not None or self._recorded is not None

    def _is_done(self) -> bool:
        """Whether all is told: the stream says so itself, or the record has the end and nothing came for a while."""
        if not self._has_ended() or self._answer.is_waiting:
            return False
        waited = time.monotonic() - self._missing_since
        if self._recorded is None:
            return self._answer.is_whole or waited > _PATIENCE_S
        return self._answer.is_whole or waited > _GRACE_S or _is_settled(self._recorded)

    async def _body(self) -> list[bytes]:
        """Of an answer that was no stream, or whose stream is not kept: the body."""
        if not self._answer.is_empty or self._after >= 0:
            return []
        exchange = await get_exchange(await self._pool(), self._id)
        if exchange is None or exchange.response_body is None:
            return []
        return [whole(_text(exchange.response_body))]

    def _end(self) -> AnswerEnd:
        news: ExchangeNews | ExchangeSummary | None = self._memory.find(self._id) if self._memory else None
        if news is None or news.outcome is None:
            news = self._recorded or news
        assert news is not None
        return AnswerEnd(**{field: getattr(news, field) for field in AnswerEnd.__struct_fields__})


def _is_settled(summary: ExchangeSummary) -> bool:
    ended = summary.timestamp + timedelta(milliseconds=summary.duration_ms or 0)
    return datetime.now(UTC) - ended > _SETTLED


def _text(body: Any) -> str:
    return body if isinstance(body, str) else encode(body).decode()
