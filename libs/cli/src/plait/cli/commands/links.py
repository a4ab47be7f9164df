"""`plait links` as the terminal sees it: why exchanges are linked as they are, linking them anew, and what there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal
from uuid import UUID

import asyncpg
from cyclopts import App, Parameter
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from plait.cli import database, target
from plait.cli.terminal import Console, cell, shown

if TYPE_CHECKING:
    from plait.linker.domain.facts import Facts
    from plait.linker.explaining import Comparison, Explanation
    from plait.linker.rebuilding import Difference, Rebuilt
    from plait.linker.reporting import Report

out = Console()
err = Console(stderr=True)
app = App(name="links", help="Why exchanges are linked as they are; linking anew.")
_MOST_SEEN: Final = 12
"""Exchanges that were looked at, of which is told."""
_MOST_DIFFERENCES: Final = 50
_STATEMENT_MS: Final = 3_600_000
Need = Literal["other_version", "unlinked", "orphans", "unserved", "unasked", "running"]
"""As `plait.linker.reporting` has them, which is imported only where it is needed."""
Home = Annotated[Path | None, Parameter(help="Whose `plait up` is meant when DATABASE_URL is not set.")]


@app.command
def explain(exchange: UUID, other: UUID | None = None, /, *, home: Home = None) -> None:
    """Why an exchange is linked as it is: the rule that decided, and who was looked at and refused.

    Args:
        exchange: Which one.
        other: Another one: why the first follows it or does not, and where their messages and system prompts part.
    """
    from plait.linker import explaining

    async def work() -> tuple[Explanation, Comparison | None]:
        async with _connection(home, read_only=True) as connection:
            found = await explaining.explain(connection, exchange)
            return found, await explaining.compare(connection, found, other) if other else None

    explanation, comparison = asyncio.run(work())
    _say(_explained(explanation))
    if comparison:
        _say(["", *_compared(comparison)])


@app.command
def rebuild(
    *,
    domain: str | None = None,
    since: datetime | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    home: Home = None,
) -> int:
    """Decide links anew from the record, and show those that changed; exits 1 when a record cannot be read.

    Needed after an upgrade that reads other facts off requests (linkers wait for it and say so), else only to look.
    Linkers may go on running.

    Args:
        domain: Only of this domain.
        since: Only of exchanges that began at this time (UTC unless it says otherwise) or later.
        dry_run: Only show what would change. Linkers wait until it ends.
    """
    from plait.common.queries.exchanges import ExchangeFilter
    from plait.linker import rebuilding

    moment = since.replace(tzinfo=UTC) if since and since.tzinfo is None else since

    async def work() -> Rebuilt:
        columns = (TextColumn("rebuilt"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
            bar = progress.add_task("rebuilt", total=None)
            async with _connection(home, read_only=False) as connection:
                return await rebuilding.rebuild(
                    connection,
                    ExchangeFilter(domain=domain, since=moment),
                    dry_run=dry_run,
                    advance=lambda done, total: progress.update(bar, completed=done, total=total),
                )

    rebuilt = asyncio.run(work())
    _say(_changed(rebuilt.differences))
    would = "would change" if dry_run else "changed"
    err.print(
        f"{_count(rebuilt.exchanges, 'exchange')}, {_count(len(rebuilt.differences), 'link')} {would}.", highlight=False
    )
    if rebuilt.damaged:
        err.print(f"{rebuilt.damaged:,} records cannot be read: see `plait doctor --deep`.", style="red")
    return 1 if rebuilt.damaged else 0


@app.command
def report(
    *,
    domain: str | None = None,
    list_: Annotated[Need | None, Parameter(name="--list")] = None,
    home: Home = None,
) -> None:
    """What is linked how, for each version of each client: kinds, links, the rules that decided; what needs a look.

    Args:
        domain: Only of this domain.
        list_: Instead of that the ids of all exchanges that need this attention, the newest first.
    """
    from plait.linker import reporting

    async def work() -> Report | None:
        async with _connection(home, read_only=True) as connection:
            if list_ is None:
                return await reporting.report(connection, domain)
            async for number in reporting.needing(connection, list_, domain):
                out.file.write(f"{number}\n")
            return None

    if found := asyncio.run(work()):
        _say_report(found)


def _say_report(found: Report) -> None:
    rows = [
        [
            one.client or "-",
            one.kind,
            one.link_kind or "-",
            "-" if one.rule == "none" else one.rule,
            f"{one.exchanges:,}",
        ]
        for one in found.lines
    ]
    _print_table(["client", "kind", "link", "decided by", "exchanges"], rows)
    _say(["", *_attention(found)])


@asynccontextmanager
async def _connection(home: Path | None, *, read_only: bool) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
    from plait.common.postgres import open_pool

    url = target.database_url(target.home(home))
    await (await database.connect(url)).close()
    pool = await open_pool(url, name="links", size=1, read_only=read_only, statement_timeout_ms=_STATEMENT_MS)
    try:
        async with pool.acquire() as connection:
            yield connection
    finally:
        await pool.close()


def _explained(found: Explanation) -> list[str]:
    from plait.linker.domain.reasons import RULES

    link = found.link
    parent = link.retry_of or link.parent_id or link.serves_id
    lines = [
        _line(found.facts),
        *_place(found),
        f"  {link.rule}: {RULES[link.rule]}" + (f": {parent}" if parent else ""),
    ]
    if link.detail:
        lines.append("  evidence: " + ", ".join(f"{name} {value}" for name, value in link.detail.items()))
    if not found.seen:
        return [*lines, "  nobody else shares anything with it that was looked for"]
    lines.append("  looked at:")
    for one in found.seen[:_MOST_SEEN]:
        mark, why = ("[green]✓[/]", "taken") if one.refused is None else ("[red]✗[/]", escape(one.refused))
        lines.append(f"    {mark} {one.exchange.id}  {escape(one.sought)}: {why}")
    more = len(found.seen) - _MOST_SEEN
    return [*lines, f"    and {more} more"] if more > 0 else lines


def _place(found: Explanation) -> list[str]:
    """Where it stands in its tree as it is stored."""
    row = found.stored
    if row is None:
        return ["  [yellow]not linked yet[/]"]
    where = f"  {row['link_kind'] or 'beside'} in conversation {row['conversation_id'] or '-'}"
    where += f", branch {escape(row['branch_id'])}" if row["branch_id"] else ""
    stored = (row["rule"], row["retry_of"], row["serves_id"])
    if stored == (found.link.rule, found.link.retry_of, found.link.serves_id):
        return [where]
    return [where, f"  [yellow]stored with rule {row['rule']}: `plait links rebuild` would change it[/]"]


def _compared(found: Comparison) -> list[str]:
    lines = [_line(found.other)]
    lines.append("  the first follows it" if found.linked else f"  not followed: {escape(found.refused or '')}")
    if not (found.mine or found.others):
        lines.append(f"  all messages are equal: {found.equal}")
    else:
        lines += [
            f"  equal from the first message on: {found.equal}; then",
            f"    -{escape(found.others) or '(no more)'}",
            f"    +{escape(found.mine) or '(no more)'}",
        ]
    if not found.system:
        return [*lines, "  equal system prompts"]
    return [*lines, "  the system prompts differ:", *(f"    {escape(line)}" for line in found.system)]


def _line(facts: Facts) -> str:
    """An exchange in one line."""
    about = [
        facts.kind,
        f"{facts.started_at:%Y-%m-%d %H:%M:%S}",
        facts.outcome or "running",
        _count(facts.count, "message"),
    ]
    about += [f"session {facts.session_id}"] if facts.session_id else []
    about += [f"agent {facts.agent_id}"] if facts.agent_id else []
    return f"[bold]{facts.id}[/]  {escape(' · '.join(about))}"


def _changed(differences: Sequence[Difference]) -> list[str]:
    lines = []
    for one in differences[:_MOST_DIFFERENCES]:
        changes = (f"{name} {one.before[name]} → {one.after[name]}" for name in one.before)
        lines.append(f"{one.exchange_id}  {escape(', '.join(changes))}")
    more = len(differences) - _MOST_DIFFERENCES
    return [*lines, f"and {more:,} more"] if more > 0 else lines


def _attention(found: Report) -> list[str]:
    from plait.linker.reporting import NEEDS

    lines = []
    for one in found.attention:
        lines.append(f"[yellow]![/] {_count(one.exchanges, 'exchange')} {NEEDS[one.need]}")
        lines += [f"    {number}" for number in one.newest]
        more = one.exchanges - len(one.newest)
        lines += [f"    and {more:,} more: `plait links report --list {one.need}`"] if more else []
    return lines or ["[green]✓[/] nothing needs attention"]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        out.print(line, highlight=False, soft_wrap=True)


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned on a terminal; tab-separated for other programs."""
    if not out.is_terminal:
        for row in (head, *rows):
            out.file.write("\t".join(map(cell, row)) + "\n")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in head:
        table.add_column(name, justify="right" if name == head[-1] else "left")
    for row in rows:
        table.add_row(*(escape(shown(value)) for value in row))
    out.print(table, highlight=False)
