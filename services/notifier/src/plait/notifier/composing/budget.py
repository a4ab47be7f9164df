"""A budget that is nearly used up, or is."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import asyncpg

from plait.common.outbox import Connection
from plait.notifier.composing.desk import Desk
from plait.notifier.notice import Notice
from plait.notifier.wording import dollars, percent

_ALL: Final = 100
_TIMES: Final = {"day": "today", "month": "this month"}


async def make(_: Connection, row: asyncpg.Record, number: str, desk: Desk) -> Notice | None:
    """See `Composer.compose`."""
    subject = row["subject"]
    cost, budget = Decimal(str(subject["costUsd"])), Decimal(str(subject["budgetUsd"]))
    when = _TIMES[subject["period"]]
    reached = subject["level"] == _ALL
    title = f"{row['domain']}: {percent(cost / budget)} of the {subject['period']}'s budget is used"
    told = f"{dollars(cost)} of {dollars(budget)} {when}. Nothing is refused: a budget only tells."
    return Notice(
        id=number,
        kind="budget",
        domain=row["domain"],
        at=row["happened_at"],
        title=title,
        sections=(f"{':rotating_light:' if reached else ':moneybag:'} {title}", told),
        footer=(row["domain"],),
        link=desk.page("Open the usage", "usage"),
        facts=dict(subject),
    )
