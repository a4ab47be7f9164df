"""A socket that lives no longer than the session it was opened with."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY_VIOLATION: Final = 1008


class Leash:
    """One socket. When the session is over the client is cut off and the application is told that the client left."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._over = asyncio.Event()
        self._closed = False

    async def hold(self, app: ASGIApp, scope: Scope, ending: Coroutine[Any, Any, None]) -> None:
        """Run `app` on the socket until it is done; `ending` returns when the session is over."""
        watch = asyncio.create_task(ending)
        watch.add_done_callback(lambda _: self._over.set())
        try:
            await app(scope, self._receive_until_over, self._send_while_open)
        finally:
            watch.cancel()

    async def _receive_until_over(self) -> Message:
        message = asyncio.ensure_future(self._receive())
        over = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({message, over}, return_when=asyncio.FIRST_COMPLETED)
            return await message if message.done() else await self._cut_off()
        finally:
            message.cancel()
            over.cancel()

    async def _cut_off(self) -> Message:
        await self._send_while_open({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": "logged out"})
        return {"type": "websocket.disconnect", "code": _POLICY_VIOLATION}

    async def _send_while_open(self, message: Message) -> None:
        if not self._closed:
            self._closed = message["type"] == "websocket.close"
            await self._send(message)
