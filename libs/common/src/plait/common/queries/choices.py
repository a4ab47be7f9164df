"""What filters can be set to: the domains, accounts and models that were in use."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from plait.common.buckets import Span
from plait.common.queries.paging import Reader
from plait.common.queries.usage import Key, usage_by


class Choices(Struct, frozen=True, kw_only=True):
    """Names, those with the most requests first."""

    domains: list[str]
    accounts: list[str]
    models: list[str]


async def list_choices(db: Reader, since: datetime) -> Choices:
    """The names of what had requests since a moment; quickest for a midnight (UTC)."""
    span = Span(since)
    return Choices(
        domains=await _names(db, "domain", span),
        accounts=await _names(db, "account", span),
        models=await _names(db, "model", span),
    )


async def _names(db: Reader, key: Key, span: Span) -> list[str]:
    rows = [row for row in await usage_by(db, key, span) if row.key and row.requests]
    return [row.key or "" for row in sorted(rows, key=lambda row: (-row.requests, row.key or ""))]
