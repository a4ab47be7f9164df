"""An exchange that went wrong: the first of a burst."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import asyncpg

from plait.common.outbox import Connection
from plait.notifier import statements
from plait.notifier.composing.desk import Desk, NotYet
from plait.notifier.matters import PASSING
from plait.notifier.notice import Notice
from plait.notifier.wording import cut, one_line

_HOW: Final = {"failed": "failed", "interrupted": "was cut off", "rejected": "was refused by the gateway"}


async def make(connection: Connection, row: asyncpg.Record, number: str, desk: Desk) -> Notice | None:
    """See `Composer.compose`."""
    exchange_id = UUID(row["subject"]["exchange"])
    found = await connection.fetchrow(statements.EXCHANGE, exchange_id)
    if found is None:
        raise NotYet
    if found["kind"] in PASSING:
        return None
    kind = found["error_type"] or found["outcome"]
    status = f" ({found['status']})" if found["status"] else ""
    message = desk.masked(found["error_message"] or "")
    title = f"{row['domain']}: a request {_HOW.get(found['outcome'], 'failed')}: {one_line(kind)}{status}"
    quiet = desk.settings.notify_error_quiet
    return Notice(
        id=number,
        kind="error",
        domain=row["domain"],
        at=row["happened_at"],
        title=title,
        sections=tuple(filter(None, [f":x: {title}", cut(message)])),
        footer=tuple(
            filter(
                None,
                [row["domain"], found["model"], found["key_name"], f"more of it is told after {quiet} of quiet"],
            )
        ),
        link=desk.request(exchange_id),
        facts={
            "requestId": exchange_id,
            "conversationId": found["conversation_id"],
            "errorType": kind,
            "message": cut(message),
            "status": found["status"],
            "outcome": found["outcome"],
            "model": found["model"],
            "keyName": found["key_name"],
        },
    )
