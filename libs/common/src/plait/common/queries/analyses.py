"""Analyses: one of a branch, lists of them, and what they say taken together."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Struct, structs

from plait.common.queries.named import statements
from plait.common.queries.paging import Counts, Cursor, Listed, Page, Reader, paginate

State = Literal["pending", "processing", "completed", "failed"]
_SQL: Final = statements("analyses")
_COUNTS: Final = Counts(count=_SQL["count"], matching=_SQL["matching"])
_TOKENS: Final = ("prompt_tokens", "completion_tokens", "total_tokens")
LOOKED: Final = 5_000
"""So many of the newest analyses are taken together for figures; older ones are not looked at."""


class AnalysisFilter(Struct, frozen=True, kw_only=True):
    """Which analyses; what is None does not matter."""

    conversation_id: UUID | None = None
    branch_id: str | None = None
    domain: str | None = None
    status: State | None = None
    model: str | None = None
    by_rule: bool | None = None
    """Asked for by ANALYSIS_AUTO, or by somebody."""
    since: datetime | None = None
    """Asked for then or later."""
    until: datetime | None = None
    """Asked for before."""


class TokenUsage(Struct, frozen=True, kw_only=True, rename="camel"):
    """Tokens of all calls that made a result."""

    prompt: int
    completion: int
    total: int
    """As the provider counts: its thinking may be in here and in neither of the others."""


class Attempt(Struct, frozen=True, kw_only=True, rename="camel"):
    """One try at a job that brought no result."""

    run: int
    """0: the first; then the number of the regeneration."""
    attempt: int
    """Within the run, from 1."""
    started_at: datetime | None
    ended_at: datetime
    reason: str
    retry_at: datetime | None = None
    """When the next one was to begin; null: it was the last."""


class AnalysisSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    """An analysis as lists show it."""

    id: UUID
    conversation_id: UUID
    branch_id: str
    domain: str
    title: str | None
    """The conversation's."""
    status: State
    asked_by: str
    """`key NAME`, `user NAME`, or `rule`."""
    by_rule: bool
    custom_prompt: str | None
    created_at: datetime
    asked_at: datetime
    """When the last run was asked for."""
    updated_at: datetime
    completed_at: datetime | None
    started_at: datetime | None
    """When the attempt that runs, or ran last, began."""
    regenerations: int
    attempts: int
    """Of the last run."""
    error: str | None
    """Why it failed, or why the last attempt did while another is to come."""
    next_attempt_at: datetime | None
    """Of a pending one: not earlier than this."""
    provider: str | None
    model: str | None
    prompt_version: str | None
    token_usage: TokenUsage | None
    cost_usd: float | None
    """Null: not known."""
    duration_ms: int | None
    """Of the model's calls."""
    has_content: bool
    """Whether there is a result: also the last good one, while a new one is made or after that failed."""
    has_data: bool
    """False with content: the model's answer was not in the form that was asked for, and is shown as it came."""
    summary: str | None
    sentiment: str | None
    prompt_clarity: float | None
    """0 to 10."""
    context_completeness: float | None
    """0 to 10."""
    has_gone_on: bool
    """The conversation has more turns than were analysed."""


class Analysis(AnalysisSummary, frozen=True, kw_only=True, rename="camel"):
    """An analysis with all that it says."""

    content: str | None
    """Markdown; what the model wrote, where `data` is null."""
    data: dict[str, Any] | None
    """As `plait.common.analysis.Analysis` has it."""
    remarks: list[str]
    """What a reader should know of how it came about."""
    history: list[Attempt]
    """Attempts that brought nothing, oldest first."""


