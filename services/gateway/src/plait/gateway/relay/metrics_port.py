"""The relay's `/metrics` and `/health`, on a port of its own: what is open to clients does not tell how busy it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import make_asgi_app

from plait.common.ids import new_exchange_id
from plait.common.serving import serve
from plait.common.settings import Settings
from plait.gateway.relay.call import Receive, Scope, Send
from plait.gateway.relay.health import Health


@asynccontextmanager
async def metrics_port(settings: Settings, health: Health) -> AsyncIterator[None]:
    """Serve `/metrics` and `/health` for the length of the block, if a port is set.

    Raises:
        UserError: the port is taken.
    """
    if not settings.metrics_port:
        yield
        return
    stop = asyncio.Event()
    metrics = make_asgi_app()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in health.paths:
            await health.answer(scope["path"], str(new_exchange_id()), send)
        else:
            await metrics(scope, receive, send)

    serving = asyncio.create_task(serve(app, host=settings.metrics_host, port=settings.metrics_port, stop=stop))
    await asyncio.sleep(0)  # its first step listens
    if serving.done():
        serving.result()
    try:
        yield
    finally:
        stop.set()
        await serving
