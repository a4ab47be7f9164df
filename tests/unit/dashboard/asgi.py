"""Requests to an ASGI application without a server, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Scope

HOST = "board.test:3001"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


async def ask(
    app: ASGIApp,
    path: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    scheme: str = "http",
    client: str = "10.0.0.1",
) -> Answer:
    """One HTTP request."""
    sent: list[Message] = []
    wanted, _, query = path.partition("?")
    scope = {
        **_scope("http", wanted, headers, client),
        "method": method,
        "scheme": scheme,
        "query_string": query.encode(),
    }
    bodies: Iterator[Message] = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        for message in bodies:
            return message
        await asyncio.Event().wait()  # the client stays
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], head, b"".join(m.get("body", b"") for m in sent[1:]))


@dataclass
class Socket:
    """A websocket's client side."""

    sent: list[Message] = field(default_factory=list)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    inbox: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    task: asyncio.Task[None] | None = None

    async def open(self, app: ASGIApp, path: str = "/_stcore/stream", headers: dict[str, str] | None = None) -> None:
        """Ask for the connection."""
        scope = {**_scope("websocket", path, headers, "10.0.0.1"), "scheme": "ws", "query_string": b""}
        await self.inbox.put({"type": "websocket.connect"})

        async def send(message: Message) -> None:
            self.sent.append(message)
            self.opened.set()

        self.task = asyncio.create_task(_run(app, scope, self.inbox.get, send))

    async def done(self) -> list[str]:
        """The types of what the application sent, once it has ended."""
        assert self.task
        await asyncio.wait_for(self.task, 60)
        return [message["type"] for message in self.sent]


async def _run(app: ASGIApp, scope: Scope, receive: Any, send: Any) -> None:
    await app(scope, receive, send)


def _scope(kind: str, path: str, headers: dict[str, str] | None, client: str) -> dict[str, Any]:
    given = {"host": HOST, **(headers or {})}
    return {
        "type": kind,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": (client, 5000),
        "server": ("board.test", 3001),
    }
