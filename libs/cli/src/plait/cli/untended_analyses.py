"""Analyses that wait though nobody makes any, for `plait doctor`."""

from __future__ import annotations

from plait.cli import target
from plait.cli.home import Home
from plait.cli.settings import UpSettings
from plait.common.errors import DependencyDown, UserError
from plait.common.postgres import DOWN
from plait.common.queries.analyses import count_untended


async def count(home: Home) -> int | None:
    """How many have been due for five minutes; None where the database cannot be asked."""
    if UpSettings().database_url is None and not home.is_locked():
        return None
    try:
        async with target.reading(home) as pool:
            return await count_untended(pool)
    except (UserError, DependencyDown, *DOWN):
        return None
