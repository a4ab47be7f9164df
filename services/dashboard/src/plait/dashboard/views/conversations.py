"""Conversations, the start: search and filters in the address, figures, and the list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from plait.common.queries.conversations import ConversationFilter, ConversationSummary, list_conversations
from plait.common.queries.paging import Listed, Page
from plait.common.queries.statistics import Statistics, get_statistics, list_domains
from plait.dashboard.database import read
from plait.dashboard.islands.element import island
from plait.dashboard.islands.render import render
from plait.dashboard.settings import Settings
from plait.dashboard.views.shell import address_parameter, begin, clock

ROWS: Final = 50
"""Conversations on a page."""

SPANS: Final = {
    "24 hours": timedelta(days=1),
    "7 days": timedelta(days=7),
    "30 days": timedelta(days=30),
    "All": None,
}
_USUAL_SPAN: Final = "7 days"
_EVERY_DOMAIN: Final = "All domains"
_DOMAINS_OF: Final = timedelta(days=30)
"""Domains that were busy in this time can be chosen; an older one still by its address."""
_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Wanted:
    """What the controls say."""

    words: str
    domain: str
    span: str
    number: int
    """The page of the list, from 1."""

    @property
    def since(self) -> datetime | None:
        """The start of the span, on the whole minute, so that figures asked for twice are the same."""
        back = SPANS.get(self.span)
        return None if back is None else datetime.now(UTC).replace(second=0, microsecond=0) - back

    @property
    def narrow(self) -> bool:
        """Whether anything may have been left out."""
        return bool(self.words or self.domain or self.since)

    def address(self, number: int) -> str:
        """The address of another page of the same list."""
        values = {
            "q": self.words,
            "domain": self.domain,
            "time": "" if self.span == _USUAL_SPAN else self.span,
            "page": str(number) if number > 1 else "",
        }
        query = urlencode({name: value for name, value in values.items() if value})
        return f"/?{query}" if query else "/"


def show() -> None:
    """Draw the page."""
    begin("Conversations", here="/")
    wanted = _controls()
    where = ConversationFilter(domain=wanted.domain or None, date_from=wanted.since, q=wanted.words or None)
    listed = read(list_conversations, where, Page(limit=ROWS, offset=(wanted.number - 1) * ROWS))
    if listed.rows:
        totals = read(get_statistics, wanted.since or _BEGINNING, where.domain)
        _draw(wanted, listed, totals)
    else:
        when = "at any time" if wanted.since is None else f"in the last {wanted.span}"
        anything = wanted.narrow and read(list_conversations, ConversationFilter(), Page(limit=1)).rows
        values = {"filtered": bool(anything), "when": when, "words": wanted.words, "domain": wanted.domain}
        island(render("empty.html", gateway=Settings().gateway_url, **values), key="empty")


def _controls() -> Wanted:
    domains = [d.domain for d in read(list_domains, datetime.now(UTC) - _DOMAINS_OF)]
    asked = address_parameter("domain")
    options = [_EVERY_DOMAIN, *domains, *([asked] if asked and asked not in domains else [])]
    st.title("Conversations", anchor=False)
    words_at, domain_at, span_at = st.columns([4, 3, 4], vertical_alignment="center")
    words = words_at.text_input(
        "Search",
        key="q",
        placeholder="Title or id",
        label_visibility="collapsed",
        bind="query-params",
        on_change=_to_first_page,
    )
    domain = domain_at.selectbox(
        "Domain", options, key="domain", label_visibility="collapsed", bind="query-params", on_change=_to_first_page
    )
    span = span_at.segmented_control(
        "Time",
        list(SPANS),
        default=_USUAL_SPAN,
        required=True,
        key="time",
        label_visibility="collapsed",
        bind="query-params",
        on_change=_to_first_page,
    )
    number = address_parameter("page")
    page = int(number) if number.isascii() and number.isdigit() and 0 < len(number) < 7 else 1
    return Wanted((words or "").strip(), "" if domain == _EVERY_DOMAIN else domain, span, max(page, 1))


def _to_first_page() -> None:
    if "page" in st.query_params:
        del st.query_params["page"]


def _draw(wanted: Wanted, listed: Listed[ConversationSummary], totals: Statistics) -> None:
    prompt = totals.total_input_tokens + totals.total_cache_read_tokens + totals.total_cache_creation_tokens
    first = listed.pagination.offset + 1
    island(
        render(
            "conversations.html",
            listed=listed,
            totals=totals,
            cached=f"{totals.total_cache_read_tokens / prompt:.0%}" if prompt else "–",
            clock=clock(),
            first=first,
            last=first + len(listed.rows) - 1,
            newer=wanted.address(wanted.number - 1) if wanted.number > 1 else None,
            older=wanted.address(wanted.number + 1) if listed.pagination.has_more else None,
        ),
        key="conversations",
    )
