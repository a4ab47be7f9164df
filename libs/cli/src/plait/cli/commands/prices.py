"""`plait prices` as the terminal sees it: what is charged, what has no price, costs anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from plait.cli import target
from plait.cli.tables import print_table
from plait.cli.terminal import Console

if TYPE_CHECKING:
    from plait.common.postgres import Database
    from plait.common.pricing.rates import Rate
    from plait.ledger.recomputing import Recomputed

out = Console()
err = Console(stderr=True)
app = App(name="prices", help="What tokens cost: the prices in force, what has none, and costs anew.")
Home = Annotated[Path | None, Parameter(help="Whose `plait up` is meant when DATABASE_URL is not set.")]

_HEAD = ("model", "input", "output", "cache 5m", "cache 1h", "cache read", "search", "from")


@app.command(name="list")
def list_(
    model: str | None = None,
    /,
    *,
    day: datetime | None = None,
    tier: Literal["standard", "priority", "batch"] = "standard",
    speed: Literal["standard", "fast"] = "standard",
) -> int:
    """The prices in force, in dollars: a million tokens, a thousand searches.

    Exits 1 when a model is named that has no price. `+` marks a price that is higher for long prompts.

    Args:
        model: Only of this model, as clients name it.
        day: On this day (UTC); default today.
        tier: Of this service tier.
        speed: At this speed.
    """
    from plait.common.pricing.book import price_book
    from plait.common.pricing.listed import VERSION
    from plait.common.pricing.rates import Tariff
    from plait.common.settings import PriceSettings

    book = price_book(PriceSettings().prices_file)
    tariff = Tariff(_day(day), tier, speed)
    found = [rates for rates in [book.rates(model, tariff)] if rates] if model else book.all_rates(tariff)
    if model and not found:
        return _fail(f"{model} has no price on {tariff.day}: add it to a PRICES_FILE (docs/costs.md)")
    rows = [
        (
            rates.model,
            *map(_shown, (rates.input, rates.output, rates.cache_write_5m, rates.cache_write_1h, rates.cache_read)),
            "" if rates.web_search is None else _plain(rates.web_search),
            "list" if rates.version == VERSION else rates.version,
        )
        for rates in found
    ]
    print_table(out, _HEAD, rows)
    err.print(f"list: {VERSION}", highlight=False, style="dim")
    return 0


@app.command
def check(*, home: Home = None) -> int:
    """By which lists the record is priced, and what in it has no price; exits 1 when something has none."""
    from plait.ledger import checking

    async def work() -> tuple[list[checking.Priced], list[checking.Unpriced]]:
        async with _database(home) as database:
            return await checking.check(database)

    priced, unpriced = asyncio.run(work())
    for one in priced:
        told = f"{_exchanges(one.exchanges)} by {one.version}: ${shown_sum(one.cost)}"
        out.print(told, highlight=False, markup=False)
    if not unpriced:
        out.print("Everything has a price." if priced else "There is no usage yet.")
        return 0
    head = ("no price for", "tier", "speed", "place", "exchanges", "first", "last")
    rows = [
        (u.model or "(no model)", u.tier or "", u.speed or "", u.geography or "", u.exchanges, *_days(u.first, u.last))
        for u in unpriced
    ]
    print_table(out, head, rows)
    return _fail("add these to a PRICES_FILE (docs/costs.md), restart the ledger, then run `plait prices recompute`")


@app.command
def recompute(*, since: datetime | None = None, home: Home = None) -> int:
    """Price the recorded usage anew with the prices in force; nothing but costs changes.

    Args:
        since: Only of exchanges that began at this time (UTC unless it says otherwise) or later.
    """
    from plait.common.pricing.book import price_book
    from plait.common.settings import PriceSettings
    from plait.ledger import recomputing

    moment = since.replace(tzinfo=UTC) if since and since.tzinfo is None else since
    book = price_book(PriceSettings().prices_file)

    async def work() -> Recomputed:
        columns = (TextColumn("priced"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
            bar = progress.add_task("priced", total=None)
            async with _database(home) as database:
                return await recomputing.recompute(
                    database, book, moment, lambda done, total: progress.update(bar, completed=done, total=total)
                )

    done = asyncio.run(work())
    left = f", {done.unpriced:,} without a price (see `plait prices check`)" if done.unpriced else ""
    out.print(f"{_exchanges(done.exchanges)}, {done.changed:,} changed{left}.", highlight=False)
    return 0


@asynccontextmanager
async def _database(home: Path | None) -> AsyncIterator[Database]:
    from plait.cli import database as databases
    from plait.common.postgres import Database

    url = target.database_url(target.home(home))
    await (await databases.connect(url)).close()
    database = Database(url, name="prices", size=1)
    try:
        yield database
    finally:
        await database.close()


def _day(given: datetime | None) -> date:
    return given.date() if given else datetime.now(UTC).date()


def _days(first: datetime, last: datetime) -> tuple[str, str]:
    return f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"


def _shown(rate: Rate | None) -> str:
    return "" if rate is None else f"{_plain(rate.base)}{'+' if rate.steps else ''}"


def _plain(dollars: Decimal) -> str:
    """At least two decimals, and as many as there are."""
    cents = dollars.quantize(Decimal("0.01"))
    return f"{cents if cents == dollars else dollars.normalize():f}"


def shown_sum(dollars: Decimal) -> str:
    """Cents, and of less than a dollar as many digits as are needed to see it."""
    if dollars == 0 or dollars >= 1:
        return f"{dollars:,.2f}"
    return f"{dollars:.{max(2, 1 - dollars.adjusted())}f}"


def _exchanges(number: int) -> str:
    return f"{number:,} exchange{'' if number == 1 else 's'}"


def _fail(why: str) -> int:
    err.print(f"plait: {why}", style="red", highlight=False, markup=False, soft_wrap=True)
    return 1
