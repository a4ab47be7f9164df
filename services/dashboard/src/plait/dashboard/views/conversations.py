"""Conversations, the start: search and filters in the address, figures with their trends, and the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from plait.common.queries.conversations import ConversationFilter, ConversationSummary, Shape, list_conversations
from plait.common.queries.exchanges import ExchangeFilter, get_summary
from plait.common.queries.paging import Page
from plait.common.queries.ranking import (
    ORDERS,
    Order,
    active_conversations,
    rank_conversations,
    running_conversations,
)
from plait.common.queries.search import search
from plait.common.queries.statistics import count_unplaced
from plait.common.search.query import BadQuery, parse
from plait.dashboard.database import read
from plait.dashboard.islands.element import island
from plait.dashboard.islands.live import CONVERSATIONS, live
from plait.dashboard.islands.render import render
from plait.dashboard.settings import Settings
from plait.dashboard.views.filters import Field, Filters, choose
from plait.dashboard.views.heading import heading
from plait.dashboard.views.paging import Place, Shown, pager, place_in_address
from plait.dashboard.views.shell import address_parameter, begin, clock
from plait.dashboard.views.trends import BEGINNING, cached_share, trends

SHAPES: Final[dict[str, Shape]] = {"branches": "user", "sub-tasks": "subtask", "compactions": "compact"}
"""Kinds of conversations by what they have, as the address names them."""
USUAL_ORDER: Final[Order] = "activity"
_RISING: Final = "rising"
_FIELDS: Final[tuple[Field, ...]] = ("q", "domain", "time", "account", "model", "kind", "dates")
_TOLD: Final = 100
"""Messages with the words that are looked for, of which the conversations are listed."""


@dataclass(frozen=True)
class Sorting:
    """In what order the list stands."""

    order: Order
    rising: bool

    @property
    def parameters(self) -> dict[str, str]:
        """The same for the address."""
        return {
            "sort": "" if self.order == USUAL_ORDER else self.order,
            "order": _RISING if self.rising else "",
        }

    def heading(self, order: Order, filters: Filters) -> dict[str, str]:
        """The link of a column's head: to fall by it, or to rise where it falls already."""
        chosen = order == self.order
        turned = Sorting(order, chosen and not self.rising)
        direction = "ascending" if self.rising else "descending"
        return {"address": filters.address(**turned.parameters), "sort": direction if chosen else "none"}


@dataclass(frozen=True)
class Found:
    """A page of the list."""

    rows: Sequence[ConversationSummary]
    shown: Shown


def show() -> None:
    """Draw the page."""
    begin("Conversations", here="/")
    head = heading("Conversations")
    sorting, place = _sorting(), place_in_address()
    extra = {**sorting.parameters, **place.parameters}
    filters = choose("/", _FIELDS, kinds=list(SHAPES), extra=extra)
    with head:
        live(CONVERSATIONS, domain=filters.domain)
    where = _where(filters)
    found = _find(where, sorting, place)
    if found.rows:
        _draw(filters, where, found, sorting, place)
    else:
        _say_empty(filters, place)


def _sorting() -> Sorting:
    asked = address_parameter("sort")
    order = next((order for order in ORDERS if order == asked), USUAL_ORDER)
    return Sorting(order, address_parameter("order") == _RISING)


def _where(filters: Filters) -> ConversationFilter:
    return ConversationFilter(
        domain=filters.domain or None,
        account_id=filters.account or None,
        date_from=filters.since,
        date_to=filters.until,
        q=filters.words or None,
        told=_told(filters) if filters.words else (),
        model=filters.model or None,
        shape=SHAPES.get(filters.kind),
    )


def _told(filters: Filters) -> list[UUID]:
    """Conversations in which the words were said lately, or that have the exchange whose id they are."""
    try:
        exchange = read(get_summary, UUID(filters.words))
        return [exchange.conversation_id] if exchange and exchange.conversation_id else []
    except ValueError:
        pass
    try:
        query = parse(filters.words)
    except BadQuery:
        return []
    where = ExchangeFilter(domain=filters.domain or None, since=filters.since, until=filters.until)
    hits = read(search, query, where, _TOLD).results
    return list(dict.fromkeys(hit.conversation_id for hit in hits if hit.conversation_id))


def _find(where: ConversationFilter, sorting: Sorting, place: Place) -> Found:
    if sorting == Sorting(USUAL_ORDER, rising=False) and not (where.q or where.model or where.shape):
        listed = read(list_conversations, where, place.page)
    else:
        listed = read(rank_conversations, where, sorting.order, place.page, rising=sorting.rising)
    return Found(listed.rows, Shown.of(listed))


def _draw(filters: Filters, where: ConversationFilter, found: Found, sorting: Sorting, place: Place) -> None:
    values: dict[str, Any] = {
        "found": found,
        "running": read(running_conversations, [row.conversation_id for row in found.rows]),
        "heading": lambda order: sorting.heading(order, filters),
        "order": sorting.order,
        "clock": clock(),
        "filters": filters,
        "pager": pager(filters, place, found.shown),
        **_figures(filters, where),
    }
    island(render("conversations.html", **values), key="conversations")


def _figures(filters: Filters, where: ConversationFilter) -> dict[str, Any]:
    used = trends(filters)
    active = read(active_conversations, where, used.starts) if used.starts else None
    return {
        "used": used,
        "cached": cached_share(used.total),
        "begun": used.draw(active, "Conversations last active", shape="bars") if active else "",
        "outside": _outside(filters),
        "apart": bool(where.q or where.shape),
    }


def _outside(filters: Filters) -> int:
    """Requests that no conversation has; 0 where filters are set that only conversations know."""
    if filters.until or set(filters.narrowing) - {"domain"}:
        return 0
    return read(count_unplaced, filters.since or BEGINNING, filters.domain or None)


def _say_empty(filters: Filters, place: Place) -> None:
    anything = read(list_conversations, ConversationFilter(), Page(limit=1)).rows
    beyond = place.number > 1 or place.after is not None
    values = {"filters": filters, "beyond": beyond, "gateway": Settings().gateway_url, "things": "conversations"}
    island(render("empty.html", anything=bool(anything), everything="/?time=All", **values), key="conversations")
