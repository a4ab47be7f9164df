"""Deletions that were asked for and are not ended, for `plait doctor`."""

from __future__ import annotations

from collections.abc import Sequence

from plait.cli import target
from plait.cli.home import Home
from plait.cli.settings import UpSettings
from plait.common import forgetting
from plait.common.errors import DependencyDown
from plait.common.forgetting import Deletion
from plait.common.postgres import DOWN


async def find(home: Home) -> Sequence[Deletion] | None:
    """Those that nobody has worked at for a minute; None where no database runs.

    Raises:
        DependencyDown: it does not answer.
        UserError: it cannot be reached.
    """
    if UpSettings().database_url is None and not home.is_locked():
        return None
    try:
        async with target.reading(home) as pool:
            return await forgetting.waiting(pool)
    except DOWN as error:
        raise DependencyDown("Postgres did not answer") from error


def told(deletions: Sequence[Deletion]) -> str:
    """What there is to say of them, the oldest first."""
    return "; ".join(
        f"number {one.id} by {one.asked_by} of {one.asked_at:%Y-%m-%d %H:%M}, {one.exchanges:,} exchanges so far"
        for one in deletions
    )
