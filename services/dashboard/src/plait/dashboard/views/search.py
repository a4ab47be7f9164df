"""Search over everything that was said, with snippets that lead to the message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from plait.common.queries.exchanges import ExchangeSummary, get_summary
from plait.common.queries.identity import resolve
from plait.common.queries.ranking import titles_of
from plait.common.queries.search import Hits, search
from plait.common.queries.search import Place as SearchPlace
from plait.common.search.query import BadQuery, Query, parse
from plait.dashboard.database import read
from plait.dashboard.islands.element import island
from plait.dashboard.islands.marking import marked
from plait.dashboard.islands.render import render
from plait.dashboard.views.filters import Field, Filters, choose
from plait.dashboard.views.heading import heading
from plait.dashboard.views.shell import address_parameter, begin, clock

_FIELDS: Final[tuple[Field, ...]] = ("q", "domain", "time", "account", "model", "kind", "status", "dates")
_HITS: Final = 25
_EXAMPLES: Final = (
    ("connection reset", "all of these words, in any order"),
    ('"connection reset"', "these words, one after the other"),
    ("retry -test", "one word, and another one not"),
    ("src/main.py", "a path or a name with its signs"),
)


@dataclass(frozen=True)
class Named:
    """What the words are the id of."""

    exchange: ExchangeSummary | None = None
    conversation: UUID | None = None


def show() -> None:
    """Draw the page."""
    begin("Search", here="/search")
    heading("Search")
    filters = choose("/search", _FIELDS, placeholder='Words, "a phrase", -not this', usual="All")
    if not filters.words:
        island(render("search_hints.html", examples=_EXAMPLES, filters=filters, wrong=""), key="search")
        return
    try:
        query = parse(filters.words)
    except BadQuery as wrong:
        island(render("search_hints.html", examples=_EXAMPLES, filters=filters, wrong=str(wrong)), key="search")
        return
    _draw(filters, query)


def _draw(filters: Filters, query: Query) -> None:
    place = _place()
    hits = read(search, query, filters.exchanges, _HITS, place)
    talks = {hit.conversation_id for hit in hits.results if hit.conversation_id}
    values: dict[str, Any] = {
        "hits": hits,
        "named": _named(filters.words) if place is None else Named(),
        "titles": read(titles_of, talks),
        "mark": lambda text: marked(text, query),
        "filters": filters,
        "clock": clock(),
        "first": filters.address() if place else None,
        "more": _more(filters, hits),
    }
    island(render("search.html", **values), key="search")


def _place() -> SearchPlace | None:
    """Where the address says that the page begins; None: with the newest."""
    try:
        return SearchPlace.parse(address_parameter("after")) if address_parameter("after") else None
    except ValueError:
        return None


def _more(filters: Filters, hits: Hits) -> str | None:
    return filters.address(after=hits.next_cursor) if hits.next_cursor else None


def _named(words: str) -> Named:
    try:
        number = UUID(words)
    except ValueError:
        return Named()
    return Named(read(get_summary, number), read(resolve, number))
