"""A window of an account that is nearly used up, or is."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import asyncpg

from plait.common.outbox import Connection
from plait.notifier.composing.desk import Desk
from plait.notifier.matters import LEVELS
from plait.notifier.notice import Notice
from plait.notifier.wording import moment, percent, span

_WINDOWS: Final = {"5h": "5-hour", "7d": "7-day"}


async def make(_: Connection, row: asyncpg.Record, number: str, desk: Desk) -> Notice | None:
    """See `Composer.compose`. A window that has ended meanwhile is not told."""
    subject = row["subject"]
    ends_at, now = datetime.fromisoformat(subject["endsAt"]), datetime.now(UTC)
    if ends_at <= now:
        return None
    name, _, model = subject["window"].partition("_")
    window = f"{_WINDOWS.get(name, name)} limit{f' of {model}' if model else ''}"
    whose = subject["account"] or row["domain"]
    if subject["level"] == LEVELS[-1]:
        sign, title = ":no_entry:", f"{whose}: the {window} is reached"
    else:
        used = percent(Decimal(subject["used"] or subject["level"]))
        sign, title = ":warning:", f"{whose}: {used} of the {window} is used"
    ends = f"It starts anew in {span(ends_at - now)}, at {moment(ends_at.astimezone(desk.settings.zone))}."
    return Notice(
        id=number,
        kind="limit",
        domain=row["domain"],
        at=row["happened_at"],
        title=title,
        sections=(f"{sign} {title}", ends),
        footer=(row["domain"],),
        link=desk.page("Open the limits", "limits"),
        facts=dict(subject),
    )
