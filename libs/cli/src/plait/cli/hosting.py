"""Running parts inside this process: `plait run PART`, and the processes of `plait up`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog
from pydantic import ValidationError
from structlog.contextvars import bound_contextvars

from plait.cli.parts import Part, part
from plait.cli.pauses import Pauses
from plait.cli.settings import explain
from plait.common import logs
from plait.common.errors import UserError
from plait.common.settings import Settings

_STOPS: Final = (signal.SIGTERM, signal.SIGINT)
_SIGNALLED: Final = 128
"""What shells add to a signal's number for the status of what it ended."""
_log = structlog.get_logger()
_loader: Final = ThreadPoolExecutor(1, "loader")
"""Parts are imported one after the other, each while those before it already work."""


def host(parts: Sequence[Part]) -> int:
    """Run parts until SIGTERM or SIGINT; returns the exit code. A second signal ends the process at once.

    One part alone ends the process when it fails: whoever runs it starts it again. Of several, the one that fails is
    started again here, and the others do not notice.
    """
    logs.configure(Settings().log_level, service=parts[0].name)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_run_until_told(parts))


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed: images of consumers do without."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


async def _run_until_told(parts: Sequence[Part]) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _STOPS:
        loop.add_signal_handler(number, _stop, loop, stop)
    if len(parts) == 1:
        return await _run_alone(parts[0], stop)
    _expect(parts)
    async with asyncio.TaskGroup() as group:
        for each in parts:
            group.create_task(keep_running(each, stop))
    return 0


def _expect(parts: Sequence[Part]) -> None:
    """The first part tells the health of all, while the others are still imported."""
    from plait.common.consumer.status import expect  # with Kafka's client, which the gateway does without

    for each in parts:
        if each.consumer_group:
            expect(each.consumer_group)


def _expect_no_more(each: Part) -> None:
    from plait.common.consumer.status import expect_no_more

    if each.consumer_group:
        expect_no_more(each.consumer_group)


def _stop(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    stop.set()
    # What is recorded survives a kill: whoever cannot wait need not. The system's own handler would not do, because the
    # first process of a container is deaf to signals that it has none for.
    for number in _STOPS:
        loop.add_signal_handler(number, os._exit, _SIGNALLED + number)


async def _run_alone(each: Part, stop: asyncio.Event) -> int:
    await _run_once(each, stop)
    return 0 if stop.is_set() else 1


async def keep_running(each: Part, stop: asyncio.Event) -> None:
    """Run a part, again whenever it ends, until `stop` is set."""
    with bound_contextvars(service=each.name):
        pauses = Pauses()
        while not stop.is_set():
            began = time.monotonic()
            await _run_once(each, stop)
            _expect_no_more(each)
            if not stop.is_set():
                pause = pauses.after(time.monotonic() - began)
                _log.warning("part ended and is started again", pause=pause, times=pauses.ends)
                await _nap(stop, pause)


async def _run_once(each: Part, stop: asyncio.Event) -> None:
    """Run a part to its end, whatever that is; the log says why it ended."""
    try:
        run = await asyncio.get_running_loop().run_in_executor(_loader, each.load)
        await run(stop)
    except UserError as error:
        _log.error("part cannot run", reason=str(error))
    except ValidationError as error:
        _log.error("settings are wrong", reason=explain(error))
    except Exception:
        _log.exception("part failed")


async def _nap(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


if __name__ == "__main__":
    sys.exit(host([part(name) for name in sys.argv[1:]]))
