"""One worker of several: `python -m plait.gateway.worker NUMBER`, as `workers` starts it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import structlog
import uvloop

from plait.common import logs
from plait.common.errors import UserError
from plait.gateway.main import relay
from plait.gateway.process import fit_process
from plait.gateway.settings import RelaySettings
from plait.gateway.workers import of_worker

_SIGNALLED = 128
_log = structlog.get_logger(__name__)


def main(number: int) -> int:
    """Relay until a signal, or until who started it is gone; returns the exit status."""
    settings = RelaySettings()
    logs.configure(settings.log_level, service=f"gateway-{number}")
    fit_process()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(of_worker(settings, number)))


async def _run(settings: RelaySettings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    loop.add_reader(sys.stdin.fileno(), _end_with_parent, loop, stop)
    try:
        await relay(settings, stop, shares_port=True)
    except UserError as error:
        _log.error("the worker cannot run", reason=str(error))
        return 1
    return 0


def _end_with_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Nothing is ever written to our input: that it can be read means that it is closed."""
    if not os.read(sys.stdin.fileno(), 1):
        loop.remove_reader(sys.stdin.fileno())
        if stop.is_set():  # who started us waits no longer: it was told to stop a second time
            os._exit(_SIGNALLED + signal.SIGTERM)
        stop.set()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
