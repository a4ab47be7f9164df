"""Which of the demo's exchanges the API shows, and what they come to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from rich.table import Table

from plait.cli.plan import Plan
from plait.cli.terminal import Console
from plait.fakes.player import Played

_RECORDED_SECONDS: Final = 30.0
"""How long after the last answer a record may still be missing."""
_POLL_SECONDS: Final = 0.3
_FAULTS_SHOWN: Final = 10
_SIDE_KINDS: Final = ("auxiliary", "count_tokens", "quota", "models", "probe")
"""Kinds that need not belong to a conversation."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What came of the demo: the exchanges played, and the API's rows of those that were recorded."""

    played: Sequence[Played]
    rows: Mapping[str, Row]

    @property
    def faults(self) -> list[str]:
        """What was not recorded, and what did not pass through the gateway untouched."""
        missing = [one.recording.name for one in self.played if one.request_id not in self.rows]
        changed = [f"{one.recording.name}: {text}" for one in self.played for text in one.findings]
        return [*(f"{name}: not recorded" for name in missing), *changed]


class Watch:
    """Asks the API which exchanges are recorded, while they are played and until all are."""

    def __init__(self, plan: Plan, on_count: Callable[[int], None]) -> None:
        self._plan = plan
        self._on_count = on_count

    async def until_recorded(self, playing: asyncio.Task[list[Played]]) -> dict[str, Row]:
        """Rows by exchange id, once all are there and two readings were alike, or the time is up."""
        headers = {"X-Dashboard-Key": self._plan.dashboard_key}
        before: dict[str, Row] = {}
        until = None
        async with httpx2.AsyncClient(base_url=self._plan.options.url("api"), headers=headers) as client:
            while True:
                rows = await self._finished(client) or before
                self._on_count(len(rows))
                if playing.done():
                    until = until or time.monotonic() + _RECORDED_SECONDS
                    wanted = {one.request_id for one in playing.result()}
                    if (wanted <= rows.keys() and rows == before) or time.monotonic() > until:
                        return rows
                before = rows
                await asyncio.sleep(_POLL_SECONDS)

    async def _finished(self, client: httpx2.AsyncClient) -> dict[str, Row]:
        """Exchanges that have ended and, where they are part of a conversation, are linked; none while it is away."""
        try:
            answer = await client.get("/api/requests", params={"limit": 1000})
        except httpx2.TransportError:
            return {}
        rows: list[Row] = answer.json()["requests"] if answer.status_code == httpx2.codes.OK else []
        return {row["requestId"]: row for row in rows if row["outcome"] and _linked(row)}


def _linked(row: Row) -> bool:
    return row["conversationId"] is not None or row["kind"] in _SIDE_KINDS


def print_summary(outcome: Outcome, console: Console) -> None:
    """A row per client with its figures, and what is wrong."""
    table = Table(
        box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", footer_style="bold", show_footer=True
    )
    table.add_column("client", no_wrap=True)
    by_domain: dict[str, list[Row]] = {}
    for one in outcome.played:
        by_domain.setdefault(one.domain, []).extend(r for r in [outcome.rows.get(one.request_id or "")] if r)
    totals = _figures([row for rows in by_domain.values() for row in rows])
    for title, figure in zip(("exchanges", "conversations", "branches", "tokens"), totals, strict=True):
        table.add_column(title, footer=f"{figure:,}", justify="right")
    for domain, rows in by_domain.items():
        table.add_row(domain, *(f"{figure:,}" for figure in _figures(rows)))
    console.print(table)
    faults = outcome.faults
    for text in faults[:_FAULTS_SHOWN]:
        console.print(f"  [red]✗[/] {text}", highlight=False)
    if (more := len(faults) - _FAULTS_SHOWN) > 0:
        console.print(f"  [red]✗[/] and {more} more", highlight=False)


def _figures(rows: Sequence[Row]) -> tuple[int, int, int, int]:
    """Exchanges, conversations, branches, tokens."""
    conversations = {row["conversationId"] for row in rows if row["conversationId"]}
    branches = {(row["conversationId"], row["branchId"]) for row in rows if row["branchId"]}
    return len(rows), len(conversations), len(branches), sum(row["totalTokens"] for row in rows)
