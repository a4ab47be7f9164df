"""How every HTTP part listens: uvicorn inside the part's own coroutine, ended by an event instead of by signals."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Final, Literal

import uvicorn

from plait.common.bounded_head import BoundedHead
from plait.common.errors import UserError

GRACE_SECONDS: Final = 10
"""How long running answers may go on after the end was asked for."""

_BACKLOG: Final = 2048
_KEEP_ALIVE_SECONDS: Final = 75
_CUT_OFF_SECONDS: Final = 1
"""How long an answer that was cut off at the end of the grace time may take to say so in its record."""


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs the part."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket on exactly this address; `shared` with other processes that say so too.

    Raises:
        UserError: the port is taken, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=shared)
    except OSError as error:
        raise UserError(f"cannot listen on {host}:{port}: {error.strerror}; choose another port or host") from error


async def serve(
    app: Any,
    *,
    host: str,
    port: int,
    stop: asyncio.Event,
    lifespan: Literal["on", "off"] = "off",
    protocol: type[asyncio.Protocol] = BoundedHead,
    websockets: bool = False,
    shares_port: bool = False,
) -> None:
    """Serve an ASGI app until `stop` is set, then finish running answers for at most `GRACE_SECONDS`.

    Adds no header of its own (`server`, `date`) and writes no access log.

    Raises:
        UserError: the address cannot be listened on.
    """
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="websockets-sansio" if websockets else "none",
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config)
    ending = asyncio.create_task(_end(server, stop))
    try:
        await server.serve(sockets=[listen(host, port, shared=shares_port)])
        if cut_off := set(server.server_state.tasks):  # cancelled, and not yet told
            await asyncio.wait(cut_off, timeout=_CUT_OFF_SECONDS)
    finally:
        ending.cancel()


async def _end(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True
