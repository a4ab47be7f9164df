"""Keeps programs running: starts them, tells when they are ready, starts them again when they end, stops them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from typing import Final, Protocol

from plait.cli.home import Home
from plait.cli.pauses import Pauses
from plait.cli.program import Program

_READY_POLL: Final = 0.05
_REPORTED: Final = 3
"""Ends in a row from which on a program counts as one that keeps dying."""


class Screen(Protocol):
    """Where the supervisor tells what happens."""

    def is_ready(self, parts: Sequence[str], seconds: float) -> None:
        """These parts serve, so long after their start."""

    def ended(self, parts: Sequence[str], status: int, *, keeps_ending: bool, pause: float) -> None:
        """The process of these parts ended unasked, with an exit status or minus a signal's number."""


class Child:
    """One program, kept running."""

    def __init__(self, program: Program, parts: Sequence[str], home: Home, screen: Screen) -> None:
        self.program = program
        self.parts = parts
        self.ready = asyncio.Event()
        """Set while it serves."""
        self.settled = asyncio.Event()
        """Set once it was ready, or has ended so often that waiting for it makes no sense."""
        self._home = home
        self._screen = screen
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._running = asyncio.create_task(self._run(), name=program.name)

    async def stop(self) -> None:
        """Ask it to end, kill it when its grace is over; returns when it is gone for good."""
        self._stopping.set()
        if self._process and self._process.returncode is None:
            self._process.send_signal(self.program.stop_signal)
        done, _ = await asyncio.wait({self._running}, timeout=self.program.grace)
        if not done and self._process:
            self._process.kill()
        await self._running

    def hurry(self) -> None:
        """Asked to end, it is asked again: our own programs then end at once."""
        if self._stopping.is_set() and self._process and self._process.returncode is None:
            self._process.send_signal(self.program.stop_signal)

    async def _run(self) -> None:
        pauses = Pauses()
        while not self._stopping.is_set():
            began = time.monotonic()
            status = await self._live()
            if self._stopping.is_set():
                return
            pause = pauses.after(time.monotonic() - began)
            keeps_ending = pauses.ends >= _REPORTED
            self._screen.ended(self.parts, status, keeps_ending=keeps_ending, pause=pause)
            if keeps_ending:
                self.settled.set()
            await self._nap(pause)

    async def _live(self) -> int:
        """One life of the program; returns its exit status."""
        log = self._home.open_log(self.program.name, self.parts)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.program.argv, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, **self.program.options()
            )
        except OSError as error:
            os.write(log, f"{self.program.argv[0]} cannot be started: {error}\n".encode())
            return 127
        finally:
            os.close(log)
        return await self._accompany(self._process)

    async def _accompany(self, process: asyncio.subprocess.Process) -> int:
        if self._stopping.is_set():  # asked to stop while it was being started
            process.send_signal(self.program.stop_signal)
        for part in self.parts:
            self._home.pid_file(part).write_text(f"{process.pid}\n")
        watch = asyncio.create_task(self._tell_when_ready(process.pid))
        try:
            return await process.wait()
        finally:
            watch.cancel()
            self.ready.clear()
            for part in self.parts:
                self._home.pid_file(part).unlink(missing_ok=True)

    async def _tell_when_ready(self, pid: int) -> None:
        began = time.monotonic()
        while not await asyncio.to_thread(self.program.ready, pid):  # noqa: ASYNC110 - a process sets no event
            await asyncio.sleep(_READY_POLL)
        self.ready.set()
        self.settled.set()
        self._screen.is_ready(self.parts, time.monotonic() - began)

    async def _nap(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


class Supervisor:
    """The children of one `plait up`."""

    def __init__(self, home: Home, screen: Screen) -> None:
        self._home = home
        self._screen = screen
        self.children: list[Child] = []

    def start(self, program: Program, parts: Sequence[str] | None = None) -> Child:
        """Keep `program` running, which holds `parts` (default: the one that is called like it)."""
        child = Child(program, parts or (program.name,), self._home, self._screen)
        self.children.append(child)
        return child

    async def stop(self, *, first: Sequence[str], last: Sequence[str]) -> None:
        """Stop all children: those whose programs are named in `first`, then the unnamed, then those in `last`."""
        groups: tuple[list[Child], ...] = ([], [], [])
        for child in self.children:
            name = child.program.name
            groups[0 if name in first else 2 if name in last else 1].append(child)
        for group in groups:
            await asyncio.gather(*(child.stop() for child in group))

    def hurry(self) -> None:
        """End at once whatever is being stopped just now."""
        for child in self.children:
            child.hurry()
