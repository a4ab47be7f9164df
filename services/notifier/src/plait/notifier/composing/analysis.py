"""An analysis that is done: what it comes to, and where it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import asyncpg

from plait.common.outbox import Connection
from plait.common.queries.analyses import Analysis, get_analysis
from plait.notifier.composing.desk import Desk
from plait.notifier.notice import Notice
from plait.notifier.wording import cut, one_line

_SCORES: Final = {"promptClarity": "prompt clarity", "contextCompleteness": "context completeness"}
_MAIN: Final = "main"


async def make(connection: Connection, row: asyncpg.Record, number: str, desk: Desk) -> Notice | None:
    """See `Composer.compose`."""
    conversation_id, branch = UUID(row["subject"]["conversation"]), row["subject"]["branch"]
    found = await get_analysis(connection, conversation_id, branch)
    if found is None or not found.has_content:
        return None
    title = f"{row['domain']}: analysis of “{one_line(desk.masked(found.title or 'a conversation'), 80)}” is done"
    summary = desk.masked(found.summary or found.content or "")
    shown = [f":mag: {title}{'' if branch == _MAIN else f' (branch {branch})'}", cut(summary), _scores(found)]
    return Notice(
        id=number,
        kind="analysis",
        domain=row["domain"],
        at=row["happened_at"],
        title=title,
        sections=tuple(filter(None, shown)),
        footer=tuple(filter(None, [row["domain"], found.model])),
        link=desk.analysis(conversation_id, branch),
        facts={
            "analysisId": found.id,
            "conversationId": conversation_id,
            "branchId": branch,
            "summary": cut(summary),
            "sentiment": found.sentiment,
            "model": found.model,
        },
    )


def _scores(found: Analysis) -> str:
    patterns: Mapping[str, Any] = (found.data or {}).get("interactionPatterns") or {}
    scores = [f"{words} {patterns[name]:g}/10" for name, words in _SCORES.items() if patterns.get(name) is not None]
    told = ([f"sentiment {found.sentiment}"] if found.sentiment else []) + scores
    return " · ".join(told)
