"""One request: what was asked and answered, when, at what cost, and why it stands where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from markupsafe import Markup

from plait.common.queries.charges import get_charge, list_following
from plait.common.queries.conversations import ConversationFilter, ConversationSummary, list_conversations
from plait.common.queries.paging import Page
from plait.common.queries.records import Exchange, get_exchange, list_pieces
from plait.dashboard.database import read
from plait.dashboard.islands import evidence, messages
from plait.dashboard.islands.causes import tell_cause
from plait.dashboard.islands.element import island
from plait.dashboard.islands.facts import Known, calls_in
from plait.dashboard.islands.live import EXCHANGES, live, tail
from plait.dashboard.islands.outline import as_received, raw_part
from plait.dashboard.islands.render import render
from plait.dashboard.islands.slices import first_of, rest_of
from plait.dashboard.islands.stream import MOST_ROWS, read_stream, timeline
from plait.dashboard.islands.unseen import line_of
from plait.dashboard.islands.words import bytes_of, dollars
from plait.dashboard.views.shell import address_parameter, begin, clock, id_in_address, say_unknown

_VIEWS: Final = (("", "Conversation"), ("stream", "Stream"), ("raw", "Raw"), ("headers", "Headers"))
_BADGES: Final = 8
"""Tools that stand above the messages."""


def show() -> None:
    """Draw the page."""
    asked = id_in_address()
    exchange = read(get_exchange, asked) if asked else None
    if exchange is None:
        say_unknown("request")
        return
    begin(line_of(exchange.preview or "Request"), here="/requests")
    view = next((name for name, _ in _VIEWS if name == address_parameter("view")), "")
    island(_head(exchange, view), key="head")
    island(_DRAWN[view](exchange), key=view or "messages")
    _follow(exchange, view)


def _head(exchange: Exchange, view: str) -> Markup:
    read_at = clock()
    known = Known(
        exchange,
        read(get_charge, exchange.request_id),
        read(list_following, exchange.request_id),
        read_at,
    )
    return render(
        "request.html",
        e=exchange,
        known=known,
        conversation=_conversation(exchange.conversation_id),
        clock=read_at,
        why=evidence.tell(exchange.evidence) if exchange.evidence else "",
        missed=tell_cause(exchange.cache) if exchange.cache else "",
        details=_details(known),
        views=_VIEWS,
        view=view,
    )


def _follow(exchange: Exchange, view: str) -> None:
    """One that is running, or not linked yet, is drawn anew when more is known."""
    if exchange.outcome is None and not view:
        tail(exchange.request_id)
    if exchange.outcome is None or exchange.evidence is None:
        live(EXCHANGES, ("request", "requests"), mode="follow", request=exchange.request_id)


def _details(known: Known) -> Markup:
    answer = _object(known.exchange.response_body)
    return render(
        "request_facts.html",
        known=known,
        total=dollars(known.exchange.cost_usd),
        called=calls_in([answer]),
        calls=calls_in(messages.messages_in(known.exchange.request_body)),
    )


def _conversation(known: UUID | None) -> ConversationSummary | None:
    if known is None:
        return None
    found = read(list_conversations, ConversationFilter(q=str(known)), Page(limit=1)).rows
    return found[0] if found else None


def _talk(exchange: Exchange) -> Markup:
    body, answer = _object(exchange.request_body), _object(exchange.response_body)
    said = messages.messages_in(exchange.request_body)
    answered = messages.read_answer(answer, len(said) + 1) if answer.get("content") is not None else None
    return render(
        "messages.html",
        request_id=exchange.request_id,
        count=len(said),
        messages=messages.Said(said).draw(first_of(len(said))),
        rest=rest_of(len(said)),
        system=messages.read_system(body.get("system")),
        offered=messages.read_tools(body.get("tools")),
        tools=calls_in(said)[:_BADGES],
        answer=render("message.html", message=answered) if answered else None,
        stop_reason=answer.get("stop_reason"),
        missing=None if exchange.outcome is None else _why_no_answer(exchange),
    )


def _object(body: Any) -> dict[str, Any]:
    return body if isinstance(body, dict) else {}


def _why_no_answer(exchange: Exchange) -> str:
    if exchange.response_body is None:
        return "No answer was received."
    return "The answer holds no message; it stands under Raw."


def _stream(exchange: Exchange) -> Markup:
    pieces = read(list_pieces, exchange.request_id)
    stream = read_stream(pieces or [])
    return render(
        "stream.html",
        e=exchange,
        stream=stream,
        timeline=timeline(stream) if stream.arrivals else "",
        size=bytes_of(stream.size),
        rows=stream.arrivals[:MOST_ROWS],
        missing=_why_no_stream(exchange),
    )


def _why_no_stream(exchange: Exchange) -> str:
    if exchange.outcome is None:
        return "The answer is still running: its stream is shown when its first pieces are stored."
    if exchange.streamed is False:
        return "The client did not ask for a stream: the answer came as one."
    return "The pieces of this answer are not kept."


def _raw(exchange: Exchange) -> Markup:
    pieces = read(list_pieces, exchange.request_id)
    parts = [
        raw_part("Request", exchange.request_body, "request"),
        raw_part("Answer", exchange.response_body, "answer"),
        *([as_received("Event stream", b"".join(piece.data for _, piece in pieces))] if pieces else []),
        raw_part("Usage", exchange.usage_data, "answer.usage"),
    ]
    return render("raw.html", e=exchange, parts=parts)


def _headers(exchange: Exchange) -> Markup:
    asked = f"{exchange.method} {exchange.path}"
    answered = f"HTTP {exchange.status}" if exchange.status else "no status"
    parts = [
        ("Request headers", asked, exchange.request_headers),
        ("Answer's headers", answered, exchange.response_headers),
    ]
    return render("headers.html", parts=parts)


_DRAWN: Final[dict[str, Callable[[Exchange], Markup]]] = {
    "": _talk,
    "stream": _stream,
    "raw": _raw,
    "headers": _headers,
}
