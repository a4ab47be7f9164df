"""`/api/usage…`, `/api/tools`, `/api/analytics/cache`: what was used, by anything, by which tools, and needlessly."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from plait.api import parameters, usage_parameters
from plait.api.clock import Now
from plait.api.database import Source
from plait.api.documents import answers
from plait.api.encoding import Json
from plait.api.limits import Limits
from plait.api.usage_answers import CacheMisses, HourlyCounts, ProviderWindow, ToolList, UsageSums, Windows, WindowUse
from plait.common.queries.accounts import Account, list_told_windows, list_windows
from plait.common.queries.cache import list_dearest, sum_misses, sum_misses_by_cause, total_misses
from plait.common.queries.pace import latest_account
from plait.common.queries.tools import list_tools
from plait.common.queries.usage import requests_by_hour, tokens_by_hour, usage_by, usage_by_time

router = APIRouter(prefix="/api", tags=["usage"], dependencies=[Depends(parameters.once)])
_HOUR: Final = timedelta(hours=1)
_NOBODY: Final = Account()


@router.get("/usage", responses=answers(UsageSums))
async def usage(source: Source, now: Now, given: Annotated[usage_parameters.Usage, Query()]) -> Response:
    """Requests, tokens and cost, split by day, hour, model, domain, account, session, agent, key, tag, tool or kind.

    Days and hours are those of `tz`; all of the span come, in order, also those without a request. Everything else
    comes the dearest first, sessions by their latest request. Of tools, `requests` are calls and `failedRequests`
    errors; they have no tokens, for an answer is charged as a whole.
    """
    if given.group_by == "day" or given.group_by == "hour":
        span = given.time_span(now)
        rows = await usage_by_time(
            await source.pool(), given.group_by, span, given.where, zone=given.zone, now=max(now, span.until or now)
        )
    else:
        span = given.span(now)
        rows = await usage_by(await source.pool(), given.group_by, span, given.where, limit=given.most)
    return Json(UsageSums(group_by=given.group_by, tz=given.tz, since=span.since, until=span.until, usage=rows))


@router.get("/usage/requests/hourly", responses=answers(HourlyCounts))
async def hourly_requests(source: Source, now: Now, given: Annotated[usage_parameters.Hourly, Query()]) -> Response:
    """Requests of each domain, hour by hour (UTC); hours without any are left out."""
    return Json(HourlyCounts(await requests_by_hour(await source.pool(), given.span(now), given.where, now=now)))


@router.get("/usage/tokens/hourly", responses=answers(HourlyCounts))
async def hourly_tokens(source: Source, now: Now, given: Annotated[usage_parameters.Hourly, Query()]) -> Response:
    """Tokens of each domain, cache reads and writes included, hour by hour (UTC); hours without any are left out."""
    return Json(HourlyCounts(await tokens_by_hour(await source.pool(), given.span(now), given.where, now=now)))


@router.get("/usage/windows", responses=answers(Windows))
async def windows(
    source: Source, now: Now, limits: Limits, given: Annotated[usage_parameters.WindowsOf, Query()]
) -> Response:
    """Five-hour windows of an account as the provider counts them, from the first use on; what the provider told of
    them; and when they will be full at this pace. Of the account used last, if none is named.
    """
    db = await source.pool()
    named = given.account_id is not None or given.domain is not None
    account = Account(given.account_id, given.domain) if named else await latest_account(db) or _NOBODY
    span = given.span(now)
    limit = limits.token_limit(account.account_id)
    found = await list_windows(db, account, span.since, until=span.until)
    told = await list_told_windows(db, span.since, account, until=span.until)
    return Json(
        Windows(
            account_id=account.account_id,
            domain=account.domain,
            token_limit=limit,
            windows=[WindowUse.of(window, limit, now) for window in found],
            provider_windows=[ProviderWindow.of(window) for window in told],
        )
    )


@router.get("/tools", responses=answers(ToolList))
async def tools(source: Source, now: Now, given: Annotated[usage_parameters.Tools, Query()]) -> Response:
    """Calls of each tool, their errors, how long results took, and lines of code that edits added and removed."""
    found = await list_tools(
        await source.pool(),
        given.span(now),
        domain=given.domain,
        account_id=given.account_id,
        conversation_id=given.conversation_id,
    )
    return Json(ToolList(found))


@router.get("/analytics/cache", responses=answers(CacheMisses))
async def cache(source: Source, now: Now, given: Annotated[usage_parameters.CacheOf, Query()]) -> Response:
    """What prompts could have read from the provider's cache and did not: why, what it cost, and where.

    A cause of each miss: `lifetime_over`, `compaction`, `model`, `tools`, `system`, `message`, `settings`,
    `breakpoint_moved` or `unexplained`. A miss costs what its tokens were charged at, less what reading them would have
    been.
    """
    db, span, where = await source.pool(), given.span(now), given.where
    causes = await sum_misses_by_cause(db, span, where)
    return Json(
        CacheMisses(
            group_by=given.group_by,
            tz=given.tz,
            since=span.since,
            until=span.until,
            totals=await total_misses(db, span, where, causes),
            causes=causes,
            groups=await sum_misses(db, given.group_by, span, where, zone=given.zone, limit=given.limit),
            dearest=await list_dearest(db, span, where, limit=given.limit),
        )
    )
