"""`/api/token-usage/…`, `/api/rate-limits` and the sliding window: how fast accounts use what they may."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from plait.api import parameters, usage_parameters
from plait.api.clock import Now
from plait.api.database import Source
from plait.api.documents import answers
from plait.api.encoding import Json
from plait.api.limits import Limits
from plait.api.usage_answers import AccountList, CurrentUsage, DailySums, RateLimits, SlidingSums, TokenSeries
from plait.common.buckets import Span
from plait.common.queries.accounts import Account, list_limits
from plait.common.queries.pace import list_accounts, list_steps, paces, sliding_window, steps
from plait.common.queries.usage import UsageFilter, daily_totals, daily_usage, sum_usage

router = APIRouter(prefix="/api", tags=["token usage"], dependencies=[Depends(parameters.once)])


@router.get("/token-usage/current", responses=answers(CurrentUsage))
async def current(source: Source, now: Now, given: Annotated[usage_parameters.Current, Query()]) -> Response:
    """What was used in the last minutes, five hours if nothing else is asked for."""
    begin = now - timedelta(minutes=given.window)
    where = UsageFilter(domain=given.domain, account_id=given.account_id, model=given.model)
    sums = await sum_usage(await source.pool(), Span(begin), where)
    return Json(
        CurrentUsage(
            account_id=given.account_id,
            domain=given.domain,
            model=given.model,
            window_start=begin,
            window_end=now,
            total_input_tokens=sums.input_tokens,
            total_output_tokens=sums.output_tokens,
            total_tokens=sums.total_tokens,
            total_requests=sums.requests,
            cache_creation_input_tokens=sums.cache_creation_input_tokens,
            cache_read_input_tokens=sums.cache_read_input_tokens,
            cost_usd=sums.cost_usd,
        )
    )


@router.get("/token-usage/daily", responses=answers(DailySums))
async def daily(source: Source, now: Now, given: Annotated[usage_parameters.Daily, Query()]) -> Response:
    """What each account used in each domain of each model, day by day; with `aggregate` one row for every day."""
    where = UsageFilter(domain=given.domain, account_id=given.account_id)
    ask = daily_totals if given.aggregate else daily_usage
    return Json(DailySums(await ask(await source.pool(), given.span(now), where, zone=given.zone, now=now)))


@router.get("/token-usage/time-series", responses=answers(TokenSeries))
async def time_series(
    source: Source, now: Now, limits: Limits, given: Annotated[usage_parameters.TimeSeries, Query()]
) -> Response:
    """Output tokens of the last hours, step by step and added up, against the account's limit."""
    begins = steps(now, timedelta(hours=given.window), timedelta(minutes=given.interval))
    found = await list_steps(await source.pool(), begins, account_id=given.account_id, domain=given.domain)
    limit = limits.token_limit(given.account_id)
    return Json(
        TokenSeries(
            account_id=given.account_id,
            window_hours=given.window,
            interval_minutes=given.interval,
            token_limit=limit,
            time_series=paces(found, limit),
        )
    )


@router.get("/token-usage/accounts", responses=answers(AccountList), dependencies=[Depends(parameters.none)])
async def accounts(source: Source, now: Now, limits: Limits) -> Response:
    """Accounts of the last five hours, in what domains they were used, and what is left of their limits."""
    found = await list_accounts(await source.pool(), now, limits.token_limit)
    return Json(AccountList(accounts=found, token_limit=limits.token_limit(None)))


@router.get("/rate-limits", responses=answers(RateLimits))
async def rate_limits(source: Source, given: Annotated[usage_parameters.LimitsOf, Query()]) -> Response:
    """`anthropic-ratelimit-…` headers, of each account the last seen values, with their times."""
    account = Account(given.account_id) if given.account_id is not None else None
    return Json(RateLimits(limits=await list_limits(await source.pool(), account)))


@router.get("/analytics/token-usage/sliding-window", responses=answers(SlidingSums))
async def sliding(source: Source, now: Now, given: Annotated[usage_parameters.SlidingWindow, Query()]) -> Response:
    """At each point of the last days: what was used in the window up to it, and whether a limit was warned of."""
    found = await sliding_window(
        await source.pool(),
        now,
        length=timedelta(days=given.days),
        window=timedelta(hours=given.window_hours),
        interval=timedelta(minutes=given.bucket_minutes),
        account_id=given.account_id,
        domain=given.domain,
    )
    return Json(
        SlidingSums(
            account_id=given.account_id,
            days=given.days,
            bucket_minutes=given.bucket_minutes,
            window_hours=given.window_hours,
            data=found,
        )
    )
