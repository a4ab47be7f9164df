"""A credential for Claude that is good no more: nobody of the domain gets an answer until somebody logs in."""

from __future__ import annotations

import asyncpg

from plait.common.outbox import Connection
from plait.notifier.composing.desk import Desk
from plait.notifier.notice import Notice


async def make(_: Connection, row: asyncpg.Record, number: str, desk: Desk) -> Notice | None:
    """See `Composer.compose`."""
    name, is_login = row["subject"]["file"], row["subject"]["isLogin"]
    what = "the login at Claude has ended" if is_login else "Claude refuses the API key"
    cure = f"Run: plait login {name}" if is_login else f"Put a good key into {name}.credentials.json"
    return Notice(
        id=number,
        kind="login",
        domain=row["domain"],
        at=row["happened_at"],
        title=f"{name}: {what}",
        sections=(f":key: {name}: {what}", f"Its requests fail until it is renewed. {cure}"),
        footer=(row["domain"],),
        link=desk.page("Open the system page", "system"),
        facts=dict(row["subject"]),
    )
