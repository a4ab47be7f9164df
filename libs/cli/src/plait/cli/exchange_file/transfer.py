"""`plait export`, `plait import` and `plait replay`: whole records between a database, a file and a broker.

Nothing is held but one run of exchanges, or one line, and what the broker has not acknowledged yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg

from plait.cli.exchange_file.events import LineMasker, events_of
from plait.cli.exchange_file.files import LONGEST_LINE, read_from, write_to
from plait.cli.exchange_file.publishing import outgoing
from plait.common.events import ExchangeEvent
from plait.common.exchange_file.line import BadLine, decode, encode
from plait.common.exchange_file.writing import line_of
from plait.common.queries.exchanges import ExchangeFilter
from plait.common.queries.whole import Damaged, Recorded, count, read_all
from plait.common.settings import KafkaSettings

_TOLD: Final = 100
"""Faults that are told one by one."""

Advance = Callable[[int, int | None], None]
"""Called with how much is done, and out of how much if that is known."""


@dataclass
class Outcome:
    """What came of a transfer."""

    done: int = 0
    """Exchanges that went through."""
    failed: int = 0
    faults: list[str] = field(default_factory=list)
    """What is wrong with the first of those that did not."""
    domains: list[str] = field(default_factory=list)
    """Where nothing matched: the domains of which there is something."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing matched."""
        return not self.done and not self.failed

    def fail(self, why: str) -> None:
        """One did not go through."""
        self.failed += 1
        if len(self.faults) < _TOLD:
            self.faults.append(why)


async def export(pool: asyncpg.Pool, where: ExchangeFilter, path: Path, advance: Advance) -> Outcome:
    """Write every exchange that matches to a file, oldest first.

    Raises:
        UserError: the file cannot be written.
        DependencyDown: the database went away; the file is not written.
    """
    outcome = Outcome()
    with write_to(path) as sink:
        total = await count(pool, where)
        async for number, found in read_all(pool, where):
            if isinstance(found, Damaged):
                outcome.fail(f"exchange {number}: {found}")
            else:
                await asyncio.to_thread(lambda one: sink.write(encode(line_of(one))), found)
                outcome.done += 1
            advance(outcome.done + outcome.failed, total)
        outcome.domains = await _domains(pool) if outcome.is_empty else []
    return outcome


async def import_(path: Path, settings: KafkaSettings, masker: LineMasker, advance: Advance) -> Outcome:
    """Publish every exchange of a file; what is wrong with a line keeps no other one back.

    Raises:
        UserError: the file cannot be read, to its end; what stands before is published.
        DependencyDown: the broker went away; what was published before is not undone, and does no harm a second time.
    """
    outcome = Outcome()
    with read_from(path) as source:
        async with outgoing(settings) as out:
            while (found := await asyncio.to_thread(source.next)) is not None:
                number, text = found
                try:
                    await out.send(await asyncio.to_thread(_events_of_text, text, masker))
                    outcome.done += 1
                except BadLine as fault:
                    outcome.fail(f"{source.line(number)}: {fault}")
                advance(source.done, source.size)
    return outcome


async def replay(
    pool: asyncpg.Pool, where: ExchangeFilter, settings: KafkaSettings, masker: LineMasker, advance: Advance
) -> Outcome:
    """Publish every stored exchange that matches once more, as an import of its export would.

    Raises:
        DependencyDown: the database or the broker went away; what was published before does no harm a second time.
    """
    outcome = Outcome()
    total = await count(pool, where)
    async with outgoing(settings) as out:
        async for number, found in read_all(pool, where):
            if isinstance(found, Damaged):
                outcome.fail(f"exchange {number}: {found}")
            else:
                await out.send(await asyncio.to_thread(_events_of_recorded, found, masker))
                outcome.done += 1
            advance(outcome.done + outcome.failed, total)
    outcome.domains = await _domains(pool) if outcome.is_empty else []
    return outcome


async def _domains(pool: asyncpg.Pool) -> list[str]:
    return [row["domain"] for row in await pool.fetch("SELECT DISTINCT domain FROM exchanges ORDER BY domain")]


def _events_of_text(text: bytes | None, masker: LineMasker) -> list[ExchangeEvent]:
    if text is None:
        raise BadLine(f"longer than {LONGEST_LINE:,} bytes")
    return list(events_of(decode(text), masker))


def _events_of_recorded(exchange: Recorded, masker: LineMasker) -> list[ExchangeEvent]:
    return list(events_of(decode(encode(line_of(exchange))), masker))
