"""The relay's `/metrics`, on a port of its own: what is open to clients does not tell how busy the house is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import make_asgi_app

from plait.common.serving import serve
from plait.common.settings import Settings


@asynccontextmanager
async def metrics_port(settings: Settings) -> AsyncIterator[None]:
    """Serve `/metrics` for the length of the block, if a port is set.

    Raises:
        UserError: the port is taken.
    """
    if not settings.metrics_port:
        yield
        return
    stop = asyncio.Event()
    serving = asyncio.create_task(
        serve(make_asgi_app(), host=settings.metrics_host, port=settings.metrics_port, stop=stop)
    )
    await asyncio.sleep(0)  # its first step listens
    if serving.done():
        serving.result()
    try:
        yield
    finally:
        stop.set()
        await serving
