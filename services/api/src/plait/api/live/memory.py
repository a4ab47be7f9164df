"""What is known of recent exchanges, and what each record adds to it."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from msgspec import UNSET, structs

from plait.api.live.news import ConversationNews, ExchangeNews, Name, Told
from plait.api.live.reading import Ended, Piece, Read, Started
from plait.common.events import ConversationData, Data, Placed, json_or_none
from plait.common.ids import time_of
from plait.common.usage import totals

_MOST: Final = 20_000
_HASH: Final = re.compile("[0-9a-f]{32}")
"""A thread that is no session: a hash of the first message."""


class Memory:
    """The last exchanges that something was heard of. What is heard twice is told once."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: OrderedDict[UUID, ExchangeNews] = OrderedDict()
        self._said: dict[UUID, set[Name]] = {}
        """What was told of them."""

    def find(self, exchange_id: UUID) -> ExchangeNews | None:
        """What is known of an exchange."""
        return self._known.get(exchange_id)

    def told(self, read: Read) -> Iterator[Told]:
        """The events of a record, without their frames."""
        seen = read.seen
        if isinstance(seen, Started):
            yield from self._started(seen, read.model)
        elif isinstance(seen, Piece):
            yield from self._first_byte(seen)
        elif isinstance(seen, Ended):
            yield from self._finished(seen)
        elif isinstance(seen, ConversationData):
            yield from self._conversation(seen)

    def _started(self, seen: Started, model: str | None) -> Iterator[Told]:
        before = self._known.get(seen.exchange_id)
        known = structs.replace(
            before or _new(seen),
            account_id=seen.account_id or (before and before.account_id),
            key_name=seen.key_name,
            tag=seen.tag,
            path=seen.path,
            model=(before and before.model) or model,
        )
        yield from self._once("exchange.started", known, seen)

    def _first_byte(self, seen: Piece) -> Iterator[Told]:
        if seen.index == 0 and seen.pieces:
            known = self._known.get(seen.exchange_id) or _new(seen)
            known = structs.replace(known, first_byte_ms=seen.pieces[0].offset_ms)
            yield from self._once("exchange.firstByte", known, seen)

    def _finished(self, seen: Ended) -> Iterator[Told]:
        before = self._known.get(seen.exchange_id) or _new(seen)
        known = _with_usage(
            structs.replace(
                before,
                account_id=seen.account_id or before.account_id,
                model=seen.model or before.model,
                status=seen.status,
                outcome=seen.outcome,
                first_byte_ms=seen.first_byte_ms,
                first_token_ms=seen.first_token_ms,
                duration_ms=seen.duration_ms,
                error_type=seen.error.type if seen.error else None,
            ),
            seen,
        )
        yield from self._once("exchange.finished", known, seen)

    def _conversation(self, seen: ConversationData) -> Iterator[Told]:
        for placed in seen.placed:
            yield from self._placed(placed, seen)
        news = ConversationNews(
            conversation_id=seen.conversation_id,
            domain=seen.domain,
            revision=seen.revision,
            request_count=seen.request_count,
            branch_ids=seen.branch_ids,
            latest_request_id=seen.latest_exchange_id,
            moved_from=seen.moved_from,
        )
        yield Told(name="conversation.deleted" if seen.deleted else "conversation.updated", news=news)

    def _placed(self, placed: Placed, seen: ConversationData) -> Iterator[Told]:
        """Told only when the place is another than was known, of an exchange whose time is known."""
        before = self._known.get(placed.exchange_id) or _unheard(placed.exchange_id, seen.domain)
        if before is None:
            return
        known = structs.replace(
            before, conversation_id=seen.conversation_id, branch_id=placed.branch_id, kind=placed.kind
        )
        self._keep(known)
        if known != before:
            yield Told(name="exchange.placed", news=known, thread=known.session_id or "")

    def _once(self, name: Name, known: ExchangeNews, seen: Data) -> Iterator[Told]:
        """Keep what is known, and tell it unless this was told already: a record may come again."""
        self._keep(known)
        said = self._said.setdefault(known.request_id, set())
        if name not in said:
            said.add(name)
            yield Told(name=name, news=known, thread=seen.thread)

    def _keep(self, known: ExchangeNews) -> None:
        self._known[known.request_id] = known
        self._known.move_to_end(known.request_id)
        if len(self._known) > self._most:
            oldest, _ = self._known.popitem(last=False)
            self._said.pop(oldest, None)


def _unheard(exchange_id: UUID, domain: str) -> ExchangeNews | None:
    began = time_of(exchange_id)
    return None if began is None else ExchangeNews(request_id=exchange_id, domain=domain, timestamp=began)


def _new(seen: Data) -> ExchangeNews:
    is_session = seen.thread != str(seen.exchange_id) and not _HASH.fullmatch(seen.thread)
    return ExchangeNews(
        request_id=seen.exchange_id,
        domain=seen.domain,
        timestamp=seen.started_at,
        session_id=seen.thread if is_session else None,
    )


def _with_usage(known: ExchangeNews, seen: Ended) -> ExchangeNews:
    usage = None if seen.usage is UNSET else json_or_none(bytes(seen.usage))
    return structs.replace(known, **totals(usage))
