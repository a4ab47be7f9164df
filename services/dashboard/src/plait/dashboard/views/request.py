"""One request: what was asked and answered, when, at what cost, and why it stands where it stands."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final
from uuid import UUID

import msgspec
import streamlit as st

from plait.common.queries.conversations import ConversationFilter, ConversationSummary, list_conversations
from plait.common.queries.paging import Page
from plait.common.queries.records import Exchange, get_exchange
from plait.dashboard.database import read
from plait.dashboard.islands import messages
from plait.dashboard.islands.element import island
from plait.dashboard.islands.facts import facts_of
from plait.dashboard.islands.markdown import plain
from plait.dashboard.islands.render import render
from plait.dashboard.islands.texts import clip
from plait.dashboard.islands.words import bytes_of
from plait.dashboard.views.shell import address_parameter, begin, clock, id_in_address, say_unknown

_VIEWS: Final = (("", "Conversation"), ("raw", "Raw"), ("headers", "Headers"))
_LARGEST_TREE: Final = 1_000_000
"""Bytes of JSON that are shown to unfold; larger bodies are for download."""


def show() -> None:
    """Draw the page."""
    asked = id_in_address()
    exchange = read(get_exchange, asked) if asked else None
    if exchange is None:
        say_unknown("request")
        return
    begin(exchange.preview or "Request")
    view = next((name for name, _ in _VIEWS if name == address_parameter("view")), "")
    _head(exchange, view)
    if view == "raw":
        _raw(exchange)
    elif view == "headers":
        head = {"asked": exchange.request_headers, "answered": exchange.response_headers}
        island(render("headers.html", **head), key="headers")
    else:
        island(render("messages.html", **_contents(exchange)), key="messages")


def _head(exchange: Exchange, view: str) -> None:
    read_at = clock()
    island(
        render(
            "request.html",
            e=exchange,
            conversation=_conversation(exchange.conversation_id),
            clock=read_at,
            context=exchange.total_tokens - exchange.output_tokens or None,
            facts=facts_of(exchange, read_at),
            views=_VIEWS,
            view=view,
        ),
        key="head",
    )


def _conversation(known: UUID | None) -> ConversationSummary | None:
    if known is None:
        return None
    found = read(list_conversations, ConversationFilter(q=str(known)), Page(limit=1)).rows
    return found[0] if found else None


def _contents(exchange: Exchange) -> dict[str, Any]:
    body, answer = _object(exchange.request_body), _object(exchange.response_body)
    said = body.get("messages")
    said = said if isinstance(said, list) else []
    answered = messages.read_answer(answer, len(said) + 1) if answer.get("content") is not None else None
    return {
        "messages": messages.read_messages(said),
        "system": messages.read_system(body.get("system")),
        "offered": messages.read_tools(body.get("tools")),
        "tools": _called(said),
        "answer": answered,
        "stop_reason": answer.get("stop_reason"),
        "missing": _why_no_answer(exchange),
        "labels": messages.LABELS,
    }


def _object(body: Any) -> dict[str, Any]:
    return body if isinstance(body, dict) else {}


def _called(said: list[Any]) -> list[tuple[str, int]]:
    contents = [m.get("content") for m in said if isinstance(m, dict)]
    blocks = [b for content in contents if isinstance(content, list) for b in content if isinstance(b, dict)]
    return Counter(str(b.get("name", "tool")) for b in blocks if b.get("type") == "tool_use").most_common(8)


def _why_no_answer(exchange: Exchange) -> str:
    if exchange.outcome is None:
        return "The answer is still running."
    if exchange.response_body is None:
        return "No answer was received."
    return "The answer holds no message; it stands under Raw."


def _raw(exchange: Exchange) -> None:
    parts = {"Request": exchange.request_body, "Answer": exchange.response_body, "Usage": exchange.usage_data}
    for title, value in parts.items():
        st.header(title, anchor=False)
        if value is None:
            st.text("None is recorded.")
        else:
            _raw_part(value, f"{exchange.request_id}.{title.lower()}")


def _raw_part(value: Any, name: str) -> None:
    """A JSON value to unfold and to download; of a body that was no JSON its text."""
    data = value.encode() if isinstance(value, str) else msgspec.json.encode(value)
    if isinstance(value, str):
        island(plain(clip(value)), key=name)
    elif len(data) <= _LARGEST_TREE:
        st.json(value, expanded=1)
    ending, mime = ("txt", "text/plain") if isinstance(value, str) else ("json", "application/json")
    st.download_button(
        f"Download ({bytes_of(len(data))})",
        data,
        file_name=f"{name}.{ending}",
        mime=mime,
        on_click="ignore",
        key=f"{name}-file",
    )
