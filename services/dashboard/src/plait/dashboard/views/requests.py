"""Requests: every exchange, newest first, narrowed by the controls; two of them can be chosen to be compared."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from plait.common.queries.asked import asked_models
from plait.common.queries.exchanges import ExchangeFilter, ExchangeSummary, list_exchanges
from plait.common.queries.paging import Listed, Page
from plait.common.queries.ranking import titles_of
from plait.dashboard.database import read
from plait.dashboard.islands.element import island
from plait.dashboard.islands.live import EXCHANGES, live
from plait.dashboard.islands.render import render
from plait.dashboard.settings import Settings
from plait.dashboard.views.filters import Field, Filters, choose
from plait.dashboard.views.heading import heading
from plait.dashboard.views.paging import Place, Shown, pager, place_in_address
from plait.dashboard.views.shell import address_parameter, begin, clock

_FIELDS: Final[tuple[Field, ...]] = ("q", "domain", "time", "account", "model", "kind", "status", "dates")


def show() -> None:
    """Draw the page."""
    begin("Requests", here="/requests")
    head = heading("Requests")
    place, first = place_in_address(), _first()
    extra = {**place.parameters, "compare": str(first) if first else ""}
    filters = choose("/requests", _FIELDS, placeholder="First line, path, model or id", extra=extra)
    with head:
        live(EXCHANGES, ("request", "requests"), domain=filters.domain)
    listed = read(list_exchanges, filters.exchanges, place.page)
    if listed.rows or listed.pagination.next_cursor:
        _draw(filters, listed, place, first)
    else:
        _say_empty(filters, place)


def _first() -> UUID | None:
    """The one of two that was chosen already."""
    try:
        return UUID(address_parameter("compare"))
    except ValueError:
        return None


def _draw(filters: Filters, listed: Listed[ExchangeSummary], place: Place, first: UUID | None) -> None:
    rows = listed.rows
    talks = {row.conversation_id for row in rows if row.conversation_id}
    values: dict[str, Any] = {
        "rows": rows,
        "asked": read(asked_models, [row.request_id for row in rows]),
        "titles": read(titles_of, talks),
        "filters": filters,
        "first": first,
        "clock": clock(),
        "pager": pager(filters, place, Shown.of(listed)),
        "searched": bool(filters.words) and listed.pagination.total_is_estimate,
    }
    island(render("requests.html", **values), key="requests")


def _say_empty(filters: Filters, place: Place) -> None:
    anything = read(list_exchanges, ExchangeFilter(), Page(limit=1)).rows
    beyond = place.number > 1 or place.after is not None
    values = {"filters": filters, "beyond": beyond, "gateway": Settings().gateway_url, "things": "requests"}
    island(render("empty.html", anything=bool(anything), everything="/requests?time=All", **values), key="requests")
