"""`/metrics` and `/health` of a process of consumers, on a port of its own.

Parts that share a process share its port: the first that starts serves for all, so its end ends it; the next start of
any part serves again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from plait.common.consumer.status import consumers
from plait.common.serving import serve
from plait.common.settings import Settings

_Send: TypeAlias = "Callable[[MutableMapping[str, Any]], Awaitable[None]]"

_served: set[int] = set()


@asynccontextmanager
async def health_port(settings: Settings) -> AsyncIterator[None]:
    """Serve for the length of the block, if a port is set and no other part of this process serves it.

    Raises:
        UserError: another process listens on the port.
    """
    port = settings.metrics_port
    if not port or port in _served:
        yield
        return
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(_app, host=settings.metrics_host, port=port, stop=stop))
    _served.add(port)
    try:
        await asyncio.sleep(0)  # its first step listens
        if serving.done():
            serving.result()
        yield
    finally:
        _served.discard(port)
        stop.set()
        await asyncio.wait({serving})


async def _app(scope: MutableMapping[str, Any], receive: object, send: _Send) -> None:  # noqa: ARG001 - ASGI
    if scope["type"] != "http":
        return
    status, kind, body = answer(scope["path"])
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def answer(path: str) -> tuple[int, str, bytes]:
    """Status, content type and body for a path.

    `/health/live` is 200 as long as the process answers; `/health` and `/health/ready` are 503 while a consumer is
    paused, stalled or not yet in its group.
    """
    if path == "/metrics":
        return 200, CONTENT_TYPE_LATEST, generate_latest()
    if path in ("/health", "/health/live", "/health/ready"):
        return _health(alive_suffices=path == "/health/live")
    return 404, "application/json", b'{"error":{"type":"not_found_error","message":"there is no such page"}}'


def _health(*, alive_suffices: bool) -> tuple[int, str, bytes]:
    known = [each for each in consumers() if each.state != "stopped"]
    checks = {each.group: {"status": each.state, "message": each.reason} for each in known}
    ready = all(each.is_ready for each in known)
    body = msgspec.json.encode({"status": "ok" if ready else "unavailable", "checks": checks})
    return 200 if ready or alive_suffices else 503, "application/json", body
