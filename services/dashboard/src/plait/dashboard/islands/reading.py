"""A way through a conversation as one text: each message once, at the turn that brought it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from markupsafe import Markup

from plait.common.queries.exchanges import ExchangeSummary
from plait.common.queries.transcript import Turn
from plait.dashboard.islands.blocks import Part
from plait.dashboard.islands.kept import Kept
from plait.dashboard.islands.messages import Message, read_messages, read_system
from plait.dashboard.islands.render import render

_KEPT: Final = Kept(32_000_000)
_SEAM: Final = Markup(f"<!-- {secrets.token_hex(16)} -->")  # noqa: S704
"""Between messages that are kept as one: nobody who wrote one can have known it."""


@dataclass(frozen=True)
class Passage:
    """One turn: what it brought, and its answer."""

    exchange: ExchangeSummary
    number: int
    """From 1, on the whole way."""
    system: list[Part]
    messages: list[Markup]
    answered: bool


def way_to(tip: ExchangeSummary, exchanges: Iterable[ExchangeSummary]) -> list[ExchangeSummary]:
    """All turns from the first to `tip`; of a sub-task from its own first."""
    known = {one.request_id: one for one in exchanges}
    found = [tip]
    while (above := _above(found[-1], known)) is not None:
        found.append(above)
    return found[::-1]


def passages(turns: Sequence[Turn], first: int) -> list[Passage]:
    """Turns as they are drawn; `first` is the number of the first of them."""
    placed = [each for turn in turns for each in _placed(turn)]
    drawn = _draw(placed)
    ends = iter(drawn)
    return [
        Passage(
            turn.exchange,
            number,
            read_system(turn.system) if turn.system else [],
            [next(ends) for _ in _placed(turn)],
            _said(turn.answer) is not None,
        )
        for number, turn in enumerate(turns, start=first)
    ]


def _above(exchange: ExchangeSummary, known: Mapping[UUID, ExchangeSummary]) -> ExchangeSummary | None:
    if exchange.link_kind == "spawn" or exchange.parent_request_id is None:
        return None
    return known.get(exchange.parent_request_id)


def _placed(turn: Turn) -> list[tuple[str, Any]]:
    """Its messages and its answer, each with its place in the exchange."""
    first = turn.exchange.message_count - len(turn.messages)
    told = [(f"request.messages.{max(first, 0) + n}", message) for n, message in enumerate(turn.messages)]
    answer = _said(turn.answer)
    return [*told, ("answer", answer)] if answer is not None else told


def _said(answer: Any) -> dict[str, Any] | None:
    content = answer.get("content") if isinstance(answer, dict) else None
    return {"role": "assistant", "content": content} if content else None


def _draw(placed: Sequence[tuple[str, Any]]) -> list[Markup]:
    """A message's look hangs on those around it too, which its calls and results belong to: kept all together."""
    content = json.dumps(placed).encode()
    drawn = _KEPT.get(content, lambda: _SEAM.join(_render(placed)))
    return drawn.split(_SEAM) if placed else []


def _render(placed: Sequence[tuple[str, Any]]) -> list[Markup]:
    read = read_messages([message for _, message in placed])
    return [render("message.html", message=_moved(message, at)) for message, (at, _) in zip(read, placed, strict=True)]


def _moved(message: Message, to: str) -> Message:
    """The message with its place in its own exchange."""
    parts = [replace(part, at=part.at.replace(message.at, to, 1)) for part in message.parts]
    return replace(message, at=to, parts=parts)
