"""Which totals answer a question (0014_reading.sql), and which slots stand beside them at the ends of its span."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from plait.common.buckets import Span

ENDLESS: Final = datetime.max.replace(tzinfo=UTC)
"""In place of the end of a span that has none."""
_ORIGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SLOT: Final = 15
_HOUR: Final = 60
_DAY: Final = 24 * _HOUR
_LENGTHS: Final = (64 * _DAY, 8 * _DAY, _DAY, _HOUR, _SLOT)
"""Of totals, in minutes; each begins where a whole number of them has passed since the origin."""
_LONGEST: Final = timedelta(minutes=_LENGTHS[0])
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
FACETS: Final[Mapping[str, frozenset[str]]] = {
    "all": frozenset(),
    "model": frozenset({"model"}),
    "kind": frozenset({"kind", "agent"}),
    "tag": frozenset({"tag"}),
    "domain": frozenset({"domain"}),
    "domain_account": frozenset({"domain", "account"}),
    "domain_kind": frozenset({"domain", "kind", "agent"}),
    "domain_type": frozenset({"domain", "model", "request_type"}),
    "domain_key": frozenset({"domain", "key"}),
    "domain_tag": frozenset({"domain", "tag"}),
    "domain_model": frozenset({"domain", "account", "model"}),
}
"""What totals tell apart, those of few rows first."""
TOOL_FACETS: Final[Mapping[str, frozenset[str]]] = {
    "tool": frozenset({"tool"}),
    "domain_tool": frozenset({"domain", "account", "tool"}),
}
_LACKING: Final[Mapping[str, frozenset[int]]] = {
    **dict.fromkeys(FACETS.keys() - {"all", "domain"}, frozenset({_SLOT})),
    **dict.fromkeys(("domain_kind", "domain_key", "domain_tag", "domain_tool"), frozenset({_SLOT, _HOUR})),
    "tool": frozenset({_SLOT}),
}
"""Lengths of which a facet has no totals."""


@dataclass
class Reach:
    """Totals of one facet that make up a span, and where slots serve the rest of it."""

    facet: str | None
    """None: slots serve it all."""
    totals: list[tuple[int, datetime, datetime]] = field(default_factory=list)
    """Totals of so many minutes, from a moment until before another."""
    slots: list[tuple[datetime, datetime]] = field(default_factory=list)

    @property
    def values(self) -> dict[str, object]:
        """Parameters of a statement that reads them."""
        return {
            "facet": self.facet,
            "lengths": [length for length, _, _ in self.totals],
            "begins": [begin for _, begin, _ in self.totals],
            "ends": [end for _, _, end in self.totals],
            "slots_begin": [begin for begin, _ in self.slots],
            "slots_end": [end for _, end in self.slots],
        }


def reach(
    span: Span,
    needed: AbstractSet[str],
    *,
    facets: Mapping[str, frozenset[str]] = FACETS,
    cuts: Collection[datetime] = (),
) -> Reach:
    """The fewest totals that tell apart what is needed and are cut nowhere inside; `cuts`: where stretches begin that
    are told apart.
    """
    first, last = span.first, span.last or ENDLESS
    facet = next((name for name, told_apart in facets.items() if needed <= told_apart), None)
    found = Reach(facet)
    lacking = _LACKING.get(facet, frozenset()) if facet else frozenset(_LENGTHS)
    _divide(found, first, last, [n for n in _LENGTHS if n not in lacking and all(at == _floor(at, n) for at in cuts)])
    return found


def _divide(found: Reach, first: datetime, last: datetime, lengths: Sequence[int]) -> None:
    """The longest in the middle, shorter ones at the ends."""
    if first >= last:
        return
    if not lengths:
        found.slots.append((first, last))
        return
    length, *shorter = lengths
    begin, end = _ceiling(first, length), _floor(last, length)
    if begin >= end:
        _divide(found, first, last, shorter)
        return
    _divide(found, first, begin, shorter)
    found.totals.append((length, begin, end))
    _divide(found, end, last, shorter)


def _floor(at: datetime, minutes: int) -> datetime:
    return at if at == ENDLESS else _EARLIEST if at < _EARLIEST + _LONGEST else at - _past(at, minutes)


def _ceiling(at: datetime, minutes: int) -> datetime:
    past = _past(at, minutes)
    if not past:
        return at
    return ENDLESS if at > ENDLESS - _LONGEST else at + timedelta(minutes=minutes) - past


def _past(at: datetime, minutes: int) -> timedelta:
    return (at - _ORIGIN) % timedelta(minutes=minutes)
