"""`plait export`, `plait import` and `plait replay` as the terminal sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

from cyclopts import Parameter
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed

from plait.cli import target
from plait.cli.exchange_file.events import LineMasker
from plait.cli.exchange_file.transfer import Advance, Outcome
from plait.cli.home import Home
from plait.cli.terminal import Console
from plait.common.queries.exchanges import ExchangeFilter

err = Console(stderr=True)


@Parameter(name="*")
@dataclass(frozen=True)
class Filters:
    """Which exchanges."""

    domain: str | None = None
    """Only of this domain."""
    conversation: UUID | None = None
    """Only of this conversation."""
    session: str | None = None
    """Only of this session of a client."""
    since: datetime | None = None
    """Only those that began at this time (UTC unless it says otherwise) or later."""
    until: datetime | None = None
    """Only those that began before this time."""

    def where(self) -> ExchangeFilter:
        """As queries take them."""
        return ExchangeFilter(
            domain=self.domain,
            conversation_id=self.conversation,
            session_id=self.session,
            since=_in_zone(self.since),
            until=_in_zone(self.until),
        )


_ANY = Filters()
File = Annotated[Path, Parameter(allow_leading_hyphen=True)]


def export(file: File, /, *, where: Filters = _ANY, home: Path | None = None) -> int:
    """Write recorded exchanges to a file, one JSON line each, oldest first; exits 1 when one is damaged.

    Args:
        file: Where to; a name that ends with .gz is compressed, - is the standard output.
        where: Which exchanges.
        home: Whose `plait up` is meant when DATABASE_URL is not set.
    """
    from plait.cli.exchange_file import transfer

    async def work(advance: Advance) -> Outcome:
        async with target.reading(target.home(home)) as pool:
            return await transfer.export(pool, where.where(), file, advance)

    with _bar("exported", MofNCompleteColumn()) as advance:
        outcome = asyncio.run(work(advance))
    return _tell(outcome, "exported")


def import_(file: File, /, *, home: Path | None = None) -> int:
    """Take exchanges of a file into the record; those that are there already stay as they are.

    A line that is none of an exchange is named, and left out; exits 1 when there is one.

    Args:
        file: What `plait export` wrote, or lines of others; - is the standard input.
        home: Whose `plait up` is meant when KAFKA_BOOTSTRAP_SERVERS is not set.
    """
    from plait.cli.exchange_file import transfer

    place = target.home(home)
    with _bar("imported", DownloadColumn()) as advance:
        outcome = asyncio.run(transfer.import_(file, target.broker(place), _masker(place), advance))
    return _tell(outcome, "imported")


def replay(*, where: Filters = _ANY, home: Path | None = None) -> int:
    """Publish the events of recorded exchanges once more, for consumers that are new or have lost theirs.

    Those that have an exchange already leave it as it is.

    Args:
        where: Which exchanges.
        home: Whose `plait up` is meant when DATABASE_URL and KAFKA_BOOTSTRAP_SERVERS are not set.
    """
    from plait.cli.exchange_file import transfer

    place = target.home(home)

    async def work(advance: Advance) -> Outcome:
        async with target.reading(place) as pool:
            return await transfer.replay(pool, where.where(), target.broker(place), _masker(place), advance)

    with _bar("replayed", MofNCompleteColumn()) as advance:
        outcome = asyncio.run(work(advance))
    return _tell(outcome, "replayed")


def _in_zone(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _masker(home: Home) -> LineMasker:
    """With the key of the records that these join, so that equal secrets have equal marks."""
    return LineMasker(target.masking_key(home))


@contextmanager
def _bar(what: str, amount: ProgressColumn) -> Iterator[Advance]:
    """Progress on a terminal's standard error; nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), amount, Elapsed())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _tell(outcome: Outcome, done: str) -> int:
    """What came of it, on standard error: standard output may be the file. The exit status."""
    for fault in outcome.faults:
        _say(fault, "red")
    if more := outcome.failed - len(outcome.faults):
        _say(f"and {more:,} more", "red")
    noun = "exchange" if outcome.done == 1 else "exchanges"
    _say(f"{outcome.done:,} {noun} {done}{f', {outcome.failed:,} not' if outcome.failed else ''}.")
    if outcome.is_empty and outcome.domains:
        _say(f"Nothing matched. There are exchanges of {', '.join(outcome.domains)}.")
    return 1 if outcome.failed else 0


def _say(text: str, style: str | None = None) -> None:
    err.print(text, style=style, highlight=False, markup=False, soft_wrap=True)
