"""The models that requests asked for: an exchange's own `model` is the one that answered."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from plait.common.blobs import unshelve
from plait.common.frames import settings_of
from plait.common.queries.named import statements
from plait.common.queries.paging import Reader

_SQL: Final = statements("asked")


async def asked_models(db: Reader, ids: Collection[UUID]) -> dict[UUID, str]:
    """The model that each of some exchanges asked for; one that named none, or whose body is no JSON, is left out."""
    sql, arguments = _SQL["frames"].bind({"ids": list(ids)})
    found: dict[UUID, str] = {}
    for record in await db.fetch(sql, *arguments):
        model = settings_of(unshelve(record["encoding"], record["data"])).get("model")
        if isinstance(model, str):
            found.update(dict.fromkeys(record["ids"], model))
    return found
