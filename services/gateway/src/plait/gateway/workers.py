"""Several gateways on one port: a process each, which the system deals connections to (SO_REUSEPORT)."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from typing import Final

import structlog

from plait.common.serving import GRACE_SECONDS, listen
from plait.gateway.settings import RelaySettings

_PAUSES: Final = (0.0, 0.5, 1.0, 2.0, 5.0)
_SETTLED_SECONDS: Final = 30
_STOP_SECONDS: Final = GRACE_SECONDS + 5
_log = structlog.get_logger(__name__)


def of_worker(settings: RelaySettings, number: int) -> RelaySettings:
    """What worker `number`, from 1 on, reads: a spool and a port for metrics of its own, its share of the disk."""
    own = {
        "spool_dir": settings.spool_dir / f"worker-{number}",
        "spool_max_bytes": settings.spool_max_bytes // settings.gateway_workers,
        "metrics_port": settings.metrics_port + number - 1 if settings.metrics_port else 0,
    }
    return settings.model_copy(update=own)


async def run_workers(settings: RelaySettings, stop: asyncio.Event) -> None:
    """Keep all workers running until `stop` is set, then have them finish their answers.

    Raises:
        UserError: the port is taken.
    """
    listen(settings.host, settings.port).close()  # shared among us, and with nobody else
    async with asyncio.TaskGroup() as group:
        for number in range(1, settings.gateway_workers + 1):
            group.create_task(_keep_running(number, stop))


async def _keep_running(number: int, stop: asyncio.Event) -> None:
    ends = 0
    while not stop.is_set():
        began = time.monotonic()
        status = await _live(number, stop)
        if stop.is_set():
            return
        ends = 0 if time.monotonic() - began > _SETTLED_SECONDS else ends + 1
        pause = _PAUSES[min(ends, len(_PAUSES)) - 1] if ends else 0.0
        _log.warning("a worker ended and is started again", worker=number, status=status, pause=pause)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)


async def _live(number: int, stop: asyncio.Event) -> int:
    """One life of a worker; returns its exit status. It ends by itself when our end of its input is gone."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "plait.gateway.worker", str(number)), stdin=asyncio.subprocess.PIPE
    )
    ending, stopped = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({ending, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            process.send_signal(signal.SIGTERM)
            await asyncio.wait({ending}, timeout=_STOP_SECONDS)
        return await _end(process, ending)
    finally:
        stopped.cancel()


async def _end(process: asyncio.subprocess.Process, ending: asyncio.Task[int]) -> int:
    if not ending.done():
        process.kill()
    return await ending
