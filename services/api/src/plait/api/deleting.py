"""Asking linkers for a deletion, and waiting a moment for its end."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct
from pydantic import Field, field_validator
from starlette.responses import Response

from plait.api.database import Database
from plait.api.encoding import Json
from plait.api.parameters import Parameters, Start, Text
from plait.common.access.grants import Grant
from plait.common.forgetting import Selection, ask, carried_out

_PATIENCE_S: Final = 10.0


class Outdated(Parameters):
    """What `DELETE /api/requests` deletes."""

    before: Start = Field(description="Those that began before: ISO 8601; without a zone UTC. Not in the future.")
    domain: Text | None = Field(None, description="Those of this domain alone.")

    @field_validator("before")
    @classmethod
    def _past(cls, before: datetime) -> datetime:
        if before > datetime.now(UTC):
            raise ValueError("lies in the future")
        return before

    def selections(self, domains: Collection[str] | None) -> list[Selection]:
        """What to delete, for who may delete in these domains; None: in all."""
        if self.domain is None and domains is not None:
            return [Selection(domain=domain, before=self.before) for domain in sorted(domains)]
        if domains is not None and self.domain not in domains:
            return []
        return [Selection(domain=self.domain, before=self.before)]


class Deleted(Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of a deletion."""

    deletion_ids: list[int]
    """Its rows in the table `deletions`."""
    deleted_requests: int
    """So far."""
    finished: bool
    """False: linkers go on with it (or will, when one runs); nothing more need be done."""


async def delete(database: Database, grant: Grant, selections: Sequence[Selection]) -> Response:
    """Have all that is selected deleted; 202 where that takes longer than some seconds.

    Raises:
        DependencyDown: the database does not answer; what was asked for before is carried out.
    """
    db = await database.asking()
    numbers = [await ask(db, selection, f"key {grant.name}") for selection in selections]
    until = time.monotonic() + _PATIENCE_S
    stands = [await carried_out(db, number, max(0.0, until - time.monotonic())) for number in numbers]
    known = [one for one in stands if one is not None]
    finished = not any(one.is_open for one in known)
    total = sum(one.exchanges for one in known)
    answer = Deleted(deletion_ids=numbers, deleted_requests=total, finished=finished)
    return Json(answer, 200 if finished else 202)
