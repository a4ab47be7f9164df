"""`/api/search`: full text of what was asked and answered."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from plait.api import parameters
from plait.api.database import Source
from plait.api.documents import answers
from plait.api.encoding import Json
from plait.common.queries.search import Hits
from plait.common.queries.search import search as find

router = APIRouter(prefix="/api/search", tags=["search"], dependencies=[Depends(parameters.once)])


@router.get("", responses=answers(Hits))
async def search(source: Source, given: Annotated[parameters.Search, Query()]) -> Response:
    """Prompts, answers, tool inputs and tool results in which all words are, each where it was first said.

    The newest that match are ranked among themselves and given first, then those before them. Case and accents do not
    matter; a word of four letters or more also finds longer ones that begin so, which come after whole words; parts of
    `snake_case` and `camelCase` are words. A word with signs, such as `foo.bar` or `src/main.py`, stands so in what is
    found. `"..."` is a phrase, `-` before a word or phrase leaves out what has it.
    """
    return Json(await find(await source.pool(), given.query, given.filter, given.limit, given.cursor))
