"""`/api/conversations`: trees of exchanges."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response, StreamingResponse

from plait.api import parameters
from plait.api.admission import Admin
from plait.api.answers import ConversationPage
from plait.api.database import Source, Store
from plait.api.deleting import delete
from plait.api.documents import answers, deletions, files
from plait.api.encoding import Json
from plait.api.errors import NotFound
from plait.api.export import exchange_lines, markdown, webpage
from plait.common.forgetting import Selection
from plait.common.queries.conversations import Conversation, get_conversation
from plait.common.queries.conversations import list_conversations as find
from plait.common.queries.identity import resolve
from plait.common.queries.scope import Pooled
from plait.common.queries.transcript import Teller

router = APIRouter(prefix="/api/conversations", tags=["conversations"], dependencies=[Depends(parameters.once)])
ConversationId = Annotated[UUID, Path(alias="id", description="Its id, or an id that it had before it was healed.")]
_MEDIA_TYPES: Final = {"jsonl": "application/x-ndjson", "md": "text/markdown", "html": "text/html"}


@router.get("", responses=answers(ConversationPage))
async def list_conversations(source: Source, given: Annotated[parameters.ConversationList, Query()]) -> Response:
    """Conversations that match all filters, the one with the latest activity first."""
    listed = await find(await source.pool(), given.filter, given.page)
    return Json(ConversationPage(listed.rows, listed.pagination))


@router.get("/{id}", responses=answers(Conversation, found_by_id=True), dependencies=[Depends(parameters.none)])
async def one_conversation(source: Source, conversation_id: ConversationId) -> Response:
    """One conversation with its exchanges in time order and its branches."""
    if conversation := await get_conversation(await source.pool(), conversation_id):
        return Json(conversation)
    raise NotFound("conversation", conversation_id)


@router.delete("/{id}", responses=deletions(found_by_id=True), dependencies=[Depends(parameters.none)])
async def delete_conversation(store: Store, source: Source, admin: Admin, conversation_id: ConversationId) -> Response:
    """Delete a conversation: its exchanges and side calls, with all that was kept of them alone. Wants an admin key."""
    if await resolve(await source.pool(), conversation_id) is None:
        raise NotFound("conversation", conversation_id)
    return await delete(store, admin, [Selection(conversation=conversation_id)])


@router.get(
    "/{id}/export",
    responses=files("The file, piece by piece.", *_MEDIA_TYPES.values(), headers=["Content-Disposition"]),
)
async def export_conversation(
    source: Source, conversation_id: ConversationId, given: Annotated[parameters.ExportAs, Query()]
) -> Response:
    """One conversation as a file that needs nothing else.

    `jsonl` is an exchange file: a line for each exchange with everything that is kept of it, as `plait export` writes
    and `plait import` reads it. `md` and `html` are for people: each message once, branch by branch. An answer that
    breaks off (its last chunk is missing) was not whole.
    """
    pool = await source.pool()
    conversation = await get_conversation(pool, conversation_id)
    if conversation is None:
        raise NotFound("conversation", conversation_id)
    name = f"conversation-{conversation.conversation_id}.{given.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": webpage.POLICY}
    pieces = await _begun(_file(pool, conversation, given.format))
    return StreamingResponse(pieces, headers=headers, media_type=_MEDIA_TYPES[given.format])


async def _begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same, once the first is there: what goes wrong until then is an answer of its own, and no broken one."""
    first = await anext(pieces, b"")

    async def every() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return every()


def _file(pool: Pooled, conversation: Conversation, form: str) -> AsyncIterator[bytes]:
    match form:
        case "md":
            return _encoded(markdown.told(conversation, Teller(pool)))
        case "html":
            return _encoded(webpage.told(conversation, Teller(pool)))
    return exchange_lines.told(pool, conversation.conversation_id)


async def _encoded(pieces: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """As UTF-8; half of a surrogate pair, which a recorded body can hold, as a question mark."""
    async for piece in pieces:
        yield piece.encode("utf-8", "replace")
