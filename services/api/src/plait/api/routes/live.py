"""`/api/live` and `/api/requests/{id}/live`: what happens now, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from pydantic import AfterValidator, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from plait.api import parameters
from plait.api.admission import Admitted
from plait.api.database import Source
from plait.api.documents import Described, answers, described
from plait.api.errors import ErrorAnswer, NotFound
from plait.api.live.news import NAMES, Interest
from plait.api.live.sending import MEDIA_TYPE, EventStream
from plait.api.live.view import Live
from plait.api.live.watching import AnswerEnd, Watch
from plait.common.access.grants import Grant
from plait.common.queries.exchanges import get_summary
from plait.common.threads import LONGEST_THREAD

router = APIRouter(prefix="/api", tags=["live"], dependencies=[Depends(parameters.once)])

_NO_BROKER: Final = "This API was started without a broker: it shows nothing of what happens now."
_FULL: Final = "Too many listen already. Try again later."
_LongId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=1000, description="The last event's id.")]


def _names(text: str) -> str:
    if unknown := [name for name in text.split(",") if name not in NAMES]:
        raise ValueError(f"there is no event {unknown[0][:80]!r}: there are {', '.join(NAMES)}")
    return text


class Listening(parameters.Parameters):
    """Filters of `GET /api/live`; those that are given must all match."""

    domain: parameters.Text | None = Field(None, description="The Host that clients called.")
    conversation_id: UUID | None = Field(None, description="Its exchanges once they are placed in it, and its changes.")
    session_id: parameters.Text | None = Field(None, description="The client's own session id: exchanges alone.")
    kind: parameters.Kind | None = Field(None, description="What sort of call it is: known once it is placed.")
    model: parameters.Text | None = Field(None, description="The model's whole name: exchanges alone.")
    event: Annotated[parameters.Text, AfterValidator(_names)] | None = Field(
        None, description="Names of events, comma-separated."
    )

    def interest(self, grant: Grant) -> Interest:
        """What somebody with this key is told."""
        return Interest(
            domains=grant.domains,
            domain=self.domain,
            conversation_id=self.conversation_id,
            session_id=self.session_id[:LONGEST_THREAD] if self.session_id else None,
            kind=self.kind,
            model=self.model,
            names=frozenset(self.event.split(",")) if self.event else None,
        )


def _streams(words: str, *, found_by_id: bool = False) -> Described:
    good: dict[str, Any] = {"description": words, "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
    full = described(ErrorAnswer, "No broker is there, or too many listen.")
    return {**answers(AnswerEnd, found_by_id=found_by_id), 200: good, 503: full}


def _live(request: Request) -> Live:
    live: Live | None = request.app.state.live
    if live is None:
        raise HTTPException(503, _NO_BROKER)
    if live.is_full:
        raise HTTPException(503, _FULL, {"Retry-After": "30"})
    return live


Now = Annotated[Live, Depends(_live)]


@router.get("/live", responses=_streams("Events, until the listener leaves."))
async def live_events(
    now: Now, grant: Admitted, given: Annotated[Listening, Query()], last_event_id: _LongId = None
) -> Response:
    """What happens from now on: exchanges that start, answer and finish, and conversations that change.

    Events tell ids, times, outcome and tokens, and nothing of what was said. With `Last-Event-ID` what came since is
    told first; where that cannot be, an event `reset` says so. An event `closed` is the last one and says why.
    """
    listener = now.listener(grant, given.interest(grant))
    return EventStream(now.events(listener, last_event_id), on_gone=lambda: listener.close("gone"))


@router.get(
    "/requests/{id}/live",
    responses=_streams("Pieces of the answer, then an event `end`.", found_by_id=True),
    dependencies=[Depends(parameters.none)],
)
async def live_answer(
    now: Now,
    grant: Admitted,
    source: Source,
    request_id: Annotated[UUID, Path(alias="id", description="Exchange id, as in the gateway's X-Request-ID.")],
    last_event_id: _LongId = None,
) -> Response:
    """An answer while it runs: what was there first, then each piece as it comes, then how it ended.

    Of one that has ended: all of it, and the end. With `Last-Event-ID`, the number of a piece, those behind it.
    """
    memory = now.hub.memory
    known = memory.find(request_id) if memory else None
    if not (known and grant.shows(known.domain)) and await get_summary(await source.pool(), request_id) is None:
        raise NotFound("request", request_id)
    tail = now.tails.watch(request_id, grant)

    async def frames() -> AsyncGenerator[bytes, None]:
        try:
            async for told in Watch(request_id, tail, memory, source.pool, _piece(last_event_id)).frames():
                yield told
        finally:
            now.tails.leave(request_id, tail)

    return EventStream(frames(), on_gone=lambda: tail.close("gone"))


def _piece(last_event_id: str | None) -> int:
    return int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdigit() else -1