class QualityOfDay(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the analyses of a day say of quality, on average."""

    day: datetime
    """Its first moment in the zone that was asked for."""
    analyses: int
    prompt_clarity: float
    context_completeness: float
    positive: int
    """How many found the mood positive."""
    negative: int


class Tip(Struct, frozen=True, kw_only=True, rename="camel"):
    """One tip that was given."""

    conversation_id: UUID
    branch_id: str
    issue: str
    suggestion: str
    example: str


class TipsOfKind(Struct, frozen=True, kw_only=True, rename="camel"):
    """Tips of one category."""

    category: str
    count: int
    analyses: int
    """How many analyses give such a tip."""
    latest: list[Tip]
    """The last five."""


class Sought(Struct, frozen=True, kw_only=True):
    """A branch as somebody names it: there may be none such."""

    conversation_id: UUID
    branch_id: str


class BranchPlace(Sought, frozen=True, kw_only=True):
    """A branch that there is, by the id that its conversation has now."""

    domain: str


async def get_analysis(db: Reader, conversation_id: UUID, branch_id: str) -> Analysis | None:
    """The analysis of a branch, by the conversation's present id; None: nobody has asked for one."""
    values = _values(AnalysisFilter(conversation_id=conversation_id, branch_id=branch_id))
    sql, arguments = _SQL["one"].bind(values)
    row = await db.fetchrow(sql, *arguments)
    if row is None:
        return None
    fields = _with_tokens(row)
    return Analysis(**{**fields, "history": msgspec.convert(fields["history"], list[Attempt])})


async def list_analyses(db: Reader, where: AnalysisFilter, page: Page) -> Listed[AnalysisSummary]:
    """A page of the analyses that match, those asked for last first."""
    values = _values(where)
    sql, arguments = _SQL["page"].bind({**values, **page.values})
    found = [AnalysisSummary(**_with_tokens(row)) for row in await db.fetch(sql, *arguments)]
    return await paginate(db, page, found, _place, _COUNTS, values)


async def count_states(db: Reader, where: AnalysisFilter) -> dict[State, int]:
    """How many of those that match are in each state; states that none is in are left out."""
    sql, arguments = _SQL["states"].bind(_values(where))
    return {row["status"]: row["count"] for row in await db.fetch(sql, *arguments)}


async def quality_by_day(db: Reader, where: AnalysisFilter, zone: str = "UTC") -> list[QualityOfDay]:
    """What the newest that match say of quality, oldest day first; days without analyses are left out."""
    sql, arguments = _SQL["quality"].bind({**_values(where), "zone": zone, "looked": LOOKED})
    return [QualityOfDay(**row) for row in await db.fetch(sql, *arguments)]


async def frequent_tips(db: Reader, where: AnalysisFilter) -> list[TipsOfKind]:
    """The tips of the newest that match by category, the most frequent first."""
    sql, arguments = _SQL["tips"].bind({**_values(where), "looked": LOOKED})
    return [
        TipsOfKind(**{**row, "latest": msgspec.convert(row["latest"], list[Tip])})
        for row in await db.fetch(sql, *arguments)
    ]


async def find_branch(db: Reader, conversation_id: UUID, branch_id: str) -> BranchPlace | None:
    """A branch by any id that its conversation ever had; None: there is no such."""
    sql, arguments = _SQL["find_branch"].bind({"conversation": conversation_id})
    row = await db.fetchrow(sql, *arguments)
    if row is None or branch_id not in row["branch_ids"]:
        return None
    return BranchPlace(conversation_id=row["conversation_id"], branch_id=branch_id, domain=row["domain"])


async def count_untended(db: Reader) -> int:
    """Jobs that have been due for five minutes or more while no analyzer makes any."""
    sql, arguments = _SQL["untended"].bind({})
    row = await db.fetchrow(sql, *arguments)
    return row["jobs"] if row else 0


def _with_tokens(row: asyncpg.Record) -> dict[str, Any]:
    fields = dict(row)
    prompt, completion, total = (fields.pop(name) for name in _TOKENS)
    known = None if total is None else TokenUsage(prompt=prompt, completion=completion, total=total)
    return {**fields, "token_usage": known}


def _place(row: AnalysisSummary) -> Cursor:
    return Cursor(row.asked_at, row.id)


def _values(where: AnalysisFilter) -> dict[str, object]:
    given = structs.asdict(where)
    return {
        **given,
        "conversation": given.pop("conversation_id"),
        "branch": given.pop("branch_id"),
    }
