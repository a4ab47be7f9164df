"""`/api/stats` and `/api/domains`: figures over many exchanges."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from plait.api import parameters
from plait.api.answers import Domains
from plait.api.clock import Now
from plait.api.database import Source
from plait.api.documents import answers, by_name
from plait.api.encoding import Json
from plait.api.usage_parameters import OfDomain
from plait.common.queries.statistics import (
    Statistics,
    TokenStatistics,
    get_statistics,
    list_domains,
    list_token_statistics,
)

router = APIRouter(tags=["statistics"], dependencies=[Depends(parameters.once)])
_STATISTICS_SPAN: Final = timedelta(hours=24)
_DOMAINS_SPAN: Final = timedelta(days=7)


@router.get("/api/stats", responses=answers(Statistics))
async def statistics(source: Source, now: Now, given: Annotated[parameters.StatisticsOf, Query()]) -> Response:
    """Requests, tokens, errors and times, of everything or of one domain.

    `errorCount` is of those that ended `failed`, `interrupted` or `rejected` (`status=` of `/api/requests` finds each
    of the three on its own). `requestsByModel` leaves out those that name no model, `requestsByType` those of no such
    type; `unplacedRequests` are those that no conversation has.
    """
    since = given.since or now - _STATISTICS_SPAN
    return Json(await get_statistics(await source.pool(), since, given.domain))


_TOKEN_STATISTICS: Final = answers(TokenStatistics) | {200: by_name(TokenStatistics, "The figures of each domain.")}


@router.get("/api/domains", responses=answers(Domains), dependencies=[Depends(parameters.none)])
async def domains(source: Source, now: Now) -> Response:
    """The domains of the last seven days, the busiest first."""
    return Json(Domains(await list_domains(await source.pool(), now - _DOMAINS_SPAN)))


@router.get("/token-stats", responses=_TOKEN_STATISTICS)
async def token_statistics(source: Source, given: Annotated[OfDomain, Query()]) -> Response:
    """Tokens and calls of each domain since its first exchange, by its name."""
    found = await list_token_statistics(await source.pool(), given.domain)
    return Json({one.domain: one.figures for one in found})
