"""`/api/requests/{id}/session`: a conversation as a file with which Claude Code goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response, StreamingResponse

from plait.api import parameters
from plait.api.database import Source
from plait.api.documents import files
from plait.api.encoding import encode
from plait.api.errors import BadParameter, NotFound
from plait.common import session_file
from plait.common.queries.paging import Reader
from plait.common.queries.records import Exchange, get_exchange

router = APIRouter(prefix="/api/requests", tags=["requests"], dependencies=[Depends(parameters.once)])
MEDIA_TYPE: Final = "application/x-ndjson"
_LONGEST_THREAD: Final = 1000


@router.get("/{id}/session", responses=files("The session, one JSON record a line.", MEDIA_TYPE))
async def session_of_request(
    source: Source,
    request_id: Annotated[UUID, Path(alias="id", description="Exchange id, as in the gateway's X-Request-ID.")],
    given: Annotated[parameters.SessionOf, Query()],
) -> Response:
    """Everything said up to and with this exchange's answer, on its branch, as a session file of Claude Code.

    Stored as `~/.claude/projects/<cwd, every character but letters and digits as ->/<session id>.jsonl`, it is gone on
    with by `claude --resume <session id>` in that folder; `plait resume` does both. Calls that end it get a result that
    says it is not known.
    """
    exchange = await get_exchange(await source.pool(), request_id)
    if exchange is None:
        raise NotFound("request", request_id)
    messages = await _messages(await source.pool(), exchange)
    name = given.session_id or uuid5(request_id, "session")
    lines = _lines(exchange, messages, name, given.cwd)
    headers = {"Content-Disposition": f'attachment; filename="{name}.jsonl"'}
    return StreamingResponse(lines, headers=headers, media_type=MEDIA_TYPE)


def _lines(exchange: Exchange, messages: list[Any], name: UUID, folder: str) -> Iterator[bytes]:
    every = session_file.records(
        messages,
        exchange.response_body,
        model=exchange.model,
        session_id=name,
        folder=folder,
        began=exchange.timestamp,
    )
    return (encode(record) + b"\n" for record in every)


async def _messages(db: Reader, exchange: Exchange) -> list[Any]:
    """The history that the exchange was asked with; a thread sends what is new, the rest is in those before it.

    Raises:
        BadParameter: it asked with no messages.
    """
    messages = _sent(exchange)
    if not messages:
        raise BadParameter("id", "no conversation: this request sent no messages")
    for _ in range(_LONGEST_THREAD):
        if not _goes_on(exchange) or exchange.parent_request_id is None:
            break
        before = await get_exchange(db, exchange.parent_request_id)
        if before is None:
            break
        answer = [before.response_body] if isinstance(before.response_body, dict) else []
        messages = [*_sent(before), *answer, *messages]
        exchange = before
    return messages


def _sent(exchange: Exchange) -> list[Any]:
    found = exchange.request_body.get("messages") if isinstance(exchange.request_body, dict) else None
    return found if isinstance(found, list) else []


def _goes_on(exchange: Exchange) -> bool:
    thread = exchange.request_body.get("thread") if isinstance(exchange.request_body, dict) else None
    return isinstance(thread, dict) and thread.get("type") == "continue"
