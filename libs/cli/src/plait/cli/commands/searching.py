"""`plait search` as the terminal sees it: the index of the full-text search, made anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from plait.cli import database, target
from plait.cli.terminal import Console

out = Console()
err = Console(stderr=True)
app = App(name="search", help="The index of the full-text search.")
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
Home = Annotated[Path | None, Parameter(help="Whose `plait up` is meant when DATABASE_URL is not set.")]


@app.command
def rebuild(*, since: datetime | None = None, home: Home = None) -> None:
    """Index recorded exchanges anew, oldest first; new ones are indexed meanwhile as ever.

    Needed after old exchanges were imported and the newest are to be found first, or after a damage. Without `--since`
    the index is emptied first: until it is full again the search finds less.

    Args:
        since: Only look at exchanges that began then or later, and mend what is wrong (UTC unless it says otherwise).
    """
    moment = since.replace(tzinfo=UTC) if since and since.tzinfo is None else since
    url = target.database_url(target.home(home))
    columns = (TextColumn("indexed"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task("indexed", total=None)
        done = asyncio.run(_rebuild(url, moment, lambda n, total: progress.update(task, completed=n, total=total)))
    out.print(f"{done:,} exchange{'' if done == 1 else 's'} indexed.", highlight=False)


async def _rebuild(url: str, since: datetime | None, advance: Callable[[int, int], None]) -> int:
    from plait.common.postgres import Database
    from plait.linker.indexing.rebuilding import rebuild as index_again

    await (await database.connect(url)).close()
    own = Database(url, name="search", size=1)
    try:
        return await index_again(own, since or _EARLIEST, emptied=since is None, advance=advance)
    finally:
        await own.close()
