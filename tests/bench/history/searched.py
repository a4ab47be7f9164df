"""The index of what is said, as the linker's indexing writes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import count
from typing import Any

from plait.common.blobs import PLAIN, Blob
from plait.common.search.pieces import message_of
from plait.common.search.slots import mask_of, masked, slot_of
from plait.linker.indexing.news import Sent, news_of
from tests.bench.history.told import Told

Row = tuple[Any, ...]


class Searched:
    """Numbers messages in the order in which they are said."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._slots: dict[int, tuple[datetime, datetime]] = {}

    def rows(self, told: Told) -> Iterator[Row]:
        """Rows of `search_texts`."""
        if told.linked.link_kind is None:
            return
        messages = {blob.hash: message_of(PLAIN, blob.data) for blob in _blobs(told)}
        for one in news_of(_sent(told), messages):
            number = next(self._numbers)
            slot = slot_of(number)
            first, _ = self._slots.setdefault(slot, (told.at, told.at))
            self._slots[slot] = (first, told.at)
            yield one.exchange_id, one.message, number, one.blob, masked(one.terms, slot)

    def slots(self) -> list[Row]:
        """Rows of `search_slots`."""
        return [(slot, mask_of(slot), first, last) for slot, (first, last) in self._slots.items()]


def _blobs(told: Told) -> Iterator[Blob]:
    """New messages of the request, without the answers that it sends again, and its own answer."""
    yield from (blob for blob in told.asked.blobs if blob.data.endswith(b'"role":"user"}'))
    if told.answered and told.answered.content:
        yield told.answered.content


def _sent(told: Told) -> Sent:
    asked, answered = told.asked, told.answered
    return Sent(
        id=told.id,
        domain=told.person.domain,
        session_id=told.person.session_id,
        started_at=told.at,
        link_kind=told.linked.link_kind or "",
        messages=[(link.depth - 1, link.blob) for link in asked.links],
        count=asked.depth,
        answer=answered.content.hash if answered and answered.content else None,
    )
