"""`/api/conversations`: trees of exchanges."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from plait.api import parameters
from plait.api.answers import ConversationPage
from plait.api.database import Source
from plait.api.documents import answers
from plait.api.encoding import Json
from plait.api.errors import NotFound
from plait.common.queries.conversations import Conversation, get_conversation
from plait.common.queries.conversations import list_conversations as find

router = APIRouter(prefix="/api/conversations", tags=["conversations"], dependencies=[Depends(parameters.once)])
ConversationId = Annotated[UUID, Path(alias="id", description="Its id, or an id that it had before it was healed.")]


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
