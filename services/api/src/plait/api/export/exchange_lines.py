"""A conversation as an exchange file: what `plait import` takes, and any reader of JSON lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import structlog

from plait.common.exchange_file.line import encode
from plait.common.exchange_file.writing import line_of
from plait.common.queries.exchanges import ExchangeFilter
from plait.common.queries.scope import Pooled
from plait.common.queries.whole import Damaged, read_all

_log = structlog.get_logger()


async def told(pool: Pooled, conversation_id: UUID) -> AsyncIterator[bytes]:
    """The file line by line, oldest exchange first; one that is damaged is left out, and told in the log.

    Raises:
        DependencyDown: the database went away; the file is not whole.
    """
    async for number, found in read_all(pool, ExchangeFilter(conversation_id=conversation_id)):
        if isinstance(found, Damaged):
            _log.warning("exchange left out of an export", exchange_id=str(number), why=str(found))
        else:
            yield await asyncio.to_thread(lambda one: encode(line_of(one)), found)
