"""A turn: what a person said, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from plait.common.outbox import Connection
from plait.notifier.composing.desk import Desk, NotYet
from plait.notifier.notice import Notice
from plait.notifier.tools import tool_lines
from plait.notifier.turns import Turn, Used, read_turn
from plait.notifier.wording import cut, dollars, one_line

_LEDGER: Final = timedelta(seconds=10)
"""How long the ledger may be behind before a turn is told without its figures."""
_NO_ANSWER: Final = "(no text)"


async def make(connection: Connection, row: asyncpg.Record, number: str, desk: Desk) -> Notice | None:
    """See `Composer.compose`."""
    turn = await read_turn(connection, UUID(row["subject"]["exchange"]))
    if turn is None:
        return None
    if not turn.used.complete and turn.ended_at > datetime.now(UTC) - _LEDGER:
        raise NotYet
    return told(turn, number, desk)


def told(turn: Turn, number: str, desk: Desk) -> Notice:
    """The notice of a turn."""
    user, answer = desk.masked(turn.user), desk.masked(turn.answer)
    tools = "\n".join(tool_lines(turn.calls, desk.masked))
    done = "\n".join(filter(None, [f":robot_face: Claude: {cut(answer) or _NO_ANSWER}", tools]))
    return Notice(
        id=number,
        kind="turn",
        domain=turn.domain,
        at=turn.ended_at,
        title=f"{turn.domain}: {one_line(user)}",
        sections=(f":bust_in_silhouette: User: {cut(user)}", done),
        footer=tuple(filter(None, [turn.domain, turn.model, turn.key_name, *figures(turn.used)])),
        link=desk.conversation(turn.conversation_id),
        facts={
            "conversationId": turn.conversation_id,
            "branchId": turn.branch_id,
            "requestId": turn.last_id,
            "model": turn.model,
            "keyName": turn.key_name,
            "user": cut(user),
            "answer": cut(answer),
            "tools": [line.strip().removeprefix(":wrench: ") for line in tools.splitlines()],
            "inputTokens": turn.used.input_tokens,
            "outputTokens": turn.used.output_tokens,
            "costUsd": turn.used.cost_usd,
            "subscription": turn.used.subscription,
        },
    )


def figures(used: Used) -> list[str]:
    """Tokens and cost, as a footer has them; none where nothing was reported."""
    if not used.input_tokens and not used.output_tokens:
        return []
    cost = [] if used.cost_usd is None else [dollars(used.cost_usd) + (" (subscription)" if used.subscription else "")]
    return [f"{used.input_tokens:,} tokens in, {used.output_tokens:,} out", *cost]
