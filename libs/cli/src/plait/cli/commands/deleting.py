"""`plait delete` as the terminal sees it."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from cyclopts import Parameter
from rich.progress import MofNCompleteColumn, Progress, TextColumn

from plait.cli import target
from plait.cli.terminal import Console

if TYPE_CHECKING:
    from plait.common.forgetting import Selection
    from plait.common.postgres import Database

out = Console()
err = Console(stderr=True)


def delete(
    *,
    conversation: UUID | None = None,
    domain: str | None = None,
    user: str | None = None,
    before: datetime | None = None,
    yes: Annotated[bool, Parameter(negative="")] = False,
    home: Path | None = None,
) -> int:
    """Delete exchanges and all that was kept of them; asks first. What is left is linked as if they had never been.

    Of several conditions all must hold. Contents that others have said too stay theirs. Events stay on the broker for
    as long as its retention says; those of deleted exchanges are passed over.

    Args:
        conversation: Of this conversation.
        domain: Of this domain.
        user: Sent with the client's key of this name, or answered with this account. Clients that share a key, or bring
            a credential of their own to a domain without keys, cannot be told apart: nobody knows who they are.
        before: Began before this time (UTC unless it says otherwise).
        yes: Do not ask.
        home: Whose `plait up` is meant when DATABASE_URL is not set.
    """
    from plait.common.forgetting import Selection

    if not any((conversation, domain, user, before)):
        return _refuse("name what to delete: --conversation, --domain, --user or --before")
    moment = before.replace(tzinfo=UTC) if before and before.tzinfo is None else before
    selection = Selection(conversation=conversation, domain=domain, user=user, before=moment)
    return asyncio.run(_delete(target.database_url(target.home(home)), selection, yes=yes))


async def _delete(url: str, selection: Selection, *, yes: bool) -> int:
    from plait.cli import database as databases
    from plait.common.forgetting import count
    from plait.common.postgres import Database
    from plait.linker.forget.sweeping import sweep

    await (await databases.connect(url)).close()
    database = Database(url, name="delete", size=2)
    try:
        async with database.transaction() as connection:
            found = await count(connection, selection)
        if not found:
            await sweep(database)  # a deletion that was broken off may have left contents
            out.print("Nothing matches.")
            return 0
        if not yes and not sys.stdin.isatty():
            return _refuse(f"{_exchanges(found)} would be deleted for good: say --yes where nobody can be asked")
        if not yes and not _agreed(found):
            return 1
        deleted = await _with_bar(database, selection, found)
    finally:
        await database.close()
    out.print(f"{_exchanges(deleted)} deleted.", highlight=False)
    return 0


def _agreed(found: int) -> bool:
    answer = out.input(f"Delete {_exchanges(found)} for good? Type yes: ", markup=False)
    if answer.strip().lower() == "yes":
        return True
    out.print("Nothing was deleted.")
    return False


async def _with_bar(database: Database, selection: Selection, found: int) -> int:
    from plait.linker.forget.deletion import delete as delete_all

    columns = (TextColumn("deleted"), MofNCompleteColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task("deleted", total=found)
        return await delete_all(database, selection, target.user(), lambda done: progress.update(task, completed=done))


def _exchanges(number: int) -> str:
    return f"{number:,} exchange{'' if number == 1 else 's'}"


def _refuse(why: str) -> int:
    err.print(f"plait: {why}", style="red", highlight=False, markup=False, soft_wrap=True)
    return 2
