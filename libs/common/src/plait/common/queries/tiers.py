"""Which totals answer a question (0009_totals.sql), and which slots stand beside them at the ends of its span."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from plait.common.buckets import Span

ENDLESS: Final = datetime.max.replace(tzinfo=UTC)
"""In place of the end of a span that has none."""
_DAY: Final = timedelta(days=1)
_LATEST: Final = ENDLESS - 2 * _DAY
_BY_SLOT: Final = 0
_TOLD_APART: Final[dict[int, frozenset[str]]] = {
    1: frozenset({"domain", "account", "model", "request_type"}),
    2: frozenset({"domain", "kind", "agent"}),
    3: frozenset({"domain", "key"}),
    4: frozenset({"domain", "tag"}),
    _BY_SLOT: frozenset({"domain"}),
}
"""What each tier tells apart, the ones of whole days first."""


@dataclass(frozen=True)
class Reach:
    """Totals of one tier from a moment to another; slots serve the rest of the span."""

    tier: int | None
    """None: slots serve it all."""
    begins: datetime
    ends: datetime


def reach(span: Span, needed: AbstractSet[str], *, by_days: bool) -> Reach:
    """How far totals reach that tell apart what is needed; `by_days`: days (UTC) need not be told apart further."""
    first, last = span.first, span.last or ENDLESS
    for tier, told_apart in _TOLD_APART.items():
        if not needed <= told_apart:
            continue
        if tier == _BY_SLOT:
            return Reach(tier, first, last)
        if by_days and (begins := _midnight_from(first)) < (ends := _midnight_before(last)):
            return Reach(tier, begins, ends)
    return Reach(None, last, last)


def is_midnight(at: datetime) -> bool:
    """Whether a day (UTC) begins then."""
    return at == _midnight_before(at)


def _midnight_before(at: datetime) -> datetime:
    return at if at == ENDLESS else at.replace(hour=0, minute=0, second=0, microsecond=0)


def _midnight_from(at: datetime) -> datetime:
    begin = _midnight_before(at)
    return at if begin == at or at > _LATEST else begin + _DAY
