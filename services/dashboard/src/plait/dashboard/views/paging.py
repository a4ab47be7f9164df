"""Where one is in a long list, as the address says it, and the links that lead on.

Pages have numbers as far as `DEEPEST` rows down, which Postgres passes over in a moment. Behind them one goes on by
cursor: as quick on the last page as on the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from plait.common.queries.paging import Cursor, Listed, Page
from plait.dashboard.islands.pager import Pager, numbers
from plait.dashboard.views.filters import Filters
from plait.dashboard.views.shell import address_parameter

SIZES: Final = (25, 50, 100)
"""Rows a page may have."""
USUAL_SIZE: Final = 50
DEEPEST: Final = 10_000


@dataclass(frozen=True)
class Place:
    """What part of a list is asked for."""

    size: int
    number: int
    """Of the page, from 1; 1 too where a cursor says where to go on."""
    after: Cursor | None

    @property
    def page(self) -> Page:
        """The same for queries."""
        return Page(self.size, (self.number - 1) * self.size, self.after)

    @property
    def parameters(self) -> dict[str, str]:
        """What of it stays in the address when the list changes."""
        return {} if self.size == USUAL_SIZE else {"rows": str(self.size)}


@dataclass(frozen=True)
class Shown:
    """What there is of a list, beside its rows."""

    rows: int
    total: int
    about: bool
    """The total is an estimate, or a bound."""
    more: bool
    cursor: str | None = None
    """Where the next page begins, if the list can be read by cursor."""

    @classmethod
    def of(cls, listed: Listed[Any]) -> Shown:
        """That of a list which was read by `Place.page`."""
        found = listed.pagination
        return cls(len(listed.rows), found.total, found.total_is_estimate, found.has_more, found.next_cursor)


def place_in_address() -> Place:
    """What the address asks for; what makes no sense is the first page."""
    size = _number("rows", max(SIZES))
    size = size if size in SIZES else USUAL_SIZE
    try:
        after = Cursor.parse(address_parameter("after")) if address_parameter("after") else None
    except ValueError:
        after = None
    number = 1 if after else _number("page", DEEPEST // size)
    return Place(size, number or 1, after)


def pager(filters: Filters, place: Place, shown: Shown) -> Pager:
    """The links around a page."""
    last = min(-(-shown.total // place.size), DEEPEST // place.size)
    older = _older(place, shown, last)
    return Pager(
        first=place.page.offset + 1,
        shown=shown.rows,
        total=shown.total,
        about=shown.about,
        deep=place.after is not None,
        numbers=[(n, n and filters.address(page=str(n) if n > 1 else "")) for n in numbers(place.number, last)],
        number=place.number,
        newer=_newer(filters, place),
        older=filters.address(**older) if older else None,
        sizes=[(size, filters.address(rows=str(size) if size != USUAL_SIZE else "")) for size in SIZES],
        size=place.size,
    )


def _newer(filters: Filters, place: Place) -> str | None:
    if place.after:
        return filters.address()
    return filters.address(page=str(place.number - 1) if place.number > 2 else "") if place.number > 1 else None


def _older(place: Place, shown: Shown, last: int) -> Mapping[str, str] | None:
    if not shown.more:
        return None
    if place.after is None and place.number < last:
        return {"page": str(place.number + 1)}
    return {"after": shown.cursor} if shown.cursor else None


def _number(name: str, most: int) -> int:
    """A whole number from the address, 0 where it holds none from 1 to `most`."""
    text = address_parameter(name)
    found = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    return found if found <= most else 0
