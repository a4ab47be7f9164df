"""Windows of use, as the provider counts them, and when they will be full: pure.

A window opens with the first use after the one before it closed, and closes a fixed time later. Where the provider
told when a window ends, that holds; windows never overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

FIVE_HOURS: Final = timedelta(hours=5)


class Span(Struct, frozen=True):
    """A window: from its first moment up to, not with, its last."""

    starts: datetime
    ends: datetime
    told: bool
    """The provider told when it ends; else it is counted from the first use."""


def anchored(uses: Iterable[datetime], ends: Iterable[datetime], length: timedelta = FIVE_HOURS) -> list[Span]:
    """The windows that were used, in order; `uses` ascending, `ends` as the provider told them in any order."""
    told = spans_told(ends, length)
    found: list[Span] = []
    for use in uses:
        if not found or use >= found[-1].ends:
            found.append(_window_of(use, told, length))
    return found


def spans_told(ends: Iterable[datetime], length: timedelta = FIVE_HOURS) -> list[Span]:
    """Windows whose ends were told, in order; where two would overlap the later begins when the earlier ends."""
    found: list[Span] = []
    for end in sorted(set(ends)):
        starts = max(end - length, found[-1].ends) if found else end - length
        found.append(Span(starts, end, told=True))
    return found


def _window_of(use: datetime, told: Sequence[Span], length: timedelta) -> Span:
    for span in told:
        if span.starts <= use < span.ends:
            return span
        if span.starts > use:
            return Span(use, min(use + length, span.starts), told=False)
    return Span(use, use + length, told=False)


def full_at(used: float, limit: float, since: datetime, now: datetime, ends: datetime | None = None) -> datetime | None:
    """When a limit is reached at the pace from `since` to `now`; None: never, or not before the window `ends`.

    What is used up already was full by `now`.
    """
    if used >= limit:
        return now
    elapsed = now - since
    if used <= 0 or elapsed <= timedelta():
        return None
    try:
        reached = now + elapsed * ((limit - used) / used)
    except OverflowError:
        return None
    return None if ends and reached >= ends else reached


def trailing(
    points: Sequence[tuple[datetime, int]], moments: Iterable[datetime], length: timedelta = FIVE_HOURS
) -> list[int]:
    """What was used in the time `length` before each moment; points and moments ascending.

    A point at the moment itself counts not yet, one just `length` before it still does.
    """
    found: list[int] = []
    first = after = running = 0
    for moment in moments:
        while after < len(points) and points[after][0] < moment:
            running += points[after][1]
            after += 1
        while first < after and points[first][0] < moment - length:
            running -= points[first][1]
            first += 1
        found.append(running)
    return found
