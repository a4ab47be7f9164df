"""`plait audit` as the terminal sees it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter, validators

from plait.cli import target
from plait.cli.home import Home
from plait.cli.tables import print_table
from plait.cli.terminal import Console
from plait.common.queries.administration import Action, latest_actions

out = Console()
err = Console(stderr=True)
_SHOWN: Final = 50


def audit(
    *, limit: Annotated[int, Parameter(validator=validators.Number(gte=1))] = _SHOWN, home: Path | None = None
) -> None:
    """Show what administrators did through the read API, the latest first: when, with which key, and what.

    Args:
        limit: How many of them.
        home: Whose `plait up` is meant when DATABASE_URL is not set.
    """
    found = asyncio.run(_read(target.home(home), limit))
    if not found:
        err.print("No admin key has been used for anything yet.", highlight=False)
        return
    rows = [
        [f"{each.at:%Y-%m-%d %H:%M:%S}", each.key_name, each.method, _target(each), each.request_id] for each in found
    ]
    print_table(out, ["at (UTC)", "key", "method", "what", "request id"], rows)


async def _read(home: Home, limit: int) -> list[Action]:
    async with target.reading(home) as pool:
        return await latest_actions(pool, limit)


def _target(action: Action) -> str:
    return f"{action.path}?{action.query}" if action.query else action.path
