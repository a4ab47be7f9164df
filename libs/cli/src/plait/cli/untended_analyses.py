"""Analyses that wait though nobody makes any, for `plait doctor`."""

from __future__ import annotations

from plait.cli import target
from plait.cli.home import Home
from plait.cli.settings import UpSettings
from plait.common.errors import DependencyDown
from plait.common.postgres import DOWN
from plait.common.queries.analyses import count_untended


async def count(home: Home) -> int | None:
    """How many have been due for five minutes; None where no database runs.

    Raises:
        DependencyDown: it does not answer.
        UserError: it cannot be reached.
    """
    if UpSettings().database_url is None and not home.is_locked():
        return None
    try:
        async with target.reading(home) as pool:
            return await count_untended(pool)
    except DOWN as error:
        raise DependencyDown("Postgres did not answer") from error
