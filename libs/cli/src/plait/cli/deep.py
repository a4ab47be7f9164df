"""`plait doctor --deep`: reads all that is kept and checks that it is whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import asyncpg

from plait.cli import target
from plait.cli.doctor import Finding
from plait.cli.home import Home
from plait.common.errors import DependencyDown, UserError
from plait.common.postgres import DOWN
from plait.common.queries.integrity import TABLES, Wrong, check_blobs, check_exchanges, compare_tables

Tell = Callable[[str, int], None]
"""Called with the check that runs, and how much it has looked at."""

_AGAIN: Final = (
    "delete the conversations they are in (`plait delete --conversation`) and import them from an export or a backup"
)
_REBUILD: Final = "run `plait links rebuild`"
_MEANING: Final = {
    "halves": ("every exchange has its request and its answer", "exchanges lack theirs", _AGAIN),
    "rows": ("no row is of an exchange that is gone", "rows are", "delete them, they are of no use"),
    "parts": ("every exchange finds its contents", "exchanges do not", _AGAIN),
    "chains": ("every chain of messages is in order", "links are not", _AGAIN),
    "links": ("every exchange is linked to what is there", "exchanges are not", _REBUILD),
    "conversations": ("every conversation counts its exchanges right", "conversations do not", _REBUILD),
    "usage": ("all usage is of exchanges that are there", "rows are not", "delete them, or import the exchanges"),
    "sums": ("all sums are those of the rows", "are not", "run `plait recount`"),
    "blobs": ("every blob is what its name says", "blobs are not", _AGAIN),
    "bodies": ("every exchange can be given back", "exchanges cannot", _AGAIN),
    "tokens": (
        "usage is what the answers told",
        "exchanges have other figures, or none",
        "delete their rows of `usage`, if they have any, and run `plait replay`",
    ),
}


async def examine(home: Home, tell: Tell) -> list[Finding]:
    """All checks of the record, one after another; that it cannot be read is a finding, too."""
    try:
        async with target.reading(home) as pool:
            return await _examine(pool, tell)
    except UserError as error:
        return [Finding("record", False, f"not looked at. {error}", "start `plait up`, or set DATABASE_URL")]
    except (DependencyDown, *DOWN) as error:
        return [Finding("record", False, f"Postgres went away ({type(error).__name__})", "begin again")]


async def _examine(pool: asyncpg.Pool, tell: Tell) -> list[Finding]:
    findings = []
    for name in TABLES:
        tell(name, 0)
        findings.append(_finding(name, await compare_tables(pool, name)))
    blobs = await check_blobs(pool, lambda seen: tell("blobs", seen))
    damaged, unaccounted = await check_exchanges(pool, lambda seen: tell("bodies", seen))
    return [*findings, _finding("blobs", blobs), _finding("bodies", damaged), _finding("tokens", unaccounted)]


def _finding(name: str, wrong: Wrong) -> Finding:
    good, bad, repair = _MEANING[name]
    if not wrong.total:
        return Finding(name, True, good)
    more = f" and {wrong.total - len(wrong.named):,} more" if wrong.total > len(wrong.named) else ""
    return Finding(name, False, f"{wrong.total:,} {bad}: {', '.join(wrong.named)}{more}", repair)
