"""Figures and times in few characters, with the exact value at hand for whoever hovers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup

NOTHING: Final = Markup('<span class="none">–</span>')
"""Stands in a cell that has no value."""

_STEPS: Final = ((1e9, "B"), (1e6, "M"), (1e3, "k"))
_MODEL_DATE: Final = 8
_SUBTASK: Final = re.compile(r"subtask_(\d+)")
_OPENED: Final = re.compile(r"(branch|compact)_(\d{8})?(\d{6})(?:_(\d+))?", re.ASCII)
"""linking.md's names of branches that are opened at a moment, UTC; that of a compaction lacks the day."""


def exact(number: int) -> str:
    """1234567 → 1,234,567."""
    return f"{number:,}"


def short(number: float) -> str:
    """At most five characters: 999, 1.2k, 25.2k, 130k, 9.4M, 437M."""
    for step, letter in _STEPS:
        value = number / step
        if value >= 0.9995:
            return f"{value:.0f}{letter}" if value >= 99.95 else f"{value:.1f}{letter}"
    return f"{number:.0f}"


def figure(number: int | None) -> Markup:
    """A short number, exact on hover."""
    if number is None:
        return NOTHING
    brief, full = short(number), exact(number)
    return Markup("{}").format(brief) if brief == full else Markup('<span title="{}">{}</span>').format(full, brief)


def money(usd: float) -> str:
    """Dollars in at most seven characters: $0, $0.0042, $0.111, $7.74, $334.63, $12.3k."""
    if usd >= 999.995:
        return f"${short(usd)}"
    if usd >= 0.9995:
        return f"${usd:.2f}"
    if usd >= 0.00995:
        return f"${usd:.3f}"
    return f"${usd:.4f}" if usd >= 0.00005 else "$0" if usd <= 0 else "<$0.0001"


def exact_dollars(usd: float) -> str:
    """Dollars in full, no zeros at the end: $1,234.5, $0.00000625."""
    return f"${usd:,.8f}".rstrip("0").rstrip(".")


def dollars(usd: float | None) -> Markup:
    """A cost, exact on hover; `NOTHING` where no price is known."""
    if usd is None:
        return NOTHING
    brief, full = money(usd), exact_dollars(usd)
    return Markup("{}").format(brief) if brief == full else Markup('<span title="{}">{}</span>').format(full, brief)


def share(part: float, whole: float) -> str:
    """A part of a whole in percent: 93 %, 0.4 %; a dash where there is no whole."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 99.5 <= percent < 100:
        return f"{min(percent, 99.9):.1f} %"
    return f"{max(percent, 0.1):.1f} %" if 0 < percent < 0.95 else f"{percent:.0f} %"


def span(ms: float | None) -> str:
    """A duration: 641 ms, 2.9 s, 4m 50s, 1h 53m, 2d 3h."""
    if ms is None:
        return "–"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_950:
        return f"{ms / 1000:.1f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes}m" if hours else f"{minutes}m {seconds}s"


def duration(ms: float | None) -> Markup:
    """A duration, exact on hover."""
    return NOTHING if ms is None else Markup('<span title="{:,.0f} ms">{}</span>').format(ms, span(ms))


def between(first: datetime, last: datetime) -> float:
    """Milliseconds from `first` to `last`."""
    return (last - first) / timedelta(milliseconds=1)


def bytes_of(size: int) -> str:
    """A size: 512 B, 1.3 kB, 2.0 MB."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1e3:.1f} kB" if size < 999_950 else f"{size / 1e6:.1f} MB"


def short_id(value: UUID | str) -> str:
    """The end of an id: its beginning is its time, alike for all of one hour."""
    return str(value)[-8:]


def short_model(model: str | None) -> str:
    """claude-haiku-4-5-20251001 → haiku-4-5."""
    if not model:
        return "no model"
    head, _, tail = model.rpartition("-")
    plain = head if head and tail.isdigit() and len(tail) == _MODEL_DATE else model
    return plain.removeprefix("claude-")


def zone_of(name: str | None) -> ZoneInfo:
    """The reader's zone; UTC where the browser names none that we know."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


@dataclass(frozen=True)
class Clock:
    """The reader's clock: zone and the present moment."""

    zone: ZoneInfo
    now: datetime

    def at(self, moment: datetime) -> Markup:
        """Day and time, the year where it is another one, exact on hover."""
        local = moment.astimezone(self.zone)
        year = "" if local.year == self.now.astimezone(self.zone).year else f" {local.year}"
        return self._time(moment, f"{local.day} {local:%b}{year} {local:%H:%M:%S}")

    def at_minute(self, moment: datetime) -> Markup:
        """The time alone today, else with weekday and day, exact on hover; for what is a few days away."""
        local, today = moment.astimezone(self.zone), self.now.astimezone(self.zone)
        if local.date() == today.date():
            return self._time(moment, f"{local:%H:%M}")
        year = "" if local.year == today.year else f" {local.year}"
        return self._time(moment, f"{local:%a} {local.day} {local:%b}{year} {local:%H:%M}")

    def ago(self, moment: datetime) -> Markup:
        """How long ago, the day after a week, exact on hover."""
        return self._time(moment, self._ago(moment))

    def branch(self, name: str, near: datetime) -> str:
        """A branch's name to read: sub-task 1, branch 21 Nov 15:59:07; `near` is about when it was opened."""
        if told := _SUBTASK.fullmatch(name):
            return f"sub-task {told[1]}"
        opened = _OPENED.fullmatch(name)
        if opened is None:
            return name
        kind, day, time, again = opened.groups()
        try:
            moment = datetime.strptime(f"{day or near.astimezone(UTC).strftime('%Y%m%d')}{time}Z", "%Y%m%d%H%M%S%z")
        except ValueError:
            return name
        if not day:  # around midnight the day of `near` is not its own
            moment = min((moment + timedelta(days=n) for n in (-1, 0, 1)), key=lambda at: abs(at - near))
        local = moment.astimezone(self.zone)
        noun = "branch" if kind == "branch" else "compaction"
        return f"{noun} {local.day} {local:%b %H:%M:%S}{f' ({again})' if again else ''}"

    def _ago(self, moment: datetime) -> str:
        seconds = (self.now - moment).total_seconds()
        if seconds < 60:
            return "just now"
        if seconds < 3600:
            return f"{seconds // 60:.0f} min ago"
        if seconds < 86_400:
            return f"{seconds // 3600:.0f} h ago"
        if seconds < 7 * 86_400:
            days = int(seconds // 86_400)
            return "1 day ago" if days == 1 else f"{days} days ago"
        local = moment.astimezone(self.zone)
        return f"{local.day} {local:%b %Y}"

    def _time(self, moment: datetime, text: str) -> Markup:
        local = moment.astimezone(self.zone)
        full = f"{local:%A} {local.day} {local:%B %Y, %H:%M:%S}.{local.microsecond // 1000:03d} {local.tzname()}"
        stamp = moment.astimezone(UTC).isoformat(timespec="milliseconds")
        return Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, full, text)
