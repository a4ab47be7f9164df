"""What of an exchange was first said in it: each thing is found once, however often it is sent again.

A request sends the history again; new is what comes after the messages of the exchange before, and after its answer.
Where the client wrote the history anew (a summary, another model, an agent with its parent's history) what is said
word for word as before is not new either. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from plait.common.search.pieces import pieces_of
from plait.common.search.words import label, terms
from plait.linker.domain.summaries import CONTINUED

MOST_TERMS: Final = 1 << 14
"""Of a message so many words and beginnings are indexed."""
_TASK: Final = 32
"""Characters of a sub-agent's task that are enough to know it by, where a client put words of its own around it."""

Hash = bytes
Message = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """An exchange with the names of its messages, and of what its request may say again."""

    id: UUID
    domain: str
    session_id: str | None
    started_at: datetime
    link_kind: str
    messages: Sequence[tuple[int, Hash]]
    """Place in the request, and blob, of all that comes after the history shared with the exchange before."""
    count: int
    """Messages of the request: the answer's place."""
    answer: Hash | None
    said: Sequence[Hash] = field(default=())
    """Messages and answers before it that it may repeat."""

    @property
    def blobs(self) -> set[Hash]:
        """All that are named."""
        return {blob for _, blob in self.messages} | set(self.said) | ({self.answer} if self.answer else set())


@dataclass(frozen=True)
class News:
    """A message to be indexed."""

    exchange_id: UUID
    message: int
    blob: Hash
    started_at: datetime
    terms: list[int]


def news_of(sent: Sent, messages: Mapping[Hash, Message]) -> list[News]:
    """The messages of an exchange in which something new is said; those that are not given are left out.

    Takes as long as the texts are long: run it in a thread beside the loop.
    """
    said = {piece for name in sent.said if name in messages for piece in pieces_of(messages[name])}
    labels = [label("domain", sent.domain), *([label("session", sent.session_id)] if sent.session_id else [])]
    found = []
    for place, name in (*sent.messages, *([(sent.count, sent.answer)] if sent.answer else [])):
        if name not in messages:
            continue
        new = _new(sent, messages[name], said if place < sent.count else set())
        if new:
            words = terms(new, MOST_TERMS)
            found.append(News(sent.id, place, name, sent.started_at, sorted({*words, *labels})))
    return found


def _new(sent: Sent, message: Message, said: set[str]) -> list[str]:
    pieces = [piece for piece in pieces_of(message) if piece not in said]
    if message.get("role") == "assistant" and said:  # of an answer that was cut off a part may be sent again
        pieces = [piece for piece in pieces if not any(one.startswith(piece) for one in said)]
    if sent.link_kind == "after_compaction":
        pieces = [piece for piece in pieces if CONTINUED not in piece]
    if sent.link_kind == "spawn":
        tasks = [one for one in said if len(one) >= _TASK]
        pieces = [piece for piece in pieces if not any(task in piece for task in tasks)]
    return pieces
